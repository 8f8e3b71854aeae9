/**
 * exp and its family: x = n·ln 2 + r by Cody and Waite, a polynomial in r, and a power of two.
 * The polynomials are minimax (Remez exchange) in relative error.
 */
import type { Scalar, UnaryExpansion } from "../core/lowering.ts";
import { roundExponent } from "./bits.ts";
import { defineUnary } from "./expansion.ts";
import {
  abs,
  add,
  atMost,
  type Coefficients,
  clamp,
  copysign,
  div,
  fma,
  lt,
  mul,
  oddFromSlope1,
  type PerFloat,
  pick,
  polynomial,
  select,
  sub,
} from "./ops.ts";

/** ln 2 in two parts; integers up to 2^12 (2^20 for float64) times the first are exact. Values: Cephes and fdlibm. */
export const LN2: PerFloat<{ readonly high: number; readonly low: number }> = {
  float32: { high: 0.693359375, low: -2.121944400546906e-4 },
  float64: { high: 0.6931471803691238, low: 1.9082149292705877e-10 },
};

/** (exp(r) - 1 - r)/r² on [-ln 2, ln 2]: 2^-26 and 2^-58. */
const EXP: Coefficients = {
  float32: [0.00019611539, 0.0014104699, 0.008336108, 0.041661255, 0.16666614, 0.50000036],
  float64: [
    1.097056496994089e-11, 1.6166147247505064e-10, 2.088478788617088e-9, 2.505156708422929e-8,
    2.755727348971913e-7, 2.7557320385363913e-6, 2.48015874212567e-5, 0.00019841269840419607,
    0.0013888888888743186, 0.008333333333333127, 0.041666666666667386, 0.16666666666666669, 0.5,
  ],
};
/** exp(r) for |r| <= ln 2. */
export const expNearZero = (r: Scalar): Scalar => polynomial(r, EXP, 1, 1);

/** exp(x + low) = p·power·power. The power is split so that neither factor overflows; p·power is in range, too. */
interface ExpParts {
  readonly p: Scalar;
  readonly power: Scalar;
}

/** Requires: exp(x) is not far outside of the range of the dtype; |low| small. */
export function expParts(x: Scalar, low?: Scalar): ExpParts {
  const { n, power } = roundExponent(x, 0.5 / Math.LN2);
  const ln2 = pick(LN2, x);
  const r = fma(n, -2 * ln2.low, fma(n, -2 * ln2.high, x));
  return { p: expNearZero(low ? add(r, low) : r), power };
}

/** p·power² with one rounding, also where the result is subnormal. */
export const assemble = (p: Scalar, power: Scalar): Scalar => mul(mul(p, power), power);

/** Beyond these, exp is 0 and infinity (after rounding to nearest). */
const UNDERFLOW: PerFloat<number> = { float32: -104, float64: -746 };
const OVERFLOW: PerFloat<number> = { float32: 89, float64: 710 };

export const exp: UnaryExpansion = defineUnary("exp", Math.exp, (x) => {
  const { p, power } = expParts(clamp(x, pick(UNDERFLOW, x), pick(OVERFLOW, x)));
  return assemble(p, power);
});

function logisticOf(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** 1/(1 + exp(-x)) as E/(1 + E), E = exp(x): nothing overflows when E is capped where the result is 1. */
export const logistic: UnaryExpansion = defineUnary("logistic", logisticOf, (x) => {
  const { p, power } = expParts(clamp(x, pick(UNDERFLOW, x), 40));
  const half = mul(p, power);
  return mul(div(half, fma(half, power, 1)), power);
});

/** (expm1(r) - r)/r² on [-ln 2 / 2, ln 2 / 2]: 2^-26 and 2^-61. */
const EXPM1: Coefficients = {
  float32: [0.0013946927, 0.008366638, 0.041666277, 0.16666542, 0.5],
  float64: [
    2.092457770460596e-9, 2.510914768766131e-8, 2.7557242312070503e-7, 2.7557243911267676e-6,
    2.4801587361105915e-5, 0.00019841269886400963, 0.0013888888888866533, 0.008333333333321532,
    0.0416666666666667, 0.16666666666666677, 0.5,
  ],
};
/** Up to here expm1(x) rounds to x. */
const EXPM1_IS_X: PerFloat<number> = { float32: 2 ** -25, float64: 2 ** -54 };

/** 2·(t·q + (t - ½)) with q = expm1(r) and t = 2^(n-1), so that n = 128 is in range. */
export const expm1: UnaryExpansion = defineUnary("expm1", Math.expm1, (x) => {
  const y = clamp(x, -40, pick(OVERFLOW, x));
  const { n, power } = roundExponent(y, 1 / Math.LN2, -1);
  const ln2 = pick(LN2, x);
  const r = fma(n, -ln2.low, fma(n, -ln2.high, y));
  const q = fma(mul(r, r), polynomial(r, EXPM1), r);
  const result = mul(fma(power, q, sub(power, 0.5)), 2);
  return select(lt(abs(x), pick(EXPM1_IS_X, x)), x, result);
});

/** expm1(2r)/r by the coefficients of expm1; the factors are powers of two. */
const scaledForTanh = (coefficients: readonly number[]): readonly number[] => [
  ...coefficients.map((c, i) => c * 2 ** (coefficients.length + 1 - i)),
  2,
];
const EXPM1_TWICE: Coefficients = {
  float32: scaledForTanh(EXPM1.float32),
  float64: scaledForTanh(EXPM1.float64),
};
/** Up to here tanh(x) differs from 1. */
const TANH_END: PerFloat<number> = { float32: 10, float64: 22 };

/**
 * E/(E + 2) with E = expm1(2x) = t·q - (1 - t), t = 2^n. Never beyond ±1; -0 stays -0. One constant for ln 2 is enough,
 * since tanh is flat where n is large.
 */
export const tanh: UnaryExpansion = defineUnary("tanh", Math.tanh, (x) => {
  const end = pick(TANH_END, x);
  const y = clamp(x, -end, end);
  const { n, power } = roundExponent(y, 2 / Math.LN2);
  const r = fma(n, -Math.LN2 / 2, y);
  const q = mul(r, polynomial(r, EXPM1_TWICE));
  const e = sub(mul(power, q), sub(1, power));
  return div(e, add(e, 2));
});

/** (sinh(x) - x)/x³ on [-1, 1] in x²: 2^-25 and 2^-63. */
const SINH: Coefficients = {
  float32: [0.00020377598, 0.008330221, 0.16666718],
  float64: [
    7.759865834930117e-13, 1.6057224016836403e-10, 2.5052123580893406e-8, 2.7557319154380515e-6,
    0.00019841269841440034, 0.008333333333333137, 0.16666666666666669,
  ],
};

/** exp|x|/2, which is in range whenever cosh is. */
function halfExp(x: Scalar): Scalar {
  const { p, power } = expParts(atMost(abs(x), pick(OVERFLOW, x) + 1));
  return mul(mul(p, power), mul(power, 0.5));
}

export const sinh: UnaryExpansion = defineUnary("sinh", Math.sinh, (x) => {
  const h = halfExp(x);
  const large = copysign(sub(h, div(0.25, h)), x);
  return select(lt(abs(x), 1), oddFromSlope1(x, SINH), large);
});

export const cosh: UnaryExpansion = defineUnary("cosh", Math.cosh, (x) => {
  const h = halfExp(x);
  return add(h, div(0.25, h));
});
