/** The values of scalar functions on constants, where every backend must agree on them to the bit. */
import { DTYPES, type DType, isFloat, limits } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/emit.ts";
import type { MachineFn } from "./nodes.ts";

/** The value of `dtype` that arithmetic on `value` leaves: floats round, integers wrap, bool is `!= 0`. */
export function normalize(value: number, dtype: DType): number {
  if (dtype === "bool") return value !== 0 ? 1 : 0;
  const cell = new DTYPES[dtype].array(new ArrayBuffer(8));
  cell[0] = value;
  return cell[0]!;
}

/** Value conversion: float to int saturates (NaN gives 0), int to int wraps, to bool is `!= 0`. */
export function foldConvert(value: number, from: DType, to: DType): number {
  if (!isFloat(from) || isFloat(to) || to === "bool") return normalize(value, to);
  const { min, max } = limits(to);
  return Number.isNaN(value) ? 0 : Math.trunc(Math.min(Math.max(value, min), max)) + 0;
}

const UNARY: Partial<Record<UnaryFn, (x: number, dtype: DType) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  not: (x, dtype) => (dtype === "bool" ? 1 - x : ~x),
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
};

type Fold = (x: number, y: number, dtype: DType) => number;
const bit = (holds: boolean): number => (holds ? 1 : 0);
const BINARY: Partial<Record<BinaryFn | MachineFn, Fold>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y, dtype) => (isFloat(dtype) ? x * y : Math.imul(x, y)),
  div: (x, y, dtype) => (isFloat(dtype) ? x / y : y === 0 ? -1 : Math.trunc(x / y)),
  rem: (x, y, dtype) => (isFloat(dtype) || y !== 0 ? x % y : x),
  max: (x, y) => Math.max(x, y),
  min: (x, y) => Math.min(x, y),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  eq: (x, y) => bit(x === y),
  ne: (x, y) => bit(x !== y),
  lt: (x, y) => bit(x < y),
  le: (x, y) => bit(x <= y),
  gt: (x, y) => bit(x > y),
  ge: (x, y) => bit(x >= y),
};

/** The value of a unary function, or undefined where backends may differ in the last bit. */
export function foldUnary(fn: UnaryFn, x: number, dtype: DType): number | undefined {
  const value = UNARY[fn]?.(x, dtype);
  return value === undefined ? undefined : normalize(integral(value, dtype), dtype);
}

export function foldBinary(
  fn: BinaryFn | MachineFn,
  x: number,
  y: number,
  dtype: DType,
  result: DType,
): number | undefined {
  const value = BINARY[fn]?.(x, y, dtype);
  return value === undefined ? undefined : normalize(integral(value, result), result);
}

/** Integers have no negative zero. */
const integral = (value: number, dtype: DType): number => (isFloat(dtype) ? value : value + 0);
