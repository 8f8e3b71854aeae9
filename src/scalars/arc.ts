/** The inverse trigonometric functions. Polynomials are minimax in relative error. */
import type { BinaryExpansion, Scalar, UnaryExpansion } from "../core/lowering.ts";
import { defineBinary, defineUnary } from "./expansion.ts";
import {
  abs,
  add,
  and,
  type Coefficients,
  constant,
  copysign,
  div,
  eq,
  fma,
  gt,
  lt,
  mul,
  neg,
  oddFromSlope1,
  type PerFloat,
  pick,
  polynomial,
  select,
  sqrt,
  sub,
} from "./ops.ts";

/** (asin(s) - s)/s³ in s², s <= ½: 2^-27 and 2^-56. */
const ASIN: Coefficients = {
  float32: [0.04223098, 0.024141213, 0.045478158, 0.07495236, 0.16666754],
  float64: [
    0.03198109846273205, -0.016325748219317544, 0.019593680909315174, 0.006503785247960133,
    0.012174874984077828, 0.013884361700538219, 0.01735979439782244, 0.02237175202781678, 0.03038195939136702,
    0.04464285682208646, 0.07500000000344649, 0.16666666666665375,
  ],
};

/** With a = |x|: asin(a), or asin(√((1 - a)/2)) where a > ½, of which acos(a) is twice. NaN where a > 1. */
function halved(x: Scalar): { readonly value: Scalar; readonly large: Scalar } {
  const a = abs(x);
  const large = gt(a, 0.5);
  const z = select(large, mul(sub(1, a), 0.5), mul(a, a));
  const s = select(large, sqrt(z), a);
  return { value: fma(mul(s, z), polynomial(z, ASIN), s), large };
}

export const asin: UnaryExpansion = defineUnary("asin", Math.asin, (x) => {
  const { value, large } = halved(x);
  return copysign(select(large, fma(value, -2, Math.PI / 2), value), x);
});

export const acos: UnaryExpansion = defineUnary("acos", Math.acos, (x) => {
  const { value, large } = halved(x);
  const negative = lt(x, 0);
  const outer = fma(select(negative, neg(value), value), 2, select(negative, constant(Math.PI, x.dtype), 0));
  return select(large, outer, sub(Math.PI / 2, copysign(value, x)));
});

/** (atan(t) - t)/t³ in t², t <= tan(π/8): 2^-30 and 2^-55. */
const ATAN: Coefficients = {
  float32: [-0.0608063, 0.10594968, -0.1424372, 0.19998483, -0.33333316],
  float64: [
    0.021258835316549356, -0.043591013252937266, 0.0569257448075379, -0.06641134933244223,
    0.07690070755031735, -0.09090782653801562, 0.11111106667053451, -0.1428571419566993, 0.1999999999909487,
    -0.3333333333333018,
  ],
};

/** atan(low/high) for 0 <= low <= high > 0, in [0, π/4]. */
function atanOfRatio(low: Scalar, high: Scalar): Scalar {
  const large = gt(low, mul(high, Math.SQRT2 - 1));
  const t = div(select(large, sub(low, high), low), select(large, add(low, high), high));
  return add(oddFromSlope1(t, ATAN), select(large, constant(Math.PI / 4, t.dtype), 0));
}

export const atan: UnaryExpansion = defineUnary("atan", Math.atan, (x) => {
  const a = abs(x);
  const inverted = gt(a, 1);
  const angle = atanOfRatio(select(inverted, 1, a), select(inverted, a, 1));
  return copysign(select(inverted, sub(Math.PI / 2, angle), angle), x);
});

/** Above this, the sum of two numbers could overflow. */
const LARGE: PerFloat<number> = { float32: 2 ** 126, float64: 2 ** 1022 };

/** The angle of the point (x, y), signed zeros and infinities as in C. */
export const atan2: BinaryExpansion = defineBinary("atan2", Math.atan2, (y, x) => {
  const [a, b] = [abs(y), abs(x)];
  const steep = gt(a, b);
  const [low, high] = [select(steep, b, a), select(steep, a, b)];
  const infinite = (v: Scalar): Scalar => eq(v, Number.POSITIVE_INFINITY);
  const bothInfinite = and(infinite(low), infinite(high));
  const scale = select(gt(high, pick(LARGE, x)), constant(0.25, x.dtype), 1);
  const scaled = (v: Scalar): Scalar => select(bothInfinite, 1, mul(v, scale));
  const octant = atanOfRatio(scaled(low), select(eq(high, 0), 1, scaled(high)));
  const quadrant = select(steep, sub(Math.PI / 2, octant), octant);
  const backwards = lt(copysign(constant(1, x.dtype), x), 0);
  return copysign(select(backwards, sub(Math.PI, quadrant), quadrant), y);
});
