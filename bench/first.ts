/**
 * The first calls of training steps in new processes: as WebAssembly, natively, and natively from the cache on the disk. W1 is a
 * small program, the seq2seq model a large one, of which JAX's first call is the measure.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, type LeaveOut, startPeer } from "./peer.ts";
import { PEERS, WEFT_FASTEST } from "./peers.ts";
import { median, type Stages } from "./stages.ts";
import { figure, type Table } from "./table.ts";
import { SEQ2SEQ, WORKLOADS, type Workload } from "./workloads.ts";

const PROCESSES = 5;
const W1 = WORKLOADS.find((w) => w.id === "W1-train")!;

interface Situation {
  readonly name: string;
  readonly contestant: string;
  readonly workload: Workload;
  /** None for others than weft, nor where another's time is the target. */
  readonly targetMs: number;
}

const JAX = "JAX";

/** One row for each of weft's ways to run a workload, and one of JAX. */
const rowsOf = (workload: Workload, [wasm, cold, cached]: readonly number[] = []): Situation[] =>
  [
    { name: WEFT_FASTEST.wasm, contestant: WEFT_FASTEST.wasm, targetMs: wasm },
    { name: `${WEFT_FASTEST.native}, cold`, contestant: WEFT_FASTEST.native, targetMs: cold },
    { name: `${WEFT_FASTEST.native}, from the cache`, contestant: WEFT_FASTEST.native, targetMs: cached },
    { name: JAX, contestant: JAX },
  ].map(({ name, contestant, targetMs = Number.NaN }) => {
    const called = `${workload.id.split("-")[0]}: ${name}`;
    return { name: called, contestant, workload, targetMs };
  });

/** In this order, each round over one folder: what the second finds empty, the third finds filled. */
const SITUATIONS: readonly Situation[] = [...rowsOf(W1, [1000, 2500, 400]), ...rowsOf(SEQ2SEQ)];

/** Medians over the processes. */
export interface FirstCall extends Stages {
  readonly name: string;
  readonly targetMs: number;
}

async function inNewProcess(
  command: Command,
  { id, sizes }: Workload,
  folder: string,
  leaveOut: LeaveOut,
): Promise<Stages | null> {
  const peer = await startPeer({ ...command, env: { ...command.env, WEFT_BENCH_CACHE: folder } }, leaveOut);
  if (!peer) return null;
  try {
    return (await peer.ask({ first: id, sizes })) as unknown as Stages;
  } catch (error) {
    leaveOut(command.name, (error as Error).message);
    return null;
  } finally {
    peer.close();
  }
}

async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function measureFirstCalls(
  report: (text: string) => void,
  leaveOut: LeaveOut,
): Promise<FirstCall[]> {
  const runs = new Map<Situation, Stages[]>(SITUATIONS.map((s) => [s, []]));
  for (let round = 1; round <= PROCESSES; round++)
    await withFolder(async (folder) => {
      for (const [situation, stages] of runs) {
        report(`first calls: round ${round} of ${PROCESSES}, ${situation.name}`);
        const command = PEERS.find((p) => p.name === situation.contestant)!;
        const run = await inNewProcess(command, situation.workload, folder, leaveOut);
        if (run) stages.push(run);
      }
    });
  return [...runs].flatMap(([s, stages]) => (stages.length > 0 ? [summary(s, stages)] : []));
}

function summary({ name, targetMs }: Situation, stages: readonly Stages[]): FirstCall {
  const of = (key: keyof Stages): number => median(stages.map((s) => s[key]));
  return {
    name,
    targetMs,
    first: of("first"),
    trace: of("trace"),
    compiler: of("compiler"),
    later: of("later"),
  };
}

/** What is neither tracing, nor another compiler, nor what a later call takes as well, is counted as weft's own compiler. */
export const firstTable = (calls: readonly FirstCall[]): Table => ({
  head: ["ms", "first call", "target", "tracing", "passes and code", "Wasm or C compiler", "a later call"],
  rows: calls.map(({ name, first, targetMs, trace, compiler, later }) => [
    name,
    ...[first, targetMs, trace, first - trace - compiler - later, compiler, later].map(figure),
  ]),
});
