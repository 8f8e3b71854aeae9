/** Elementary functions of floating arrays, each with its derivative. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { isFloat, limits } from "../core/dtype.ts";
import type { BasicUnary, Scalar, ScalarBuilder, UnaryExpansion } from "../core/lowering.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import * as scalars from "../scalars/index.ts";
import { checkChoice } from "../util/options.ts";
import { add, div, integerPow, mul, neg, reciprocal, sign, square, sub } from "./arithmetic.ts";
import { convertElementType } from "./cast.ts";
import { FLOATING, NUMBER } from "./check.ts";
import { eq } from "./compare.ts";
import { asArray, asCarry, isWholeNumber, operands, place } from "./convert.ts";
import { type Binary, binary, defineMap, type Unary, type UnarySpec, unary } from "./map.ts";
import { NO_PARAMS, type NoParams } from "./rules.ts";
import { abs, max, select } from "./select.ts";

/** A function of scalars by its own name. */
/* @__NO_SIDE_EFFECTS__ */
const known = (scalar: BasicUnary | UnaryExpansion, jvp: UnarySpec["jvp"]): Unary =>
  unary(typeof scalar === "string" ? scalar : scalar.fn, { jvp, scalar });

/** `eˣ`. @throws WeftTypeError unless floating. @example exp(np.array([0, -Infinity])).js() // => [1, 0] */
export const exp: Unary = known(scalars.exp, (g, ans) => mul(g, ans));
/** `2ˣ`. @throws WeftTypeError unless floating. @example exp2(np.array([3, -1])).js() // => [8, 0.5] */
export const exp2: Unary = unary("exp2", {
  jvp: (g, ans) => mul(g, mul(ans, Math.LN2)),
  scalar: (s, x) => s.binary(scalars.pow, s.const(2, x.dtype), x),
});
/**
 * `eˣ - 1`, accurate near 0.
 * @throws WeftTypeError unless floating.
 * @example expm1(np.array([0, 1e-10])).js() // => [0, 1e-10]
 */
export const expm1: Unary = known(scalars.expm1, (g, ans) => mul(g, add(ans, 1)));
/**
 * The natural logarithm.
 * @throws WeftTypeError unless floating.
 * @example log(np.array([1, 0, -1])).js() // => [0, -Infinity, NaN]
 */
export const log: Unary = known(scalars.log, (g, _, x) => div(g, x));
/**
 * `log(1 + x)`, accurate near 0.
 * @throws WeftTypeError unless floating.
 * @example log1p(np.array([1e-10, -1])).js() // => [1e-10, -Infinity]
 */
export const log1p: Unary = known(scalars.log1p, (g, _, x) => div(g, add(x, 1)));
/** `√x`. @throws WeftTypeError unless floating. @example sqrt(np.array([4, -1])).js() // => [2, NaN] */
export const sqrt: Unary = known("sqrt", (g, ans) => mul(g, div(0.5, ans)));
/** `1 / √x`. @throws WeftTypeError unless floating. @example rsqrt(np.array([4, 0])).js() // => [0.5, Infinity] */
export const rsqrt: Unary = unary("rsqrt", {
  jvp: (g, ans, x) => mul(g, mul(div(ans, x), -0.5)),
  scalar: (s, x) => s.binary("div", s.const(1, x.dtype), s.unary("sqrt", x)),
});
/**
 * The real cube root, also of negative numbers.
 * @throws WeftTypeError unless floating.
 * @example cbrt(np.array([-8])).js() // => [-2]
 */
export const cbrt: Unary = known(scalars.cbrt, (g, ans) => mul(g, mul(integerPow(ans, -2), 1 / 3)));

/**
 * The logistic function `1 / (1 + e⁻ˣ)`.
 * @throws WeftTypeError unless floating.
 * @example logistic(np.array([-Infinity, 0, 100])).js() // => [0, 0.5, 1]
 */
export const logistic: Unary = known(scalars.logistic, (g, ans) => mul(g, mul(ans, sub(1, ans))));
/**
 * The hyperbolic tangent.
 * @throws WeftTypeError unless floating.
 * @example tanh(np.array([0, -Infinity])).js() // => [0, -1]
 */
export const tanh: Unary = known(scalars.tanh, (g, ans) => mul(add(g, mul(g, ans)), sub(1, ans)));

/**
 * Sine, of radians.
 * @throws WeftTypeError unless floating.
 * @example sin(np.array([0, Infinity])).js() // => [0, NaN]
 */
export const sin: Unary = known(scalars.sin, (g, _, x) => mul(g, cos(x)));
/** Cosine, of radians. @throws WeftTypeError unless floating. @example cos(0).item() // => 1 */
export const cos: Unary = known(scalars.cos, (g, _, x) => neg(mul(g, sin(x))));
/** Tangent, of radians. @throws WeftTypeError unless floating. @example grad(tan)(0).item() // => 1 */
export const tan: Unary = known(scalars.tan, (g, ans) => mul(g, add(1, square(ans))));
/**
 * Arc sine, in radians.
 * @throws WeftTypeError unless floating.
 * @example asin(np.array([0, 2])).js() // => [0, NaN]
 */
export const asin: Unary = known(scalars.asin, (g, _, x) => mul(g, rsqrt(sub(1, square(x)))));
/**
 * Arc cosine, in radians.
 * @throws WeftTypeError unless floating.
 * @example acos(np.array([1, -2])).js() // => [0, NaN]
 */
export const acos: Unary = known(scalars.acos, (g, _, x) => mul(g, neg(rsqrt(sub(1, square(x))))));
/**
 * Arc tangent, in radians.
 * @throws WeftTypeError unless floating.
 * @example atan(np.array([0, -0])).js() // => [0, -0]
 */
export const atan: Unary = known(scalars.atan, (g, _, x) => div(g, add(1, square(x))));
/**
 * Hyperbolic sine.
 * @throws WeftTypeError unless floating.
 * @example sinh(np.array([0, -Infinity])).js() // => [0, -Infinity]
 */
export const sinh: Unary = known(scalars.sinh, (g, _, x) => mul(g, cosh(x)));
/**
 * Hyperbolic cosine.
 * @throws WeftTypeError unless floating.
 * @example cosh(np.array([0, -Infinity])).js() // => [1, Infinity]
 */
export const cosh: Unary = known(scalars.cosh, (g, _, x) => mul(g, sinh(x)));
/** Inverse hyperbolic sine. @throws WeftTypeError unless floating. @example grad(asinh)(0).item() // => 1 */
export const asinh: Unary = known(scalars.asinh, (g, _, x) => mul(g, rsqrt(add(square(x), 1))));
/**
 * Inverse hyperbolic cosine.
 * @throws WeftTypeError unless floating.
 * @example acosh(np.array([1, 0.5])).js() // => [0, NaN]
 */
export const acosh: Unary = known(scalars.acosh, (g, _, x) => mul(g, rsqrt(mul(sub(x, 1), add(x, 1)))));
/**
 * Inverse hyperbolic tangent.
 * @throws WeftTypeError unless floating.
 * @example atanh(np.array([1, 2])).js() // => [Infinity, NaN]
 */
export const atanh: Unary = known(scalars.atanh, (g, _, x) => mul(reciprocal(add(1, x)), div(g, sub(1, x))));

/**
 * The largest integer not above x.
 * @throws WeftTypeError unless floating.
 * @example floor(np.array([1.5, -1.5])).js() // => [1, -2]
 */
export const floor: Unary = known("floor", "zero");
/**
 * The smallest integer not below x.
 * @throws WeftTypeError unless floating.
 * @example ceil(np.array([1.5, -1.5])).js() // => [2, -1]
 */
export const ceil: Unary = known("ceil", "zero");

/** How {@link round} breaks ties. */
export const RoundingMethod = { AWAY_FROM_ZERO: 0, TO_NEAREST_EVEN: 1 } as const;
export type RoundingMethod = (typeof RoundingMethod)[keyof typeof RoundingMethod];

type RoundParams = { readonly rounding_method: RoundingMethod };

export const roundP: Primitive<RoundParams> = defineMap<RoundParams>({
  name: "round",
  accepts: [FLOATING],
  jvp: "zero",
  scalar: (s, [x], { rounding_method: method }) =>
    method === RoundingMethod.TO_NEAREST_EVEN ? s.unary("rint", x!) : roundAway(s, x!),
});

/** x - trunc(x) is exact, so the comparison with one half is. */
function roundAway(s: ScalarBuilder, x: Scalar): Scalar {
  const whole = s.unary("trunc", x);
  const [half, one] = [s.const(0.5, x.dtype), s.const(1, x.dtype)];
  const rest = s.binary("sub", x, whole);
  const up = s.select(s.binary("ge", rest, half), s.binary("add", whole, one), whole);
  return s.select(s.binary("le", rest, s.unary("neg", half)), s.binary("sub", whole, one), up);
}

/**
 * The nearest integer; halves go away from zero, or to the even neighbour with `RoundingMethod.TO_NEAREST_EVEN`.
 * @throws WeftTypeError unless floating.
 * @example round(np.array([0.5, 1.5, -2.5])).js() // => [1, 2, -3]
 */
export const round = (
  x: ArrayLike,
  roundingMethod: RoundingMethod = RoundingMethod.AWAY_FROM_ZERO,
): NDArray =>
  bind1(roundP, [asArray("lax.round: x", x)], {
    rounding_method: checkChoice("lax.round: roundingMethod", roundingMethod, Object.values(RoundingMethod)),
  });

/**
 * The angle of the point (y, x) as `atan2(y, x)`, in [-π, π]: -π for y = -0. Floating dtypes.
 * @throws WeftTypeError for other dtypes, or if dtypes or shapes differ.
 * @example sign(atan2(np.array([1, -1, 0]), np.array([-1, -1, 1]))).js() // => [1, -1, 0]
 */
export const atan2: Binary = binary("atan2", {
  accepts: FLOATING,
  jvp: [
    (g, _, y, x) => mul(g, div(x!, add(square(y!), square(x!)))),
    (g, _, y, x) => mul(g, div(neg(y!), add(square(y!), square(x!)))),
  ],
  scalar: scalars.atan2,
});

/**
 * The remainder of x / y with the sign of x. The remainder of an integer by 0 is x.
 * @throws WeftTypeError for bools, or if dtypes or shapes differ: `np.remainder` promotes and broadcasts.
 * @example rem(new Int32Array([7, -7, 7]), new Int32Array([3, 3, 0])).js() // => [1, -1, 7]
 */
export const rem: Binary = binary("rem", {
  jvp: [(g) => g, (g, _, x, y) => mul(neg(g), towardsZero(div(x!, y!)))],
  scalar: "rem",
});
const towardsZero = (q: NDArray): NDArray => mul(sign(q), floor(abs(q)));

const zeroTo = (x: NDArray, value: number): NDArray => select(eq(x, 0), scalar(value, x.dtype), x);

export const powP: Primitive<NoParams> = defineMap({
  name: "pow",
  accepts: [FLOATING, NUMBER],
  uniformFrom: Number.POSITIVE_INFINITY,
  result: ([x, y]) => ({ dtype: x!.dtype, weakType: x!.weakType && y!.weakType }),
  jvp: [powJvpBase, (g, ans, x) => mul(g, mul(log(zeroTo(x!, 1)), ans))],
  scalar: (s, [x, y]) => s.binary(scalars.pow, x!, s.convert(y!, x!.dtype)),
});

/** d(xʸ)/dx = y·xʸ⁻¹, where an integer y = 0 makes it 0 also where x is 0. */
function powJvpBase(g: NDArray, _: NDArray, ...[x, y]: NDArray[]): NDArray {
  if (isFloat(y!.dtype)) return mul(g, mul(y!, pow(x!, sub(y!, 1))));
  // One less than the least integer would wrap around.
  const lower = sub(max(y!, limits(y!.dtype).min + 1), 1);
  const factor = mul(convertElementType(zeroTo(y!, 1), x!.dtype), pow(x!, lower));
  return mul(g, select(eq(y!, 0), 0, factor));
}

/**
 * `xʸ` for floating x; y has x's dtype or is an integer array. A plain whole number is an integer.
 * @throws WeftTypeError unless x is floating, or if dtypes or shapes do not fit: `np.power` promotes and broadcasts.
 * @example pow(np.array([2, 3]), np.array([-1, 2], { dtype: "int32" })).js() // => [0.5, 9]
 */
export function pow(x: ArrayLike, y: ArrayLike): NDArray {
  const [base, exponent] = isWholeNumber(y)
    ? [asArray("lax.pow: x", x), asCarry("lax.pow: y", y)]
    : operands(place("lax.pow", "x", "y"), x, y);
  return bind1(powP, [base!, exponent!], NO_PARAMS);
}

/** Whether the sign is negative, also of -0 and NaN. Floating dtypes. */
export const signbit: Unary = unary("signbit", {
  bool: true,
  jvp: "zero",
  scalar: (s, x) => s.binary("lt", s.binary("copysign", s.const(1, x.dtype), x), s.const(0, x.dtype)),
});

/**
 * The next representable number after x in the direction of y. Floating dtypes.
 * @throws WeftTypeError for other dtypes, or if dtypes or shapes differ.
 * @example sub(nextafter(np.array([1]), Infinity), 1).js() // => [1.1920928955078125e-7]
 */
export const nextafter: Binary = binary("nextafter", {
  accepts: FLOATING,
  jvp: "zero",
  scalar: (s, x, y) => {
    const isNaN = s.binary("or", s.binary("ne", x, x), s.binary("ne", y, y));
    const next = x.dtype === "float32" ? neighbourByBits(s, x, y) : neighbourByRounding(s, x, y);
    return s.select(isNaN, s.const(Number.NaN, x.dtype), s.select(s.binary("eq", x, y), y, next));
  },
});

/** Positive numbers grow with their bits, negative ones shrink. */
function neighbourByBits(s: ScalarBuilder, x: Scalar, y: Scalar): Scalar {
  const [zero, one] = [s.const(0, "float32"), s.const(1, "int32")];
  const bits = s.bitcast(x, "int32");
  const grows = s.binary("eq", s.binary("lt", x, y), s.binary("gt", x, zero));
  const step = s.binary("add", bits, s.select(grows, one, s.unary("neg", one)));
  const tiny = s.select(s.binary("gt", y, zero), one, s.const(-0x7fffffff, "int32"));
  return s.bitcast(s.select(s.binary("eq", x, zero), tiny, step), "float32");
}

/**
 * Adding a little more than half a unit of the last place rounds to the neighbour; where that would underflow x is scaled, and
 * among subnormal numbers, which are evenly spaced, the smallest one is added. There are no 64-bit integers.
 * Source: Rump, Zimmermann, Boldo & Melquiond, "Computing predecessor and successor in rounding to nearest", 2009.
 */
function neighbourByRounding(s: ScalarBuilder, x: Scalar, y: Scalar): Scalar {
  const constant = (value: number): Scalar => s.const(value, "float64");
  const up = s.binary("lt", x, y);
  const moved = (from: Scalar, by: Scalar): Scalar =>
    s.select(up, s.binary("add", from, by), s.binary("sub", from, by));
  const rounded = (from: Scalar): Scalar =>
    moved(from, s.binary("mul", s.unary("abs", from), constant(2 ** -53 * (1 + 2 ** -52))));
  const scaled = s.binary("mul", rounded(s.binary("mul", x, constant(2 ** 53))), constant(2 ** -53));
  const size = s.unary("abs", x);
  const small = s.select(s.binary("lt", size, constant(2 ** -1021)), moved(x, constant(2 ** -1074)), scaled);
  const finite = s.select(s.binary("ge", size, constant(2 ** -969)), rounded(x), small);
  const largest = s.select(up, constant(-Number.MAX_VALUE), constant(Number.MAX_VALUE));
  return s.select(s.binary("eq", size, constant(Number.POSITIVE_INFINITY)), largest, finite);
}
