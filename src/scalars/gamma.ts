/**
 * log|Γ| and its derivative: one polynomial about 2 (about 1½ for digamma), reached by the recurrence Γ(x + 1) = x·Γ(x);
 * Stirling's series for large x, reflection for negative x. Each uses one logarithm.
 *
 * Precision is relative to max(1, |result|) near the zeros on the negative axis, where the result is a difference.
 */
import type { Scalar, UnaryExpansion } from "../core/lowering.ts";
import { defineUnary } from "./expansion.ts";
import { log } from "./log.ts";
import {
  abs,
  add,
  and,
  type Coefficients,
  constant,
  div,
  eq,
  fma,
  ge,
  gt,
  lt,
  mul,
  neg,
  type PerFloat,
  pick,
  polynomial,
  rint,
  select,
  sub,
} from "./ops.ts";
import * as reference from "./reference.ts";
import { halfTurns } from "./trig.ts";

const isPole = (x: Scalar): Scalar => and(lt(x, 0.5), eq(rint(x), x));

/** lgamma(2 + z)/(z·(z + 1)) for z in [-¾, ½], a flat function: 2^-25 and 2^-57. */
const LGAMMA: Coefficients = {
  float32: [
    0.0003948997, -0.0004052296, 0.00080801046, -0.0021207358, 0.005017093, -0.01238219, 0.032963928,
    -0.10031737, 0.42278436,
  ],
  float64: [
    1.3740437975409832e-7, 8.18610243915068e-8, 1.686778505308468e-8, -3.4423781924523197e-7,
    3.996978719161712e-7, -7.781544220499241e-7, 1.8247883114821175e-6, -3.867079942953921e-6,
    8.215800098830454e-6, -1.7658598040207795e-5, 3.817007017218921e-5, -8.309541625195398e-5,
    0.0001825525186058071, -0.00040570738125768503, 0.0009153769289770127, -0.002108130834466856,
    0.004998641164511668, -0.012384192193363461, 0.03296500062115778, -0.10031730167435396,
    0.42278433509846713,
  ],
};
/** Stirling's series, minimax from where it is used: x·(lgamma(x) - (x - ½)·log(x) + x - log(2π)/2) in 1/x². */
const STIRLING: Coefficients = {
  float32: [0.00075286184, -0.002777044, 0.08333333],
  float64: [
    0.0049192109645636705, -0.001883665185038103, 0.0008413555863569044, -0.0005952356935500459,
    0.000793650786656796, -0.0027777777777701178, 0.08333333333333333,
  ],
};
/** Recurrences downwards; Stirling's series takes over at 2½ + steps. */
const LGAMMA_STEPS: PerFloat<number> = { float32: 2, float64: 5 };
const LOG_2PI_HALF = 0.9189385332046727;
const LOG_PI = 1.1447298858494002;

/** Below, the recurrence goes upwards: near the minimum at 1.46 no logarithm may cancel. */
const LGAMMA_UPWARDS = 1.25;

/** Γ(x) = Γ(2 + z)·factor from 1¼ to 2½ + steps, Γ(2 + z)/factor from -½ to 1¼. */
function towards2(x: Scalar): { readonly z: Scalar; readonly factor: Scalar } {
  let z = sub(x, 2);
  let factor: Scalar = constant(1, x.dtype);
  for (let i = 0; i < pick(LGAMMA_STEPS, x); i++) {
    const far = gt(z, 0.5);
    factor = select(far, mul(factor, add(z, 1)), factor);
    z = select(far, sub(z, 1), z);
  }
  const [low, lower] = [lt(x, LGAMMA_UPWARDS), lt(x, 0.5)];
  return {
    z: select(low, select(lower, x, sub(x, 1)), z),
    factor: select(low, select(lower, abs(fma(x, x, x)), x), factor),
  };
}

/** For x >= -½: (x - ½)(log x - 1) + … when large, else the polynomial ± the logarithm of the recurrence's factor. */
function lgammaRight(x: Scalar): Scalar {
  const { z, factor } = towards2(x);
  const large = ge(x, 2.5 + pick(LGAMMA_STEPS, x));
  const l = log.expand(select(large, x, factor));
  const near = fma(mul(z, add(z, 1)), polynomial(z, LGAMMA), select(lt(x, LGAMMA_UPWARDS), neg(l), l));
  const t = div(1, x);
  const series = fma(t, polynomial(mul(t, t), STIRLING), LOG_2PI_HALF - 0.5);
  return select(large, fma(sub(x, 0.5), sub(l, 1), series), near);
}

/** log|Γ(x)|; infinite at the poles and at both infinities. */
export const lgamma: UnaryExpansion = defineUnary("lgamma", reference.lgamma, (x) => {
  const left = lt(x, -0.5);
  const right = lgammaRight(select(left, neg(x), x));
  const reflected = sub(sub(LOG_PI, log.expand(mul(abs(x), halfTurns(x).sine))), right);
  return select(isPole(x), Number.POSITIVE_INFINITY, select(left, reflected, right));
});

/** digamma(3/2 + z)/(3/2 + z - root), |z| <= ½: 2^-28 and 2^-58. */
const DIGAMMA: Coefficients = {
  float32: [
    0.011134344, -0.01640758, 0.016972002, -0.025769165, 0.040880863, -0.06205904, 0.094981976, -0.14839867,
    0.24054262, -0.4236275, 0.9510559,
  ],
  float64: [
    0.00012151993878772765, -0.00017884990923644137, 9.284800730399808e-5, -0.00014400859360266902,
    0.0003261285469258019, -0.0004863819810903438, 0.0006902049771819189, -0.0010363280526880525,
    0.0015635182185482243, -0.0023455188585441438, 0.0035180868912993465, -0.00527993444546303,
    0.007927023468635334, -0.011908220310674017, 0.01790724822880316, -0.026975796650846387,
    0.04076083394357776, -0.0619221332757023, 0.09498872445284719, -0.14840492305387856, 0.24054248424078725,
    -0.4236274212814606, 0.9510558760318328,
  ],
};
/** The positive zero of digamma, in two parts. */
const ROOT: PerFloat<{ readonly high: number; readonly low: number }> = {
  float32: { high: 1.4616321325302124, low: 1.243814993891891e-8 },
  float64: { high: 1.4616321449683622, low: 9.549995429965697e-17 },
};
/** x²·(log(x) - 1/(2x) - digamma(x)) in 1/x², minimax from where it is used. */
const DIGAMMA_SERIES: Coefficients = {
  float32: [0.0036227498, -0.008325599, 0.083333306],
  float64: [
    0.063671662903292, -0.020700360336141366, 0.007571731740849556, -0.0041666451678846325,
    0.003968253913231089, -0.008333333333280369, 0.08333333333333333,
  ],
};
/** Recurrences downwards; the series takes over at 2 + steps. */
const DIGAMMA_STEPS: PerFloat<number> = { float32: 2, float64: 6 };

/** digamma(x) = digamma(y) + sum, y in [1, 2]; the sum of reciprocals is one fraction. */
function towardsRoot(x: Scalar): { readonly y: Scalar; readonly sum: Scalar } {
  const below = lt(x, 1);
  let y = select(below, add(x, 1), x);
  let numerator = select(below, constant(-1, x.dtype), 0);
  let denominator = select(below, x, 1);
  for (let i = 0; i < pick(DIGAMMA_STEPS, x); i++) {
    const far = gt(y, 2);
    const next = sub(y, 1);
    numerator = select(far, fma(numerator, next, denominator), numerator);
    denominator = select(far, mul(denominator, next), denominator);
    y = select(far, next, y);
  }
  return { y, sum: div(numerator, denominator) };
}

/** For x >= 0. */
function digammaRight(x: Scalar): Scalar {
  const { y, sum } = towardsRoot(x);
  const root = pick(ROOT, x);
  const near = fma(sub(sub(y, root.high), root.low), polynomial(sub(y, 1.5), DIGAMMA), sum);
  const t = div(1, x);
  const u = mul(t, t);
  const far = sub(log.expand(x), fma(t, 0.5, mul(u, polynomial(u, DIGAMMA_SERIES))));
  return select(ge(x, 2 + pick(DIGAMMA_STEPS, x)), far, near);
}

/** Γ'(x)/Γ(x); NaN at the poles, as XLA has it. */
export const digamma: UnaryExpansion = defineUnary("digamma", reference.digamma, (x) => {
  const left = lt(x, 0);
  const right = digammaRight(select(left, sub(1, x), x));
  const reflected = sub(right, mul(halfTurns(x).cotangent, Math.PI));
  return select(isPole(x), Number.NaN, select(left, reflected, right));
});
