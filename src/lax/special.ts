/** Sums of exponentials, the error function and the gamma family. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import type { Scalar, ScalarBuilder } from "../core/lowering.ts";
import * as scalars from "../scalars/index.ts";
import { add, div, integerPow, mul, neg, reciprocal, square, sub } from "./arithmetic.ts";
import { range } from "./axes.ts";
import { checkDTypes, FLOATING } from "./check.ts";
import { eq, lt } from "./compare.ts";
import { asArray } from "./convert.ts";
import { exp, exp2, expm1, logistic, RoundingMethod, round, sin } from "./elementary.ts";
import { type Binary, binary, type Formula, type Unary, unary } from "./map.ts";
import { select } from "./select.ts";

/** `max + log1p(base^-|x - y|)` in units of `unit`; of infinities of one sign, and with a NaN, the sum. */
function logSum(s: ScalarBuilder, x: Scalar, y: Scalar, power: (d: Scalar) => Scalar, unit: number): Scalar {
  const distance = s.binary("sub", x, y);
  const rest = s.unary(scalars.log1p, power(s.unary("neg", s.unary("abs", distance))));
  const sum = s.binary("add", s.binary("max", x, y), s.binary("mul", rest, s.const(unit, x.dtype)));
  return s.select(s.binary("ne", distance, distance), s.binary("add", x, y), sum);
}

/** The weight of an operand is its share of the sum; that of an infinite one beside an infinite sum is 1. */
function shares(power: Unary): readonly [Formula, Formula] {
  const finite = (x: NDArray): NDArray => select(eq(x, Number.POSITIVE_INFINITY), scalar(0, x.dtype), x);
  const share = (g: NDArray, ans: NDArray, x: NDArray): NDArray => mul(g, power(sub(finite(x), finite(ans))));
  return [(g, ans, x) => share(g, ans, x!), (g, ans, _, y) => share(g, ans, y!)];
}

/** `log(eˣ + eʸ)` without overflow. Floating dtypes. */
export const logaddexp: Binary = binary("logaddexp", {
  accepts: FLOATING,
  jvp: shares(exp),
  scalar: (s, x, y) => logSum(s, x, y, (d) => s.unary(scalars.exp, d), 1),
});
/** `log2(2ˣ + 2ʸ)` without overflow. Floating dtypes. */
export const logaddexp2: Binary = binary("logaddexp2", {
  accepts: FLOATING,
  jvp: shares(exp2),
  scalar: (s, x, y) => logSum(s, x, y, (d) => s.binary(scalars.pow, s.const(2, d.dtype), d), Math.LOG2E),
});

/** `log(1 + eˣ)`: {@link logaddexp} beside 0, whose derivative needs no logarithm. */
export const softplus: Unary = unary("softplus", {
  jvp: (g, _, x) => mul(g, logistic(x)),
  scalar: (s, x) => {
    const rest = s.unary(scalars.exp, s.unary("neg", s.unary("abs", x)));
    return s.binary("add", s.binary("max", x, s.const(0, x.dtype)), s.unary(scalars.log1p, rest));
  },
});

/** `log(1 - e⁻ˣ)` for x >= 0, accurate at both ends. Source: Mächler 2012. */
export const log1mexp: Unary = unary("log1mexp", {
  jvp: (g, _, x) => div(g, expm1(x)),
  scalar: (s, x) => {
    const minus = s.unary("neg", x);
    const small = s.unary(scalars.log, s.unary("neg", s.unary(scalars.expm1, minus)));
    const large = s.unary(scalars.log1p, s.unary("neg", s.unary(scalars.exp, minus)));
    return s.select(s.binary("lt", x, s.const(Math.LN2, x.dtype)), small, large);
  },
});

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const gauss = (x: NDArray): NDArray => exp(neg(square(x)));

/**
 * The error function `2/√π ∫₀ˣ e^(-t²) dt`.
 * @throws WeftTypeError unless floating.
 * @example erf(np.array([0, -Infinity])).js() // => [0, -1]
 */
export const erf: Unary = unary("erf", {
  jvp: (g, _, x) => mul(mul(g, gauss(x)), TWO_OVER_SQRT_PI),
  scalar: scalars.erf,
});
/**
 * `1 - erf(x)`, accurate for large x.
 * @throws WeftTypeError unless floating.
 * @example erfc(np.array([0, -Infinity])).js() // => [1, 2]
 */
export const erfc: Unary = unary("erfc", {
  jvp: (g, _, x) => mul(mul(g, gauss(x)), -TWO_OVER_SQRT_PI),
  scalar: scalars.erfc,
});
/**
 * The inverse of {@link erf} on (-1, 1); ±1 give ±infinity, anything beyond NaN.
 * @throws WeftTypeError unless floating.
 * @example erfInv(np.array([0, -1, 2])).js() // => [0, -Infinity, NaN]
 */
export const erfInv: Unary = unary("erf_inv", {
  jvp: (g, ans) => mul(mul(g, exp(square(ans))), 1 / TWO_OVER_SQRT_PI),
  scalar: scalars.erfInv,
});
/**
 * The logarithm of the absolute value of the gamma function.
 * @throws WeftTypeError unless floating.
 * @example lgamma(np.array([1, 0])).js() // => [0, Infinity]
 */
export const lgamma: Unary = unary("lgamma", {
  jvp: (g, _, x) => mul(g, digamma(x)),
  scalar: scalars.lgamma,
});
/**
 * The derivative of {@link lgamma}; NaN at its poles.
 * @throws WeftTypeError unless floating.
 * @example digamma(np.array([1, 0])).js() // => [-0.5772, NaN]
 */
export const digamma: Unary = unary("digamma", {
  jvp: (g, _, x) => mul(g, trigamma(x)),
  scalar: scalars.digamma,
});

/** Bernoulli numbers B₂, B₄, …: the asymptotic series of trigamma. */
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6] as const;
/** From `shift` on, so many terms leave out less than rounding does. */
const ASYMPTOTIC = { float32: { shift: 6, terms: 5 }, float64: { shift: 10, terms: 7 } } as const;

/**
 * The derivative of {@link digamma}: recurrence up to where the asymptotic series `1/z + 1/(2z²) + Σ B₂ₖ / z^(2k+1)` is exact;
 * reflection below one half. Infinite at its poles, where its derivative is NaN.
 * Source: Abramowitz and Stegun 6.4.6, 6.4.7, 6.4.12; `jax.scipy.special.polygamma(1, x)`.
 * @throws WeftTypeError unless floating.
 * @example trigamma(np.array([1])).js() // => [1.6449]
 */
export function trigamma(operand: ArrayLike): NDArray {
  const x = asArray("lax.trigamma: operand", operand);
  checkDTypes("trigamma", [x.aval], [FLOATING]);
  const reflected = lt(x, 0.5);
  const positive = trigammaPositive(select(reflected, sub(1, x), x));
  // Infinity at whole numbers and NaN as the derivative come of dividing by this.
  const sine = sin(mul(select(reflected, sub(x, round(x, RoundingMethod.TO_NEAREST_EVEN)), 0.5), Math.PI));
  const below = sub(div(Math.PI ** 2, square(sine)), positive);
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
  return select(eq(x, NEGATIVE_INFINITY), POSITIVE_INFINITY, select(reflected, below, positive));
}

function trigammaPositive(x: NDArray): NDArray {
  const { shift, terms } = ASYMPTOTIC[x.dtype as "float32" | "float64"];
  const z = add(x, shift);
  const steps = range(shift).map((k) => integerPow(add(x, k), -2));
  const tail = BERNOULLI.slice(0, terms).map((b, k) => mul(integerPow(z, -(2 * k + 3)), b));
  return [mul(integerPow(z, -2), 0.5), ...steps, ...tail].reduce((a, b) => add(a, b), reciprocal(z));
}
