/** Functions of one and two arrays, element by element, with NumPy's promotion and broadcasting. */
import { type ArrayLike, knownScalar, NDArray, scalar } from "../core/array.ts";
import { checkInteger } from "../core/check.ts";
import { checkDType, type DType, isFloat, isInteger, limits } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { full } from "../lax/broadcast.ts";
import { asArray, asCarry, asOperand, numberOf, place } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { checkOptions } from "../util/options.ts";
import {
  type BinaryFunction,
  broadcastArgs,
  commonType,
  isDTypeOfKind,
  promoteArgs,
  promoteInexact,
  promoteNumeric,
  promoteWhole,
  strong,
  toInexact,
  toNumeric,
  type UnaryFunction,
  withType,
} from "./promote.ts";

// ---- families

type OfArray = (x: NDArray) => NDArray;

/** Of floats; integers and bools become float32 first. */
function floating(name: string, op: OfArray): UnaryFunction {
  const what = `np.${name}: x`;
  return (x) => op(toInexact(what, x));
}

/** Of floats; integers and bools are returned as they are. */
const rounding = (name: string, op: OfArray): UnaryFunction => onFloats(name, op, (a) => a);

/** Questions about floats whose answer for integers and bools is always the same. */
const asking = (name: string, op: OfArray, otherwise: boolean): UnaryFunction =>
  onFloats(name, op, (a) => full(a.shape, otherwise, "bool"));

function onFloats(name: string, op: OfArray, otherwise: OfArray): UnaryFunction {
  const what = `np.${name}: x`;
  return (x) => {
    const a = asArray(what, x);
    return isFloat(a.dtype) ? op(a) : otherwise(a);
  };
}

type Pairwise = (x: NDArray, y: NDArray) => NDArray;
type Promotion = typeof promoteArgs;

function pairwise(name: string, op: Pairwise, promotion: Promotion = promoteArgs): BinaryFunction {
  const at = place(`np.${name}`, "x", "y");
  return (x, y) => {
    const [a, b] = broadcastArgs(name, promotion(at, x, y));
    return op(a!, b!);
  };
}

/** Arithmetic whose operation on bools is a logical one. */
const arithmetic = (name: string, op: Pairwise, onBool: Pairwise): BinaryFunction =>
  pairwise(name, (x, y) => (x.dtype === "bool" ? onBool(x, y) : op(x, y)));

const bools: Promotion = (at, ...xs) => xs.map((x, i) => lax.convertElementType(asOperand(at, i, x), "bool"));
const logical = (name: string, op: Pairwise): BinaryFunction => pairwise(name, op, bools);

const constant = (value: number, like: NDArray): NDArray => scalar(value, like.dtype, true);
/** Some of JAX's functions meet a constant that is an array where they are given arrays, a weak one where scalars. */
const strongArray = (x: NDArray): NDArray => (x.ndim === 0 ? x : strong(x));
/** As a {@link constant} that makes results strong, as constants that are arrays do in JAX. */
const own = (value: number, like: NDArray): NDArray => scalar(value, like.dtype);

// ---- arithmetic

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
  if (known !== undefined) return integerPower(x, known);
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
export const sinc: UnaryFunction = floating("sinc", (x) => {
  const isZero = lax.eq(x, 0);
  const angle = lax.mul(lax.select(isZero, constant(1, x), x), own(Math.PI, x));
  const nothing = lax.mul(lax.select(isZero, x, constant(0, x)), own(Math.PI, x));
  return lax.select(isZero, sincNearZero(nothing), lax.div(lax.sin(angle), angle));
});
/** `1 - a²/3! + a⁴/5! - …`: at 0, of which only the derivatives are asked. */
function sincNearZero(a: NDArray): NDArray {
  const square = lax.mul(a, a);
  const terms = [6, 5, 4, 3, 2, 1].map((k) => 1 / (2 * k * (2 * k + 1)));
  return terms.reduce<NDArray>((sum, c) => lax.sub(1, lax.mul(lax.mul(square, sum), c)), constant(1, a));
}
/** Degrees as radians. @example np.sin(np.deg2rad([-90, 0, 90])).js() // => [-1, 0, 1] */
export const deg2rad: UnaryFunction = floating("deg2rad", (x) => lax.mul(x, own(Math.PI / 180, x)));
/** Radians as degrees. @example np.rad2deg([Math.PI, Math.PI / 2]).js() // => [180, 90] */
export const rad2deg: UnaryFunction = floating("rad2deg", (x) => lax.mul(x, own(180 / Math.PI, x)));
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
  return decimals === 0 ? roundEven(a) : lax.div(roundEven(lax.mul(a, own(factor, a))), factor);
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
/**
 * 0 where x < 0, 1 where x > 0, y where x is 0, NaN where x is; a float.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.heaviside([-1, 0, 2, NaN], 0.5).js() // => [0, 0.5, 1, NaN]
 */
export const heaviside: BinaryFunction = pairwise(
  "heaviside",
  (x, y) =>
    strongArray(
      lax.select(
        lax.eq(x, 0),
        y,
        lax.select(lax.lt(x, 0), constant(0, x), lax.select(lax.gt(x, 0), constant(1, x), x)),
      ),
    ),
  promoteInexact,
);

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
/**
 * `x << y` on integers; 0 where y is not below the number of bits. Bools become int32.
 * @throws WeftTypeError for floats, or if the shapes do not broadcast.
 * @example np.leftShift(1, np.array([0, 4, 32], { dtype: "int32" })).js() // => [1, 16, 0]
 */
const promoteShift: Promotion = (at, ...xs) => promoteNumeric(at, ...promoteWhole(at, ...xs));
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
