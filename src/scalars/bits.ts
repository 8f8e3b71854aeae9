/**
 * Significands and exponents: the part that depends on how floats are stored. float32 works on its bits. float64 has no
 * integer of its width here, so it goes through float32, whose exponents are made to suffice.
 */
import type { Scalar } from "../core/lowering.ts";
import {
  add,
  and,
  bitcast,
  constant,
  convert,
  floatOf,
  fma,
  ge,
  lt,
  mul,
  rint,
  select,
  shl,
  shrArith,
  sub,
  toFloat,
  truncated,
} from "./ops.ts";

const bitsOf = (x: Scalar): Scalar => bitcast(x, "int32");
const floatOfBits = (x: Scalar): Scalar => bitcast(x, "float32");

const MANTISSA = 23;
const BIAS = 127;
/** Added to a float32, it leaves the nearest integer in the low bits. */
const MAGIC = 1.5 * 2 ** MANTISSA;

export interface Rounded {
  /** The integer nearest to x·scale, as a float. */
  readonly n: Scalar;
  /** An int32 whose low bits are those of n. */
  readonly bits: Scalar;
}

/** Rounds x·scale to an integer, for float32 less than 2^22 in size. */
export function roundInteger(x: Scalar, scale: number): Rounded {
  if (floatOf(x) === "float32") {
    const shifted = fma(x, scale, MAGIC);
    return { n: sub(shifted, MAGIC), bits: bitsOf(shifted) };
  }
  const n = rint(mul(x, scale));
  return { n, bits: truncated(n) };
}

interface Exponent {
  /** The integer nearest to x·scale, as a float. */
  readonly n: Scalar;
  /** 2^(n + offset). */
  readonly power: Scalar;
}

/** Rounds x·scale to an integer, which may be an exponent: n + offset in [-126, 127] for float32, [-560, 1023] for float64. */
export const roundExponent = (x: Scalar, scale: number, offset = 0): Exponent =>
  floatOf(x) === "float32" ? roundExponent32(x, scale, offset) : roundExponent64(x, scale, offset);

/** The biased exponent comes out of the rounding addition: three operations. */
function roundExponent32(x: Scalar, scale: number, offset: number): Exponent {
  const magic = MAGIC + BIAS + offset;
  const shifted = fma(x, scale, magic);
  return { n: sub(shifted, magic), power: floatOfBits(shl(bitsOf(shifted), MANTISSA)) };
}

/** 2^k = (2^⌊k/8⌋)^8 · 2^(k mod 8), each factor a float32. */
function roundExponent64(x: Scalar, scale: number, offset: number): Exponent {
  const { bits } = roundInteger(x, scale);
  const k = add(bits, offset);
  const factor = (exponent: Scalar): Scalar =>
    convert(floatOfBits(shl(add(exponent, BIAS), MANTISSA)), "float64");
  const eighth = factor(shrArith(k, 3));
  const square = mul(eighth, eighth);
  const fourth = mul(square, square);
  return { n: toFloat(bits, "float64"), power: mul(mul(fourth, factor(and(k, 7))), fourth) };
}

export interface Parts {
  /** x = m·2^e; e is an integer as a float. */
  readonly e: Scalar;
  /** In [√½, √2). */
  readonly m: Scalar;
}

/** Significand and exponent of a positive finite number, subnormal ones included; unspecified for others. */
export function decompose(x: Scalar): Parts {
  return floatOf(x) === "float32" ? decompose32(x) : decompose64(x);
}

const SQRT_HALF_BITS = 0x3f3504f3;
/** ⌊log2(x/√½)⌋ of a normal float32. */
const exponentBits = (bits: Scalar): Scalar => shrArith(sub(bits, SQRT_HALF_BITS), MANTISSA);

function decompose32(x: Scalar): Parts {
  const tiny = lt(x, 2 ** -126);
  const bits = bitsOf(select(tiny, mul(x, 2 ** 24), x));
  const k = exponentBits(bits);
  const e = sub(toFloat(k, "float32"), select(tiny, constant(24, "float32"), 0));
  return { e, m: floatOfBits(sub(bits, shl(k, MANTISSA))) };
}

/** Steps that bring any float64 into [2^-126, 2^126): at or above 2^at, times 2^-down; below 2^-at, times 2^up. */
const LADDER = [
  { at: 512, down: 512, up: 562 },
  { at: 256, down: 256, up: 256 },
  { at: 126, down: 130, up: 130 },
];

function decompose64(x: Scalar): Parts {
  let e: Scalar = constant(0, "float64");
  let y = x;
  for (const { at, down, up } of LADDER) {
    const [big, small] = [ge(y, 2 ** at), lt(y, 2 ** -at)];
    const choose = (whenBig: number, whenSmall: number, otherwise: number): Scalar =>
      select(big, constant(whenBig, "float64"), select(small, constant(whenSmall, "float64"), otherwise));
    e = add(e, choose(down, -up, 0));
    y = mul(y, choose(2 ** -down, 2 ** up, 1));
  }
  const k = exponentBits(bitsOf(convert(y, "float32")));
  const inverse = floatOfBits(shl(sub(BIAS, k), MANTISSA));
  return { e: add(e, toFloat(k, "float64")), m: mul(y, convert(inverse, "float64")) };
}

const HIGH_MASK = -(2 ** 12);
/** The leading half of the significand: products of two such numbers are exact, and so is x - high(x). */
export const high = (x: Scalar): Scalar =>
  floatOf(x) === "float32"
    ? floatOfBits(and(bitsOf(x), HIGH_MASK))
    : convert(convert(x, "float32"), "float64");
