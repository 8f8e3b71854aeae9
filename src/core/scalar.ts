/**
 * The functions of scalars that machines have, a record each: which operands they take, what they give, what they cost. Functions that
 * machines lack have theirs in `scalars/`.
 *
 * A value is a JavaScript number: integers in their own range (uint32 is never negative), bool 0 or 1, float32 a number that Math.fround
 * keeps. Functions of floats are computed in double precision and rounded once. The interpreter runs this table, constants are folded
 * with it, and backends are tested against it.
 */
import { byteSize, type DType, kindOf, limits } from "./dtype.ts";

/** Float dtypes unless noted. Integers wrap. */
export type BasicUnary =
  | "neg"
  | "abs"
  | "not" // neg, abs: also integers; not: bitwise on integers, logical on bool
  | "sqrt"
  | "floor"
  | "ceil"
  | "trunc"
  | "rint"
  | "popcount"
  | "clz"; // integers

/** Both operands have one dtype, which is the result's (comparisons: bool). */
export type BasicBinary =
  | "add"
  | "sub"
  | "mul" // integers wrap; on bool: add = or, mul = and
  | "div"
  | "rem" // integers truncate (div by 0 gives -1, rem by 0 gives the dividend); floats as in C
  | "max"
  | "min" // NaN wins
  | "copysign" // the magnitude of x with the sign of y, also of a NaN
  | "and"
  | "or"
  | "xor" // integers and bool
  | "shl"
  | "shrLogical"
  | "shrArith" // shift >= width gives 0, or the sign for shrArith
  | Comparison;
type Comparison = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/**
 * Binary functions that only expansions introduce. `farSin(x, y)`: y, but the sine of x where it is too large for the expansion;
 * so on. Backends ask the platform, one element at a time.
 */
export type MachineFn = "farSin" | "farCos" | "farTan";

/** Where the range of the expansions of sin, cos and tan ends. */
export const FAR: Readonly<Record<"float32" | "float64", number>> = { float32: 2 ** 22, float64: 2 ** 25 };

/**
 * - cheap: one instruction or two, so that computing it again costs less than storing it;
 * - plain: some;
 * - slow: an instruction that takes as long as a dozen others, or many of them.
 */
type Cost = "cheap" | "plain" | "slow";

type Evaluate = (x: number, y: number, dtype: DType) => number;

interface ScalarFunction {
  readonly cost: Cost;
  /** The value before it is rounded or wrapped, by kind of operand; absent where it does not take such. */
  readonly float?: Evaluate;
  readonly integer?: Evaluate;
  readonly bool?: Evaluate;
  /** The result is a bool. */
  readonly compares?: boolean;
  /** Machines may differ in a bit. */
  readonly inexact?: boolean;
}

const bitsOf = (dtype: DType): number => 8 * byteSize(dtype);
/** The bits of an integer of this width as a number >= 0, and as a two's complement number. */
const unsigned = (x: number, bits: number): number => (bits === 32 ? x >>> 0 : x & (2 ** bits - 1));
const signed = (x: number, bits: number): number => (x << (32 - bits)) >> (32 - bits);

/** Half to even. */
function rint(x: number): number {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const low = Math.floor(x);
  const up = x - low > 0.5 || (x - low === 0.5 && low % 2 !== 0);
  return copysign(up ? low + 1 : low, x);
}

function popcount(x: number): number {
  let [count, rest] = [0, x >>> 0];
  for (; rest !== 0; rest &= rest - 1) count++;
  return count;
}

const BITS = new DataView(new ArrayBuffer(8));
/** The magnitude of x with the sign of y. */
function copysign(x: number, y: number): number {
  BITS.setFloat64(0, y);
  return BITS.getInt8(0) < 0 ? -Math.abs(x) : Math.abs(x);
}

const float = (evaluate: Evaluate, cost: Cost = "cheap"): ScalarFunction => ({ cost, float: evaluate });
const number = (evaluate: Evaluate): ScalarFunction => ({
  cost: "cheap",
  float: evaluate,
  integer: evaluate,
});
const bits = (evaluate: Evaluate): ScalarFunction => ({ cost: "cheap", integer: evaluate, bool: evaluate });
const integer = (evaluate: Evaluate): ScalarFunction => ({ cost: "plain", integer: evaluate });

export const UNARY: Readonly<Record<BasicUnary, ScalarFunction>> = {
  neg: number((x) => -x),
  abs: number(Math.abs),
  not: { cost: "cheap", integer: (x) => ~x, bool: (x) => 1 - x },
  sqrt: float(Math.sqrt, "slow"),
  floor: float(Math.floor),
  ceil: float(Math.ceil),
  trunc: float(Math.trunc),
  rint: float(rint, "plain"),
  popcount: integer((x, _, dtype) => popcount(unsigned(x, bitsOf(dtype)))),
  clz: integer((x, _, dtype) => Math.clz32(unsigned(x, bitsOf(dtype))) - (32 - bitsOf(dtype))),
};

const comparison = (holds: (x: number, y: number) => boolean): ScalarFunction => {
  const evaluate: Evaluate = (x, y) => Number(holds(x, y));
  return { cost: "cheap", float: evaluate, integer: evaluate, bool: evaluate, compares: true };
};
/** A shift amount is a bit pattern, so a negative one is wider than any integer. */
const shift = (
  within: (x: number, y: number, bits: number) => number,
  beyond: (x: number, bits: number) => number,
): ScalarFunction =>
  integer((x, y, dtype) => {
    const width = bitsOf(dtype);
    return unsigned(y, width) < width ? within(x, y, width) : beyond(x, width);
  });
const far = (evaluate: (x: number) => number): ScalarFunction => ({
  ...float((x, y, dtype) => (Math.abs(x) >= FAR[dtype as keyof typeof FAR] ? evaluate(x) : y), "plain"),
  inexact: true,
});

export const BINARY: Readonly<Record<BasicBinary | MachineFn, ScalarFunction>> = {
  add: { ...number((x, y) => x + y), bool: (x, y) => x | y },
  sub: number((x, y) => x - y),
  mul: { cost: "cheap", float: (x, y) => x * y, integer: Math.imul, bool: (x, y) => x & y },
  div: { cost: "slow", float: (x, y) => x / y, integer: (x, y) => (y === 0 ? -1 : Math.trunc(x / y)) },
  rem: { cost: "slow", float: (x, y) => x % y, integer: (x, y) => (y === 0 ? x : x % y) },
  max: { ...number((x, y) => Math.max(x, y)), bool: (x, y) => x | y },
  min: { ...number((x, y) => Math.min(x, y)), bool: (x, y) => x & y },
  // Of a NaN's sign JavaScript knows nothing.
  copysign: { ...float(copysign, "plain"), inexact: true },
  and: bits((x, y) => x & y),
  or: bits((x, y) => x | y),
  xor: bits((x, y) => x ^ y),
  shl: shift(
    (x, y) => x << y,
    () => 0,
  ),
  shrLogical: shift(
    (x, y, width) => unsigned(x, width) >>> y,
    () => 0,
  ),
  // The sign is the top bit, of unsigned dtypes too.
  shrArith: shift(
    (x, y, width) => signed(x, width) >> y,
    (x, width) => signed(x, width) >> 31,
  ),
  eq: comparison((x, y) => x === y),
  ne: comparison((x, y) => x !== y),
  lt: comparison((x, y) => x < y),
  le: comparison((x, y) => x <= y),
  gt: comparison((x, y) => x > y),
  ge: comparison((x, y) => x >= y),
  farSin: far(Math.sin),
  farCos: far(Math.cos),
  farTan: far(Math.tan),
};

/** The record of a function that machines have; undefined for others. */
export const basicFunction = (fn: string): ScalarFunction | undefined =>
  Object.hasOwn(UNARY, fn)
    ? UNARY[fn as BasicUnary]
    : Object.hasOwn(BINARY, fn)
      ? BINARY[fn as BasicBinary]
      : undefined;

/** What a function costs; those that machines lack are slow. */
export const costOf = (fn: string): Cost => basicFunction(fn)?.cost ?? "slow";

/** The function on elements of a dtype, before rounding; undefined where it does not take them. */
export function evaluationOf(record: ScalarFunction, dtype: DType): Evaluate | undefined {
  const kind = kindOf(dtype);
  return kind === "float" ? record.float : kind === "bool" ? record.bool : record.integer;
}

const WRAP: Readonly<Record<DType, (x: number) => number>> = {
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
export const wrap = (dtype: DType): ((x: number) => number) => WRAP[dtype];

/** The conversion of values: float to integer truncates and saturates, NaN gives 0; to bool is `!= 0`. */
export function conversion(from: DType, to: DType): (x: number) => number {
  if (kindOf(from) !== "float" || kindOf(to) === "float" || to === "bool") return wrap(to);
  const { min, max } = limits(to);
  return (x) => (Number.isNaN(x) ? 0 : Math.min(max, Math.max(min, Math.trunc(x))) + 0);
}
