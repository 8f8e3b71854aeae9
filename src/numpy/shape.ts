/** The same elements under another shape or in another place. */

import { type ArrayLike, NDArray, scalar } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkAxisList, checkInteger, checkIntegers, checkShape } from "../core/check.ts";
import { WeftValueError } from "../core/errors.ts";
import { complement, inverse, range } from "../lax/axes.ts";
import { strong } from "../lax/cast.ts";
import { tuple } from "../lax/check.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/shape.ts";
import { canonicalAxis, broadcastShapes as join } from "../util/shape.ts";
import { type Axis, axesOf, commonShape, spread } from "./promote.ts";

/** The number of axes. @throws WeftTypeError for what is no array. @example np.ndim([[1, 2, 3]]) // => 2 */
export const ndim = (x: ArrayLike): number => asArray("np.ndim: x", x).ndim;
/** The sizes of the axes. @throws WeftTypeError for what is no array. @example np.shape([[1, 2, 3]]) // => [1, 3] */
export const shape = (x: ArrayLike): readonly number[] => asArray("np.shape: x", x).shape;
/**
 * The number of elements, or of those along an axis.
 * @throws WeftValueError if the axis does not exist.
 * @example np.size([[1, 2, 3], [4, 5, 6]], -1) // => 3
 */
export function size(a: ArrayLike, axis?: number): number {
  const x = asArray("np.size: a", a);
  return axis === undefined ? x.size : x.shape[canonicalAxis("np.size: axis", axis, x.ndim)]!;
}
/** Whether this is a number, a boolean or an array without axes. @example np.isscalar(np.sum([1, 2])) // => true */
export const isscalar = (element: unknown): boolean =>
  typeof element === "number" ||
  typeof element === "boolean" ||
  (element instanceof NDArray && element.ndim === 0);

/**
 * The same elements in row-major order under another shape. One size may be -1: it is inferred.
 * @throws WeftTypeError if the numbers of elements differ.
 * @example np.reshape([1, 2, 3, 4], [2, -1]).js() // => [[1, 2], [3, 4]]
 */
export function reshape(x: ArrayLike, newShape: number | Shape): NDArray {
  return lax.reshape(x, checkIntegers("np.reshape: newShape", newShape));
}
/** All elements as a vector, in row-major order. @example np.ravel([[1, 2], [3, 4]]).js() // => [1, 2, 3, 4] */
export const ravel = (a: ArrayLike): NDArray => lax.reshape(a, [asArray("np.ravel: a", a).size]);

/**
 * Axis k of the result is axis `perm[k]` of x (default: all axes reversed).
 * @throws WeftTypeError if it is not a permutation, WeftValueError if an axis does not exist.
 * @example np.transpose(np.zeros([2, 3, 4]), [2, 0, 1]).shape // => [4, 2, 3]
 */
export function transpose(x: ArrayLike, perm?: readonly number[] | null): NDArray {
  const a = asArray("np.transpose: x", x);
  if (perm === undefined || perm === null) return lax.transpose(a);
  return lax.transpose(
    a,
    checkIntegers("np.transpose: perm", perm).map((axis) =>
      canonicalAxis("np.transpose: axis", axis, a.ndim),
    ),
  );
}
export { transpose as permuteDims };
/**
 * The last two axes swapped.
 * @throws WeftValueError below two axes.
 * @example np.matrixTranspose([[[1, 2, 3], [4, 5, 6]]]).js() // => [[[1, 4], [2, 5], [3, 6]]]
 */
export function matrixTranspose(a: ArrayLike): NDArray {
  const x = asArray("np.matrixTranspose: a", a);
  if (x.ndim < 2) throw new WeftValueError(`np.matrixTranspose needs at least two axes, got ${x.aval}.`);
  return swapaxes(x, -1, -2);
}
/**
 * Two axes swapped.
 * @throws WeftValueError if one does not exist.
 * @example np.swapaxes([[[1, 2]], [[3, 4]]], 0, -1).js() // => [[[1, 3]], [[2, 4]]]
 */
export function swapaxes(a: ArrayLike, axis1: number, axis2: number): NDArray {
  const x = asArray("np.swapaxes: a", a);
  const [i, j] = [
    canonicalAxis("np.swapaxes: axis1", axis1, x.ndim),
    canonicalAxis("np.swapaxes: axis2", axis2, x.ndim),
  ];
  return lax.transpose(x, range(x.ndim).with(i, j).with(j, i));
}
/**
 * The axes `src` moved to the places `dst`; the others keep their order.
 * @throws WeftValueError if their numbers differ or one does not exist, WeftTypeError if one is named twice.
 * @example np.moveaxis(np.zeros([2, 3, 4]), 0, -1).shape // => [3, 4, 2]
 */
export function moveaxis(
  x: ArrayLike,
  src: number | readonly number[],
  dst: number | readonly number[],
): NDArray {
  const a = asArray("np.moveaxis: x", x);
  const [from, to] = [axesOf("np.moveaxis", src, a.ndim), axesOf("np.moveaxis", dst, a.ndim)];
  if (from.length !== to.length)
    throw new WeftValueError(
      `np.moveaxis: as many places as axes are needed, got ${tuple(from)} and ${tuple(to)}.`,
    );
  const order = [...complement(a.ndim, from), ...from];
  const places = [...complement(a.ndim, to), ...to];
  return lax.transpose(
    a,
    inverse(places).map((k) => order[k]!),
  );
}

/**
 * a without its axes of size 1, or without those named.
 * @throws WeftTypeError if one of them has another size, WeftValueError if one does not exist.
 * @example np.squeeze(np.zeros([1, 3, 1]), -1).shape // => [1, 3]
 */
export function squeeze(a: ArrayLike, axis: Axis = null): NDArray {
  const x = asArray("np.squeeze: a", a);
  return lax.squeeze(
    x,
    axis === null ? range(x.ndim).filter((d) => x.shape[d] === 1) : axesOf("np.squeeze", axis, x.ndim),
  );
}
/**
 * a with new axes of size 1 at these places of the result.
 * @throws WeftValueError if the result has no such place, WeftTypeError if one is named twice.
 * @example np.expandDims([1, 2], 1).shape // => [2, 1]
 */
export const expandDims = (a: ArrayLike, axis: number | readonly number[]): NDArray =>
  lax.expandDims(a, checkIntegers("np.expandDims: axis", axis));

/** x with axes of size 1 in front until it has `count`. */
export function atLeast(what: string, a: ArrayLike, count: number): NDArray {
  const x = asArray(what, a);
  return x.ndim >= count ? x : spread(x, [...range(count - x.ndim).map(() => 1), ...x.shape]);
}
/** Scalars as vectors of one element; what has axes stays. @example np.atleast1d(3).js() // => [3] */
export const atleast1d = (a: ArrayLike): NDArray => atLeast("np.atleast1d: a", a, 1);
/**
 * Scalars and vectors as matrices of one row; what has more axes stays.
 * @example np.atleast2d([1, 2]).js() // => [[1, 2]]
 */
export const atleast2d = (a: ArrayLike): NDArray => atLeast("np.atleast2d: a", a, 2);

/**
 * x repeated to a shape, axes aligned at the right.
 * @throws WeftValueError if it does not fit.
 * @example np.broadcastTo([1, 2], [2, 2]).js() // => [[1, 2], [1, 2]]
 */
export const broadcastTo = (a: ArrayLike, newShape: number | Shape): NDArray =>
  broadcastFor("np.broadcastTo", asArray("np.broadcastTo: a", a), newShape);

/** {@link broadcastTo} for the function `caller`, of which errors speak. */
export function broadcastFor(caller: string, x: NDArray, newShape: number | Shape): NDArray {
  const target = checkShape(caller, newShape);
  if (String(join(x.shape, target)) !== String(target))
    throw new WeftValueError(
      `${caller}: Incompatible shapes for broadcasting: ${tuple(x.shape)} and requested shape ${tuple(target)}.`,
    );
  return spread(x, target);
}
/**
 * The shape that shapes broadcast to, aligned at the right.
 * @throws WeftTypeError if there is none.
 * @example np.broadcastShapes([2, 1], [3], []) // => [2, 3]
 */
export const broadcastShapes = (...shapes: readonly Shape[]): number[] =>
  commonShape(
    "broadcastShapes",
    shapes.map((s) => checkShape("np.broadcastShapes", s)),
  );
/**
 * The arrays repeated to one shape; dtypes stay.
 * @throws WeftTypeError if there is none.
 * @example np.broadcastArrays([[1], [2]], [3, 4]).map((x) => x.js()) // => [[[1, 1], [2, 2]], [[3, 4], [3, 4]]]
 */
export function broadcastArrays(...arrays: readonly ArrayLike[]): NDArray[] {
  const xs = arrays.map((x) => asArray("np.broadcastArrays: x", x));
  const target = commonShape(
    "broadcastArrays",
    xs.map((x) => x.shape),
  );
  return xs.map((x) => spread(x, target));
}

/**
 * The order along these axes (default: all) reversed.
 * @throws WeftValueError if one does not exist.
 * @example np.flip([[1, 2], [3, 4]]).js() // => [[4, 3], [2, 1]]
 */
export function flip(x: ArrayLike, axis: Axis = null): NDArray {
  const a = asArray("np.flip: x", x);
  return lax.rev(a, axesOf("np.flip", axis, a.ndim));
}
/**
 * The first axis reversed.
 * @throws WeftValueError for scalars.
 * @example np.flipud([[1], [2]]).js() // => [[2], [1]]
 */
export const flipud = (x: ArrayLike): NDArray => flip(asArray("np.flipud: x", x), 0);
/**
 * The second axis reversed.
 * @throws WeftValueError if there is none.
 * @example np.fliplr([[1, 2, 3], [4, 5, 6]]).js() // => [[3, 2, 1], [6, 5, 4]]
 */
export const fliplr = (x: ArrayLike): NDArray => flip(asArray("np.fliplr: x", x), 1);
/**
 * A plane turned k times by 90 degrees, from the first of `axes` towards the second.
 * @throws WeftValueError if these are not two or one does not exist, WeftTypeError if one is named twice.
 * @example np.rot90([[1, 2, 3], [4, 5, 6]]).js() // => [[3, 6], [2, 5], [1, 4]]
 */
export function rot90(m: ArrayLike, k = 1, axes: readonly number[] = [0, 1]): NDArray {
  const x = asArray("np.rot90: m", m);
  const [a, b, ...more] = checkAxisList("np.rot90: axes", axes, x.ndim);
  if (a === undefined || b === undefined || more.length > 0)
    throw new WeftValueError(`np.rot90: axes must be two axes, got ${tuple(axes)}.`);
  const turns = ((checkInteger("np.rot90: k", k) % 4) + 4) % 4;
  if (turns === 0) return x;
  if (turns === 2) return flip(m, [a, b]);
  return turns === 1 ? swapaxes(flip(m, b), a, b) : flip(swapaxes(m, a, b), b);
}

// ---- diagonals

/**
 * The diagonals of the planes that two axes span, along a new last axis; `offset` moves them along `axis2`.
 * @throws WeftValueError below two axes.
 * @example np.diagonal([[1, 2], [3, 4]]).js() // => [1, 4]
 */
export function diagonal(a: ArrayLike, offset = 0, axis1 = 0, axis2 = 1): NDArray {
  const x = asArray("np.diagonal: a", a);
  if (x.ndim < 2)
    throw new WeftValueError(
      `np.diagonal: diagonal requires an array of at least two dimensions, got ${x.aval}.`,
    );
  const shift = checkInteger("np.diagonal: offset", offset);
  const from = [
    canonicalAxis("np.diagonal: axis1", axis1, x.ndim),
    canonicalAxis("np.diagonal: axis2", axis2, x.ndim),
  ];
  const planes = moveaxis(x, from, [-2, -1]);
  const batch = planes.shape.slice(0, -2);
  const [rows, columns] = [planes.shape.at(-2)!, planes.shape.at(-1)!];
  const [row, column] = [Math.max(0, -shift), Math.max(0, shift)];
  const length = Math.max(0, Math.min(rows - row, columns - column));
  const start = length === 0 ? 0 : row * columns + column;
  const limit = length === 0 ? 0 : start + (length - 1) * (columns + 1) + 1;
  const flat = lax.reshape(planes, [...batch, rows * columns]);
  return lax.sliceInDim(flat, start, limit, columns + 1, -1);
}

/**
 * The matrix with the vector v on its k-th diagonal, zeros elsewhere, or the k-th diagonal of a matrix.
 * @throws WeftValueError for other numbers of axes.
 * @example np.diag([1, 2], 1).js() // => [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
 */
export function diag(v: ArrayLike, k = 0): NDArray {
  const x = asArray("np.diag: v", v);
  if (x.ndim === 2) return diagonal(x, k);
  if (x.ndim !== 1)
    throw new WeftValueError(`np.diag: the input must be 1- or 2-dimensional, got ${x.aval}.`);
  const n = x.size + Math.abs(checkInteger("np.diag: k", k));
  const start = k >= 0 ? k : -k * n;
  const covered = Math.max(0, (x.size - 1) * (n + 1) + 1);
  return lax.reshape(lax.pad(x, scalar(0, x.dtype, x.weakType), [[start, n * n - start - covered, n]]), [
    n,
    n,
  ]);
}
/**
 * {@link diag} of all elements.
 * @throws WeftTypeError if k is no integer.
 * @example np.diagflat([[1, 2], [3, 4]], -1).slice(2).js() // => [0, 2, 0, 0, 0]
 */
export const diagflat = (v: ArrayLike, k = 0): NDArray =>
  strong(diag(ravel(asArray("np.diagflat: v", v)), k));
