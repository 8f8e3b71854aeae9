import { describe, expect, it } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { constant, scaledAtom } from "../../src/compiler/ir/affine.ts";
import { BINARY_KINDS, takesBinary, takesUnary, UNARY_KINDS } from "../../src/compiler/ir/functions.ts";
import type { Buffer, Expr, Program, Stmt } from "../../src/compiler/ir/nodes.ts";
import { newBuffer, newLoopVar } from "../../src/compiler/ir/visit.ts";
import { DTYPES, type DType, isFloat, limits, type TypedArray } from "../../src/core/dtype.ts";
import type { UnaryFn } from "../../src/core/emit.ts";
import { compileProgram } from "./wasm-run.ts";

const ALL = Object.keys(DTYPES) as DType[];
const EXPANDED_UNARY: readonly UnaryFn[] = [
  ...(["neg", "abs", "not", "sqrt", "floor", "ceil", "trunc", "rint", "popcount", "clz"] as const),
];
const TRANSCENDENTAL = (Object.keys(UNARY_KINDS) as UnaryFn[]).filter((fn) => !EXPANDED_UNARY.includes(fn));
const EXPANDED_BINARY = (Object.keys(BINARY_KINDS) as (keyof typeof BINARY_KINDS)[]).filter(
  (fn) => fn !== "pow" && fn !== "atan2",
);

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

/** Every pair of samples, padded to a multiple of 8 by repetition. */
function pairs(dtype: DType): [TypedArray, TypedArray] {
  const xs = sample(dtype);
  const all = xs.flatMap((x) => xs.map((y) => [x, y] as const));
  while (all.length % 8 !== 0) all.push(all[all.length % xs.length]!);
  const array = (i: 0 | 1): TypedArray =>
    new DTYPES[dtype].array(new ArrayBuffer(all.length * DTYPES[dtype].bytes)).map(
      (_, k) => all[k]![i],
    ) as TypedArray;
  return [array(0), array(1)];
}

type Make = (x: Expr, y: Expr) => Expr;
const load = (buffer: Buffer, v: ReturnType<typeof newLoopVar>): Expr => ({
  op: "load",
  dtype: buffer.dtype,
  buffer,
  index: scaledAtom(v),
});

/** `out[i] = make(a[i], b[i])`. */
function elementwise(from: DType, to: DType, size: number, lanes: number, make: Make): Program {
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

function check(from: DType, to: DType, make: Make): void {
  const args = pairs(from);
  for (const lanes of [1, 2, 4, 8]) {
    const program = elementwise(from, to, args[0].length, lanes, make);
    expect(compileProgram(program).run(args), `${lanes} lanes`).toEqual(interpret(program, args));
  }
}

const COMPARISON = new Set<string>(["eq", "ne", "lt", "le", "gt", "ge"]);

describe("functions of one value", () => {
  const rows = EXPANDED_UNARY.flatMap((fn) =>
    ALL.filter((d) => takesUnary(fn, d)).map((d) => [fn, d] as const),
  );
  it.each(rows)("%s %s", (fn, dtype) => check(dtype, dtype, (x) => ({ op: "unary", dtype, fn, x })));
});

describe("functions of two values", () => {
  const rows = EXPANDED_BINARY.flatMap((fn) =>
    ALL.filter((d) => takesBinary(fn, d)).map((d) => [fn, d] as const),
  );
  it.each(rows)("%s %s", (fn, dtype) => {
    const to = COMPARISON.has(fn) ? "bool" : dtype;
    // The sign of a NaN is not defined, so it decides nothing here.
    const clean = (y: Expr): Expr =>
      fn === "copysign"
        ? {
            op: "select",
            dtype,
            cond: { op: "binary", fn: "eq", dtype: "bool", x: y, y },
            x: y,
            y: { op: "const", dtype, value: 1 },
          }
        : y;
    check(dtype, to, (x, y) => ({ op: "binary", dtype: to, fn, x, y: clean(y) }));
  });
  const constants = (["div", "rem", "shl", "shrLogical", "shrArith"] as const)
    .flatMap((fn) =>
      ALL.filter((d) => takesBinary(fn, d)).flatMap((d) =>
        [0, 1, -1, 3, 31, 32].map((k) => [fn, d, k] as const),
      ),
    )
    .filter(([, d, k]) => k >= limits(d).min);
  it.each(constants)("%s %s by the constant %i", (fn, dtype, value) =>
    check(dtype, dtype, (x) => ({ op: "binary", dtype, fn, x, y: { op: "const", dtype, value } })),
  );
  const bounds = (["max", "min"] as const).flatMap((fn) =>
    (["float32", "float64", "int32"] as const).flatMap((d) =>
      [0, -0, 1.5, -1, Number.NaN].map((k) => [fn, d, k] as const),
    ),
  );
  it.each(bounds)("%s %s with the constant %d on either side", (fn, dtype, value) => {
    const bound: Expr = { op: "const", dtype, value: dtype === "int32" ? value | 0 : value };
    check(dtype, dtype, (x) => ({ op: "binary", dtype, fn, x, y: bound }));
    check(dtype, dtype, (x) => ({ op: "binary", dtype, fn, x: bound, y: x }));
  });
  it.each(["shl", "shrLogical", "shrArith"] as const)("%s by an amount that all lanes share", (fn) => {
    for (const dtype of ["int32", "uint32", "int8"] as const) {
      const amount = newBuffer("amount", dtype, 1, "argument");
      for (const distance of [0, 5, 31, 32, 100]) {
        const args = pairs(dtype);
        const y: Expr = { op: "load", dtype, buffer: amount, index: constant(0) };
        const program = elementwise(dtype, dtype, args[0].length, 4, (x) => ({
          op: "binary",
          dtype,
          fn,
          x,
          y,
        }));
        const withAmount = { ...program, args: [...program.args, amount] };
        const all = [
          ...args,
          new DTYPES[dtype].array(new ArrayBuffer(DTYPES[dtype].bytes)).fill(distance) as TypedArray,
        ];
        expect(compileProgram(withAmount).run(all)).toEqual(interpret(withAmount, all));
      }
    }
  });
});

describe("conversions", () => {
  const rows = ALL.flatMap((from) => ALL.map((to) => [from, to] as const));
  it.each(rows)("%s to %s", (from, to) => check(from, to, (x) => ({ op: "convert", dtype: to, x })));
  const casts = rows.filter(([from, to]) => DTYPES[from].bytes === DTYPES[to].bytes && to !== "bool");
  it.each(casts)("bits of %s as %s", (from, to) => check(from, to, (x) => ({ op: "bitcast", dtype: to, x })));
});

describe("select", () => {
  it.each(ALL)("%s", (dtype) =>
    check(dtype, dtype, (x, y) => ({
      op: "select",
      dtype,
      cond: { op: "binary", dtype: "bool", fn: "lt", x, y },
      x,
      y,
    })),
  );
});

it.each([
  ...TRANSCENDENTAL.map((fn) => ["unary", fn] as const),
  ["binary", "pow"] as const,
  ["binary", "atan2"] as const,
])("names %s function %s, which should have been expanded", (op, fn) => {
  const program = elementwise(
    "float32",
    "float32",
    4,
    1,
    (x, y) => ({ op, dtype: "float32", fn, x, y }) as Expr,
  );
  expect(() => compileProgram(program)).toThrow(new RegExp(`${fn} on float32`));
});
