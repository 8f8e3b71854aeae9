import { describe, expect, test } from "vitest";
import { constExpr, localExpr, newLocal } from "../../../src/compiler/ir/build.ts";
import type { Expr } from "../../../src/compiler/ir/nodes.ts";
import { forEachExprIn } from "../../../src/compiler/ir/visit.ts";
import { math } from "../../../src/compiler/passes/math.ts";
import type { BinaryFn, UnaryFn } from "../../../src/core/lowering.ts";
import { expansions } from "../../../src/scalars/index.ts";
import { digamma, lgamma } from "../../../src/scalars/reference.ts";
import { expectMeaningKept, expectUnchanged, parsed, target } from "./check.ts";
import { GOLDENS } from "./math-goldens.ts";
import {
  compile,
  countOperations,
  distance,
  EDGES,
  type FmaMode,
  neighbours,
  patterns,
  randomPairs,
  spread,
  ulp,
} from "./math-support.ts";

/** How a function is expanded, and how the machines that get this round a multiply-add. */
type Form = "expand" | "fused";
const MODES: readonly (readonly [Form, FmaMode])[] = [
  ["expand", "separate"],
  ["expand", "fused"],
  ["fused", "fused"],
];
const DIGITS = { float32: 24, float64: 53 } as const;
type Float = keyof typeof DIGITS;

interface Row {
  /** Largest error in units of the last place, and operations, of the float32 and the float64 expansion. */
  readonly ulps: readonly [number, number];
  readonly ops: readonly [number, number];
  /** Operations where a multiply-add rounds once, if that is another expansion. */
  readonly fusedOps?: readonly [number, number];
  /** Where most of the samples are. */
  readonly within: readonly number[];
  /** The size of what a result is the difference of, where that decides the error. */
  readonly scale?: (x: number, want: number) => number;
}

/** What a function is made of; of the second form only a few have one. */
const expanded = (fn: string, ...operands: Expr[]): Expr => expansions.get(fn)!.expand(...operands) as Expr;
const made = (form: Form, fn: string, ...operands: Expr[]): Expr | undefined =>
  expansions.get(fn)![form]?.(...operands) as Expr | undefined;

const ownScale = (_: number, want: number): number => want;

const ROWS: Readonly<Partial<Record<UnaryFn, Row>>> = {
  exp: { ulps: [2, 2], ops: [18, 38], within: [3, 105, 750] },
  expm1: { ulps: [2, 2], ops: [21, 41], within: [1, 105, 710] },
  log: { ulps: [1, 2], ops: [30, 56], within: [2, 1e4] },
  log1p: { ulps: [2, 2], ops: [36, 62], within: [1, 1e4] },
  tanh: { ulps: [3, 4], ops: [19, 38], within: [1, 10, 23] },
  logistic: { ulps: [4, 3], ops: [20, 40], within: [4, 110, 750] },
  sin: { ulps: [3, 3], ops: [47, 45], fusedOps: [31, 32], within: [4, 1e3, 1e6, 1e8] },
  cos: { ulps: [3, 3], ops: [46, 44], fusedOps: [30, 31], within: [4, 1e3, 1e6, 1e8] },
  tan: { ulps: [4, 4], ops: [47, 45], fusedOps: [30, 31], within: [4, 1e3, 1e6, 1e8] },
  asin: { ulps: [3, 3], ops: [18, 25], within: [1] },
  acos: { ulps: [2, 2], ops: [23, 30], within: [1] },
  atan: { ulps: [3, 3], ops: [24, 30], within: [2, 50] },
  sinh: { ulps: [3, 3], ops: [29, 52], within: [2, 90, 712] },
  cosh: { ulps: [3, 3], ops: [20, 40], within: [2, 90, 712] },
  asinh: { ulps: [3, 3], ops: [48, 75], within: [2, 1e4] },
  acosh: { ulps: [3, 4], ops: [46, 73], within: [2, 1e4] },
  atanh: { ulps: [3, 3], ops: [42, 69], within: [1] },
  erf: { ulps: [3, 0], ops: [32, 85], within: [1, 4] },
  erfc: { ulps: [5, 0], ops: [52, 86], within: [1, 10.1] },
  erfInv: { ulps: [4, 0], ops: [72, 140], within: [1] },
  cbrt: { ulps: [2, 2], ops: [38, 80], within: [2, 1e3] },
  lgamma: {
    ulps: [4, 0],
    ops: [126, 220],
    within: [3, 20],
    scale: (x, want) => (x < -0.5 ? Math.max(1, Math.abs(want), lgamma(-x)) : want),
  },
  digamma: {
    ulps: [5, 0],
    ops: [101, 180],
    within: [3, 20],
    scale: (x, want) =>
      x < 0 ? Math.max(1, Math.abs(want - digamma(1 - x)), Math.abs(digamma(1 - x))) : want,
  },
};

function* samples(row: Row, dtype: Float, stride: number): Generator<number> {
  const rounded = dtype === "float32" ? Math.fround : (x: number) => x;
  yield* EDGES;
  yield* patterns(stride);
  for (const r of row.within) for (const x of spread(-r, r, 30000)) yield rounded(x);
}

/** The largest error over the samples, with the argument that has it. */
function worst(
  f: (x: number) => number,
  reference: (x: number) => number,
  xs: Iterable<number>,
  digits: 24 | 53,
  scale: (x: number, want: number) => number,
): { readonly ulps: number; readonly x: number; readonly got: number; readonly want: number } {
  let found = { ulps: 0, x: 0, got: 0, want: 0 };
  for (const x of xs) {
    const [got, want] = [f(x), reference(x)];
    const ulps = distance(got, want, digits, scale(x, want));
    if (ulps > found.ulps) found = { ulps, x, got, want };
  }
  return found;
}

function checkUnary(fn: UnaryFn, dtype: Float, bound: number, stride: number): void {
  const row = ROWS[fn]!;
  const x = newLocal("x", dtype);
  const reference = (x: number) => expansions.get(fn)!.evaluate(x, 0);
  const xs = [...samples(row, dtype, stride)];
  for (const [form, mode] of MODES) {
    const expansion = made(form, fn, localExpr(x));
    if (!expansion) continue;
    const found = worst(compile(expansion, [x], mode), reference, xs, DIGITS[dtype], row.scale ?? ownScale);
    const what = `${dtype} ${fn}, ${form}, ${mode}: ${JSON.stringify(found)}`;
    expect.soft(found.ulps, what).toBeLessThanOrEqual(bound);
  }
}

function operations(fn: UnaryFn, dtype: Float, form: Form = "expand"): number | undefined {
  const expansion = made(form, fn, localExpr(newLocal("x", dtype)));
  return expansion && countOperations(expansion);
}

/** Rows with the name that a test shows: the function and its cost. */
const named = (dtype: Float, rows: readonly [UnaryFn, Row][]): [string, UnaryFn, Row][] =>
  rows.map(([fn, row]) => [`${fn} (${operations(fn, dtype)} operations)`, fn, row]);
const ALL = Object.entries(ROWS) as [UnaryFn, Row][];

describe("float32, over the whole range", () => {
  test.each(named("float32", ALL))("%s", (_, fn, row) => {
    checkUnary(fn, "float32", row.ulps[0], 19991);
  });
});

describe("float64", () => {
  const rows = ALL.filter(([fn]) => !(fn in GOLDENS));
  test.each(named("float64", rows))("%s", (_, fn, row) => {
    checkUnary(fn, "float64", row.ulps[1], 199999);
  });
  test.each(rows)("%s far out", (fn, row) => {
    const x = newLocal("x", "float64");
    const f = compile(expanded(fn, localExpr(x)), [x], "separate");
    const xs = [...spread(-744, 709, 3000)].flatMap((e) => [Math.exp(e), -Math.exp(e)]);
    const found = worst(f, (x: number) => expansions.get(fn)!.evaluate(x, 0), xs, 53, ownScale);
    expect(found.ulps, JSON.stringify(found)).toBeLessThanOrEqual(row.ulps[1]);
  });
  test.each(Object.entries(GOLDENS))("%s", (name, pairs) => {
    const fn = name as UnaryFn;
    const x = newLocal("x", "float64");
    const f = compile(expanded(fn, localExpr(x)), [x], "separate");
    for (const [at, want] of pairs) {
      const scale = Math.abs(ROWS[fn]!.scale?.(at, want) ?? want);
      expect.soft(Math.abs(f(at) - want) / scale, `${fn}(${at}) = ${f(at)}, not ${want}`).toBeLessThan(2e-15);
    }
  });
});

describe("costs", () => {
  test.each(ALL)("%s", (fn, row) => {
    expect(operations(fn, "float32")).toBeLessThanOrEqual(row.ops[0]);
    expect(operations(fn, "float64")).toBeLessThanOrEqual(row.ops[1]);
    const fused = (["float32", "float64"] as const).map((dtype) => operations(fn, dtype, "fused"));
    expect(fused).toEqual(row.fusedOps ?? [undefined, undefined]);
  });
  test("every function has a row", () => {
    expect([...Object.keys(ROWS), "pow", "atan2"].sort()).toEqual([...expansions.keys()].sort());
  });
});

describe("where sin and cos are closest to zero", () => {
  /** Of the floats next to all multiples of π/2 in the range of the expansion, and of some far beyond it. */
  const CLOSEST = {
    float32: [2709675.5, 3154258, 3211428.75, 16367173 * 2 ** 72],
    float64: [2095.442299944392, 14461176.67027838, 28922353.34055676, 6381956970095103 * 2 ** 797],
  } as const;
  const NEAR = [
    ...spread(1, 20000, 19999),
    ...[...spread(20, 32, 4000)].map((e) => Math.round(2 ** e)),
  ].flatMap((k) => neighbours(Math.fround((k * Math.PI) / 2)));

  test.each(["sin", "cos", "tan"] as const)("%s", (fn) => {
    for (const dtype of ["float32", "float64"] as const) {
      const x = newLocal("x", dtype);
      for (const [form, mode] of MODES) {
        const f = compile(made(form, fn, localExpr(x))!, [x], mode);
        const found = worst(
          f,
          (x: number) => expansions.get(fn)!.evaluate(x, 0),
          [...CLOSEST[dtype], ...NEAR],
          DIGITS[dtype],
          ownScale,
        );
        expect(found.ulps, `${dtype} ${form} ${mode} ${JSON.stringify(found)}`).toBeLessThanOrEqual(4);
      }
    }
  });
});

describe("two operands", () => {
  const AXIS = [
    0,
    1,
    2,
    3,
    0.5,
    2.5,
    2 ** 24 + 2,
    1e30,
    1e-30,
    2 ** -149,
    3.4028234663852886e38,
    Number.POSITIVE_INFINITY,
  ];
  const SIGNED = [...AXIS.flatMap((x) => [x, -x]), Number.NaN];
  const grid = SIGNED.flatMap((x) => SIGNED.map((y): [number, number] => [x, y]));
  const cases = (["pow", "atan2"] as const).flatMap((fn) =>
    (["float32", "float64"] as const).map((dtype): [BinaryFn, Float] => [fn, dtype]),
  );
  test.each(cases)("%s of %s", (fn, dtype) => {
    const [x, y] = [newLocal("x", dtype), newLocal("y", dtype)];
    const expansion = expanded(fn, localExpr(x), localExpr(y));
    const reference = expansions.get(fn)!.evaluate;
    const pairs = [...grid, ...randomPairs(fn === "pow", 150000)].map(
      ([a, b]) => (dtype === "float32" ? [Math.fround(a), Math.fround(b)] : [a, b]) as [number, number],
    );
    for (const mode of ["separate", "fused"] as const) {
      const f = compile(expansion, [x, y], mode);
      let found = { ulps: 0, a: 0, b: 0 };
      for (const [a, b] of pairs) {
        const want = reference(a, b);
        const ulps = distance(f(a, b), want, DIGITS[dtype], want);
        if (ulps > found.ulps) found = { ulps, a, b };
      }
      const detail = `${JSON.stringify(found)}: ${f(found.a, found.b)}, not ${reference(found.a, found.b)}`;
      expect.soft(found.ulps, `${mode} ${detail}`).toBeLessThanOrEqual(fn === "pow" ? 3 : 4);
    }
  });

  test.each([0, 1, 2, 3, 4, 0.5, -0.5, -1, -2])("x to the constant %d has the value of pow", (exponent) => {
    const x = newLocal("x", "float32");
    const short = expanded("pow", localExpr(x), constExpr(exponent, "float32"));
    expect(countOperations(short)).toBeLessThanOrEqual(5);
    const found = worst(
      compile(short, [x], "separate"),
      (v) => expansions.get("pow")!.evaluate(v, exponent),
      [...EDGES, ...SIGNED.map(Math.fround), ...patterns(199999)],
      24,
      ownScale,
    );
    expect(found.ulps, JSON.stringify(found)).toBeLessThanOrEqual(2);
  });
  test("other constant exponents are expanded", () => {
    const x: Expr = localExpr(newLocal("x", "float32"));
    expect(countOperations(expanded("pow", x, constExpr(2.5, "float32")))).toBeGreaterThan(40);
  });
});

describe("the pass", () => {
  const chain = `program(x: f32[8], d: f64[2]) -> (y: f32[8], e: f64[2]) {
    for i < 8 independent {
      let t: f32 = f32.tanh(f32.pow(f32.exp(x[i]), f32.sin(x[i])))
      y[i] = f32.add(t, f32.erf(t))
    }
    for j < 2 { e[j] = f64.log1p(f64.exp(d[j])) }
  }`;
  test("nothing is left to expand", () => {
    const left = new Set<string>();
    forEachExprIn(math(parsed(chain), target).body, (e) => {
      if ((e.op === "unary" || e.op === "binary") && expansions.has(e.fn)) left.add(e.fn);
    });
    expect([...left]).toEqual([]);
  });
  test("a program without functions stays as it is", () => {
    const text = `
program(x: f32[8]) -> (y: f32[8]) {
  for i < 8 independent {
    y[i] = f32.sqrt(f32.add(x[i], f32(1)))
  }
}`;
    expectUnchanged(math, text);
    const program = parsed(text);
    expect(math(program, target)).toBe(program);
  });
  test("meaning is kept", () => expectMeaningKept(math, { exact: false, tolerance: 1e-4, numRuns: 30 }));
});

test("ulp", () => {
  expect(ulp(1, 24)).toBe(2 ** -23);
  expect(ulp(0.999, 53)).toBe(2 ** -53);
  expect(ulp(1e-45, 24)).toBe(2 ** -149);
});
