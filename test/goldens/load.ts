/** Reading the golden files that make.py writes, and comparing with them. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { fromTyped, type NDArray } from "../../src/core/array.ts";
import { DTYPES, type DType, isFloat, type TypedArray } from "../../src/core/dtype.ts";

/** An array as make.py writes it: special floats are strings. */
export interface Golden {
  readonly t: DType;
  readonly s: readonly number[];
  readonly v: readonly (number | string)[];
}

/** One call of an operation and what came out; derivatives with respect to the arguments in `diff`. */
export interface OpRow {
  readonly op: string;
  readonly args: readonly Golden[];
  readonly out: readonly Golden[];
  readonly diff?: readonly number[];
  readonly jvp?: readonly Golden[];
  readonly vjp?: readonly Golden[];
  readonly tol?: number;
}

export const load = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), "utf8")) as T;

/** The rows of a file in which operands are written once and referred to by position. */
export function loadOps(name: string): OpRow[] {
  const { inputs, rows } = load<{ inputs: Golden[]; rows: (Omit<OpRow, "args"> & { args: number[] })[] }>(
    name,
  );
  return rows.map((row) => ({ ...row, args: row.args.map((i) => inputs[i]!) }));
}

const SPECIAL: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  "-0": -0,
};
/** The values; those of float32 arrays are written with as few digits as tell them apart. */
export function numbers(g: Golden): number[] {
  const values = g.v.map((x) => (typeof x === "string" ? SPECIAL[x]! : x));
  return g.t === "float32" ? values.map(Math.fround) : values;
}

const typed = (values: readonly number[], dtype: DType): TypedArray => {
  const data = new DTYPES[dtype].array(new ArrayBuffer(values.length * DTYPES[dtype].bytes));
  data.set(values);
  return data;
};

export const toArray = (g: Golden): NDArray => fromTyped(typed(numbers(g), g.t), g.s, g.t);

const probe = (x: NDArray, step: number, modulus: number): NDArray =>
  fromTyped(
    typed(
      Array.from({ length: x.size }, (_, k) => (((k * step + 3) % modulus) - modulus / 2) / 2),
      x.dtype,
    ),
    x.shape,
    x.dtype,
  );
/** The direction that make.py differentiates in. */
export const tangent = (x: NDArray): NDArray => probe(x, 7, 5);
/** The cotangent that make.py pulls back. */
export const cotangent = (x: NDArray): NDArray => probe(x, 5, 9);

export interface Closeness {
  /** Relative to the magnitude of the expected value. */
  readonly relative: number;
  /** Differences this small do not count, e.g. relative to the largest element of a sum. Default: subnormal numbers. */
  readonly absolute?: number;
}

/** Floats are close (NaN equals NaN), all else is equal; shape and dtype agree. */
export function expectGolden(
  actual: NDArray,
  golden: Golden,
  { relative, absolute = 1.2e-38 }: Closeness,
  what = "",
): void {
  expect(`${actual.aval}`, what).toBe(`${golden.t}[${golden.s.join(",")}]`);
  const [got, want] = [Array.from(actual.dataSync()), numbers(golden)];
  if (!isFloat(golden.t)) return void expect(got, what).toEqual(want);
  const near = (x: number, y: number): boolean =>
    Math.abs(x - y) <= Math.max(relative * Math.abs(y), absolute);
  const wrong = got.flatMap((x, i) =>
    Object.is(x, want[i]) || x === want[i] || near(x, want[i]!) ? [] : [`[${i}]: ${x} is not ${want[i]}`],
  );
  if (wrong.length > 0) expect.fail(`${what}: ${wrong.join("; ")}`);
}
