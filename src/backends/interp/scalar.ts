/**
 * The meaning of every scalar function of core/emit.ts: the one table that the interpreter runs, that constants are folded
 * with, and that other backends are tested against.
 *
 * A value is a JavaScript number: integers in their own range (uint32 is never negative), bool 0 or 1, float32 a number
 * that Math.fround keeps. Functions of floats are computed in double precision and rounded once.
 */

import { FAR, type MachineFn } from "../../compiler/ir/nodes.ts";
import type { DType, TypedArray } from "../../core/dtype.ts";
import { byteSize, DTYPES, kindOf, limits } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/emit.ts";
import { digamma, erf, erfc, erfInv, lgamma } from "./special.ts";

export type Unary = (x: number) => number;
export type Binary = (x: number, y: number) => number;

// ---------------------------------------------------------------------------------------------- rounding and wrapping

const WRAP: Readonly<Record<DType, Unary>> = {
  float32: Math.fround,
  float64: (x) => x,
  int32: (x) => x | 0,
  uint32: (x) => x >>> 0,
  int16: (x) => (x << 16) >> 16,
  uint16: (x) => x & 0xffff,
  int8: (x) => (x << 24) >> 24,
  uint8: (x) => x & 0xff,
  bool: (x) => (x === 0 ? 0 : 1),
};
/** The value of a dtype that a number becomes: floats round, integers keep their low bits, bool is `!= 0`. */
export const wrap = (dtype: DType): Unary => WRAP[dtype];

const bitsOf = (dtype: DType): number => 8 * byteSize(dtype);
/** The bits of an integer of this width as a number >= 0, and as a two's complement number. */
const unsigned = (x: number, bits: number): number => (bits === 32 ? x >>> 0 : x & (2 ** bits - 1));
const signed = (x: number, bits: number): number => (x << (32 - bits)) >> (32 - bits);

// ---------------------------------------------------------------------------------------------- one operand

/** Half to even. */
function rint(x: number): number {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const low = Math.floor(x);
  const up = x - low > 0.5 || (x - low === 0.5 && low % 2 !== 0);
  return copysign(up ? low + 1 : low, x);
}

function logistic(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

function popcount(x: number): number {
  let [count, rest] = [0, x >>> 0];
  for (; rest !== 0; rest &= rest - 1) count++;
  return count;
}

const FLOAT_UNARY: Readonly<Record<Exclude<UnaryFn, "not" | "popcount" | "clz">, Unary>> = {
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  rint,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  tanh: Math.tanh,
  logistic,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  erfc,
  erfInv,
  cbrt: Math.cbrt,
  lgamma,
  digamma,
};

const integerUnary = (dtype: DType): Partial<Record<UnaryFn, Unary>> => ({
  neg: (x) => -x,
  abs: Math.abs,
  not: (x) => ~x,
  popcount: (x) => popcount(unsigned(x, bitsOf(dtype))),
  clz: (x) => Math.clz32(unsigned(x, bitsOf(dtype))) - (32 - bitsOf(dtype)),
});

const BOOL_UNARY: Partial<Record<UnaryFn, Unary>> = { not: (x) => 1 - x };

// ---------------------------------------------------------------------------------------------- two operands

const COMPARE: Readonly<Record<"eq" | "ne" | "lt" | "le" | "gt" | "ge", Binary>> = {
  eq: (x, y) => Number(x === y),
  ne: (x, y) => Number(x !== y),
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  gt: (x, y) => Number(x > y),
  ge: (x, y) => Number(x >= y),
};

/** As in C and IEEE 754, where 1 to any power and -1 to an infinite one are 1. */
const pow: Binary = (x, y) =>
  x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;

const BITS = new DataView(new ArrayBuffer(8));
/** The magnitude of x with the sign of y. */
export const copysign: Binary = (x, y) => {
  BITS.setFloat64(0, y);
  return BITS.getInt8(0) < 0 ? -Math.abs(x) : Math.abs(x);
};

const floatBinary = (dtype: DType): Partial<Record<BinaryFn | MachineFn, Binary>> => ({
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  rem: (x, y) => x % y,
  max: Math.max,
  min: Math.min,
  pow,
  atan2: Math.atan2,
  copysign,
  farSin: (x, y) => (isFar(x, dtype) ? Math.sin(x) : y),
  farCos: (x, y) => (isFar(x, dtype) ? Math.cos(x) : y),
  farTan: (x, y) => (isFar(x, dtype) ? Math.tan(x) : y),
});
const isFar = (x: number, dtype: DType): boolean => Math.abs(x) >= FAR[dtype as keyof typeof FAR];

const integerBinary = (dtype: DType): Partial<Record<BinaryFn | MachineFn, Binary>> => {
  const bits = bitsOf(dtype);
  /** A shift amount is a bit pattern, so a negative one is wider than any integer. */
  const shift =
    (within: Binary, beyond: Unary): Binary =>
    (x, y) =>
      unsigned(y, bits) < bits ? within(x, y) : beyond(x);
  return {
    add: (x, y) => x + y,
    sub: (x, y) => x - y,
    mul: Math.imul,
    div: (x, y) => (y === 0 ? -1 : Math.trunc(x / y)),
    rem: (x, y) => (y === 0 ? x : x % y),
    max: Math.max,
    min: Math.min,
    and: (x, y) => x & y,
    or: (x, y) => x | y,
    xor: (x, y) => x ^ y,
    shl: shift(
      (x, y) => x << y,
      () => 0,
    ),
    shrLogical: shift(
      (x, y) => unsigned(x, bits) >>> y,
      () => 0,
    ),
    // The sign is the top bit, of unsigned dtypes too.
    shrArith: shift(
      (x, y) => signed(x, bits) >> y,
      (x) => signed(x, bits) >> 31,
    ),
  };
};

const BOOL_BINARY: Partial<Record<BinaryFn | MachineFn, Binary>> = {
  add: (x, y) => x | y,
  mul: (x, y) => x & y,
  max: (x, y) => x | y,
  min: (x, y) => x & y,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
};

// ---------------------------------------------------------------------------------------------- the table

const DTYPE_NAMES = Object.keys(DTYPES) as DType[];
const tableOf = <T>(make: (dtype: DType) => T): Readonly<Record<DType, T>> =>
  Object.fromEntries(DTYPE_NAMES.map((dtype) => [dtype, make(dtype)])) as Record<DType, T>;

/** Picks a dtype's functions by kind and rounds or wraps their results. */
function rounded<F extends string, G extends Unary | Binary>(
  dtype: DType,
  float: Partial<Record<F, G>>,
  integer: Partial<Record<F, G>>,
  bool: Partial<Record<F, G>>,
): Partial<Record<F, G>> {
  const kind = kindOf(dtype);
  const raw = kind === "float" ? float : kind === "bool" ? bool : integer;
  const fix = wrap(dtype);
  const entries = Object.entries(raw) as [F, (x: number, y: number) => number][];
  return Object.fromEntries(
    entries.map(([fn, f]) => [fn, (x: number, y: number) => fix(f(x, y))]),
  ) as Partial<Record<F, G>>;
}

/** `UNARY[dtype][fn]`: absent where the function does not take the dtype. */
export const UNARY: Readonly<Record<DType, Partial<Readonly<Record<UnaryFn, Unary>>>>> = tableOf((dtype) =>
  rounded<UnaryFn, Unary>(dtype, FLOAT_UNARY, integerUnary(dtype), BOOL_UNARY),
);

/** `BINARY[dtype][fn]`: by operand dtype; comparisons give 0 or 1. */
export const BINARY: Readonly<Record<DType, Partial<Readonly<Record<BinaryFn | MachineFn, Binary>>>>> =
  tableOf((dtype) => ({
    ...rounded<BinaryFn | MachineFn, Binary>(dtype, floatBinary(dtype), integerBinary(dtype), BOOL_BINARY),
    ...COMPARE,
  }));

/** x·y + z of one dtype; float32 rounds as if once (the product is exact in double precision). */
export const fma = (dtype: DType, x: number, y: number, z: number): number => wrap(dtype)(x * y + z);

/** The conversion of values: float to integer truncates and saturates, NaN gives 0; to bool is `!= 0`. */
export function convert(from: DType, to: DType): Unary {
  if (kindOf(from) !== "float" || kindOf(to) === "float" || to === "bool") return wrap(to);
  const { min, max } = limits(to);
  return (x) => (Number.isNaN(x) ? 0 : Math.min(max, Math.max(min, Math.trunc(x))) + 0);
}

/** The same bits as another dtype of the same width. */
export function bitcast(from: DType, to: DType): Unary {
  const bytes = new ArrayBuffer(8);
  const [source, target]: TypedArray[] = [new DTYPES[from].array(bytes), new DTYPES[to].array(bytes)];
  return (x) => {
    source![0] = x;
    return target![0]!;
  };
}
