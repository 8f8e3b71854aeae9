/** Recurrent cells and layers: their parameters are values of the program like others, so that derivatives reach them. */
import type { ArrayType, Params } from "../program.ts";
import { both, type Choice, type Chooser, filled, floats, type Op, type OpSpec, op, rank } from "./op.ts";

interface CellSpec {
  readonly name: string;
  /** In prelude.py. */
  readonly jax: string;
  readonly gates: number;
  /** The names of its parameters with their shapes. */
  readonly params: Readonly<Record<string, (n: number, h: number) => readonly number[]>>;
  readonly carry: readonly string[];
}

const kernels = (gates: number): CellSpec["params"] => ({
  wx: (n, h) => [n, gates * h],
  wh: (_, h) => [h, gates * h],
  b: (_, h) => [gates * h],
});

const CELLS: readonly CellSpec[] = [
  { name: "elmanCell", jax: "elman", gates: 1, params: kernels(1), carry: ["h"] },
  { name: "lstmCell", jax: "lstm", gates: 4, params: kernels(4), carry: ["h", "c"] },
  {
    name: "gruCell",
    jax: "gru",
    gates: 3,
    params: { ...kernels(3), bh: (_, h) => [3 * h] },
    carry: ["h"],
  },
];

const record = (entries: readonly string[]): string => `{ ${entries.join(", ")} }`;

/** Parameters, carry and input as they stand in `a`, and what makes one list of the carry and the output. */
function texts({ params, carry }: CellSpec): Record<"params" | "carry" | "x" | "flat", string> {
  const names = Object.keys(params);
  const state = (i: number): string => `a[${names.length + i}]`;
  const isTree = carry.length > 1;
  return {
    params: record(names.map((name, i) => `${name}: a[${i}]`)),
    carry: isTree ? record(carry.map((name, i) => `${name}: ${state(i)}`)) : state(0),
    x: state(carry.length),
    flat: `(([${isTree ? record(carry) : carry}, y]) => [${carry.join(", ")}, y])`,
  };
}

interface Sizes {
  readonly input: number;
  readonly width: number;
  /** Of layers, before parameters and carries; of time, before inputs; of the batch. */
  readonly layers: readonly number[];
  readonly time: readonly number[];
  readonly batch: readonly number[];
}

function operands(g: Chooser, { params, carry }: CellSpec, x: number, s: Sizes): number[] {
  const of = (shape: readonly number[]): number => g.of({ shape, dtype: g.type(x).dtype });
  const weights = Object.values(params).map((shape) => of([...s.layers, ...shape(s.input, s.width)]));
  return [...weights, ...carry.map(() => of([...s.layers, ...s.batch, s.width])), x];
}

function sizes({ shape }: ArrayType, g: Chooser, kind: "step" | "stack" | "run"): Sizes {
  const input = shape.at(-1)!;
  return {
    input,
    width: kind === "stack" ? input : g.rng.int(1, 3),
    layers: kind === "stack" ? [g.rng.int(1, 3)] : [],
    time: kind === "run" ? shape.slice(0, 1) : [],
    batch: shape.slice(kind === "run" ? 1 : 0, -1),
  };
}

const narrow = (t: ArrayType): boolean => t.shape.at(-1)! <= 5;
const sequence = (atLeast: number): ((t: ArrayType) => boolean) =>
  both(floats, filled, rank(atLeast, 3), narrow);

function choose(g: Chooser, cell: CellSpec, kind: "step" | "stack" | "run", more: Params = {}): Choice {
  const x = g.value(sequence(kind === "run" ? 2 : 1));
  const s = sizes(g.type(x), g, kind);
  return {
    args: operands(g, cell, x, s),
    params: { n: s.input, h: s.width, layers: s.layers[0] ?? 1, ...more },
  };
}

/** Rare: under a second derivative JAX compiles one of them for minutes. */
const cellOp = (spec: OpSpec): Op => op({ weight: 0.2, ...spec });

const cellOps = (cell: CellSpec): Op[] => {
  const { params, carry, x, flat } = texts(cell);
  const weights = Object.keys(cell.params).length;
  const made = `nn.${cell.name}(p.n, p.h)`;
  const given = `${cell.jax}, a[:${weights}], a[${weights}:${weights + cell.carry.length}], ${x}`;
  const lengths = `(a[${weights + cell.carry.length + 1}], 0, ${x}.shape[0])`;
  const reverse = (g: Chooser): Params => ({ reverse: g.rng.chance(0.3) });
  return [
    cellOp({
      name: `nn.${cell.name} step`,
      weft: `${flat}(${made}.step(${params}, ${carry}, ${x}))`,
      jax: `step_cell(${given})`,
      choose: (g) => choose(g, cell, "step"),
    }),
    cellOp({
      name: `nn.stack ${cell.name}`,
      weft: `${flat}(nn.stack(${made}, p.layers).step(${params}, ${carry}, ${x}))`,
      jax: `step_layers(${given})`,
      choose: (g) => choose(g, cell, "stack"),
    }),
    cellOp({
      name: `nn.run ${cell.name}`,
      weft: `${flat}(nn.run(${made}, ${params}, ${carry}, ${x}, { reverse: p.reverse }))`,
      jax: `run_cell(${given}, p.reverse)`,
      choose: (g) => choose(g, cell, "run", reverse(g)),
    }),
    cellOp({
      name: `nn.run ${cell.name} lengths`,
      weft: `${flat}(nn.run(${made}, ${params}, ${carry}, ${x}, { lengths: np.clip${lengths}, reverse: p.reverse }))`,
      jax: `run_cell(${given}, p.reverse, jnp.clip${lengths})`,
      choose: (g) => {
        const chosen = choose(g, cell, "run", reverse(g));
        const shape = g.type(chosen.args.at(-1)!).shape.slice(1, -1);
        return { ...chosen, args: [...chosen.args, g.of({ shape, dtype: "int32" })] };
      },
    }),
  ];
};

export const LAYERS: readonly Op[] = [
  ...CELLS.flatMap(cellOps),
  op({
    name: "nn.dense",
    weft: "nn.dense(p.n, p.h).apply({ w: a[0], b: a[1] }, a[2])",
    jax: "a[2] @ a[0] + a[1]",
    choose: (g) => {
      const x = g.value(sequence(1));
      const { dtype, shape } = g.type(x);
      const [n, h] = [shape.at(-1)!, g.rng.int(1, 4)];
      return { args: [g.of({ shape: [n, h], dtype }), g.of({ shape: [h], dtype }), x], params: { n, h } };
    },
  }),
  op({
    name: "nn.embedding",
    weft: "nn.embedding(p.n, p.h).apply({ table: a[0] }, a[1])",
    jax: 'jnp.take(a[0], a[1], axis=0, mode="clip")',
    choose: (g) => {
      const table = g.value(both(floats, filled, rank(2, 2)));
      const [n, h] = g.type(table).shape as [number, number];
      const ids = g.of({ shape: g.type(g.value(rank(0, 2))).shape, dtype: "int32" });
      return { args: [table, ids], params: { n, h } };
    },
  }),
];
