/** Which instructions a scalar function becomes, by class of its operands. */

import type { DType } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";
import type { BasicBinary, BasicUnary, MachineFn } from "../../core/scalar.ts";
import { LEAVES_RANGE } from "../common/classes.ts";
import { bitsOf, CLASS, type Class, isNarrowInteger, unsupported, wrap } from "./classes.ts";
import type { OpName } from "./encoder/index.ts";
import { i32, type Node, op, select } from "./machine.ts";

type Args = readonly Node[];
/** `bits` is the width of the operands' dtype: narrow integers live extended in 32 bits. */
type Build = (args: Args, bits: number) => Node;
type Row = Partial<Record<Class, OpName | Build>>;

const zero = i32(0);
const one = i32(1);
const minusOne = i32(-1);
const lowBits = (x: Node, bits: number): Node => (bits === 32 ? x : op("i32.and", x, i32(2 ** bits - 1)));
const signExtend = (x: Node, bits: number): Node =>
  bits === 32 ? x : op(bits === 8 ? "i32.extend8_s" : "i32.extend16_s", x);

const floats = (name: string): Row => ({ f32: `f32.${name}` as OpName, f64: `f64.${name}` as OpName });
const ints = (entry: OpName | Build): Row => ({ i32: entry, u32: entry });
const bits = (entry: OpName): Row => ({ i32: entry, u32: entry, bool: entry });

const negate: Build = ([x]) => op("i32.sub", zero, x!);
const absolute: Build = ([x]) => select(op("i32.lt_s", x!, zero), op("i32.sub", zero, x!), x!);

const UNARY: Partial<Record<BasicUnary, Row>> = {
  neg: { ...floats("neg"), ...ints(negate) },
  abs: { ...floats("abs"), i32: absolute, u32: ([x]) => x! },
  not: { ...ints(([x]) => op("i32.xor", x!, minusOne)), bool: "i32.eqz" },
  sqrt: floats("sqrt"),
  floor: floats("floor"),
  ceil: floats("ceil"),
  trunc: floats("trunc"),
  rint: floats("nearest"),
  popcount: ints(([x], width) => op("i32.popcnt", lowBits(x!, width))),
  clz: ints(([x], width) => op("i32.sub", op("i32.clz", lowBits(x!, width)), i32(32 - width))),
};

const pick =
  (name: OpName): Build =>
  ([x, y]) =>
    select(op(name, x!, y!), x!, y!);
const extremum = (name: "max" | "min", signed: OpName, unsigned: OpName, bool: OpName): Row => ({
  ...floats(name),
  i32: pick(signed),
  u32: pick(unsigned),
  bool,
});
const compare = (name: string, hasSign: boolean): Row => ({
  ...floats(name),
  i32: `i32.${name}${hasSign ? "_s" : ""}` as OpName,
  u32: `i32.${name}${hasSign ? "_u" : ""}` as OpName,
  bool: `i32.${name}${hasSign ? "_u" : ""}` as OpName,
});

const isZero = (y: Node): Node =>
  y.constant === undefined ? op("i32.eqz", y) : i32(Number(y.constant === 0));
/** `x` unless the constant or computed condition holds. */
export const unless = (condition: Node, x: Node, otherwise: Node): Node =>
  condition.constant === undefined ? select(condition, otherwise, x) : condition.constant ? otherwise : x;
const overflows = (x: Node, y: Node): Node => {
  if (y.constant !== undefined && y.constant !== -1) return zero;
  return op("i32.and", op("i32.eq", x, i32(-0x8000_0000)), op("i32.eq", y, minusOne));
};

// The divisor is replaced by 1 where the instruction would trap: INT_MIN / 1 is what INT_MIN / -1 should be.
const divideSigned: Build = ([x, y]) => {
  const byZero = isZero(y!);
  const safe = unless(overflows(x!, y!), unless(byZero, y!, one), one);
  return unless(byZero, op("i32.div_s", x!, safe), minusOne);
};
const divideUnsigned: Build = ([x, y]) =>
  unless(isZero(y!), op("i32.div_u", x!, unless(isZero(y!), y!, one)), minusOne);
const remainder =
  (name: OpName): Build =>
  ([x, y]) =>
    unless(isZero(y!), op(name, x!, unless(isZero(y!), y!, one)), x!);

/** Whether a shift amount reaches the width; the instructions would take it modulo 32. */
export const reaches = (amount: Node, width: number): Node =>
  amount.constant === undefined
    ? op("i32.ge_u", amount, i32(width))
    : i32(Number(amount.constant >>> 0 >= width));
const shiftOut =
  (name: OpName, prepare: (x: Node, width: number) => Node): Build =>
  ([x, y], width) =>
    unless(reaches(y!, width), op(name, prepare(x!, width), y!), zero);
/** The sign bit of the width fills up, also for unsigned dtypes. */
const shiftSigned: Build = ([x, y], width) =>
  op("i32.shr_s", signExtend(x!, width), unless(reaches(y!, width), y!, i32(width - 1)));

const BINARY: Partial<Record<BasicBinary | MachineFn, Row>> = {
  add: { ...floats("add"), ...ints("i32.add"), bool: "i32.or" },
  sub: { ...floats("sub"), ...ints("i32.sub") },
  mul: { ...floats("mul"), ...ints("i32.mul"), bool: "i32.and" },
  div: { ...floats("div"), i32: divideSigned, u32: divideUnsigned },
  rem: { i32: remainder("i32.rem_s"), u32: remainder("i32.rem_u") },
  max: extremum("max", "i32.gt_s", "i32.gt_u", "i32.or"),
  min: extremum("min", "i32.lt_s", "i32.lt_u", "i32.and"),
  copysign: floats("copysign"),
  and: bits("i32.and"),
  or: bits("i32.or"),
  xor: bits("i32.xor"),
  shl: ints(shiftOut("i32.shl", (x) => x)),
  shrLogical: ints(shiftOut("i32.shr_u", lowBits)),
  shrArith: ints(shiftSigned),
  eq: compare("eq", false),
  ne: compare("ne", false),
  lt: compare("lt", true),
  le: compare("le", true),
  gt: compare("gt", true),
  ge: compare("ge", true),
};

function apply(row: Row | undefined, fn: string, dtype: DType, args: Args): Node {
  const entry = row?.[CLASS[dtype]] ?? unsupported(`${fn} on ${dtype}`);
  const result = typeof entry === "string" ? op(entry, ...args) : entry(args, bitsOf(dtype));
  return LEAVES_RANGE.has(fn) && isNarrowInteger(dtype) ? wrap(result, dtype) : result;
}

/** A function of scalars of `dtype`. Throws InternalError when the backend has no instructions for it. */
export const scalarUnary = (fn: UnaryFn, dtype: DType, x: Node): Node =>
  apply(UNARY[fn as BasicUnary], fn, dtype, [x]);
export const scalarBinary = (fn: BinaryFn, dtype: DType, x: Node, y: Node): Node =>
  apply(BINARY[fn as BasicBinary], fn, dtype, [x, y]);
