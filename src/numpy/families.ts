/** What functions of one and two arrays have in common: promotion, broadcasting, and how errors call their operands. */

import { type NDArray, scalar } from "../core/array.ts";
import { isFloat } from "../core/dtype.ts";
import { full } from "../lax/broadcast.ts";
import { asArray, asOperand, place } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { type BinaryFunction, broadcastArgs, promoteArgs, toInexact, type UnaryFunction } from "./promote.ts";

type OfArray = (x: NDArray) => NDArray;

/** Of floats; integers and bools become float32 first. */
/* @__NO_SIDE_EFFECTS__ */
export function floating(name: string, op: OfArray): UnaryFunction {
  const what = `np.${name}: x`;
  return (x) => op(toInexact(what, x));
}

/** Of floats; integers and bools are returned as they are. */
/* @__NO_SIDE_EFFECTS__ */
export const rounding = (name: string, op: OfArray): UnaryFunction => onFloats(name, op, (a) => a);

/** Questions about floats whose answer for integers and bools is always the same. */
/* @__NO_SIDE_EFFECTS__ */
export const asking = (name: string, op: OfArray, otherwise: boolean): UnaryFunction =>
  onFloats(name, op, (a) => full(a.shape, otherwise, "bool"));

/* @__NO_SIDE_EFFECTS__ */
function onFloats(name: string, op: OfArray, otherwise: OfArray): UnaryFunction {
  const what = `np.${name}: x`;
  return (x) => {
    const a = asArray(what, x);
    return isFloat(a.dtype) ? op(a) : otherwise(a);
  };
}

export type Pairwise = (x: NDArray, y: NDArray) => NDArray;
export type Promotion = typeof promoteArgs;

/* @__NO_SIDE_EFFECTS__ */
export function pairwise(name: string, op: Pairwise, promotion: Promotion = promoteArgs): BinaryFunction {
  const at = place(`np.${name}`, "x", "y");
  return (x, y) => {
    const [a, b] = broadcastArgs(name, promotion(at, x, y));
    return op(a!, b!);
  };
}

/** Arithmetic whose operation on bools is a logical one. */
/* @__NO_SIDE_EFFECTS__ */
export const arithmetic = (name: string, op: Pairwise, onBool: Pairwise): BinaryFunction =>
  pairwise(name, (x, y) => (x.dtype === "bool" ? onBool(x, y) : op(x, y)));

const bools: Promotion = (at, ...xs) => xs.map((x, i) => lax.convertElementType(asOperand(at, i, x), "bool"));
/* @__NO_SIDE_EFFECTS__ */
export const logical = (name: string, op: Pairwise): BinaryFunction => pairwise(name, op, bools);

export const constant = (value: number, like: NDArray): NDArray => scalar(value, like.dtype, true);
/** As a {@link constant} that makes results strong, as constants that are arrays do in JAX. */
export const own = (value: number, like: NDArray): NDArray => scalar(value, like.dtype);
