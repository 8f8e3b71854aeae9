/** What is measured. Every peer implements the same five programs on the same numbers; sizes can be overridden. */

export type Sizes = Readonly<Record<string, number>>;

export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly sizes: Sizes;
  readonly unit: "ms" | "µs" | "GFLOP/s";
  /** Floating-point operations of one call, where the unit is a rate. */
  readonly flops?: (sizes: Sizes) => number;
}

const RNN: Sizes = { layers: 4, batch: 32, hidden: 256, time: 128 };

const matmul = (n: number): Workload => ({
  id: `W4-${n}`,
  title: `W4 matmul ${n}`,
  sizes: { n },
  unit: "GFLOP/s",
  flops: ({ n: size }) => 2 * size! ** 3,
});

export const WORKLOADS: readonly Workload[] = [
  { id: "W1-train", title: "W1 train step: 4-layer tanh RNN", sizes: RNN, unit: "ms" },
  { id: "W1-forward", title: "W1 forward", sizes: RNN, unit: "ms" },
  {
    id: "W2-train",
    title: "W2 train step: 2-layer LSTM, softmax cross-entropy",
    sizes: { layers: 2, batch: 32, hidden: 128, vocabulary: 96, time: 64 },
    unit: "ms",
  },
  {
    id: "W3-step",
    title: "W3 one step of a 2-layer LSTM",
    sizes: { layers: 2, batch: 1, hidden: 64 },
    unit: "µs",
  },
  matmul(512),
  matmul(1024),
  { id: "W5-forward", title: "W5 c = 0.9 c + x, forward", sizes: { width: 16, time: 100_000 }, unit: "ms" },
  { id: "W5-gradient", title: "W5 gradient", sizes: { width: 16, time: 100_000 }, unit: "ms" },
];

/** The workloads whose id starts with one of the names (any case); all if there are none. */
export function chooseWorkloads(names: readonly string[]): readonly Workload[] {
  if (names.length === 0) return WORKLOADS;
  const chosen = WORKLOADS.filter((w) => names.some((n) => w.id.toLowerCase().startsWith(n.toLowerCase())));
  const unknown = names.find((n) => !WORKLOADS.some((w) => w.id.toLowerCase().startsWith(n.toLowerCase())));
  if (unknown !== undefined)
    throw new Error(`no workload is called ${unknown}; there are ${WORKLOADS.map((w) => w.id).join(", ")}`);
  return chosen;
}

/** Seconds of one call in the workload's unit. */
export function inUnit(workload: Workload, seconds: number): number {
  if (workload.unit === "ms") return seconds * 1e3;
  if (workload.unit === "µs") return seconds * 1e6;
  return workload.flops!(workload.sizes) / seconds / 1e9;
}
