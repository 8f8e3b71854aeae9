/** Joining, splitting and repeating arrays. */
import { type ArrayLike, NDArray } from "../core/array.ts";
import { checkCount, checkIntegers, checkList, checkShape } from "../core/check.ts";
import type { TypedArray } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { hostArray } from "../core/host.ts";
import { insert, range } from "../lax/axes.ts";
import { tuple } from "../lax/check.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/shape.ts";
import { canonicalAxis } from "../util/shape.ts";
import { type Axis, axesOf, promoteArgs } from "./promote.ts";
import { take } from "./select.ts";
import { atLeast, ravel } from "./shape.ts";

/** The arrays of a list, of which there is one at least, under one dtype. An array is the list of its slices. */
function members(caller: string, xs: readonly ArrayLike[] | NDArray): NDArray[] {
  const list = xs instanceof NDArray ? unstack(xs) : checkList(`${caller}: xs`, xs);
  if (list.length > 0) return promoteArgs((i) => `${caller}: xs[${i}]`, ...list);
  throw new WeftValueError(
    `${caller}: Need at least one array to ${caller === "np.stack" ? "stack" : "concatenate"}.`,
  );
}

/**
 * Arrays end to end along an axis (null: flattened), under NumPy's promotion.
 * @throws WeftTypeError if other sizes differ, WeftValueError if there is nothing to join or an array has no axes.
 * @example np.concatenate([[1, 2], [3]]).js() // => [1, 2, 3]
 */
export const concatenate = (xs: readonly ArrayLike[] | NDArray, axis: number | null = 0): NDArray =>
  joined("np.concatenate", xs, axis);

function joined(caller: string, xs: readonly ArrayLike[] | NDArray, axis: number | null): NDArray {
  const arrays = members(caller, xs);
  if (axis === null) return lax.concatenate(arrays.map(ravel), 0);
  if (arrays.some((x) => x.ndim === 0))
    throw new WeftValueError(`${caller}: Zero-dimensional arrays cannot be concatenated: use np.stack.`);
  return lax.concatenate(arrays, canonicalAxis(`${caller}: axis`, axis, arrays[0]!.ndim));
}

/**
 * Arrays of one shape along a new axis.
 * @throws WeftValueError if shapes differ or there is nothing to stack.
 * @example np.stack([[1, 2], [3, 4]], 1).js() // => [[1, 3], [2, 4]]
 */
export function stack(xs: readonly ArrayLike[] | NDArray, axis = 0): NDArray {
  const arrays = members("np.stack", xs);
  const odd = arrays.find((x) => String(x.shape) !== String(arrays[0]!.shape));
  if (odd)
    throw new WeftValueError(
      `np.stack: All input arrays must have the same shape, got ${tuple(arrays[0]!.shape)} and ${tuple(odd.shape)}.`,
    );
  const at = canonicalAxis("np.stack: axis", axis, arrays[0]!.ndim + 1);
  return lax.concatenate(
    arrays.map((x) => lax.expandDims(x, [at])),
    at,
  );
}

/**
 * The slices of x along an axis, which they lack.
 * @throws WeftValueError if the axis does not exist.
 * @example np.unstack([[1, 2], [3, 4]], 1).map((x) => x.js()) // => [[1, 3], [2, 4]]
 */
export function unstack(x: ArrayLike, axis = 0): NDArray[] {
  const a = asArray("np.unstack: x", x);
  const at = canonicalAxis("np.unstack: axis", axis, a.ndim);
  if (a.shape[at] === 0) return [];
  return lax
    .split(
      a,
      range(a.shape[at]!).map(() => 1),
      at,
    )
    .map((part) => lax.squeeze(part, [at]));
}

/**
 * Side by side: along the second axis, or the first for vectors; scalars are vectors.
 * @throws as {@link concatenate}.
 * @example np.hstack([[[1], [2]], [[3, 4], [5, 6]]]).js() // => [[1, 3, 4], [2, 5, 6]]
 */
export function hstack(xs: readonly ArrayLike[] | NDArray): NDArray {
  const arrays = members("np.hstack", xs).map((x) => atLeast("", x, 1));
  return concatenate(arrays, arrays[0]!.ndim === 1 ? 0 : 1);
}
/**
 * On top of each other: along the first axis; vectors are rows.
 * @throws as {@link concatenate}.
 * @example np.vstack([[1, 2], [[3, 4], [5, 6]]]).js() // => [[1, 2], [3, 4], [5, 6]]
 */
export const vstack = (xs: readonly ArrayLike[] | NDArray): NDArray =>
  concatenate(
    members("np.vstack", xs).map((x) => atLeast("", x, 2)),
    0,
  );
/**
 * Behind each other: along the third axis; vectors are rows.
 * @throws as {@link concatenate}.
 * @example np.dstack([[1, 2], [3, 4]]).js() // => [[[1, 3], [2, 4]]]
 */
export function dstack(xs: readonly ArrayLike[] | NDArray): NDArray {
  const deep = (x: NDArray): NDArray => (x.ndim < 3 ? lax.reshape(x, [...x.shape, 1]) : x);
  return concatenate(
    members("np.dstack", xs).map((x) => deep(atLeast("", x, 2))),
    2,
  );
}
/**
 * Vectors as the columns of a matrix; matrices stand beside them as they are.
 * @throws as {@link concatenate}.
 * @example np.columnStack([[1, 2], [3, 4], [5, 6]]).js() // => [[1, 3, 5], [2, 4, 6]]
 */
export function columnStack(xs: readonly ArrayLike[] | NDArray): NDArray {
  const column = (x: NDArray): NDArray => (x.ndim < 2 ? lax.reshape(x, [x.size, 1]) : x);
  return concatenate(members("np.columnStack", xs).map(column), 1);
}
/**
 * `values` after `arr` along an axis (default: both flattened).
 * @throws as {@link concatenate}.
 * @example np.append([[1, 2], [3, 4]], [[5, 6]]).js() // => [1, 2, 3, 4, 5, 6]
 */
export const append = (arr: ArrayLike, values: ArrayLike, axis: number | null = null): NDArray =>
  joined("np.append", [asArray("np.append: arr", arr), asArray("np.append: values", values)], axis);

// ---- splitting

/** Where to cut: a number of parts, or the positions before which to cut. */
type Cuts = number | readonly number[];
/** The parts: a tuple when their number is known to the compiler. */
export type Parts<N> = N extends readonly number[]
  ? [...{ -readonly [K in keyof N]: NDArray }, NDArray]
  : N extends number
    ? Copies<N>
    : NDArray[];
type Copies<N extends number, Found extends NDArray[] = []> = number extends N
  ? NDArray[]
  : Found["length"] extends N
    ? Found
    : Found["length"] extends 64
      ? NDArray[]
      : Copies<N, [...Found, NDArray]>;

/** Sizes of parts: the first ones are larger where n does not divide. */
const evenSizes = (n: number, parts: number): number[] =>
  range(parts).map((i) => Math.floor(n / parts) + (i < n % parts ? 1 : 0));

function sizesAt(n: number, positions: readonly number[]): number[] {
  const bounds = [0, ...positions.map((p) => Math.min(Math.max(p < 0 ? p + n : p, 0), n)), n];
  return bounds.slice(1).map((end, i) => Math.max(0, end - bounds[i]!));
}

/**
 * Parts of a along an axis: `indicesOrSections` parts of nearly equal size, or cut before the given positions.
 * Negative positions count from the end; behind the end parts are empty.
 * @throws WeftValueError if the number of parts is not positive or the positions decrease.
 * @example np.arraySplit(np.arange(5), 3).map((x) => x.js()) // => [[0, 1], [2, 3], [4]]
 */
export function arraySplit<const N extends Cuts>(a: ArrayLike, indicesOrSections: N, axis = 0): Parts<N> {
  return parts("np.arraySplit", a, indicesOrSections, axis) as Parts<N>;
}

function parts(caller: string, a: ArrayLike, indicesOrSections: Cuts, axis: number): NDArray[] {
  const x = asArray(`${caller}: a`, a);
  const at = canonicalAxis(`${caller}: axis`, axis, x.ndim);
  const n = x.shape[at]!;
  if (isListOfIntegers(indicesOrSections)) return cutAt(caller, x, indicesOrSections, at);
  const parts = checkCount(`${caller}: number of sections`, indicesOrSections, 1);
  return lax.split(x, evenSizes(n, parts), at);
}

const isListOfIntegers = (x: number | readonly number[]): x is readonly number[] =>
  Array.isArray(x) || ArrayBuffer.isView(x);

/** Positions must not decrease: parts do not overlap. */
function cutAt(caller: string, x: NDArray, positions: readonly number[], axis: number): NDArray[] {
  const sizes = sizesAt(x.shape[axis]!, checkIntegers(`${caller}: indices`, positions));
  const covers = sizes.reduce((a, b) => a + b, 0) === x.shape[axis];
  if (covers) return lax.split(x, sizes, axis);
  throw new WeftValueError(`${caller}: positions must increase, got ${tuple(positions)}.`);
}

/**
 * As {@link arraySplit}, but a number of parts must divide the axis.
 * @throws WeftValueError if it does not; otherwise as {@link arraySplit}.
 * @example np.split(np.arange(4), 2).map((x) => x.js()) // => [[0, 1], [2, 3]]
 */
export const split = <const N extends Cuts>(a: ArrayLike, indicesOrSections: N, axis = 0): Parts<N> =>
  equalParts("np.split", asArray("np.split: a", a), indicesOrSections, axis);

function equalParts<N extends Cuts>(
  caller: string,
  x: NDArray,
  indicesOrSections: N,
  axis: number,
): Parts<N> {
  const n = x.shape[canonicalAxis(`${caller}: axis`, axis, x.ndim)]!;
  if (typeof indicesOrSections === "number" && indicesOrSections > 0 && n % indicesOrSections !== 0)
    throw new WeftValueError(
      `${caller}: array split does not result in an equal division: axis ${axis} has size ${n}, which ${indicesOrSections} does not divide. Use np.arraySplit.`,
    );
  return parts(caller, x, indicesOrSections, axis) as Parts<N>;
}
/**
 * {@link split} along the first axis.
 * @throws as {@link split}.
 * @example np.vsplit([[1, 2], [3, 4], [5, 6]], [1]).map((x) => x.js()) // => [[[1, 2]], [[3, 4], [5, 6]]]
 */
export const vsplit = <const N extends Cuts>(a: ArrayLike, indicesOrSections: N): Parts<N> =>
  equalParts("np.vsplit", asArray("np.vsplit: a", a), indicesOrSections, 0);
/**
 * {@link split} along the second axis, or the first of vectors.
 * @throws as {@link split}.
 * @example np.hsplit([[1, 2, 3, 4]], 2).map((x) => x.js()) // => [[[1, 2]], [[3, 4]]]
 */
export const hsplit = <const N extends Cuts>(a: ArrayLike, indicesOrSections: N): Parts<N> =>
  hsplitOf(asArray("np.hsplit: a", a), indicesOrSections);
const hsplitOf = <N extends Cuts>(x: NDArray, indicesOrSections: N): Parts<N> =>
  equalParts("np.hsplit", x, indicesOrSections, x.ndim === 1 ? 0 : 1);
/**
 * {@link split} along the third axis.
 * @throws as {@link split}; WeftValueError if there is none.
 * @example np.dsplit(np.zeros([1, 2, 3]), [1]).map((x) => x.shape) // => [[1, 2, 1], [1, 2, 2]]
 */
export const dsplit = <const N extends Cuts>(a: ArrayLike, indicesOrSections: N): Parts<N> =>
  equalParts("np.dsplit", asArray("np.dsplit: a", a), indicesOrSections, 2);

// ---- repeating

/**
 * a repeated `reps[i]` times along axis i; missing axes and repetitions are 1, aligned at the right.
 * @throws WeftValueError for negative repetitions.
 * @example np.tile([1, 2], [2, 2]).js() // => [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function tile(a: ArrayLike, reps: number | readonly number[]): NDArray {
  const given = checkShape("np.tile: reps", reps);
  const x = atLeast("np.tile: a", a, given.length);
  const counts = [...range(x.ndim - given.length).map(() => 1), ...given];
  const doubled = x.shape.flatMap((d, axis) => [counts[axis]!, d]);
  const spread = lax.broadcastInDim(
    x,
    doubled,
    range(x.ndim).map((axis) => 2 * axis + 1),
  );
  return lax.reshape(
    spread,
    x.shape.map((d, axis) => d * counts[axis]!),
  );
}

/**
 * Every slice along `axis` (default: every element of the flattened array) `repeats` times in a row, or as often as
 * its entry of the list says.
 * @throws WeftTypeError if the list has another length than the axis, WeftValueError for negative counts.
 * @example np.repeat([1, 2], 2).js() // => [1, 1, 2, 2]
 */
export function repeat(a: ArrayLike, repeats: number | readonly number[], axis?: number | null): NDArray {
  const x = asArray("np.repeat: a", a);
  if (axis === undefined || axis === null || x.ndim === 0) return repeat(ravel(x), repeats, axis ?? 0);
  const at = canonicalAxis("np.repeat: axis", axis, x.ndim);
  const n = x.shape[at]!;
  if (isListOfIntegers(repeats)) return take(x, repeated(repeats, n), at);
  const times = checkCount("np.repeat: repeats", repeats);
  const next = range(x.ndim).map((d) => (d > at ? d + 1 : d));
  const spread = lax.broadcastInDim(x, insert(x.shape, at + 1, times), next);
  return lax.reshape(spread, x.shape.with(at, n * times));
}

/** Every position as often as its count says. */
function repeated(repeats: readonly number[], n: number): TypedArray {
  const counts = checkIntegers("np.repeat: repeats", repeats);
  counts.forEach((count) => checkCount("np.repeat: repeats", count));
  if (counts.length !== n)
    throw new WeftTypeError(
      `np.repeat: one count per slice is needed, got ${counts.length} for an axis of size ${n}.`,
    );
  const ends = counts.map(
    (
      (end) => (count: number) =>
        (end += count)
    )(0),
  );
  const positions = hostArray([ends.at(-1) ?? 0], "int32");
  ends.forEach((end, i) => positions.fill(i, end - counts[i]!, end));
  return positions;
}

/**
 * Elements moved by `shift` along an axis (default: of the flattened array); what leaves at one end enters at the
 * other.
 * @throws WeftValueError if several shifts are given, but not one per axis.
 * @example np.roll([1, 2, 3], 1).js() // => [3, 1, 2]
 */
export function roll(a: ArrayLike, shift: number | readonly number[], axis?: Axis): NDArray {
  const x = asArray("np.roll: a", a);
  if (axis === undefined || axis === null) return lax.reshape(roll(ravel(x), shift, 0), x.shape);
  const axes = axesOf("np.roll", axis, x.ndim);
  const given = checkIntegers("np.roll: shift", shift);
  const shifts = given.length === 1 ? axes.map(() => given[0]!) : given;
  if (shifts.length !== axes.length)
    throw new WeftValueError(
      `np.roll: one shift per axis is needed, got ${tuple(shifts)} for axes ${tuple(axes)}.`,
    );
  return axes.reduce((y, at, i) => rollOne(y, shifts[i]!, at), x);
}

function rollOne(x: NDArray, shift: number, axis: number): NDArray {
  const n = x.shape[axis]!;
  const start = n === 0 ? 0 : ((-shift % n) + n) % n;
  if (start === 0) return x;
  return lax.concatenate([lax.sliceInDim(x, start, n, 1, axis), lax.sliceInDim(x, 0, start, 1, axis)], axis);
}
