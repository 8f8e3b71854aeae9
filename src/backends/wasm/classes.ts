import { type DType, kindOf } from "../../core/dtype.ts";
import { bitsOf, CLASS } from "../common/classes.ts";
import { notExpanded } from "../common/not-expanded.ts";
import type { ValType } from "./encoder/index.ts";
import { f32, f64, i32, type Node, op, v128 } from "./machine.ts";

export { bitsOf, CLASS, type Class, isNarrowInteger } from "../common/classes.ts";

/** The WebAssembly type of a scalar. */
export function valTypeOf(dtype: DType): ValType {
  const cls = CLASS[dtype];
  return cls === "f32" || cls === "f64" ? cls : "i32";
}

/** Lanes of one v128. */
export const lanesPerVector = (dtype: DType): number => (dtype === "float64" ? 2 : 4);
/** How many v128 hold one value per lane; two 32-bit lanes fill half a register. */
export const partsOf = (dtype: DType, lanes: number): number => Math.ceil(lanes / lanesPerVector(dtype));

/** A scalar constant. */
export function constant(value: number, dtype: DType): Node {
  const cls = CLASS[dtype];
  if (cls === "f32") return f32(value);
  return cls === "f64" ? f64(value) : i32(Number(value));
}

/** A v128 with the same constant in each lane. */
export function splatConstant(value: number, dtype: DType): Node {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const lanes = lanesPerVector(dtype);
  for (let at = 0; at < 16; at += 16 / lanes) {
    if (dtype === "float64") view.setFloat64(at, value, true);
    else if (dtype === "float32") view.setFloat32(at, value, true);
    else view.setInt32(at, dtype === "bool" ? -Number(value) : value | 0, true);
  }
  return v128(bytes);
}

/** Brings an i32 back into the range of a narrow integer dtype. */
export function wrap(x: Node, dtype: DType): Node {
  const bits = bitsOf(dtype);
  if (bits === 32 || dtype === "bool") return x;
  if (kindOf(dtype) === "uint") return op("i32.and", x, i32(2 ** bits - 1));
  return op(bits === 8 ? "i32.extend8_s" : "i32.extend16_s", x);
}

/** The same for four lanes. */
export function wrapLanes(x: Node, dtype: DType): Node {
  const bits = bitsOf(dtype);
  if (bits === 32 || dtype === "bool") return x;
  if (kindOf(dtype) === "uint") return op("v128.and", x, splatConstant(2 ** bits - 1, "int32"));
  const shift = i32(32 - bits);
  return op("i32x4.shr_s", op("i32x4.shl", x, shift), shift);
}

export function unsupported(what: string): never {
  return notExpanded("wasm", what);
}
