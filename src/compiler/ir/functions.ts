/** What the names of scalar functions in the loop IR stand for; results have the dtype of the operands, or bool for comparisons. */
import { type DType, isFloat } from "../../core/dtype.ts";
import type { BinaryFn, Combine, UnaryFn } from "../../core/lowering.ts";
import { BINARY, basicFunction, evaluationOf, UNARY } from "../../core/scalar.ts";
import { expansions } from "../../scalars/expansion.ts";

const COMBINES: ReadonlySet<string> = new Set(["add", "mul", "max", "min", "and", "or"] satisfies Combine[]);

const isExpanded = (name: string, operands: number): boolean => expansions.get(name)?.operands === operands;

export const isUnaryFn = (name: string): name is UnaryFn => Object.hasOwn(UNARY, name) || isExpanded(name, 1);
export const isBinaryFn = (name: string): name is BinaryFn =>
  Object.hasOwn(BINARY, name) || isExpanded(name, 2);
const isComparison = (fn: BinaryFn): boolean => basicFunction(fn)?.compares === true;
export const isCombine = (name: string): name is Combine => COMBINES.has(name);

/** Whether a function takes operands of a dtype. */
export function takes(fn: UnaryFn | BinaryFn, dtype: DType): boolean {
  const record = basicFunction(fn);
  return record ? evaluationOf(record, dtype) !== undefined : expansions.has(fn) && isFloat(dtype);
}
/** The dtype of a binary function of two operands of `dtype`. */
export const binaryResult = (fn: BinaryFn, dtype: DType): DType => (isComparison(fn) ? "bool" : dtype);
