/** The first call of the training step of W1 in new processes: as WebAssembly, natively, and natively from the cache on the disk. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, type LeaveOut, startPeer } from "./peer.ts";
import { PEERS, WEFT_FASTEST } from "./peers.ts";
import { median, type Stages } from "./stages.ts";
import { figure, type Table } from "./table.ts";
import { WORKLOADS } from "./workloads.ts";

const PROCESSES = 5;
const WORKLOAD = WORKLOADS.find((w) => w.id === "W1-train")!;

interface Situation {
  readonly name: string;
  readonly contestant: string;
  readonly targetMs: number;
}

/** In this order, each round over one folder: what the second finds empty, the third finds filled. */
const SITUATIONS: readonly Situation[] = [
  { name: WEFT_FASTEST.wasm, contestant: WEFT_FASTEST.wasm, targetMs: 1000 },
  { name: `${WEFT_FASTEST.native}, cold`, contestant: WEFT_FASTEST.native, targetMs: 2500 },
  { name: `${WEFT_FASTEST.native}, from the cache`, contestant: WEFT_FASTEST.native, targetMs: 400 },
];

/** Medians over the processes. */
export interface FirstCall extends Stages {
  readonly name: string;
  readonly targetMs: number;
}

async function inNewProcess(command: Command, folder: string, leaveOut: LeaveOut): Promise<Stages | null> {
  const peer = await startPeer({ ...command, env: { ...command.env, WEFT_BENCH_CACHE: folder } }, leaveOut);
  if (!peer) return null;
  try {
    return (await peer.ask({ first: WORKLOAD.id, sizes: WORKLOAD.sizes })) as unknown as Stages;
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
        const run = await inNewProcess(command, folder, leaveOut);
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
