/** The error function and the gamma family. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { add, div, integerPow, mul, neg, reciprocal, square, sub } from "./arithmetic.ts";
import { range } from "./axes.ts";
import { lt } from "./compare.ts";
import { asArray } from "./convert.ts";
import { type Unary, unary } from "./map.ts";
import { exp, sin } from "./math.ts";
import { select } from "./select.ts";

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const gauss = (x: NDArray): NDArray => exp(neg(square(x)));

/** The error function `2/√π ∫₀ˣ e^(-t²) dt`. */
export const erf: Unary = unary("erf", {
  jvp: (g, _, x) => mul(mul(g, gauss(x)), TWO_OVER_SQRT_PI),
  scalar: "erf",
});
/** `1 - erf(x)`, accurate for large x. */
export const erfc: Unary = unary("erfc", {
  jvp: (g, _, x) => mul(mul(g, gauss(x)), -TWO_OVER_SQRT_PI),
  scalar: "erfc",
});
/** The inverse of {@link erf} on (-1, 1); ±1 give ±infinity, anything beyond NaN. */
export const erfInv: Unary = unary("erf_inv", {
  jvp: (g, ans) => mul(mul(g, exp(square(ans))), 1 / TWO_OVER_SQRT_PI),
  scalar: "erfInv",
});
/** The logarithm of the absolute value of the gamma function. */
export const lgamma: Unary = unary("lgamma", { jvp: (g, _, x) => mul(g, digamma(x)), scalar: "lgamma" });
/** The derivative of {@link lgamma}. */
export const digamma: Unary = unary("digamma", { jvp: (g, _, x) => mul(g, trigamma(x)), scalar: "digamma" });

/** Bernoulli numbers B₂, B₄, …: the asymptotic series of trigamma. */
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66] as const;
const SHIFT = 6;

/**
 * The derivative of {@link digamma}: recurrence up to `x + 6`, then the asymptotic series
 * `1/z + 1/(2z²) + Σ B₂ₖ / z^(2k+1)`; reflection below one half.
 * Source: Abramowitz and Stegun 6.4.6, 6.4.7, 6.4.12.
 */
export function trigamma(operand: ArrayLike): NDArray {
  const x = asArray(operand);
  const reflected = lt(x, 0.5);
  const positive = trigammaPositive(select(reflected, sub(1, x), x));
  const sine = sin(mul(select(reflected, x, 0.5), Math.PI));
  return select(reflected, sub(div(Math.PI ** 2, square(sine)), positive), positive);
}

function trigammaPositive(x: NDArray): NDArray {
  const z = add(x, SHIFT);
  const steps = range(SHIFT).map((k) => integerPow(add(x, k), -2));
  const tail = BERNOULLI.map((b, k) => mul(integerPow(z, -(2 * k + 3)), b));
  return [mul(integerPow(z, -2), 0.5), ...steps, ...tail].reduce((a, b) => add(a, b), reciprocal(z));
}
