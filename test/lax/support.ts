/** Running rows of the op table. */
import { vjp } from "../../src/api/autodiff.ts";
import { fromTyped, type NDArray } from "../../src/core/array.ts";
import { DTYPES, type DType, isFloat } from "../../src/core/dtype.ts";
import { executors, setExecutor } from "../../src/devices/index.ts";
import * as lax from "../../src/lax/index.ts";
import { jvpFlat } from "../../src/transforms/jvp.ts";
import { instantiate } from "../../src/transforms/zero.ts";
import { size } from "../../src/util/shape.ts";
import type { ArgSpec, OpRow } from "./ops.ts";

/** Rules are tested against the meaning of the loop IR; compiled code has tests of its own. */
setExecutor(executors.interp);

/** A small deterministic generator (mulberry32) of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function array(values: readonly number[], shape: readonly number[], dtype: DType): NDArray {
  const data = new DTYPES[dtype].array(new ArrayBuffer(values.length * DTYPES[dtype].bytes));
  data.set(values);
  return fromTyped(data, shape, dtype);
}

/** Evenly spread values in random order, none within 0.01 of zero or of each other. */
function spread(n: number, { low, high }: ArgSpec, next: () => number): number[] {
  const values = Array.from({ length: n }, (_, i) => low + ((high - low) * (i + 0.37)) / n);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

export function sample(
  spec: ArgSpec,
  float: DType,
  next: () => number,
  batch: readonly number[] = [],
): NDArray {
  const shape = [...batch, ...spec.shape];
  const dtype = spec.dtype === "float" ? float : spec.dtype;
  const n = size(shape);
  const draw = (): number =>
    isFloat(dtype)
      ? spec.low + next() * (spec.high - spec.low)
      : Math.floor(spec.low + next() * (spec.high - spec.low + 1));
  const values = spec.distinct ? spread(n, spec, next) : Array.from({ length: n }, draw);
  return array(values, shape, dtype);
}

export const samples = (row: OpRow, float: DType, seed = 1, batch: readonly number[] = []): NDArray[] => {
  const next = random(seed);
  return row.args.map((spec) => sample(spec, float, next, batch));
};

export const outputs = (row: OpRow, args: NDArray[]): NDArray[] => {
  const out = row.fn(...args);
  return Array.isArray(out) ? out : [out];
};

/** Value, forward and reverse derivative of a row in one list. */
export function everything(row: OpRow): (...args: NDArray[]) => NDArray[] {
  return (...args) => {
    const value = outputs(row, args);
    if (row.diff.length === 0) return value;
    const f = (xs: NDArray[]): NDArray[] => {
      const all = [...args];
      for (const [i, k] of row.diff.entries()) all[k] = xs[i]!;
      return outputs(row, all).filter((x) => isFloat(x.dtype));
    };
    const xs = row.diff.map((k) => args[k]!);
    const [, pushed] = jvpFlat(f, xs, xs.map(lax.sin));
    const [out, pull] = vjp((...ys: NDArray[]) => f(ys), xs) as unknown as [
      NDArray[],
      (cts: NDArray[]) => NDArray[],
    ];
    return [...value, ...pushed.map(instantiate), ...pull(out.map(lax.cos))];
  };
}

export const values = (x: NDArray): number[] => Array.from(x.dataSync());

/** The largest difference, relative to the larger magnitude or 1; equal infinities and NaNs agree. */
export function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...a.map((x, i) => (Object.is(x, b[i]) || x === b[i] ? 0 : gap(x, b[i]!))));
}
const gap = (x: number, y: number): number => {
  const d = Math.abs(x - y) / Math.max(1, Math.abs(x), Math.abs(y));
  return Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
};
