import type { ByteWriter } from "./bytes.ts";

/** Value types of WebAssembly that weft uses. */
export type ValType = "i32" | "i64" | "f32" | "f64" | "v128";

export type Scalar = Exclude<ValType, "v128">;

export interface FuncType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

/** Byte that stands for a value type. */
export const VAL_TYPE_BYTE: Readonly<Record<ValType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** A vector of value types: count, then one byte each. */
export function writeValTypes(out: ByteWriter, types: readonly ValType[]): void {
  out.u32(types.length);
  for (const type of types) out.u8(VAL_TYPE_BYTE[type]);
}
