/** Sums, products, quotients, powers and extrema, with NumPy's promotion and broadcasting. */

import { type ArrayLike, knownScalar, NDArray } from "../core/array.ts";
import { isFloat, isInteger } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { convertTo, strong } from "../lax/cast.ts";
import { asArray, asCarry, isWholeNumber, numberOf, place } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { arithmetic, constant, floating, type Pairwise, pairwise } from "./families.ts";
import {
  type BinaryFunction,
  broadcastArgs,
  commonType,
  isDTypeOfKind,
  promoteInexact,
  promoteNumeric,
  toNumeric,
  type UnaryFunction,
  withType,
} from "./promote.ts";

/**
 * `x + y`. Operands are promoted and broadcast; on bools it is a logical or.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.add([1, 2], 1).js() // => [2, 3]
 */
export const add: BinaryFunction = arithmetic("add", lax.add, lax.bitwiseOr);
/**
 * `x - y`; unsigned integers wrap.
 * @throws WeftTypeError for bools, or if the shapes do not broadcast.
 * @example np.subtract(np.array([3, 1], { dtype: "uint8" }), 2).js() // => [1, 255]
 */
export const subtract: BinaryFunction = pairwise("subtract", lax.sub);
/**
 * `x · y`; on bools a logical and.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.multiply([[1], [2]], [10, 20]).js() // => [[10, 20], [20, 40]]
 */
export const multiply: BinaryFunction = arithmetic("multiply", lax.mul, lax.bitwiseAnd);
/**
 * `x / y` as a float, also for integers.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.trueDivide(np.arange(3), 2).js() // => [0, 0.5, 1]
 */
export const trueDivide: BinaryFunction = pairwise("divide", lax.div, promoteInexact);
export { trueDivide as divide };

/**
 * `-x`. Unsigned integers wrap.
 * @throws WeftTypeError for bools.
 * @example np.negative(np.array([1, 2], { dtype: "uint8" })).js() // => [255, 254]
 */
export const negative: UnaryFunction = (x) => lax.neg(asArray("np.negative: x", x));
/** x itself, as an array. @example np.positive(np.arange(-1, 2)).js() // => [-1, 0, 1] */
export const positive: UnaryFunction = (x) => asArray("np.positive: x", x);
/** `1 / x` as a float. @example np.reciprocal(np.arange(3)).js() // => [Infinity, 1, 0.5] */
export const reciprocal: UnaryFunction = floating("reciprocal", lax.reciprocal);
/**
 * `x²`, in the dtype of x; bools as int32.
 * @example np.square(np.array([-3, 16], { dtype: "int8" })).js() // => [9, 0]
 */
export const square: UnaryFunction = (x) => lax.square(toNumeric("np.square: x", x));
/**
 * `|x|`. Unsigned integers and bools are returned as they are, and so is the lowest integer of a signed dtype.
 * @example np.absolute(np.array([-5, -128], { dtype: "int8" })).js() // => [5, -128]
 */
export const absolute: UnaryFunction = (x) => {
  const a = asArray("np.absolute: x", x);
  return isDTypeOfKind(a.dtype, "float", "int") ? lax.abs(a) : a;
};
export { absolute as abs };
/**
 * -1, 0 or 1 in the dtype of x; NaN for NaN.
 * @throws WeftTypeError for bools.
 * @example np.sign([-2.5, 0, NaN, 7]).js() // => [-1, 0, NaN, 1]
 */
export const sign: UnaryFunction = (x) => lax.sign(x);

/**
 * Floats: the sign of the quotient's remainder decides; the quotient is rounded to absorb the error of the division.
 * A step function has no derivative, also where y is 0 and the result infinite.
 */
function floorDivideFloats(dividend: NDArray, divisor: NDArray): NDArray {
  const [x, y] = [lax.stopGradient(dividend), lax.stopGradient(divisor)];
  const rest = lax.rem(x, y);
  const quotient = lax.div(lax.sub(x, rest), y);
  const below = lax.bitwiseAnd(lax.ne(rest, 0), lax.ne(lax.sign(rest), lax.sign(y)));
  const floored = lax.round(lax.select(below, lax.sub(quotient, 1), quotient));
  return lax.select(lax.eq(y, 0), lax.div(x, y), floored);
}

function floorDivideIntegers(x: NDArray, y: NDArray): NDArray {
  const quotient = lax.div(x, y);
  const below = lax.bitwiseAnd(lax.ne(lax.rem(x, y), 0), lax.ne(lax.sign(x), lax.sign(y)));
  return lax.select(below, lax.sub(quotient, 1), quotient);
}

/**
 * The largest integer not above `x / y`, in the promoted dtype.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.floorDivide(7, -3).item() // => -3
 */
export const floorDivide: BinaryFunction = pairwise(
  "floorDivide",
  (x, y) => {
    if (isFloat(x.dtype)) return floorDivideFloats(x, y);
    return isDTypeOfKind(x.dtype, "uint") ? lax.div(x, y) : floorDivideIntegers(x, y);
  },
  promoteNumeric,
);

/** Integers modulo 0 give 0, as modulo 1. */
const nonzero = (y: NDArray): NDArray =>
  isInteger(y.dtype) ? lax.select(lax.eq(y, 0), constant(1, y), y) : y;

/**
 * `x - floorDivide(x, y) · y`: the sign is that of y. For integers, 0 where y is 0.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.remainder(-7, 3).item() // => 2
 */
export const remainder: BinaryFunction = pairwise(
  "remainder",
  (x, y) => {
    const divisor = nonzero(y);
    const rest = lax.rem(x, divisor);
    const otherSign = lax.ne(lax.lt(rest, 0), lax.lt(divisor, 0));
    return lax.select(lax.bitwiseAnd(otherSign, lax.ne(rest, 0)), lax.add(rest, divisor), rest);
  },
  promoteNumeric,
);
export { remainder as mod };
/**
 * The remainder of `x / y` with the sign of x. For integers, 0 where y is 0; for bools, x as int32 where y is false.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.fmod([-7, 7, 5], [3, -3, 0]).js() // => [-1, 1, NaN]
 */
export const fmod: BinaryFunction = pairwise("fmod", (x, y) =>
  lax.rem(toNumeric("np.fmod: x", x), toNumeric("np.fmod: y", nonzero(y))),
);
/**
 * `[floorDivide(x, y), remainder(x, y)]`.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.divmod([7.5, -7.5], 2).map((part) => part.js()) // => [[3, -4], [1.5, 0.5]]
 */
export const divmod = (x: ArrayLike, y: ArrayLike): [NDArray, NDArray] => {
  const [a, b] = promoteNumeric(place("np.divmod", "x", "y"), x, y) as [NDArray, NDArray];
  return [floorDivide(a, b), remainder(a, b)];
};

/** The integer that y is known to be before anything runs, else undefined. */
function knownInteger(y: ArrayLike): number | undefined {
  const value = numberOf(y) ?? (y instanceof NDArray && isInteger(y.dtype) ? knownScalar(y) : undefined);
  return typeof value === "number" && Number.isSafeInteger(value) && Math.abs(value) < 2 ** 31
    ? value
    : undefined;
}

/** A plain whole number beside an array of integers, to which it gives way, is one. */
const whole = (x: ArrayLike): ArrayLike => (isWholeNumber(x) ? convertTo(x, WHOLE) : x);
const WHOLE = { dtype: "int32", weakType: true } as const;

function integerPower(x: ArrayLike, y: number): NDArray {
  const base = toNumeric("np.power: x", x);
  if (y < 0 && isInteger(base.dtype))
    throw new WeftTypeError(
      `Integers cannot be raised to negative powers, got an array of dtype ${base.dtype} raised to the power ${y}. ` +
        `Use np.floatPower, or convert the base with .astype("float32").`,
    );
  return lax.integerPow(base, y);
}

/** Integers to integer powers by squaring; powers beyond 63 overflow for every base but 0, 1 and -1. */
function integerPowers(x: NDArray, y: NDArray): NDArray {
  const one = constant(1, x);
  const isZero = lax.bitwiseAnd(lax.eq(x, 0), lax.ne(y, 0));
  let result = lax.select(isZero, constant(0, x), one);
  let [base, rest] = [x, y];
  for (let bit = 0; bit < 6; bit++) {
    const odd = lax.eq(lax.bitwiseAnd(rest, 1), 1);
    result = lax.select(odd, lax.mul(result, base), result);
    base = lax.mul(base, base);
    rest = lax.shiftRightLogical(rest, 1);
  }
  return result;
}

/**
 * `xʸ`. An integer exponent that is known while tracing is computed by multiplication, and is differentiable at 0.
 * @throws WeftTypeError for integers to a known negative power, or if the shapes do not broadcast.
 * @example np.power([1, 2, 3], 2).js() // => [1, 4, 9]
 */
export const power: BinaryFunction = (x, y) => {
  const known = knownInteger(y);
  if (known !== undefined) return integerPower(y instanceof NDArray ? whole(x) : x, known);
  const type = commonType(place("np.power", "x", "y"), x, y);
  // An integer exponent stays one beside a float base: the power is then differentiable where the base is 0.
  if (isFloat(type.dtype) && isIntegerArray(y))
    return lax.pow(...pair(withType(x, type), asCarry("np.power: y", y)));
  const operands = pair(...promoteNumeric(place("np.power", "x", "y"), x, y));
  return isFloat(type.dtype) ? lax.pow(...operands) : strong(integerPowers(...operands));
};
export { power as pow };

const pair = (...xs: NDArray[]): [NDArray, NDArray] => broadcastArgs("power", xs) as [NDArray, NDArray];
const isIntegerArray = (x: ArrayLike): boolean => isInteger(asCarry("np.power: y", x).dtype);

/**
 * `xʸ` as a float, also for integers, which may then have negative powers.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.floatPower(np.array([2, 4], { dtype: "int32" }), -1).js() // => [0.5, 0.25]
 */
export const floatPower: BinaryFunction = (x, y) => {
  const [base, exponent] = promoteInexact(place("np.floatPower", "x", "y"), x, y);
  return power(base!, exponent!);
};

/**
 * The larger of x and y; NaN wins.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.maximum([1, 5], 3).js() // => [3, 5]
 */
export const maximum: BinaryFunction = pairwise("maximum", lax.max);
/**
 * The smaller of x and y; NaN wins.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.minimum([1, NaN], 2).js() // => [1, NaN]
 */
export const minimum: BinaryFunction = pairwise("minimum", lax.min);

/** x where it wins or y is NaN, else y, which gets the derivative of ties. */
const ignoringNan = (name: string, wins: Pairwise): BinaryFunction =>
  pairwise(name, (x, y) => lax.select(lax.bitwiseOr(wins(x, y), lax.ne(y, y)), x, y));
/**
 * The larger of x and y, ignoring NaN; NaN where both are.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.fmax([1, NaN, NaN], [2, 2, NaN]).js() // => [2, 2, NaN]
 */
export const fmax: BinaryFunction = ignoringNan("fmax", lax.gt);
/**
 * The smaller of x and y, ignoring NaN; NaN where both are.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.fmin([[3], [NaN]], [1, NaN]).js() // => [[1, 3], [1, NaN]]
 */
export const fmin: BinaryFunction = ignoringNan("fmin", lax.lt);
