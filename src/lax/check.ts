/** What operations demand of their operands, with the messages that JAX gives. */
import type { Shape, ShapedArray } from "../core/aval.ts";
import { checkIntegers } from "../core/check.ts";
import { type DType, type Kind, kindOf } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { tuple } from "../util/text.ts";

/** A set of dtypes with the name that error messages give it. */
export interface DTypeClass {
  readonly text: string;
  has(dtype: DType): boolean;
}
const ofKinds = (text: string, ...kinds: Kind[]): DTypeClass => ({
  text,
  has: (d) => kinds.includes(kindOf(d)),
});

export const FLOATING: DTypeClass = ofKinds("floating", "float");
export const SINGLE: DTypeClass = { text: "float32", has: (d) => d === "float32" };
export const INTEGER: DTypeClass = ofKinds("integer", "int", "uint");
export const SIGNED: DTypeClass = ofKinds("floating, signedinteger", "float", "int");
export const NUMBER: DTypeClass = ofKinds("number", "float", "int", "uint");
export const BITS: DTypeClass = ofKinds("bool, integer", "bool", "int", "uint");
export const ANY: DTypeClass = ofKinds("bool, number", "bool", "int", "uint", "float");

export { tuple };

export function checkDTypes(
  name: string,
  avals: readonly ShapedArray[],
  classes: readonly DTypeClass[],
): void {
  for (const [i, type] of avals.entries()) {
    const accepted = classes[Math.min(i, classes.length - 1)]!;
    if (accepted.has(type.dtype)) continue;
    const at = avals.length > 1 ? ` at position ${i}` : "";
    throw new WeftTypeError(
      `${name} does not accept dtype ${type.dtype}${at}. Accepted dtypes${at} are subtypes of ${accepted.text}.`,
    );
  }
}

/** `lax.shiftLeft` of the primitive `shift_left`. */
export const publicName = (primitive: string): string => {
  const words = LOGIC.has(primitive) ? `bitwise_${primitive}` : primitive;
  return `lax.${words.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())}`;
};
const LOGIC: ReadonlySet<string> = new Set(["not", "and", "or", "xor"]);

/** NumPy's names of the operations that promote where lax is strict. */
const PROMOTING: Readonly<Record<string, string>> = {
  ...{ add: "add", sub: "subtract", mul: "multiply", div: "divide", pow: "power", rem: "remainder" },
  ...{ max: "maximum", min: "minimum", atan2: "atan2", clamp: "clip", select_n: "where" },
  ...{ eq: "equal", ne: "notEqual", lt: "less", le: "lessEqual", gt: "greater", ge: "greaterEqual" },
  ...{ and: "bitwiseAnd", or: "bitwiseOr", xor: "bitwiseXor", shift_left: "leftShift" },
  ...{ shift_right_arithmetic: "rightShift", concatenate: "concatenate" },
};

export function checkSameDTypes(name: string, avals: readonly ShapedArray[]): void {
  const dtypes = avals.map((a) => a.dtype);
  if (new Set(dtypes).size < 2) return;
  const promoting = PROMOTING[name];
  const tip = promoting
    ? ` (Tip: np.${promoting} is a similar function that does automatic type promotion on inputs).`
    : "";
  throw new WeftTypeError(
    `lax.${name} requires arguments to have the same dtypes, got ${dtypes.join(", ")}.${tip}`,
  );
}

/** The shape of an elementwise result: all operands have it, except that scalars fit everywhere. */
export function elementwiseShape(name: string, avals: readonly ShapedArray[]): Shape {
  const shapes = avals.map((a) => a.shape).filter((s) => s.length > 0);
  const first = shapes[0];
  if (!first) return [];
  if (shapes.some((s) => s.length !== first.length))
    throw new WeftTypeError(
      `${name}: arrays must have same number of dimensions, got ${shapes.map(tuple).join(", ")}.`,
    );
  if (shapes.some((s) => s.some((d, i) => d !== first[i])))
    throw new WeftTypeError(
      `${name} got incompatible shapes for broadcasting: ${shapes.map(tuple).join(", ")}.`,
    );
  return first;
}

/** Each axis of `axes` exists in an array of `ndim` axes and none is named twice. */
export function checkAxes(name: string, axes: readonly number[], ndim: number): void {
  const bad = axes.find((a) => !Number.isInteger(a) || a < 0 || a >= ndim);
  if (bad !== undefined)
    throw new WeftValueError(
      bad < 0
        ? `${name} does not allow negative axes, got ${tuple(axes)}.`
        : `${name}: axis ${bad} is out of bounds for an array of dimension ${ndim}, got axes ${tuple(axes)}.`,
    );
  if (new Set(axes).size !== axes.length)
    throw new WeftValueError(`${name}: duplicate value in axes ${tuple(axes)}.`);
}

/** The axes of a reduction in increasing order. */
export const checkAxisOrder = (name: string, axes: readonly number[]): number[] =>
  checkIntegers(`${name}: axes`, axes).sort((a, b) => a - b);

/** One entry per axis. */
export function checkRank(name: string, what: string, list: readonly unknown[], type: ShapedArray): void {
  if (list.length !== type.ndim)
    throw new WeftTypeError(
      `${name} ${what} must have one entry per axis of the operand, got ${what} ${tuple(list)} for operand ${type}.`,
    );
}

export function require(condition: boolean, message: () => string): void {
  if (!condition) throw new WeftTypeError(message());
}

/** The weakness that a result inherits: weak if everything was. */
export const allWeak = (avals: readonly ShapedArray[]): boolean => avals.every((a) => a.weakType);
