/** Which kinds of element each scalar function takes; its result has its operands' dtype, or bool for comparisons. */

import type { DType, Kind } from "../../core/dtype.ts";
import { kindOf } from "../../core/dtype.ts";
import type { BinaryFn, Combine, UnaryFn } from "../../core/emit.ts";
import type { MachineFn } from "./nodes.ts";

const FLOAT: readonly Kind[] = ["float"];
const INTEGER: readonly Kind[] = ["int", "uint"];
const NUMBER: readonly Kind[] = ["float", "int", "uint"];
const BITS: readonly Kind[] = ["int", "uint", "bool"];
const ANY: readonly Kind[] = ["float", "int", "uint", "bool"];

export const UNARY_KINDS: Readonly<Record<UnaryFn, readonly Kind[]>> = {
  neg: NUMBER,
  abs: NUMBER,
  not: BITS,
  sqrt: FLOAT,
  floor: FLOAT,
  ceil: FLOAT,
  trunc: FLOAT,
  rint: FLOAT,
  exp: FLOAT,
  expm1: FLOAT,
  log: FLOAT,
  log1p: FLOAT,
  tanh: FLOAT,
  logistic: FLOAT,
  sin: FLOAT,
  cos: FLOAT,
  tan: FLOAT,
  asin: FLOAT,
  acos: FLOAT,
  atan: FLOAT,
  sinh: FLOAT,
  cosh: FLOAT,
  asinh: FLOAT,
  acosh: FLOAT,
  atanh: FLOAT,
  erf: FLOAT,
  erfc: FLOAT,
  erfInv: FLOAT,
  cbrt: FLOAT,
  lgamma: FLOAT,
  digamma: FLOAT,
  popcount: INTEGER,
  clz: INTEGER,
};

export const BINARY_KINDS: Readonly<Record<BinaryFn | MachineFn, readonly Kind[]>> = {
  add: ANY,
  sub: NUMBER,
  mul: ANY,
  div: NUMBER,
  rem: NUMBER,
  max: ANY,
  min: ANY,
  pow: FLOAT,
  atan2: FLOAT,
  copysign: FLOAT,
  farSin: FLOAT,
  farCos: FLOAT,
  farTan: FLOAT,
  and: BITS,
  or: BITS,
  xor: BITS,
  shl: INTEGER,
  shrLogical: INTEGER,
  shrArith: INTEGER,
  eq: ANY,
  ne: ANY,
  lt: ANY,
  le: ANY,
  gt: ANY,
  ge: ANY,
};

const COMPARISONS: ReadonlySet<string> = new Set(["eq", "ne", "lt", "le", "gt", "ge"] satisfies BinaryFn[]);
const COMBINES: ReadonlySet<string> = new Set(["add", "mul", "max", "min", "and", "or"] satisfies Combine[]);

export const isUnaryFn = (name: string): name is UnaryFn => Object.hasOwn(UNARY_KINDS, name);
export const isBinaryFn = (name: string): name is BinaryFn | MachineFn => Object.hasOwn(BINARY_KINDS, name);
export const isComparison = (fn: BinaryFn | MachineFn): boolean => COMPARISONS.has(fn);
export const isCombine = (name: string): name is Combine => COMBINES.has(name);

export const takesUnary = (fn: UnaryFn, dtype: DType): boolean => UNARY_KINDS[fn].includes(kindOf(dtype));
export const takesBinary = (fn: BinaryFn | MachineFn, dtype: DType): boolean =>
  BINARY_KINDS[fn].includes(kindOf(dtype));
/** The dtype of a binary function of two operands of `dtype`. */
export const binaryResult = (fn: BinaryFn | MachineFn, dtype: DType): DType =>
  isComparison(fn) ? "bool" : dtype;
