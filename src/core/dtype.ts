/**
 * Element types, their storage, and JAX's promotion lattice with weak types.
 * Source: JAX `dtypes.py` (the lattice of "JAX Enhancement: type promotion semantics").
 */

import { suggestion } from "../util/options.ts";
import { show } from "../util/text.ts";
import { WeftTypeError } from "./errors.ts";

export type DType =
  | "float32"
  | "float64"
  | "int32"
  | "uint32"
  | "int16"
  | "uint16"
  | "int8"
  | "uint8"
  | "bool";

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray;

export type Kind = "float" | "int" | "uint" | "bool";

interface DTypeInfo {
  readonly bytes: number;
  readonly kind: Kind;
  /** The name in printed jaxprs: `f32`, `i32`, `bool`. */
  readonly short: string;
  readonly array: new (source: ArrayBufferLike, byteOffset?: number, length?: number) => TypedArray;
}

export const DTYPES: Readonly<Record<DType, DTypeInfo>> = {
  float32: { bytes: 4, kind: "float", short: "f32", array: Float32Array },
  float64: { bytes: 8, kind: "float", short: "f64", array: Float64Array },
  int32: { bytes: 4, kind: "int", short: "i32", array: Int32Array },
  uint32: { bytes: 4, kind: "uint", short: "u32", array: Uint32Array },
  int16: { bytes: 2, kind: "int", short: "i16", array: Int16Array },
  uint16: { bytes: 2, kind: "uint", short: "u16", array: Uint16Array },
  int8: { bytes: 1, kind: "int", short: "i8", array: Int8Array },
  uint8: { bytes: 1, kind: "uint", short: "u8", array: Uint8Array },
  bool: { bytes: 1, kind: "bool", short: "bool", array: Uint8Array },
};

// No dtype is called "constructor".
Object.setPrototypeOf(DTYPES, null);

export const isDType = (x: unknown): x is DType => typeof x === "string" && x in DTYPES;

/** x, which must be a dtype. @throws WeftTypeError that lists the dtypes there are */
export function checkDType(what: string, x: unknown): DType {
  if (isDType(x)) return x;
  const names = Object.keys(DTYPES);
  throw new WeftTypeError(
    `${what}: there is no dtype ${show(x)}${suggestion(x, names)} The dtypes are ${names.join(", ")}.`,
  );
}
export const byteSize = (dtype: DType): number => DTYPES[dtype].bytes;
export const kindOf = (dtype: DType): Kind => DTYPES[dtype].kind;
export const isFloat = (dtype: DType): boolean => kindOf(dtype) === "float";
export const isInteger = (dtype: DType): boolean => kindOf(dtype) === "int" || kindOf(dtype) === "uint";

/** Smallest and largest finite value of a dtype, as JavaScript numbers. */
export function limits(dtype: DType): { min: number; max: number } {
  const { bytes, kind } = DTYPES[dtype];
  if (kind === "bool") return { min: 0, max: 1 };
  if (dtype === "float32") return { min: -3.4028234663852886e38, max: 3.4028234663852886e38 };
  if (dtype === "float64") return { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
  const span = 2 ** (8 * bytes);
  return kind === "uint" ? { min: 0, max: span - 1 } : { min: -span / 2, max: span / 2 - 1 };
}

/**
 * A plain number as an element of `dtype`: whole numbers wrap as integers do; fractions, and what no 32-bit integer holds,
 * truncate and saturate as floats do, and NaN becomes 0.
 */
export function numberAs(value: number, dtype: DType): number {
  const kind = kindOf(dtype);
  if (kind === "float") return value;
  if (kind === "bool") return value === 0 ? 0 : 1;
  if (Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32) return value;
  const { min, max } = limits(dtype);
  return Math.min(Math.max(Math.trunc(value) || 0, min), max);
}

const DTYPE_OF_CLASS = new Map<string, DType>([
  ...(Object.entries(DTYPES) as [DType, DTypeInfo][])
    .filter(([name]) => name !== "bool")
    .map(([name, info]): [string, DType] => [info.array.name, name]),
  ["Uint8ClampedArray", "uint8"],
]);

/** The dtype of a typed array, or undefined for other views. */
export const dtypeOfTypedArray = (x: ArrayBufferView): DType | undefined =>
  DTYPE_OF_CLASS.get(classOf.call(x) as string);

/** The class of a typed array by its own word, which subclasses (Node's Buffer) and other realms share; undefined of a DataView. */
const classOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)!.get as (this: ArrayBufferView) => string | undefined;

/** A type in the promotion lattice: a dtype, or the weak types of plain numbers. */
type Node = DType | "int*" | "float*";

// Edges point upwards; the join of two nodes is their least upper bound.
const UP: Readonly<Record<Node, readonly Node[]>> = {
  bool: ["int*"],
  "int*": ["uint8", "int8"],
  uint8: ["int16", "uint16"],
  int8: ["int16"],
  uint16: ["int32", "uint32"],
  int16: ["int32"],
  // 64-bit integers do not exist here, so uint32 joins int32 as in JAX with x64 off.
  uint32: ["int32"],
  int32: ["float*"],
  "float*": ["float32"],
  float32: ["float64"],
  float64: [],
};

function reach(node: Node): Set<Node> {
  const seen = new Set<Node>([node]);
  for (const n of seen) for (const up of UP[n]) seen.add(up);
  return seen;
}
const ABOVE: ReadonlyMap<Node, Set<Node>> = new Map((Object.keys(UP) as Node[]).map((n) => [n, reach(n)]));

function join(a: Node, b: Node): Node {
  const common = [...ABOVE.get(a)!].filter((n) => ABOVE.get(b)!.has(n));
  return common.find((n) => common.every((m) => ABOVE.get(n)!.has(m)))!;
}

const nodeOf = (dtype: DType, weak: boolean): Node =>
  !weak || dtype === "bool" ? dtype : isFloat(dtype) ? "float*" : "int*";

export interface Promoted {
  readonly dtype: DType;
  readonly weakType: boolean;
}

/**
 * The type that operands of these types are converted to, as `jnp.promote_types` with weak types.
 * Weak operands only decide when no strong operand is at least of their kind.
 */
export function promote(types: readonly Promoted[]): Promoted {
  const nodes = types.map((t) => nodeOf(t.dtype, t.weakType));
  const top = nodes.reduce(join);
  if (top !== "int*" && top !== "float*") return { dtype: top, weakType: types.every((t) => t.weakType) };
  const dtype = types.find((_, i) => nodes[i] === top)?.dtype ?? (top === "int*" ? "int32" : "float32");
  return { dtype, weakType: true };
}
