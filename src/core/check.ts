/**
 * What functions demand of arguments that are no arrays: integers, sizes, shapes. Nothing fractional, negative or traced gets
 * past this file and past `aval`, which every type goes through, so the compiler sees whole numbers only.
 */
import { canonicalAxis } from "../util/shape.ts";
import { show, tuple } from "../util/text.ts";
import { DeviceArray, NDArray } from "./array.ts";
import { MOST_AXES } from "./aval.ts";
import { isInteger } from "./dtype.ts";
import { ConcretizationTypeError, WeftTypeError, WeftValueError } from "./errors.ts";

const REMEDY =
  "Its value is not known before the program runs, and programs have static shapes: mark the argument with staticArgnums, " +
  "use lax.dynamicSlice(x, [start], [size]) for a part at a computed place, lax.whileLoop or lax.foriLoop for a computed " +
  "number of steps, or np.where to mask what does not count.";

/**
 * An integer that is known while tracing: a number, or a concrete integer array without axes.
 * @param what names function and argument in the error: "np.roll: shift"
 * @throws WeftTypeError for other types and fractions, ConcretizationTypeError for traced values, WeftValueError beyond 2^53
 */
export function checkInteger(what: string, x: unknown, kind = "an integer"): number {
  return Number.isSafeInteger(x) ? (x as number) : readInteger(what, x, kind);
}

function readInteger(what: string, x: unknown, kind: string): number {
  if (x instanceof DeviceArray && x.ndim === 0 && isInteger(x.dtype)) return x.dataSync()[0]!;
  if (x instanceof NDArray && !(x instanceof DeviceArray))
    throw new ConcretizationTypeError(
      `${what} must be ${kind} known while tracing, got ${show(x)}. ${REMEDY}`,
    );
  if (typeof x === "number" && Number.isInteger(x))
    throw new WeftValueError(`${what} must be an integer below 2^53, got ${x}.`);
  throw new WeftTypeError(`${what} must be ${kind}, got ${show(x)}.`);
}

/** An integer that an int32 holds, which is what points and counts. See {@link checkInteger}. @throws also WeftValueError beyond */
export function checkInt32(what: string, x: unknown): number {
  const n = checkInteger(what, x);
  if (n === (n | 0)) return n;
  throw new WeftValueError(`${what} must be an integer of 32 bits (-2147483648 to 2147483647), got ${n}.`);
}

/** An integer that is at least `least`: 0 (default) or 1. See {@link checkInteger}. @throws also WeftValueError below */
export function checkCount(what: string, x: unknown, least: 0 | 1 = 0): number {
  const kind = least === 0 ? "a non-negative integer" : "a positive integer";
  const n = checkInteger(what, x, kind);
  if (n >= least) return n;
  throw new WeftValueError(`${what} must be ${kind}, got ${n}.`);
}

/** A list of integers; one integer is a list of one. See {@link checkInteger}. */
export function checkIntegers(what: string, list: unknown): number[] {
  if (Array.isArray(list) && areIntegers(list)) return list.slice();
  if (!isList(list)) return [checkInteger(what, list)];
  return Array.from(list, (x) => checkInteger(what, x));
}

const isList = (x: unknown): x is ArrayLike<unknown> =>
  Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView));

/**
 * The sizes that `shape` names: a list, or one size for a vector.
 * @throws WeftTypeError for what are no integers, ConcretizationTypeError for traced sizes, WeftValueError for negative ones
 */
export function checkShape(caller: string, shape: unknown): number[] {
  const list: ArrayLike<unknown> = isList(shape) ? shape : [shape];
  if (list.length > MOST_AXES)
    throw new WeftValueError(`${caller}: a shape has at most ${MOST_AXES} sizes, got ${list.length}.`);
  const plain = Array.isArray(list) && areIntegers(list);
  const sizes = plain ? list.slice() : Array.from(list, (size) => checkSize(caller, size, list));
  const negative = sizes.find((size) => size < 0);
  if (negative === undefined) return sizes;
  throw new WeftValueError(`${caller}: Shapes must have non-negative sizes, got ${tuple(sizes)}.`);
}

function checkSize(caller: string, size: unknown, list: ArrayLike<unknown>): number {
  if (Number.isSafeInteger(size)) return size as number;
  const what = `${caller}: Shapes must be 1D sequences of concrete values of integer type, got ${tuple(Array.from(list))}.`;
  if (size instanceof NDArray && !(size instanceof DeviceArray))
    throw new ConcretizationTypeError(`${what} ${REMEDY}`);
  if (size instanceof DeviceArray && size.ndim === 0 && isInteger(size.dtype)) return size.dataSync()[0]!;
  throw new WeftTypeError(what);
}

/** Without a callback: every operation asks. */
function areIntegers(list: readonly unknown[]): list is number[] {
  for (let i = 0; i < list.length; i++) if (!Number.isSafeInteger(list[i])) return false;
  return true;
}

/**
 * Axes counted from either end, each once, as a list of non-negative numbers; one number is a list of one.
 * @throws WeftTypeError for what are no integers or if one is named twice, WeftValueError for an axis that is not there
 */
export function checkAxisList(what: string, axes: unknown, ndim: number): number[] {
  const list = checkIntegers(what, axes).map((axis) => canonicalAxis(what, axis, ndim));
  if (new Set(list).size !== list.length)
    throw new WeftTypeError(`${what.replace(/\w+$/, "duplicate value in $&")}: ${tuple(list)}.`);
  return list;
}

/** A position in a list of `size` elements, counted from either end. @throws as {@link checkInteger}; WeftValueError beyond the ends */
export function checkPosition(what: string, x: unknown, size: number): number {
  const at = checkInteger(what, x);
  if (at >= -size && at < size) return at < 0 ? at + size : at;
  throw new WeftValueError(`${what} ${at} is out of range: there are ${size}.`);
}

/** A list of anything, in which holes count as undefined. @throws WeftTypeError for what is none */
export function checkList<T>(what: string, list: readonly T[]): readonly T[] {
  if (Array.isArray(list)) return Array.from(list);
  throw new WeftTypeError(`${what} must be an array (a list), got ${show(list)}.`);
}

/** A number (not an array). */
export function checkNumber(what: string, x: unknown): number {
  if (typeof x === "number") return x;
  if (x instanceof NDArray && !(x instanceof DeviceArray))
    throw new ConcretizationTypeError(
      `${what} must be a number known while tracing, got ${show(x)}. ${REMEDY}`,
    );
  if (x instanceof DeviceArray && x.ndim === 0) return x.dataSync()[0]!;
  throw new WeftTypeError(`${what} must be a number, got ${show(x)}.`);
}
