import { byteSize, type DType } from "../../core/dtype.ts";

/**
 * How a dtype is computed with. Integers of 8 and 16 bits live sign- or zero-extended in 32 bits and are wrapped after every
 * operation that can leave their range. A bool is 0 or 1 in an i32, and a mask of 32 bits per lane in a vector.
 */
export type Class = "f32" | "f64" | "i32" | "u32" | "bool";

export const CLASS: Readonly<Record<DType, Class>> = {
  float32: "f32",
  float64: "f64",
  int32: "i32",
  uint32: "u32",
  int16: "i32",
  uint16: "u32",
  int8: "i32",
  uint8: "u32",
  bool: "bool",
};

export const bitsOf = (dtype: DType): number => 8 * byteSize(dtype);

export const isNarrowInteger = (dtype: DType): boolean => bitsOf(dtype) < 32 && dtype !== "bool";

/** Functions whose result can leave the range of a narrow integer. */
export const LEAVES_RANGE: ReadonlySet<string> = new Set([
  "neg",
  "abs",
  "not",
  "add",
  "sub",
  "mul",
  "div",
  "shl",
  "shrLogical",
  "shrArith",
]);
