/** x^y and the cube root. */
import type { BinaryExpansion, Scalar, UnaryExpansion } from "../core/lowering.ts";
import { decompose, high, roundExponent } from "./bits.ts";
import { assemble, expNearZero } from "./exp.ts";
import { defineBinary, defineUnary } from "./expansion.ts";
import {
  abs,
  add,
  and,
  type Coefficients,
  clamp,
  constant,
  copysign,
  div,
  eq,
  fma,
  gt,
  horner,
  lt,
  mul,
  ne,
  or,
  type PerFloat,
  pick,
  polynomial,
  rint,
  select,
  sqrt,
  sub,
  valueOf,
  xor,
} from "./ops.ts";

/** A number as an unevaluated sum; `head` has half the digits, so that its product with another head is exact. */
interface Double {
  readonly head: Scalar;
  readonly tail: Scalar;
}

/** 3·(atanh(s)/s - 1 - s²/3)/s⁴ in s²; times s⁴/3 2^-36 and 2^-73. */
const ATANH: Coefficients = {
  float32: [0.35146132, 0.4281997, 0.60000235],
  float64: [
    0.18006562809112667, 0.175094578962859, 0.20004612667205446, 0.23076831757464805, 0.27272728357446463,
    0.33333333325882086, 0.428571428571694, 0.5999999999999996,
  ],
};
/** 2/(3 ln 2), its head of 12 and 24 bits; together twice as precise as one float. */
const TWO_OVER_3_LN2 = 0.9617966939259756;
const TWO_OVER_3_LN2_PARTS: PerFloat<{ readonly head: number; readonly tail: number }> = {
  float32: { head: 0.961669921875, tail: 0.0001267720509756049 },
  float64: { head: 0.9617966413497925, tail: 5.2576183124437864e-8 },
};

/** (m - 1)/(m + 1), |error| about the square of a rounding. */
function ratio(m: Scalar): Double & { readonly value: Scalar } {
  const a = sub(m, 1);
  const b = add(m, 1);
  const inverse = div(1, b);
  const value = mul(a, inverse);
  const head = high(value);
  const bHead = high(b);
  const bTail = sub(m, sub(bHead, 1));
  const rest = sub(sub(a, mul(head, bHead)), mul(head, bTail));
  return { value, head, tail: mul(inverse, rest) };
}

/**
 * log2(x) of positive finite x in half as many digits again: 2/(3 ln 2)·s·(3 + s² + …) + e. The scheme is fdlibm's
 * (e_powf.c), without its table.
 */
function log2(x: Scalar): Double {
  const { e, m } = decompose(x);
  const s = ratio(m);
  const z = mul(s.value, s.value);
  const square = mul(s.head, s.head);
  const small = fma(mul(z, z), polynomial(z, ATANH), mul(s.tail, add(s.head, s.value)));
  const tHead = high(add(add(square, 3), small));
  const tTail = sub(small, sub(sub(tHead, 3), square));
  const u = mul(s.head, tHead);
  const v = fma(s.tail, tHead, mul(tTail, s.value));
  const pHead = high(add(u, v));
  const pTail = sub(v, sub(pHead, u));
  const factor = pick(TWO_OVER_3_LN2_PARTS, x);
  const w = mul(pHead, factor.head);
  const wTail = fma(pHead, factor.tail, mul(pTail, TWO_OVER_3_LN2));
  const head = high(add(add(w, wTail), e));
  return { head, tail: sub(wTail, sub(sub(head, e), w)) };
}

/** |x|^y beyond is 0 or infinite for every x but 1. */
const LARGEST_Y: PerFloat<number> = { float32: 2 ** 40, float64: 2 ** 70 };
const EXPONENTS: PerFloat<{ readonly low: number; readonly high: number }> = {
  float32: { low: -152, high: 130 },
  float64: { low: -1078, high: 1026 },
};

/** x^y = 2^(y·log2 x) for 0 < x < ∞. */
function powerOfPositive(x: Scalar, anyY: Scalar): Scalar {
  const largest = pick(LARGEST_Y, x);
  const y = clamp(anyY, -largest, largest);
  const l = log2(x);
  const yHead = high(y);
  const product = mul(yHead, l.head);
  const rest = fma(sub(y, yHead), l.head, mul(y, l.tail));
  const range = pick(EXPONENTS, x);
  const { n, power } = roundExponent(clamp(add(product, rest), range.low, range.high), 0.5);
  const r = clamp(add(sub(product, add(n, n)), rest), -1, 1);
  return assemble(expNearZero(mul(r, Math.LN2)), power);
}

/** The special cases are those of C and IEEE 754. */
function general(x: Scalar, y: Scalar): Scalar {
  const a = abs(x);
  const infinity = Number.POSITIVE_INFINITY;
  const limit = select(xor(lt(a, 1), lt(y, 0)), constant(0, x.dtype), infinity);
  const magnitude = select(or(eq(a, 0), eq(a, infinity)), limit, powerOfPositive(a, y));

  const half = mul(y, 0.5);
  const integer = eq(rint(y), y);
  const oddInteger = and(integer, ne(rint(half), half));
  const signed = mul(magnitude, select(oddInteger, copysign(constant(1, x.dtype), x), 1));

  const fraction = ne(rint(y), y);
  const invalid = or(and(and(lt(x, 0), gt(x, -infinity)), fraction), or(ne(x, x), ne(y, y)));
  const one = or(eq(y, 0), eq(x, 1));
  return select(one, 1, select(invalid, Number.NaN, signed));
}

const square = (x: Scalar): Scalar => mul(x, x);
const reciprocal = (x: Scalar): Scalar => div(1, x);
/** The square root of pow: +0 of -0 and +infinity of -infinity. */
const root = (x: Scalar): Scalar =>
  select(eq(x, Number.NEGATIVE_INFINITY), constant(Number.POSITIVE_INFINITY, x.dtype), abs(sqrt(x)));
/** x^y for constant y where a few operations have the value of pow in every special case. */
const CONSTANT_POWERS: ReadonlyMap<number, (x: Scalar) => Scalar> = new Map([
  [0, (x) => constant(1, x.dtype)],
  [1, (x) => x],
  [2, square],
  [3, (x) => mul(square(x), x)],
  [0.5, root],
  [-0.5, (x) => reciprocal(root(x))],
  [4, (x) => square(square(x))],
  [-1, reciprocal],
  [-2, (x) => square(reciprocal(x))],
]);

/** As in C and IEEE 754, where 1 to any power and -1 to an infinite one are 1. */
const powerOf = (x: number, y: number): number =>
  x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;

export const pow: BinaryExpansion = defineBinary("pow", powerOf, (x, y) => {
  const special = CONSTANT_POWERS.get(valueOf(y) ?? Number.NaN);
  return special ? special(x) : general(x, y);
});

/** cbrt(m) on [√½/2, 2√2]: 2^-9. */
const CBRT = [
  -0.01956163357789071, 0.1534241948497649, -0.47416998161650786, 0.8986873271022044, 0.4434653797262497,
];
const CBRT_STEPS: PerFloat<number> = { float32: 1, float64: 2 };

/** 2^(3n)·m, m in [√½/2, 2√2): a polynomial, then Halley's iteration, which cubes the error. */
export const cbrt: UnaryExpansion = defineUnary("cbrt", Math.cbrt, (x) => {
  const a = abs(x);
  const { e, m } = decompose(a);
  const { n, power } = roundExponent(e, 1 / 3);
  const left = sub(e, mul(n, 3));
  const y = mul(m, select(gt(left, 0), constant(2, x.dtype), select(lt(left, 0), constant(0.5, x.dtype), 1)));
  let root = horner(y, CBRT);
  for (let i = 0; i < pick(CBRT_STEPS, x); i++) root = halley(root, y);
  const finite = and(gt(a, 0), lt(a, Number.POSITIVE_INFINITY));
  return select(finite, copysign(mul(root, power), x), x);
});

function halley(root: Scalar, y: Scalar): Scalar {
  const cube = mul(mul(root, root), root);
  return fma(root, div(sub(y, cube), add(add(cube, cube), y)), root);
}
