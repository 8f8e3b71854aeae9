/** Every scalar function, conversion and dtype that backends compile, as rows: `out[i] = make(a[i], b[i])`. */
import { scaledAtom } from "../../src/compiler/ir/affine.ts";
import { takes } from "../../src/compiler/ir/functions.ts";
import type { Buffer, Expr, Program, Stmt } from "../../src/compiler/ir/nodes.ts";
import { newBuffer, newLoopVar } from "../../src/compiler/ir/visit.ts";
import { DTYPES, type DType, isFloat, limits, type TypedArray } from "../../src/core/dtype.ts";
import type { BinaryFn } from "../../src/core/lowering.ts";
import { BINARY, UNARY } from "../../src/core/scalar.ts";
import { expansions } from "../../src/scalars/index.ts";

export type Make = (x: Expr, y: Expr) => Expr;
export interface OpCase {
  readonly title: string;
  readonly from: DType;
  readonly to: DType;
  readonly make: Make;
}

const ALL = Object.keys(DTYPES) as DType[];
/** What backends have instructions for. */
const BASIC_UNARY = Object.keys(UNARY);
const BASIC_BINARY = Object.keys(BINARY);
const COMPARISON = new Set<string>(["eq", "ne", "lt", "le", "gt", "ge"]);

const FLOATS = [
  0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -7.3, 100.25, 127.6, 255.9, -129, 40000, 70000, 3e9, -3e9,
  5e9, 1e30, -1e30,
];
const SPECIAL = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

function sample(dtype: DType): number[] {
  if (dtype === "bool") return [0, 1];
  if (isFloat(dtype)) return [...FLOATS, ...SPECIAL];
  const { min, max } = limits(dtype);
  const inside = [0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 33, 100, 255, 1000, -1, -2, -7, -100].filter(
    (x) => x >= min && x <= max,
  );
  return [...inside, min, max, max - 1];
}

/** Every pair of samples, padded to a multiple of 16 by repetition. */
export function pairs(dtype: DType): [TypedArray, TypedArray] {
  const xs = sample(dtype);
  const all = xs.flatMap((x) => xs.map((y) => [x, y] as const));
  while (all.length % 16 !== 0) all.push(all[all.length % xs.length]!);
  const array = (i: 0 | 1): TypedArray =>
    new DTYPES[dtype].array(new ArrayBuffer(all.length * DTYPES[dtype].bytes)).map(
      (_, k) => all[k]![i],
    ) as TypedArray;
  return [array(0), array(1)];
}

const load = (buffer: Buffer, v: ReturnType<typeof newLoopVar>): Expr => ({
  op: "load",
  dtype: buffer.dtype,
  buffer,
  index: scaledAtom(v),
});

/** `out[i] = make(a[i], b[i])`. */
export function elementwise(from: DType, to: DType, size: number, lanes: number, make: Make): Program {
  const [a, b] = [newBuffer("a", from, size, "argument"), newBuffer("b", from, size, "argument")];
  const out = newBuffer("out", to, size, "output");
  const v = newLoopVar("i");
  const store: Stmt = {
    kind: "store",
    buffer: out,
    index: scaledAtom(v),
    value: make(load(a, v), load(b, v)),
  };
  const body: Stmt[] = [{ kind: "for", v, extent: size, mode: "independent", lanes, body: [store] }];
  return { args: [a, b], outputs: [out], temps: [], body };
}

const UNARY_CASES: OpCase[] = BASIC_UNARY.flatMap((fn) =>
  ALL.filter((d) => takes(fn, d)).map((dtype) => ({
    title: `${fn} ${dtype}`,
    from: dtype,
    to: dtype,
    make: (x) => ({ op: "unary", dtype, fn, x }),
  })),
);

/** The sign of a NaN is not defined, so it decides nothing here. */
const withoutNaN = (y: Expr): Expr => ({
  op: "select",
  dtype: y.dtype,
  cond: { op: "binary", fn: "eq", dtype: "bool", x: y, y },
  x: y,
  y: { op: "const", dtype: y.dtype, value: 1 },
});

const BINARY_CASES: OpCase[] = BASIC_BINARY.flatMap((fn) =>
  ALL.filter((d) => takes(fn, d)).map((from) => {
    const to = COMPARISON.has(fn) ? "bool" : from;
    const make: Make = (x, y) => ({
      op: "binary",
      dtype: to,
      fn,
      x,
      y: fn === "copysign" ? withoutNaN(y) : y,
    });
    return { title: `${fn} ${from}`, from, to, make };
  }),
);

const BY_CONSTANT: OpCase[] = (["div", "rem", "shl", "shrLogical", "shrArith"] as const).flatMap((fn) =>
  ALL.filter((d) => takes(fn, d)).flatMap((dtype) =>
    [0, 1, -1, 3, 31, 32]
      .filter((k) => k >= limits(dtype).min)
      .map((value) => ({
        title: `${fn} ${dtype} by the constant ${value}`,
        from: dtype,
        to: dtype,
        make: (x): Expr => ({ op: "binary", dtype, fn, x, y: { op: "const", dtype, value } }),
      })),
  ),
);

const WITH_BOUND: OpCase[] = (["max", "min"] as const satisfies BinaryFn[]).flatMap((fn) =>
  (["float32", "float64", "int32"] as const).flatMap((dtype) =>
    [0, -0, 1.5, -1, Number.NaN].flatMap((k) => {
      const bound: Expr = { op: "const", dtype, value: dtype === "int32" ? k | 0 : k };
      const text = Object.is(k, -0) ? "-0" : k;
      return [
        {
          title: `${fn} ${dtype} with the constant ${text}`,
          from: dtype,
          to: dtype,
          make: (x: Expr): Expr => ({ op: "binary", dtype, fn, x, y: bound }),
        },
        {
          title: `${fn} of the constant ${text} with ${dtype}`,
          from: dtype,
          to: dtype,
          make: (x: Expr): Expr => ({ op: "binary", dtype, fn, x: bound, y: x }),
        },
      ];
    }),
  ),
);

const CONVERSIONS: OpCase[] = ALL.flatMap((from) =>
  ALL.flatMap((to): OpCase[] => [
    { title: `${from} to ${to}`, from, to, make: (x) => ({ op: "convert", dtype: to, x }) },
    ...(DTYPES[from].bytes === DTYPES[to].bytes && to !== "bool"
      ? [
          {
            title: `bits of ${from} as ${to}`,
            from,
            to,
            make: (x: Expr): Expr => ({ op: "bitcast", dtype: to, x }),
          },
        ]
      : []),
  ]),
);

const SELECTS: OpCase[] = ALL.map((dtype) => ({
  title: `select ${dtype}`,
  from: dtype,
  to: dtype,
  make: (x, y) => ({ op: "select", dtype, cond: { op: "binary", dtype: "bool", fn: "lt", x, y }, x, y }),
}));

export const OP_CASES: readonly OpCase[] = [
  ...UNARY_CASES,
  ...BINARY_CASES,
  ...BY_CONSTANT,
  ...WITH_BOUND,
  ...CONVERSIONS,
  ...SELECTS,
];

/** Functions that a pass expands: backends name them in an error. */
export const TRANSCENDENTAL: readonly (readonly [op: "unary" | "binary", fn: string])[] = [...expansions].map(
  ([fn, { operands }]) => [operands === 1 ? "unary" : "binary", fn] as const,
);
