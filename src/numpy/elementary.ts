/** Elementary functions and rounding, element by element. */

import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkInteger } from "../core/check.ts";
import { isFloat } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import { strong, strongArray } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { constant, floating, own, pairwise, rounding } from "./families.ts";
import { type BinaryFunction, promoteInexact, toInexact, type UnaryFunction } from "./promote.ts";

// ---- elementary functions: floats; integers and bools become float32

/** `√x`. @example np.sqrt([1, 4]).js() // => [1, 2] */
export const sqrt: UnaryFunction = floating("sqrt", lax.sqrt);
/** The real cube root, also of negative numbers. @example np.cbrt([-8, 27]).js() // => [-2, 3] */
export const cbrt: UnaryFunction = floating("cbrt", lax.cbrt);
/** `eˣ`. @example np.exp(0).item() // => 1 */
export const exp: UnaryFunction = floating("exp", lax.exp);
/** `2ˣ` as a float. @example np.exp2(np.arange(-2, 3)).js() // => [0.25, 0.5, 1, 2, 4] */
export const exp2: UnaryFunction = floating("exp2", lax.exp2);
/** `eˣ - 1`, accurate near 0. @example np.expm1(2 ** -30).item() === 2 ** -30 // => true */
export const expm1: UnaryFunction = floating("expm1", lax.expm1);
/** The natural logarithm; NaN below 0. @example np.log([1, 0, -1]).js() // => [0, -Infinity, NaN] */
export const log: UnaryFunction = floating("log", lax.log);
/** `log(1 + x)`, accurate near 0. @example np.log1p([0, 2 ** -30, -1]).js() // => [0, 2 ** -30, -Infinity] */
export const log1p: UnaryFunction = floating("log1p", lax.log1p);
/** The logarithm to base 2. @example np.log2([0.5, 8, 0]).js() // => [-1, 3, -Infinity] */
export const log2: UnaryFunction = floating("log2", (x) => lax.div(lax.log(x), own(Math.LN2, x)));
/** The logarithm to base 10. @example np.log10(np.array([1, 1000], { dtype: "int32" })).js() // => [0, 3] */
export const log10: UnaryFunction = floating("log10", (x) => lax.div(lax.log(x), own(Math.LN10, x)));
/** Sine, of radians. @example np.sin([0, Math.PI / 2, Infinity]).js() // => [0, 1, NaN] */
export const sin: UnaryFunction = floating("sin", lax.sin);
/** Cosine, of radians. @example np.cos([0, Math.PI]).js() // => [1, -1] */
export const cos: UnaryFunction = floating("cos", lax.cos);
/**
 * Tangent, of radians. No float is π/2, so that it is finite there.
 * @example np.isfinite(np.tan([0, Math.PI / 2, Infinity])).js() // => [true, true, false]
 */
export const tan: UnaryFunction = floating("tan", lax.tan);
/**
 * Arc sine, in radians from -π/2 to π/2; NaN beyond ±1.
 * @example np.rad2deg(np.arcsin([-1, 0, 2])).js() // => [-90, 0, NaN]
 */
export const arcsin: UnaryFunction = floating("arcsin", lax.asin);
/**
 * Arc cosine, in radians from 0 to π; NaN beyond ±1.
 * @example np.rad2deg(np.arccos([1, 0, -1])).js() // => [0, 90, 180]
 */
export const arccos: UnaryFunction = floating("arccos", lax.acos);
/**
 * Arc tangent, in radians from -π/2 to π/2. See {@link arctan2} for all directions.
 * @example np.divide(np.arctan([1, -Infinity]), Math.PI).js() // => [0.25, -0.5]
 */
export const arctan: UnaryFunction = floating("arctan", lax.atan);
/** Hyperbolic sine. @example np.sinh([0, -100]).js() // => [0, -Infinity] */
export const sinh: UnaryFunction = floating("sinh", lax.sinh);
/** Hyperbolic cosine. @example np.cosh([0, -Infinity]).js() // => [1, Infinity] */
export const cosh: UnaryFunction = floating("cosh", lax.cosh);
/** Hyperbolic tangent. @example np.tanh([-100, 0, 100]).js() // => [-1, 0, 1] */
export const tanh: UnaryFunction = floating("tanh", lax.tanh);
/** Inverse hyperbolic sine. @example np.arcsinh([0, Infinity]).js() // => [0, Infinity] */
export const arcsinh: UnaryFunction = floating("arcsinh", lax.asinh);
/** Inverse hyperbolic cosine; NaN below 1. @example np.arccosh([1, 0.5]).js() // => [0, NaN] */
export const arccosh: UnaryFunction = floating("arccosh", lax.acosh);
/** Inverse hyperbolic tangent; NaN beyond ±1. @example np.arctanh([0, -1, 2]).js() // => [0, -Infinity, NaN] */
export const arctanh: UnaryFunction = floating("arctanh", lax.atanh);
export {
  arccos as acos,
  arccosh as acosh,
  arcsin as asin,
  arcsinh as asinh,
  arctan as atan,
  arctanh as atanh,
};

/**
 * `sin(πx) / (πx)`, 1 at 0, where its derivative is 0.
 * @example [np.sinc(0).item(), grad(np.sinc)(0).item()] // => [1, 0]
 */
export const sinc: UnaryFunction = floating("sinc", (operand) => {
  const x = strongArray(operand);
  const isZero = lax.eq(x, 0);
  const angle = lax.mul(lax.select(isZero, constant(1, x), x), constant(Math.PI, x));
  const nothing = lax.mul(lax.select(isZero, x, constant(0, x)), constant(Math.PI, x));
  return lax.select(isZero, sincNearZero(nothing), lax.div(lax.sin(angle), angle));
});
/** `1 - a²/3! + a⁴/5! - …`: at 0, of which only the derivatives are asked. */
function sincNearZero(a: NDArray): NDArray {
  const square = lax.mul(a, a);
  const terms = [6, 5, 4, 3, 2, 1].map((k) => 1 / (2 * k * (2 * k + 1)));
  return terms.reduce<NDArray>((sum, c) => lax.sub(1, lax.mul(lax.mul(square, sum), c)), constant(1, a));
}
/** Degrees as radians. @example np.sin(np.deg2rad([-90, 0, 90])).js() // => [-1, 0, 1] */
export const deg2rad: UnaryFunction = floating("deg2rad", (x) =>
  lax.mul(strongArray(x), constant(Math.PI / 180, x)),
);
/** Radians as degrees. @example np.rad2deg([Math.PI, Math.PI / 2]).js() // => [180, 90] */
export const rad2deg: UnaryFunction = floating("rad2deg", (x) =>
  lax.mul(strongArray(x), constant(180 / Math.PI, x)),
);
export { deg2rad as radians, rad2deg as degrees };

/**
 * The angle of the point (x, y) as `arctan2(y, x)`, in radians from -π to π; -π where x is negative and y is -0.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.rad2deg(np.arctan2([1, 1, -1], [1, -1, -1])).js() // => [45, 135, -135]
 */
export const arctan2: BinaryFunction = pairwise("arctan2", lax.atan2, promoteInexact);
export { arctan2 as atan2 };

/**
 * `√(x² + y²)` without overflow; an infinity wins over NaN.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.hypot([3, NaN], [4, Infinity]).js() // => [5, Infinity]
 */
export const hypot: BinaryFunction = pairwise(
  "hypot",
  (x, y) => {
    const [a, b] = [lax.abs(x), lax.abs(y)];
    const [large, small] = [lax.max(a, b), lax.min(a, b)];
    const isZero = lax.eq(large, 0);
    const ratio = lax.div(small, lax.select(isZero, constant(1, large), large));
    const finite = lax.select(isZero, large, lax.mul(large, lax.sqrt(lax.add(lax.square(ratio), 1))));
    // An infinity wins over NaN, too.
    const isInfinite = lax.bitwiseOr(
      lax.eq(a, Number.POSITIVE_INFINITY),
      lax.eq(b, Number.POSITIVE_INFINITY),
    );
    return strongArray(lax.select(isInfinite, constant(Number.POSITIVE_INFINITY, large), finite));
  },
  promoteInexact,
);

/**
 * `log(eˣ + eʸ)` without overflow.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.logaddexp(0, 0).item() // => 0.6931471824645996
 */
export const logaddexp: BinaryFunction = pairwise("logaddexp", lax.logaddexp, promoteInexact);
/**
 * `log2(2ˣ + 2ʸ)` without overflow.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.logaddexp2([3, 200], [3, 200]).js() // => [4, 201]
 */
export const logaddexp2: BinaryFunction = pairwise(
  "logaddexp2",
  (x, y) => strongArray(lax.logaddexp2(x, y)),
  promoteInexact,
);

// ---- rounding

/** The largest integer not above x, in the dtype of x. @example np.floor([-1.5, 1.5]).js() // => [-2, 1] */
export const floor: UnaryFunction = rounding("floor", lax.floor);
/** The smallest integer not below x, in the dtype of x. @example np.ceil(np.arange(2)).dtype // => "int32" */
export const ceil: UnaryFunction = rounding("ceil", lax.ceil);
/** x without its fraction, in the dtype of x. @example np.trunc([-1.7, 1.7]).js() // => [-1, 1] */
export const trunc: UnaryFunction = rounding("trunc", (x) =>
  lax.select(lax.lt(x, 0), lax.ceil(x), lax.floor(x)),
);
/**
 * The nearest integer as a float; halves go to the even neighbour.
 * @example np.rint([0.5, 1.5, 2.5]).js() // => [0, 2, 2]
 */
export const rint: UnaryFunction = (x) => {
  const a = asArray("np.rint: x", x);
  return roundEven(isFloat(a.dtype) ? a : strong(toInexact("np.rint: x", a)));
};

const roundEven = (x: ArrayLike): NDArray => lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN);

/**
 * x rounded to `decimals` places; halves go to the even neighbour.
 * @throws WeftValueError for integers with negative `decimals`.
 * @example np.round([0.5, 1.5, 2.25]).js() // => [0, 2, 2]
 */
export function round(x: ArrayLike, decimals = 0): NDArray {
  const a = asArray("np.round: x", x);
  checkInteger("np.round: decimals", decimals);
  if (!isFloat(a.dtype)) {
    if (decimals < 0) throw new WeftValueError("np.round: integers cannot be rounded to negative decimals.");
    return a;
  }
  const factor = 10 ** decimals;
  return decimals === 0
    ? roundEven(a)
    : lax.div(roundEven(lax.mul(strongArray(a), constant(factor, a))), factor);
}
export { round as around };

/**
 * `[fraction, whole part]` as floats, both with the sign of x; the fraction of whole numbers is 0, that of infinities
 * NaN.
 * @example np.modf([-1.5, Infinity]).map((part) => part.js()) // => [[-0.5, NaN], [-1, Infinity]]
 */
export function modf(x: ArrayLike): [NDArray, NDArray] {
  const a = toInexact("np.modf: x", x);
  const whole = trunc(a);
  return [lax.sub(a, whole), whole];
}
