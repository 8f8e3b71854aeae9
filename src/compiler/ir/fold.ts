/** The values of scalar functions on constants, where every backend must agree on them to the bit. */
import type { DType } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";
import { basicFunction, evaluationOf, wrap } from "../../core/scalar.ts";

/** The value of a unary function, or undefined where backends may differ in the last bit. */
export const foldUnary = (fn: UnaryFn, x: number, dtype: DType): number | undefined =>
  foldBinary(fn, x, 0, dtype, dtype);

/** The same of a binary function of two operands of `dtype`. */
export function foldBinary(
  fn: BinaryFn,
  x: number,
  y: number,
  dtype: DType,
  result: DType,
): number | undefined {
  const record = basicFunction(fn);
  const evaluate = record && !record.inexact ? evaluationOf(record, dtype) : undefined;
  return evaluate && wrap(result)(evaluate(x, y, dtype));
}
