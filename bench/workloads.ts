/** What is measured. Every peer implements the same five programs on the same numbers; sizes can be overridden. */

export type Sizes = Readonly<Record<string, number>>;

export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly sizes: Sizes;
  readonly unit: "ms" | "µs" | "GFLOP/s";
  /** What contestants of a family are told beside its name and sizes. */
  readonly request?: (family: string) => object;
  /** Floating-point operations of the matrix products of one call. */
  readonly flops?: (sizes: Sizes) => number;
}

const RNN: Sizes = { layers: 4, batch: 32, hidden: 256, time: 128 };

/** Two products in a cell, and each again for both of its cotangents. */
const trainingFlops = ({ layers, batch, hidden, time }: Sizes): number =>
  6 * 2 * batch! * hidden! ** 2 * layers! * time!;

const matmul = (n: number): Workload => ({
  id: `W4-${n}`,
  title: `W4 matmul ${n}`,
  sizes: { n },
  unit: "GFLOP/s",
  flops: ({ n: size }) => 2 * size! ** 3,
});

export const WORKLOADS: readonly Workload[] = [
  { id: "W1-train", title: "W1 train step: 4-layer tanh RNN", sizes: RNN, unit: "ms", flops: trainingFlops },
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

/** A training step whose program is large. Its first call alone is measured. */
export const SEQ2SEQ: Workload = {
  id: "S2S-train",
  title: "train step of a seq2seq model: LSTM layers, attention, adam",
  sizes: { layers: 2, batch: 16, hidden: 64, embedding: 32, vocabulary: 40, time: 20 },
  unit: "ms",
};

/** Time of weft, with as many threads as are compared, over that of a peer's best variant; below 1, weft is faster. */
export interface Comparison {
  readonly tier: "wasm" | "native";
  readonly label: string;
  readonly peers: RegExp;
  /** What the ratio shall not exceed, in the order of {@link WORKLOADS}; none from the end of the list on. */
  readonly targets: readonly number[];
}

export const COMPARISONS: readonly Comparison[] = [
  {
    tier: "native",
    label: "JAX",
    peers: /^JAX$/,
    targets: [0.35, 0.45, 0.4, 0.25, 1.1, 1.1, 0.25, 0.25],
  },
  {
    tier: "native",
    label: "best PyTorch",
    peers: /^PyTorch/,
    targets: [0.65, 0.65, 1, 0.2, 1.1, 1.1, 0.001, 0.001],
  },
  { tier: "wasm", label: "JAX", peers: /^JAX$/, targets: [0.75, 1, 0.9, 0.3, 2.2, 2.2, 0.6, 0.6] },
  { tier: "wasm", label: "jax-js", peers: /^jax-js/, targets: [0.1, 0.15, 0.12, 0.02, 0.6, 0.6] },
  { tier: "wasm", label: "TensorFlow.js", peers: /^tfjs/, targets: [] },
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

/** What the training step of W1 shall reach of the GFLOP/s of the matrix product, natively. */
export const EFFICIENCY = { workload: "W1-train", product: "W4-1024", target: 0.85 } as const;

export const gflops = ({ flops, sizes }: Workload, seconds: number): number => flops!(sizes) / seconds / 1e9;

/** Seconds of one call in the workload's unit. */
export function inUnit(workload: Workload, seconds: number): number {
  if (workload.unit === "ms") return seconds * 1e3;
  if (workload.unit === "µs") return seconds * 1e6;
  return gflops(workload, seconds);
}
