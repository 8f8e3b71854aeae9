/** Scalar functions as the interpreter runs them: those of `core/scalar.ts` and of `scalars/`, rounded and wrapped by dtype. */
import { DTYPES, type DType, isFloat, type TypedArray } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";
import { basicFunction, evaluationOf, wrap } from "../../core/scalar.ts";
import { expansions } from "../../scalars/index.ts";

export type Unary = (x: number) => number;
export type Binary = (x: number, y: number) => number;

const known = new Map<string, Binary | undefined>();

/** A function on elements of a dtype; undefined where it does not take them. */
export function functionOf(fn: UnaryFn | BinaryFn, dtype: DType): Binary | undefined {
  const key = `${fn} ${dtype}`;
  if (!known.has(key)) known.set(key, rounded(fn, dtype));
  return known.get(key);
}

function rounded(fn: UnaryFn | BinaryFn, dtype: DType): Binary | undefined {
  const record = basicFunction(fn);
  const evaluate = record
    ? evaluationOf(record, dtype)
    : isFloat(dtype)
      ? expansions.get(fn)?.evaluate
      : undefined;
  const fix = wrap(record?.compares ? "bool" : dtype);
  return evaluate && ((x, y) => fix(evaluate(x, y, dtype)));
}

/** x·y + z of one dtype; float32 rounds as if once (the product is exact in double precision). */
export const fma = (dtype: DType, x: number, y: number, z: number): number => wrap(dtype)(x * y + z);

/** The same bits as another dtype of the same width. */
export function bitcast(from: DType, to: DType): Unary {
  const bytes = new ArrayBuffer(8);
  const [source, target]: TypedArray[] = [new DTYPES[from].array(bytes), new DTYPES[to].array(bytes)];
  return (x) => {
    source![0] = x;
    return target![0]!;
  };
}
