/**
 * sin, cos, tan: x minus the nearest multiple of π/2, exactly enough for full relative precision near the zeros, then the
 * Taylor-like minimax polynomials of sin and cos on [-π/4, π/4].
 *
 * Range: |x| < `FAR`. Arguments beyond, rare as they are, would double the work of all: they are left to the platform's
 * functions, which reduce exactly (Payne and Hanek 1983).
 */
import type { MachineFn, Scalar, UnaryExpansion } from "../core/lowering.ts";
import { type Rounded, roundInteger } from "./bits.ts";
import { defineUnary } from "./expansion.ts";
import {
  abs,
  add,
  and,
  binary,
  type Coefficients,
  constant,
  copysign,
  div,
  floatOf,
  fma,
  mul,
  ne,
  neg,
  oddFromSlope1,
  type PerFloat,
  pick,
  polynomial,
  rint,
  select,
  sub,
} from "./ops.ts";

/** ⌊2^160·π/2⌋. */
const HALF_PI_BITS = 0x1921fb54442d18469898cc51701b839a252049c11n;
const HALF_PI_SCALE = 160n;

/** Digit i >= 1 of π/2 in base 2^width, scaled to its place: the first is an integer part of one bit and `width - 1` fraction bits. */
function digit(i: number, width: number): number {
  const place = BigInt(i * width - 1);
  const digits = (HALF_PI_BITS >> (HALF_PI_SCALE - place)) & ((1n << BigInt(width)) - 1n);
  return Number(digits) * 2 ** -Number(place);
}

interface Scheme {
  /** Bits of a digit of π/2 and of a multiplier; their products are exact with two bits to spare for sums. */
  readonly width: number;
  /** Multipliers: x/(π/2) = Σ k_j·2^(width·j), 0 <= j < stages. */
  readonly stages: number;
  /** Last place of the result that is computed, in digits. */
  readonly levels: number;
}
/** `width` times `stages` bits are the exponent of `FAR`. */
const SCHEME: PerFloat<Scheme> = {
  float32: { width: 11, stages: 2, levels: 6 },
  float64: { width: 25, stages: 1, levels: 6 },
};

interface Multiplier {
  readonly stage: number;
  readonly k: Rounded;
}

/** Σ k_j·2^(width·j)·digit(level + j): everything at one place, an exact sum. */
function place(ks: readonly Multiplier[], level: number, width: number): Scalar | undefined {
  let sum: Scalar | undefined;
  for (const { stage, k } of ks) {
    const part = digit(level + stage, width) * 2 ** (width * stage);
    sum = sum ? fma(k.n, part, sum) : mul(k.n, part);
  }
  return sum;
}
const minus = (x: Scalar, y: Scalar | undefined): Scalar => (y ? sub(x, y) : x);

interface Reduced {
  /** In [-π/4, π/4], up to rounding. */
  readonly r: Scalar;
  /** Of x - r in quarter turns, the low bits of an int32. */
  readonly quadrant: Scalar;
}

/**
 * Cody and Waite with several multipliers, place by place from the top: each partial difference is a multiple of the
 * current place and too small to need more digits than a float has, so it is exact until it is the result. For x >= 0.
 */
function reduce(x: Scalar): Reduced {
  const { width, stages, levels } = pick(SCHEME, x);
  const ks: Multiplier[] = [];
  let rest = x;
  for (let stage = stages - 1; stage >= 0; stage--) {
    rest = minus(rest, place(ks, 1 - stage, width));
    const estimate = minus(rest, place(ks, 2 - stage, width));
    const k = roundInteger(estimate, (2 / Math.PI) * 2 ** (-width * stage));
    rest = sub(rest, place([{ stage, k }], 1 - stage, width)!);
    ks.push({ stage, k });
  }
  for (let level = 2; level <= levels; level++) rest = minus(rest, place(ks, level, width));
  return { r: rest, quadrant: ks.at(-1)!.k.bits };
}

/** The float nearest to π/2, the one nearest to what that leaves, and the one nearest to what both leave. */
function halfPi(round: (x: number) => number): readonly number[] {
  let rest = HALF_PI_BITS;
  const scale = Number(HALF_PI_SCALE);
  return [0, 1, 2].map(() => {
    const part = round(Number(rest) * 2 ** -scale);
    rest -= BigInt(part * 2 ** scale);
    return part;
  });
}
const HALF_PI: PerFloat<readonly number[]> = { float32: halfPi(Math.fround), float64: halfPi(Number) };

/**
 * Cody and Waite where a multiply-add rounds once, for x >= 0: x - k·c1 is exact, since it is less than 2 and a multiple of the
 * last place of c1 or of x. Below `FAR` the quotient of a float32 may be off by a quarter, so that it is taken twice.
 */
function reduceFused(x: Scalar): Reduced {
  const [c1, c2, c3] = pick(HALF_PI, x) as [number, number, number];
  const turns = (y: Scalar): Rounded => roundInteger(y, 2 / Math.PI);
  let { n: k, bits: quadrant } = turns(x);
  let rest = fma(k, -c1, x);
  if (floatOf(x) === "float32") {
    const more = turns(fma(k, -c2, rest));
    rest = fma(more.n, -c1, rest);
    k = add(k, more.n);
    quadrant = add(quadrant, more.bits);
  }
  return { r: fma(k, -c3, fma(k, -c2, rest)), quadrant };
}

/** (sin(r) - r)/r³ and (cos(r) - 1 + r²/2)/r⁴ in r²; 2^-27 and 2^-57, 2^-33 and 2^-64. */
const SIN: Coefficients = {
  float32: [-0.0001951089, 0.008332132, -0.16666654],
  float64: [
    1.5893598774348158e-10, -2.505070429989131e-8, 2.75573133577146e-6, -0.00019841269828875204,
    0.008333333333321293, -0.16666666666666627,
  ],
};
const COS: Coefficients = {
  float32: [2.443131e-5, -0.0013887307, 0.041666646],
  float64: [
    -1.1357463119027166e-11, 2.08756821790887e-9, -2.755731405899427e-7, 2.4801587288501517e-5,
    -0.0013888888888872616, 0.04166666666666659,
  ],
};

function cosine(r: Scalar): Scalar {
  const z = mul(r, r);
  return fma(z, fma(z, polynomial(z, COS), -0.5), 1);
}

const hasBit = (quadrant: Scalar, bit: number): Scalar => ne(and(quadrant, bit), 0);
const signOf = (x: Scalar): Scalar => copysign(constant(1, x.dtype), x);

/** The sine of a reduced argument `turns` quarter turns later. */
function sineAt({ r, quadrant }: Reduced, turns: number): Scalar {
  const q = add(quadrant, turns);
  const value = select(hasBit(q, 1), cosine(r), oddFromSlope1(r, SIN));
  return select(hasBit(q, 2), neg(value), value);
}

type Reduce = (x: Scalar) => Reduced;
type Periodic = (reduce: Reduce, x: Scalar) => Scalar;

/** A function of x and of how its absolute value is reduced, which depends on the machine. */
function periodic(fn: "sin" | "cos" | "tan", far: MachineFn, near: Periodic): UnaryExpansion {
  const by = (reduce: Reduce) => (x: Scalar) => binary(far)(x, near(reduce, x));
  return defineUnary(fn, Math[fn], by(reduce), by(reduceFused));
}

export const sin: UnaryExpansion = /* @__PURE__ */ periodic("sin", "farSin", (reduced, x) =>
  mul(sineAt(reduced(abs(x)), 0), signOf(x)),
);
export const cos: UnaryExpansion = /* @__PURE__ */ periodic("cos", "farCos", (reduced, x) =>
  sineAt(reduced(abs(x)), 1),
);
export const tan: UnaryExpansion = /* @__PURE__ */ periodic("tan", "farTan", tangent);

function tangent(reduced: Reduce, x: Scalar): Scalar {
  const { r, quadrant } = reduced(abs(x));
  const [s, c] = [oddFromSlope1(r, SIN), cosine(r)];
  const cotangent = hasBit(quadrant, 1);
  const value = div(select(cotangent, neg(c), s), select(cotangent, s, c));
  return mul(value, signOf(x));
}

/** sin(πr)/r in r², |r| <= ½: 2^-27 and 2^-52. */
const SIN_PI: Coefficients = {
  float32: [0.07755865, -0.5982414, 2.5500696, -5.16771, Math.PI],
  float64: [
    -2.1122637883438784e-5,
    0.00046597735653951456,
    -0.007370360987346752,
    0.08214587824306198,
    -0.5992645287746073,
    2.550164039859734,
    -5.167712780049752,
    Math.PI,
  ],
};

/** |sin(πx)| and cot(πx), exactly 0 and infinite at integers. */
export function halfTurns(x: Scalar): { readonly sine: Scalar; readonly cotangent: Scalar } {
  const r = sub(x, rint(x));
  const a = abs(r);
  const at = (y: Scalar): Scalar => mul(y, polynomial(mul(y, y), SIN_PI));
  const sine = at(a);
  return { sine, cotangent: copysign(div(at(sub(0.5, a)), sine), r) };
}
