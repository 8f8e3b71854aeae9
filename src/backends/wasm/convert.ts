/** Conversions between dtypes, of scalars and of vectors whose lanes differ in width. */
import { type DType, isFloat, limits } from "../../core/dtype.ts";
import {
  CLASS,
  type Class,
  constant,
  isNarrowInteger,
  partsOf,
  splatConstant,
  wrap,
  wrapLanes,
} from "./classes.ts";
import type { OpName } from "./encoder/index.ts";
import { type Node, op, shuffle } from "./machine.ts";
import { scalarBinary } from "./ops-scalar.ts";

type Parts = readonly Node[];

/** Narrow integers saturate at their own limits, not at those of the 32-bit instruction. */
const clamp = (x: Node, dtype: DType): Node => {
  const { min, max } = limits(dtype);
  const atLeast = scalarBinary("max", "int32", x, constant(min, "int32"));
  return scalarBinary("min", "int32", atLeast, constant(max, "int32"));
};
const clampLanes = (x: Node, dtype: DType): Node => {
  const { min, max } = limits(dtype);
  return op("i32x4.min_s", op("i32x4.max_s", x, splatConstant(min, "int32")), splatConstant(max, "int32"));
};

const TO_F32: Readonly<Record<Class, OpName | undefined>> = {
  f32: undefined,
  f64: "f32.demote_f64",
  i32: "f32.convert_i32_s",
  u32: "f32.convert_i32_u",
  bool: "f32.convert_i32_u",
};
const TO_F64: typeof TO_F32 = {
  f32: "f64.promote_f32",
  f64: undefined,
  i32: "f64.convert_i32_s",
  u32: "f64.convert_i32_u",
  bool: "f64.convert_i32_u",
};

/** A scalar of dtype `from` as `to`: floats saturate, integers wrap, bools are `!= 0`. */
export function convertScalar(from: DType, to: DType, x: Node): Node {
  if (from === to) return x;
  if (to === "bool") return scalarBinary("ne", from, x, constant(0, from));
  if (isFloat(to)) {
    const name = (to === "float32" ? TO_F32 : TO_F64)[CLASS[from]];
    return name ? op(name, x) : x;
  }
  if (!isFloat(from)) return wrap(x, to);
  const truncated = op(`i32.trunc_sat_${CLASS[from]}_${to === "uint32" ? "u" : "s"}` as OpName, x);
  return isNarrowInteger(to) ? clamp(truncated, to) : truncated;
}

const REINTERPRET: Partial<Record<string, OpName>> = {
  "f32>i32": "i32.reinterpret_f32",
  "i32>f32": "f32.reinterpret_i32",
};
/** The same bits as another dtype of the same width. */
export function bitcastScalar(from: DType, to: DType, x: Node): Node {
  if (from === to) return x;
  const side = (dtype: DType): string => (isFloat(dtype) ? CLASS[dtype] : "i32");
  const name = REINTERPRET[`${side(from)}>${side(to)}`];
  return name ? op(name, x) : wrap(x, to);
}

const span = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
const LOW_HALVES = [...span(0, 8), ...span(16, 8)];
const HIGH_TO_LOW = [...span(8, 8), ...span(8, 8)];
const EVEN_WORDS = [...span(0, 4), ...span(8, 4), ...span(16, 4), ...span(24, 4)];

/** Every two registers through `join` into one; a last one without a partner is paired with itself. */
const joinPairs = (parts: Parts, join: (a: Node, b: Node) => Node): Node[] =>
  parts.flatMap((a, i) => (i % 2 === 0 ? [join(a, parts[i + 1] ?? a)] : []));
const lowHalves = (a: Node, b: Node): Node => (a === b ? a : shuffle(LOW_HALVES, a, b));

/** 32-bit lanes of `parts` as the low halves of twice as many registers, through `name`, which reads low halves. */
function widen(parts: Parts, name: OpName, lanes: number): Node[] {
  const halves = parts.flatMap((p) => [op(name, p), op(name, shuffle(HIGH_TO_LOW, p))]);
  return halves.slice(0, partsOf("float64", lanes));
}

/** Masks of 64-bit lanes as masks of 32-bit lanes. */
export const narrowMasks = (parts: Parts): Node[] => joinPairs(parts, (a, b) => shuffle(EVEN_WORDS, a, b));
/** Masks of 32-bit lanes as masks of 64-bit lanes. */
export function widenMasks(parts: Parts, lanes: number): Node[] {
  const both = parts.flatMap((p) => [op("i64x2.extend_low_i32x4_s", p), op("i64x2.extend_high_i32x4_s", p)]);
  return both.slice(0, partsOf("float64", lanes));
}

/** Narrows 64-bit floats to 32-bit lanes: the instructions leave their results in the low half. */
const FROM_F64 = (to: DType): OpName => {
  if (to === "float32") return "f32x4.demote_f64x2_zero";
  return to === "uint32" ? "i32x4.trunc_sat_f64x2_u_zero" : "i32x4.trunc_sat_f64x2_s_zero";
};
const VECTOR_TO_F64: Readonly<Record<Exclude<Class, "f64" | "bool">, OpName>> = {
  f32: "f64x2.promote_low_f32x4",
  i32: "f64x2.convert_low_i32x4_s",
  u32: "f64x2.convert_low_i32x4_u",
};

/** Lanes of dtype `from` as `to`. The number of registers changes where the width of lanes does. */
export function convertParts(from: DType, to: DType, parts: Parts, lanes: number): Parts {
  if (from === to) return parts;
  if (from === "bool") return fromMasks(to, parts, lanes);
  if (to === "bool") return toMasks(from, parts);
  if (from === "float64") {
    const narrow = parts.map((p) => op(FROM_F64(to), p));
    return joinPairs(narrow, lowHalves).map((p) => (isNarrowInteger(to) ? clampLanes(p, to) : p));
  }
  if (to === "float64") return widen(parts, VECTOR_TO_F64[CLASS[from] as "f32" | "i32" | "u32"], lanes);
  return parts.map((p) => convertWords(from, to, p));
}

/** Between lanes of 32 bits. */
function convertWords(from: DType, to: DType, x: Node): Node {
  if (to === "float32")
    return op(CLASS[from] === "u32" ? "f32x4.convert_i32x4_u" : "f32x4.convert_i32x4_s", x);
  if (from !== "float32") return wrapLanes(x, to);
  const truncated = op(to === "uint32" ? "i32x4.trunc_sat_f32x4_u" : "i32x4.trunc_sat_f32x4_s", x);
  return isNarrowInteger(to) ? clampLanes(truncated, to) : truncated;
}

/** A mask keeps the bits of 1 where it is set. */
function fromMasks(to: DType, masks: Parts, lanes: number): Node[] {
  const wide = to === "float64" ? widenMasks(masks, lanes) : masks;
  return wide.map((m) => op("v128.and", m, splatConstant(1, to)));
}

function toMasks(from: DType, parts: Parts): Node[] {
  const name = from === "float32" ? "f32x4.ne" : from === "float64" ? "f64x2.ne" : "i32x4.ne";
  const masks = parts.map((p) => op(name, p, splatConstant(0, from)));
  return from === "float64" ? narrowMasks(masks) : masks;
}

/** Vector registers have no type: only narrow integers and bools need work. */
export function bitcastParts(from: DType, to: DType, parts: Parts, lanes: number): Parts {
  if (from === to) return parts;
  if (from === "bool" || to === "bool") return convertParts(from, to, parts, lanes);
  return parts.map((p) => wrapLanes(p, to));
}
