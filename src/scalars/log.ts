/**
 * log and its family: x = 2^e·(1 + f), then log(1 + f) through s = f/(2 + f), as fdlibm does it.
 */
import type { Scalar, UnaryExpansion } from "../core/lowering.ts";
import { decompose, type Parts } from "./bits.ts";
import { LN2 } from "./exp.ts";
import { defineUnary } from "./expansion.ts";
import {
  abs,
  add,
  type Coefficients,
  constantLike,
  copysign,
  div,
  eq,
  fma,
  gt,
  lt,
  mul,
  type PerFloat,
  pick,
  polynomial,
  select,
  sqrt,
  sub,
} from "./ops.ts";

/** (2·atanh(s)/s - 2)/s² in s², |f| up to √2 - 1; times s² 2^-29 and 2^-58. */
const LOG: Coefficients = {
  float32: [0.29885042, 0.3997709, 0.6666678],
  float64: [
    0.14811428038552374, 0.15312582461133378, 0.1818361843918691, 0.2222219759910364, 0.28571428751174754,
    0.39999999999378644, 0.666666666666674,
  ],
};

/** e·ln 2 + f - (f²/2 - s·(f²/2 + R)): what is large and exact comes last. */
function logOf({ e, m }: Parts): Scalar {
  const f = sub(m, 1);
  const s = div(f, add(f, 2));
  const z = mul(s, s);
  const half = mul(mul(f, 0.5), f);
  const ln2 = pick(LN2, f);
  const small = fma(s, fma(z, polynomial(z, LOG), half), mul(e, ln2.low));
  return fma(e, ln2.high, sub(f, sub(half, small)));
}

/** `inside` where 0 < x < ∞; the limits of log elsewhere, NaN for negative x. */
function withLimits(x: Scalar, inside: Scalar): Scalar {
  const outside = select(eq(x, 0), constantLike(Number.NEGATIVE_INFINITY, x), Number.NaN);
  return select(lt(x, Number.POSITIVE_INFINITY), select(gt(x, 0), inside, outside), x);
}

export const log: UnaryExpansion = defineUnary("log", Math.log, (x) => withLimits(x, logOf(decompose(x))));

/** log(u + c), c no larger than the rounding error of u. */
export const logOfPair = (u: Scalar, c: Scalar): Scalar => withLimits(u, add(logOf(decompose(u)), div(c, u)));

export const log1p: UnaryExpansion = defineUnary("log1p", Math.log1p, (x) => {
  const u = add(x, 1);
  return copysign(logOfPair(u, sub(x, sub(u, 1))), x);
});

/** From here on x ± 1 rounds to x, give or take a last place of the logarithm. */
const LARGE: PerFloat<number> = { float32: 2 ** 25, float64: 2 ** 54 };
/** log(1 + u) where x is not large, else log(2x). */
function logOfSum(x: Scalar, u: Scalar): Scalar {
  const large = gt(x, pick(LARGE, x));
  return add(log1p.expand(select(large, x, u)), select(large, constantLike(Math.LN2, x), 0));
}

/** log1p(a + a²/(1 + √(1 + a²))), a = |x|. */
export const asinh: UnaryExpansion = defineUnary("asinh", Math.asinh, (x) => {
  const a = abs(x);
  const z = mul(a, a);
  return copysign(logOfSum(a, add(a, div(z, add(sqrt(add(z, 1)), 1)))), x);
});

/** log1p(t + √t·√(t + 2)), t = x - 1: NaN for t < 0 by the first root, and no square overflows. */
export const acosh: UnaryExpansion = defineUnary("acosh", Math.acosh, (x) => {
  const t = sub(x, 1);
  return logOfSum(x, add(t, mul(sqrt(t), sqrt(add(t, 2)))));
});

/** ½·log1p(2a/(1 - a)), a = |x|; for a > 1 the argument is below -1, hence NaN. */
export const atanh: UnaryExpansion = defineUnary("atanh", Math.atanh, (x) => {
  const a = abs(x);
  return copysign(mul(log1p.expand(div(add(a, a), sub(1, a))), 0.5), x);
});
