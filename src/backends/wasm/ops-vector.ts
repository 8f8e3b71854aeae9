/** Which instructions a function of vector lanes becomes, by class of its operands; what is missing here goes lane by lane. */

import { type DType, isFloat } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";
import type { BasicBinary, BasicUnary, MachineFn } from "../../core/scalar.ts";
import { bitsOf, CLASS, type Class, isNarrowInteger, splatConstant, wrapLanes } from "./classes.ts";
import type { OpName } from "./encoder/index.ts";
import { i32, type Node, op } from "./machine.ts";
import { reaches, unless } from "./ops-scalar.ts";

type Args = readonly Node[];
type Build = (args: Args, dtype: DType) => Node;
type Row = Partial<Record<Class, OpName | Build>>;

const floats = (name: string): Row => ({ f32: `f32x4.${name}` as OpName, f64: `f64x2.${name}` as OpName });
const ints = (entry: OpName | Build): Row => ({ i32: entry, u32: entry });
const bits = (entry: OpName): Row => ({ i32: entry, u32: entry, bool: entry });

/** Bits of each byte, then sums of pairs of bytes, then of pairs of those. */
const popcount: Build = ([x], dtype) => {
  const own = bitsOf(dtype) === 32 ? x! : op("v128.and", x!, splatConstant(2 ** bitsOf(dtype) - 1, "int32"));
  const pairs = op("i16x8.extadd_pairwise_i8x16_u", op("i8x16.popcnt", own));
  return op("i32x4.extadd_pairwise_i16x8_u", pairs);
};

const UNARY: Partial<Record<BasicUnary, Row>> = {
  neg: { ...floats("neg"), ...ints("i32x4.neg") },
  abs: { ...floats("abs"), i32: "i32x4.abs", u32: ([x]) => x! },
  not: bits("v128.not"),
  sqrt: floats("sqrt"),
  floor: floats("floor"),
  ceil: floats("ceil"),
  trunc: floats("trunc"),
  rint: floats("nearest"),
  popcount: ints(popcount),
};

/** On masks true is -1, so that order is turned around. */
const MIRRORED: Readonly<Record<string, string>> = { lt: "gt_s", le: "ge_s", gt: "lt_s", ge: "le_s" };
const ordered = (name: "lt" | "le" | "gt" | "ge"): Row => ({
  ...floats(name),
  i32: `i32x4.${name}_s` as OpName,
  u32: `i32x4.${name}_u` as OpName,
  bool: `i32x4.${MIRRORED[name]}` as OpName,
});
const equality = (name: "eq" | "ne"): Row => ({ ...floats(name), ...bits(`i32x4.${name}` as OpName) });
const copysign: Build = ([x, y], dtype) => op("v128.bitselect", y!, x!, splatConstant(-0, dtype));

const BINARY: Partial<Record<BasicBinary | MachineFn, Row>> = {
  add: { ...floats("add"), ...ints("i32x4.add"), bool: "v128.or" },
  sub: { ...floats("sub"), ...ints("i32x4.sub") },
  mul: { ...floats("mul"), ...ints("i32x4.mul"), bool: "v128.and" },
  div: floats("div"),
  max: { ...floats("max"), i32: "i32x4.max_s", u32: "i32x4.max_u", bool: "v128.or" },
  min: { ...floats("min"), i32: "i32x4.min_s", u32: "i32x4.min_u", bool: "v128.and" },
  copysign: { f32: copysign, f64: copysign },
  and: bits("v128.and"),
  or: bits("v128.or"),
  xor: bits("v128.xor"),
  eq: equality("eq"),
  ne: equality("ne"),
  lt: ordered("lt"),
  le: ordered("le"),
  gt: ordered("gt"),
  ge: ordered("ge"),
};

const LEAVES_RANGE: ReadonlySet<string> = new Set(["neg", "abs", "not", "add", "sub", "mul"]);

function apply(row: Row | undefined, fn: string, dtype: DType, args: Args): Node | undefined {
  const entry = row?.[CLASS[dtype]];
  if (entry === undefined) return undefined;
  const result = typeof entry === "string" ? op(entry, ...args) : entry(args, dtype);
  return LEAVES_RANGE.has(fn) && isNarrowInteger(dtype) ? wrapLanes(result, dtype) : result;
}

/** A function of one v128 of `dtype` lanes, or undefined when there is no vector form. Comparisons give masks as wide as the lanes. */
export const vectorUnary = (fn: UnaryFn, dtype: DType, x: Node): Node | undefined =>
  apply(UNARY[fn as BasicUnary], fn, dtype, [x]);
export const vectorBinary = (fn: BinaryFn, dtype: DType, x: Node, y: Node): Node | undefined =>
  apply(BINARY[fn as BasicBinary], fn, dtype, [x, y]);

const SHIFTS: Partial<Record<BasicBinary, OpName>> = {
  shl: "i32x4.shl",
  shrLogical: "i32x4.shr_u",
  shrArith: "i32x4.shr_s",
};

/** Every lane shifted by one scalar amount; undefined for other functions and for narrow integers. */
export function vectorShift(fn: BinaryFn, dtype: DType, x: Node, amount: Node): Node | undefined {
  const name = SHIFTS[fn as BasicBinary];
  if (!name || isNarrowInteger(dtype)) return undefined;
  const tooFar = reaches(amount, 32);
  if (fn === "shrArith") return op(name, x, unless(tooFar, amount, i32(31)));
  return unless(tooFar, op(name, x, amount), splatConstant(0, dtype));
}

/**
 * The larger or smaller of a float and a constant. On x86 the plain instructions take eight steps to care for NaN and for
 * the sign of zero; `pmin` and `pmax` take one, and keep a NaN in their first operand. Undefined for other functions.
 */
export function vectorClamp(fn: BinaryFn, dtype: DType, x: Node, bound: number): Node | undefined {
  if ((fn !== "max" && fn !== "min") || !isFloat(dtype) || Number.isNaN(bound)) return undefined;
  if (fn === "min" && Object.is(bound, -0)) return undefined;
  const shape = dtype === "float32" ? "f32x4" : "f64x2";
  const clamped = op(`${shape}.p${fn}`, x, splatConstant(bound, dtype));
  // The larger of -0 and 0 is 0, where pmax gives its first operand.
  return fn === "max" && Object.is(bound, 0) ? op(`${shape}.add`, clamped, splatConstant(0, dtype)) : clamped;
}
