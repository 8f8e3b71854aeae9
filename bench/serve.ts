/**
 * The protocol of peers: one JSON request per line on stdin, one JSON answer per line on stdout.
 *
 *     { about: true }            → { versions, threads? }
 *     { prepare: id, sizes }     → { firstMs, compilerMs, check, scale }   compiles and runs once
 *     { prepare: id, inputs, expression, isRandom }              the same, of an operation, for those in Python
 *     { time: calls, samples }   → { ms: [milliseconds per call, for each sample] }
 *     { facts: true }            → what the workload's program costs to make
 *     { first: id, sizes }       → what its first call is spent on; in a process that has done nothing before
 *
 * `{ error }` means that a request cannot be answered here.
 */
import { createInterface } from "node:readline";
import { compilerMs, type Stages } from "./stages.ts";
import type { Sizes } from "./workloads.ts";

export interface Running {
  /** One call; when it returns (or its promise resolves), the result is there. */
  run(): unknown;
  /** A number that all peers must agree on; asked for once, after the first call: for a training step the loss then. */
  check(): number | Promise<number>;
  /** What the measured time is multiplied by when only a part of the work was done. */
  readonly scale?: number;
  facts?(): Readonly<Record<string, number>>;
  /** Asked for in place of the first call. */
  stages?(): Stages;
}
export type Makers = Readonly<Record<string, (sizes: Sizes) => Running | Promise<Running>>>;

type Request =
  | { about: true }
  | { prepare: string; sizes: Sizes }
  | { time: number; samples: number }
  | { facts: true }
  | { first: string; sizes: Sizes };

/** Answers requests until stdin ends. */
export async function serve(about: object, makers: Makers): Promise<void> {
  const state: { current?: Running } = {};
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: object;
    try {
      reply = await answer(JSON.parse(line) as Request, about, makers, state);
    } catch (error) {
      reply = { error: String(error instanceof Error ? error.message : error).split("\n")[0] };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

function make(makers: Makers, id: string, sizes: Sizes): Running | Promise<Running> {
  const maker = makers[id];
  if (!maker) throw new Error("is not written for this contestant");
  return maker(sizes);
}

async function answer(
  request: Request,
  about: object,
  makers: Makers,
  state: { current?: Running },
): Promise<object> {
  if ("about" in request) return about;
  if ("first" in request) return (await make(makers, request.first, request.sizes)).stages?.() ?? {};
  if ("prepare" in request) {
    delete state.current;
    const [start, before] = [performance.now(), compilerMs()];
    const current = await make(makers, request.prepare, request.sizes);
    await current.run();
    const spent = { firstMs: performance.now() - start, compilerMs: compilerMs() - before };
    state.current = current;
    return { ...spent, check: await current.check(), scale: current.scale ?? 1 };
  }
  if (!state.current) throw new Error("nothing is prepared");
  if ("facts" in request) return state.current.facts?.() ?? {};
  return { ms: await time(state.current, request.time, request.samples) };
}

async function time({ run, scale = 1 }: Running, calls: number, samples: number): Promise<number[]> {
  const out: number[] = [];
  for (let s = 0; s < samples; s++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) {
      const pending = run();
      // Awaiting what is no promise would add a turn of the event loop to every call.
      if (pending instanceof Promise) await pending;
    }
    out.push(((performance.now() - start) / calls) * scale);
  }
  return out;
}
