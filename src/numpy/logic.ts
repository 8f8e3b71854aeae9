/** Tests of floats, comparisons, logic and bits, element by element. */

import { type ArrayLike, NDArray } from "../core/array.ts";
import { checkDType, type DType, isFloat, limits } from "../core/dtype.ts";
import { strongArray } from "../lax/cast.ts";
import { asArray, asCarry } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { checkOptions } from "../util/options.ts";
import { absolute } from "./arithmetic.ts";
import { asking, constant, logical, type Promotion, pairwise } from "./families.ts";
import {
  type BinaryFunction,
  broadcastArgs,
  isDTypeOfKind,
  promoteInexact,
  promoteNumeric,
  promoteWhole,
  toNumeric,
  type UnaryFunction,
} from "./promote.ts";

// ---- tests of floats

/** Whether x is NaN. @example np.isnan([NaN, 0, Infinity]).js() // => [true, false, false] */
export const isnan: UnaryFunction = asking("isnan", (x) => lax.ne(x, x), false);
/**
 * Whether x is neither NaN nor infinite.
 * @example np.isfinite([1, NaN, -Infinity]).js() // => [true, false, false]
 */
export const isfinite: UnaryFunction = asking("isfinite", lax.isFinite, true);
/**
 * Whether x is an infinity, of either sign.
 * @example np.isinf([-Infinity, 1, NaN]).js() // => [true, false, false]
 */
export const isinf: UnaryFunction = asking(
  "isinf",
  (x) => lax.eq(lax.abs(x), Number.POSITIVE_INFINITY),
  false,
);
/** Whether x is positive infinity. @example np.isposinf([Infinity, -Infinity]).js() // => [true, false] */
export const isposinf: UnaryFunction = asking("isposinf", (x) => lax.eq(x, Number.POSITIVE_INFINITY), false);
/**
 * Whether x is negative infinity; never for integers and bools.
 * @example np.isneginf(np.log([0, 1])).js() // => [true, false]
 */
export const isneginf: UnaryFunction = asking("isneginf", (x) => lax.eq(x, Number.NEGATIVE_INFINITY), false);

/**
 * Whether the sign is negative, also of -0 and NaN.
 * @example np.signbit([-0, 0, -3]).js() // => [true, false, true]
 */
export const signbit: UnaryFunction = (x) => {
  const a = asArray("np.signbit: x", x);
  return isFloat(a.dtype) ? lax.signbit(a) : lax.lt(toNumeric("np.signbit: x", a), 0);
};
/**
 * |x| with the sign of y, as a float.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.copysign(3, [-0, 1]).js() // => [-3, 3]
 */
export const copysign: BinaryFunction = pairwise(
  "copysign",
  (x, y) => lax.select(signbit(y), lax.neg(lax.abs(x)), lax.abs(x)),
  promoteInexact,
);
const step: BinaryFunction = pairwise(
  "heaviside",
  (x, y) =>
    lax.select(
      lax.eq(x, 0),
      y,
      lax.select(lax.lt(x, 0), constant(0, x), lax.select(lax.gt(x, 0), constant(1, x), x)),
    ),
  promoteInexact,
);
/**
 * 0 where x < 0, 1 where x > 0, y where x is 0, NaN where x is; a float.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.heaviside([-1, 0, 2, NaN], 0.5).js() // => [0, 0.5, 1, NaN]
 */
export function heaviside(x: ArrayLike, y: ArrayLike): NDArray {
  const result = step(x, y);
  // As in JAX, whose zero takes after x.
  const isWeakScalar = typeof x === "number" || (x instanceof NDArray && x.weakType && x.ndim === 0);
  return isWeakScalar ? result : strongArray(result);
}

/** What takes the place of NaN and of the infinities; null: the largest and lowest finite value. */
export interface NanToNumOptions {
  readonly nan?: ArrayLike;
  readonly posinf?: ArrayLike | null;
  readonly neginf?: ArrayLike | null;
}
/**
 * x with NaN replaced by 0 and infinities by the extreme finite values.
 * @throws WeftTypeError if the shapes of x and of a replacement do not broadcast.
 * @example np.nanToNum([NaN, 1]).js() // => [0, 1]
 */
export function nanToNum(x: ArrayLike, options: NanToNumOptions = {}): NDArray {
  const {
    nan = 0,
    posinf = null,
    neginf = null,
  } = checkOptions("np.nanToNum", options, ["nan", "posinf", "neginf"]);
  const a = asArray("np.nanToNum: x", x);
  if (!isFloat(a.dtype)) return a;
  const { min, max } = limits(a.dtype);
  const replace = (name: string, which: NDArray, value: ArrayLike, rest: NDArray): NDArray => {
    const other = asArray(`np.nanToNum: ${name}`, value);
    const [to, old] = broadcastArgs("nanToNum", [lax.convertElementType(other, a.dtype), rest]);
    return lax.select(which, to!, old!);
  };
  const above = replace("neginf", isneginf(a), neginf ?? min, a);
  return replace("nan", isnan(a), nan, replace("posinf", isposinf(a), posinf ?? max, above));
}

// ---- comparisons: bool

/**
 * `x === y` per element. NaN equals nothing.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.equal([1, 2], 2).js() // => [false, true]
 */
export const equal: BinaryFunction = pairwise("equal", lax.eq);
/**
 * `x !== y` per element; true where one is NaN.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.notEqual([NaN, 1], [NaN, 1]).js() // => [true, false]
 */
export const notEqual: BinaryFunction = pairwise("notEqual", lax.ne);
/**
 * `x < y` per element; false where one is NaN.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.less([1, NaN, 3], 2).js() // => [true, false, false]
 */
export const less: BinaryFunction = pairwise("less", lax.lt);
/**
 * `x <= y` per element; false where one is NaN.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.lessEqual([[1], [2]], [1, 2]).js() // => [[true, true], [false, true]]
 */
export const lessEqual: BinaryFunction = pairwise("lessEqual", lax.le);
/**
 * `x > y` per element, after promotion; false where one is NaN.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.greater(np.arange(3), 0.5).js() // => [false, true, true]
 */
export const greater: BinaryFunction = pairwise("greater", lax.gt);
/**
 * `x >= y` per element; false where one is NaN. True is above false.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.greaterEqual([false, true], true).js() // => [false, true]
 */
export const greaterEqual: BinaryFunction = pairwise("greaterEqual", lax.ge);

// ---- logic and bits

/**
 * Whether both are true (not 0, so that NaN is true).
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.logicalAnd([2, 0, NaN], true).js() // => [true, false, true]
 */
export const logicalAnd: BinaryFunction = logical("logicalAnd", lax.bitwiseAnd);
/**
 * Whether one of them is true (not 0).
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.logicalOr([[true], [false]], [0, 5]).js() // => [[true, true], [false, true]]
 */
export const logicalOr: BinaryFunction = logical("logicalOr", lax.bitwiseOr);
/**
 * Whether exactly one of them is true (not 0).
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.logicalXor([0, 1, 2], [0, 2, 0]).js() // => [false, false, true]
 */
export const logicalXor: BinaryFunction = logical("logicalXor", lax.bitwiseXor);
/** Whether x is false (0). @example np.logicalNot([0, -0, 2, NaN]).js() // => [true, true, false, false] */
export const logicalNot: UnaryFunction = (x) =>
  lax.bitwiseNot(lax.convertElementType(asArray("np.logicalNot: x", x), "bool"));

/**
 * Bitwise and of integers; logical and of bools. A plain number is an integer beside an array of integers.
 * @throws WeftTypeError for floats, or if the shapes do not broadcast.
 * @example np.bitwiseAnd(np.array([12, 7], { dtype: "int32" }), 10).js() // => [8, 2]
 */
export const bitwiseAnd: BinaryFunction = pairwise("bitwiseAnd", lax.bitwiseAnd, promoteWhole);
/**
 * Bitwise or of integers; logical or of bools.
 * @throws WeftTypeError for floats, or if the shapes do not broadcast.
 * @example np.bitwiseOr(np.arange(4), 4).js() // => [4, 5, 6, 7]
 */
export const bitwiseOr: BinaryFunction = pairwise("bitwiseOr", lax.bitwiseOr, promoteWhole);
/**
 * Bitwise exclusive or of integers; logical of bools.
 * @throws WeftTypeError for floats, or if the shapes do not broadcast.
 * @example np.bitwiseXor([true, true], [true, false]).js() // => [false, true]
 */
export const bitwiseXor: BinaryFunction = pairwise("bitwiseXor", lax.bitwiseXor, promoteWhole);
/**
 * Bitwise not of integers; logical not of bools.
 * @throws WeftTypeError for floats.
 * @example np.invert(np.array([0, 5], { dtype: "uint8" })).js() // => [255, 250]
 */
export const invert: UnaryFunction = (x) => lax.bitwiseNot(asCarry("np.invert: x", x));
export { invert as bitwiseInvert, invert as bitwiseNot };
/**
 * How many bits of |x| are set, as uint8.
 * @throws WeftTypeError for floats.
 * @example np.bitwiseCount(np.array([7, -1, 8], { dtype: "int32" })).js() // => [3, 1, 1]
 */
export const bitwiseCount: UnaryFunction = (x) => {
  const a = absolute(asCarry("np.bitwiseCount: x", x));
  return lax.convertElementType(a.dtype === "bool" ? a : lax.populationCount(a), "uint8");
};
/** Bools become int32, as do whole numbers that meet no array. */
const promoteShift: Promotion = (at, ...xs) => promoteNumeric(at, ...promoteWhole(at, ...xs));
/**
 * `x << y` on integers; 0 where y is not below the number of bits. Bools become int32.
 * @throws WeftTypeError for floats, or if the shapes do not broadcast.
 * @example np.leftShift(1, np.array([0, 4, 32], { dtype: "int32" })).js() // => [1, 16, 0]
 */
export const leftShift: BinaryFunction = pairwise("leftShift", lax.shiftLeft, promoteShift);
/**
 * `x >> y` on integers: the sign comes in for signed dtypes, zeros for unsigned ones. Bools become int32.
 * @throws WeftTypeError for floats, or if the shapes do not broadcast.
 * @example np.rightShift(np.array([-8, 7], { dtype: "int32" }), 1).js() // => [-4, 3]
 */
export const rightShift: BinaryFunction = pairwise(
  "rightShift",
  (x, y) => (isDTypeOfKind(x.dtype, "uint") ? lax.shiftRightLogical(x, y) : lax.shiftRightArithmetic(x, y)),
  promoteShift,
);

export { leftShift as bitwiseLeftShift, rightShift as bitwiseRightShift };

/**
 * x with another dtype. Floats to integers truncate and saturate, NaN becomes 0; integers to integers wrap; bool is
 * whether not 0.
 * @throws WeftTypeError for what is no dtype.
 * @example np.astype([1.9, -1.9, 300, NaN], "uint8").js() // => [1, 0, 255, 0]
 */
export const astype = (x: ArrayLike, dtype: DType): NDArray =>
  lax.convertElementType(asArray("np.astype: x", x), checkDType("np.astype", dtype));
