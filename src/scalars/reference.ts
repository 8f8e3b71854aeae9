/**
 * Special functions in double precision: what expansions are tested against, and what the interpreter computes.
 * Sources: Abramowitz & Stegun 6.1.41, 6.3.18, 7.1.5, 7.1.14; DLMF 5.7.3 for lgamma about 2.
 */

const EULER = 0.5772156649015329;
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/** exp(-x²), with the rounding error of x² compensated. */
function gaussian(x: number): number {
  const high = Math.fround(x);
  return Math.exp(-high * high) * Math.exp((high - x) * (high + x));
}

/** exp(-x²)·Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!: every term has the sign of x, so nothing cancels. For |x| up to about 3. */
function erfSeries(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * gaussian(x) * sum;
}

/** The continued fraction of erfc from its tail; for x >= 1. */
function erfcFraction(x: number): number {
  let f = x;
  for (let n = Math.ceil(20 + 160 / (x * x)); n > 0; n--) f = x + n / 2 / f;
  return gaussian(x) / (Math.sqrt(Math.PI) * f);
}

/** The error function. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) < 1.5) return x === 0 ? x : erfSeries(x);
  return x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
}

/** 1 - erf(x), without cancellation for large x. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < 0.5) return 1 - erf(x);
  if (x < 1) return 1 - erfSeries(x);
  return x > 27.5 ? 0 : erfcFraction(x);
}

/** The inverse of erf on (-1, 1); infinite at the ends, NaN outside. */
export function erfInv(y: number): number {
  if (y === 0 || Number.isNaN(y)) return y;
  if (Math.abs(y) >= 1) return Math.abs(y) === 1 ? y * Number.POSITIVE_INFINITY : Number.NaN;
  const tail = 1 - Math.abs(y); // exact for |y| >= 1/2
  const log = Math.log(tail * (1 + Math.abs(y)));
  const a = 2 / (Math.PI * 0.147) + log / 2;
  let x = Math.sqrt(Math.sqrt(a * a - log / 0.147) - a); // Winitzki's approximation, 2e-3
  for (let i = 0; i < 3; i++) {
    const error = tail > 0.5 ? erf(x) - Math.abs(y) : tail - erfc(x);
    const newton = error / (TWO_OVER_SQRT_PI * gaussian(x));
    x -= newton / (1 + x * newton); // Halley: erf'' = -2x·erf'
  }
  return Math.sign(y) * x;
}

/** ζ(k) - 1 by Euler and Maclaurin. */
function zetaMinus1(k: number): number {
  const N = 60;
  const tail = N ** (1 - k) / (k - 1) + N ** -k / 2 + (k / 12) * N ** (-k - 1);
  const corrections =
    -((k * (k + 1) * (k + 2)) / 720) * N ** (-k - 3) +
    (k * (k + 1) * (k + 2) * (k + 3) * (k + 4) * N ** (-k - 5)) / 30240;
  let sum = tail + corrections;
  for (let n = N - 1; n >= 2; n--) sum += n ** -k;
  return sum;
}
/** Taylor coefficients of lgamma about 2, from the highest down to z. */
const LGAMMA_AT_2: readonly number[] = [
  ...Array.from({ length: 44 }, (_, i) => 45 - i).map((k) => ((k % 2 ? -1 : 1) * zetaMinus1(k)) / k),
  1 - EULER,
];
/** lgamma(2 + z) for |z| <= 1/2. */
const lgammaNear2 = (z: number): number => LGAMMA_AT_2.reduce((sum, c) => (sum + c) * z, 0);

const STIRLING = [1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12];
function lgammaLarge(x: number): number {
  if (x > 1e300) return x === Number.POSITIVE_INFINITY ? x : x * (Math.log(x) - 1);
  const series = STIRLING.reduce((sum, c) => sum / (x * x) + c, 0) / x;
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series;
}

/** sin(πx) and cos(πx), reduced exactly. */
const sinPi = (x: number): number => {
  const r = x - 2 * Math.round(x / 2);
  return Math.abs(r) <= 0.5 ? Math.sin(Math.PI * r) : Math.sin(Math.PI * (Math.sign(r) - r));
};
const cosPi = (x: number): number => sinPi(x + 0.5);

/** log |Γ(x)|; +inf at the poles and both infinities. */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if ((x <= 0 && Number.isInteger(x)) || x === Number.NEGATIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (x < 0) return x > -1e-17 ? -Math.log(-x) : Math.log(Math.PI / Math.abs(sinPi(x))) - lgamma(1 - x);
  if (x < 0.5) return lgamma(1 + x) - Math.log(x);
  if (x < 1.5) return lgammaNear2(x - 1) - Math.log1p(x - 1);
  if (x >= 12) return lgammaLarge(x);
  let factor = 1;
  let y = x;
  while (y > 2.5) factor *= --y;
  return lgammaNear2(y - 2) + Math.log(factor);
}

const DIGAMMA = [-1 / 12, 691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12];
/** Γ'(x)/Γ(x); NaN at the poles (as XLA has it). */
export function digamma(x: number): number {
  if (x <= 0 && (Number.isInteger(x) || x === Number.NEGATIVE_INFINITY)) return Number.NaN;
  if (x < 0) return digamma(1 - x) - (Math.PI * cosPi(x)) / sinPi(x);
  let shift = 0;
  let y = x;
  for (; y < 14; y++) shift += 1 / y;
  const series = DIGAMMA.reduce((sum, c) => sum / (y * y) + c, 0) / (y * y);
  return Math.log(y) - 0.5 / y + series - shift;
}
