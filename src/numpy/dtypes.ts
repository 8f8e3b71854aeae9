/** Names, limits and relations of dtypes, and constants. */
import type { ArrayLike } from "../core/array.ts";
import {
  checkDType,
  DTYPES,
  type DType as ElementType,
  isDType,
  type Kind,
  kindOf,
  limits,
  promote,
} from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { Place } from "../lax/convert.ts";
import { checkChoice } from "../util/options.ts";
import { commonOf, operand } from "./promote.ts";

/** The name of an element type. The object of the same name lists them for programs that spell them `DType.Float32`. */
export type DType = ElementType;
export const DType = {
  Float32: "float32",
  Float64: "float64",
  Int32: "int32",
  Uint32: "uint32",
  Int16: "int16",
  Uint16: "uint16",
  Int8: "int8",
  Uint8: "uint8",
  Bool: "bool",
} as const;

// With their types, or else a list of them would be a list of strings.
export const float32: "float32" = "float32";
export const float64: "float64" = "float64";
export const int32: "int32" = "int32";
export const int16: "int16" = "int16";
export const int8: "int8" = "int8";
export const uint32: "uint32" = "uint32";
export const uint16: "uint16" = "uint16";
export const uint8: "uint8" = "uint8";
export const bool: "bool" = "bool";
export { bool as bool_ };

export const pi: number = Math.PI;
export const e: number = Math.E;
export const eulerGamma = 0.5772156649015329;
export const inf: number = Number.POSITIVE_INFINITY;
export const nan: number = Number.NaN;
/** A new axis in `x.slice(...)`. */
export const newaxis = null;

/** Machine limits of a floating dtype. */
export interface FInfo {
  readonly bits: number;
  readonly dtype: DType;
  /** From 1 to the next larger number, and to the next smaller one. */
  readonly eps: number;
  readonly epsneg: number;
  /** The exponents of 2 that yield them. */
  readonly machep: number;
  readonly negep: number;
  readonly max: number;
  readonly min: number;
  /** The smallest power of 2 that overflows, and the lowest one that is normal. */
  readonly maxexp: number;
  readonly minexp: number;
  /** Bits of exponent and mantissa. */
  readonly nexp: number;
  readonly nmant: number;
  /** Decimal digits that are certain, and 10 to minus that. */
  readonly precision: number;
  readonly resolution: number;
  readonly smallestNormal: number;
  readonly smallestSubnormal: number;
}

const MANTISSA: Partial<Record<DType, number>> = { float32: 23, float64: 52 };

/**
 * Machine limits of a floating dtype.
 * @throws WeftTypeError for others.
 * @example np.finfo("float32").eps // => 1.1920928955078125e-7
 */
export function finfo(dtype: DType): FInfo {
  const nmant = MANTISSA[checkDType("np.finfo", dtype)];
  if (nmant === undefined)
    throw new WeftTypeError(`np.finfo: ${dtype} is not a floating dtype; use np.iinfo.`);
  const bits = 8 * DTYPES[dtype].bytes;
  const nexp = bits - 1 - nmant;
  const maxexp = 2 ** (nexp - 1);
  const minexp = 2 - maxexp;
  const precision = Math.floor(nmant * Math.log10(2));
  return {
    ...{ bits, dtype, nexp, nmant, maxexp, minexp, precision, machep: -nmant, negep: -nmant - 1 },
    ...limits(dtype),
    eps: 2 ** -nmant,
    epsneg: 2 ** (-nmant - 1),
    resolution: 10 ** -precision,
    smallestNormal: 2 ** minexp,
    smallestSubnormal: 2 ** (minexp - nmant),
  };
}

export interface IInfo {
  readonly bits: number;
  readonly dtype: DType;
  readonly max: number;
  readonly min: number;
}
/** Limits of an integer dtype. @throws WeftTypeError for others. @example np.iinfo("uint8").max // => 255 */
export function iinfo(dtype: DType): IInfo {
  const kind = kindOf(checkDType("np.iinfo", dtype));
  if (kind !== "int" && kind !== "uint")
    throw new WeftTypeError(`np.iinfo: ${dtype} is not an integer dtype; use np.finfo.`);
  return { bits: 8 * DTYPES[dtype].bytes, dtype, ...limits(dtype) };
}

/**
 * The dtype in which two dtypes meet.
 * @throws WeftTypeError for what is no dtype.
 * @example np.promoteTypes("int32", "float32") // => "float32"
 */
export const promoteTypes = (dtype1: DType, dtype2: DType): DType =>
  promote([dtype1, dtype2].map((d) => ({ dtype: checkDType("np.promoteTypes", d), weakType: false }))).dtype;

const placeOf: Place = (i) => `np.resultType: argument ${i}`;
/**
 * The dtype in which these arrays, numbers and dtypes meet. Plain numbers are weak: they take the dtype of what they
 * meet, fractions beside integers float32.
 * @throws WeftTypeError for no arguments, or one that is neither an array nor a dtype.
 * @example np.resultType("int8", np.zeros(2, { dtype: "uint8" }), 1) // => "int16"
 */
export function resultType(...args: (ArrayLike | DType)[]): DType {
  if (args.length === 0) throw new WeftTypeError("np.resultType needs at least one array or dtype.");
  return commonOf(args.map((x, i) => (isDType(x) ? { dtype: x, weakType: false } : operand(placeOf, i, x))))
    .dtype;
}

/** Groups of dtypes by NumPy's names. */
const GROUPS: Readonly<Record<string, readonly Kind[]>> = {
  generic: ["float", "int", "uint", "bool"],
  number: ["float", "int", "uint"],
  inexact: ["float"],
  floating: ["float"],
  integer: ["int", "uint"],
  signedinteger: ["int"],
  unsignedinteger: ["uint"],
};
export type DTypeGroup =
  | "generic"
  | "number"
  | "inexact"
  | "floating"
  | "integer"
  | "signedinteger"
  | "unsignedinteger";

/**
 * Whether a dtype is another one or belongs to a group.
 * @throws WeftTypeError if the first is no dtype, WeftValueError if the second is neither dtype nor group.
 * @example np.issubdtype("int8", "integer") // => true
 */
export function issubdtype(dtype: DType, of: DType | DTypeGroup): boolean {
  const kind = kindOf(checkDType("np.issubdtype", dtype));
  const choices = [...Object.keys(DTYPES), ...Object.keys(GROUPS)];
  const group = checkChoice("np.issubdtype: the second dtype", of as string, choices);
  return dtype === group || (GROUPS[group]?.includes(kind) ?? false);
}
