/** The one road from a jaxpr to something that runs: for calls, for `explain` and for texts, whatever the backend. */
import type { Program } from "../../compiler/ir/nodes.ts";
import { lowerJaxpr } from "../../compiler/lower/index.ts";
import { donations } from "../../compiler/passes/donate.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import { type ProgramPass, runPipeline, verifyMemory } from "../../compiler/pipeline.ts";
import { type PrepareOptions, prepare } from "../../compiler/prepare.ts";
import type { Target } from "../../compiler/target.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { planWithin } from "./fit.ts";
import type { LinearMemory } from "./memory.ts";
import type { Executable, Executor, Runtime } from "./runtime.ts";
import type { ThreadPool } from "./threads/pool.ts";

/** A way to make programs run on this device. */
export interface Backend<Code> {
  readonly name: "wasm" | "native" | "interp";
  /** What programs are compiled for. */
  target(threads: number): Target;
  /** The passes over the loop IR. */
  readonly pipeline: readonly ProgramPass[];
  emit(built: Built): Code;
  /** Bytes of a module, characters of a text. */
  sizeOf(code: Code): number;
  load(code: Code, built: Built, runtime: Runtime): Executable;
}

/** A program before it is compiled. */
export interface Source {
  readonly jaxpr: Jaxpr;
  readonly lowered: Program;
  /** Arguments that callers give away. */
  readonly donated: readonly boolean[];
}

/** What a compiled program depends on besides its source. A runtime has it. */
export interface Conditions {
  readonly memory: Pick<LinearMemory, "shared" | "limit">;
  readonly threads: Pick<ThreadPool, "limit">;
}

/** A program after all passes, with its place in memory. */
export interface Built extends Source {
  readonly target: Target;
  readonly program: Program;
  readonly plan: MemoryPlan;
  /** For each result that may lie in the memory of a donated argument, the number of that argument. */
  readonly inPlace: ReadonlyMap<number, number>;
  /** Other threads can see the memory. */
  readonly shared: boolean;
}

/** From jaxpr to the loop IR. */
export const lower = (jaxpr: Jaxpr, options?: PrepareOptions): Program => lowerJaxpr(prepare(jaxpr, options));

export const sourceOf = (jaxpr: Jaxpr, donated: readonly boolean[] = []): Source => ({
  jaxpr,
  lowered: lower(jaxpr),
  donated,
});

/** @throws OutOfMemoryError for what can never run */
export function build<Code>(backend: Backend<Code>, source: Source, { memory, threads }: Conditions): Built {
  const target = backend.target(threads.limit);
  const program = runPipeline(source.lowered, target, { pipeline: backend.pipeline });
  const plan = planWithin(memory.limit, source.jaxpr, source.lowered, program);
  const inPlace = donations(program, source.donated);
  verifyMemory(program, plan, inPlace);
  return { ...source, target, program, plan, inPlace, shared: memory.shared };
}

/** @throws as {@link build}, and what emitting and loading throw */
export function compile<Code>(backend: Backend<Code>, source: Source, runtime: Runtime): Executable {
  const built = build(backend, source, runtime);
  return backend.load(backend.emit(built), built, runtime);
}

export const executorOf =
  <Code>(backend: Backend<Code>): Executor =>
  (jaxpr, runtime, donated) =>
    compile(backend, sourceOf(jaxpr, donated), runtime);
