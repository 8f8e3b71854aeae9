/** Products of vectors, matrices and tensors. */

import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkCount, checkIntegers, checkList } from "../core/check.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { pick, range } from "../lax/axes.ts";
import { strong } from "../lax/cast.ts";
import { tuple } from "../lax/check.ts";
import { asArray } from "../lax/convert.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { show } from "../util/text.ts";
import { contractAll, type Labelled } from "./contraction.ts";
import { multiply, subtract } from "./elementwise.ts";
import { stack, unstack } from "./join.ts";
import { sum } from "./reductions.ts";
import { diagonal, expandDims, moveaxis, ravel } from "./shape.ts";

export { einsum } from "./einsum.ts";

const label = (array: NDArray, labels: readonly string[]): Labelled => ({ array, labels });

/** Batch axes are numbered from the right, so that they broadcast. */
const batchLabels = (count: number): string[] => range(count).map((i) => `.${count - 1 - i}`);

function checkAxes(name: string, xs: readonly NDArray[], least: number): void {
  for (const [k, x] of xs.entries())
    if (x.ndim < least)
      throw new WeftValueError(
        `${name} input operand ${k} must have ndim at least ${least}, but it has ndim ${x.ndim}.`,
      );
}

/** Two operands that have so many axes. */
const atLeastAxes = (name: string, ...operands: [x: ArrayLike, least: number][]): [NDArray, NDArray] =>
  operands.map(([x, least], i) => {
    const a = asArray(`np.${name}: x${i + 1}`, x);
    if (a.ndim >= least) return a;
    throw new WeftValueError(`np.${name}: x${i + 1} must have at least ${least} axes, got ${a.aval}.`);
  }) as [NDArray, NDArray];

/** A product over stacks: the last axes of both operands have names, the axes before them broadcast. */
function stacked(
  name: string,
  x: ArrayLike,
  y: ArrayLike,
  xAxes: string,
  yAxes: string,
  out: string,
): NDArray {
  const [a, b] = [asArray(`np.${name}: x`, x), asArray(`np.${name}: y`, y)];
  const labelled = (array: NDArray, core: string): Labelled =>
    label(array, [...batchLabels(array.ndim - core.length), ...core]);
  const [lhs, rhs] = [labelled(a, xAxes), labelled(b, yAxes)];
  const size = (side: Labelled): number => side.array.shape[side.labels.indexOf("k")]!;
  if (size(lhs) !== size(rhs))
    throw new WeftTypeError(
      `${name}: contracting dimensions must have the same size, got ${tuple(a.shape)} and ${tuple(b.shape)}.`,
    );
  const batch = Math.max(a.ndim - xAxes.length, b.ndim - yAxes.length);
  return contractAll([lhs, rhs], [...batchLabels(batch), ...out]);
}

/**
 * The matrix product of the last two axes; vectors are a row on the left and a column on the right, and axes before
 * the last two broadcast.
 * @throws WeftValueError for scalars, WeftTypeError if sizes do not fit.
 * @example np.matmul([[1, 2], [3, 4]], [1, 1]).js() // => [3, 7]
 */
export function matmul(x: ArrayLike, y: ArrayLike): NDArray {
  const [a, b] = [asArray("np.matmul: x", x), asArray("np.matmul: y", y)];
  checkAxes("matmul", [a, b], 1);
  const [rows, columns] = [a.ndim > 1 ? "m" : "", b.ndim > 1 ? "n" : ""];
  return stacked("matmul", a, b, `${rows}k`, `k${columns}`, rows + columns);
}
/**
 * Stacks of matrices times stacks of vectors: the last two axes of x1 and the last of x2; the axes before broadcast.
 * @throws WeftTypeError if sizes do not fit.
 * @example np.matvec([[1, 2], [3, 4]], [[1, 1], [1, -1]]).js() // => [[3, 7], [-1, -1]]
 */
export const matvec = (x1: ArrayLike, x2: ArrayLike): NDArray =>
  stacked("matvec", ...atLeastAxes("matvec", [x1, 2], [x2, 1]), "mk", "k", "m");
/**
 * Stacks of vectors times stacks of matrices: the last axis of x1 and the last two of x2; the axes before broadcast.
 * @throws WeftTypeError if sizes do not fit.
 * @example np.vecmat([1, 10], [[1, 2], [3, 4]]).js() // => [31, 42]
 */
export const vecmat = (x1: ArrayLike, x2: ArrayLike): NDArray =>
  stacked("vecmat", ...atLeastAxes("vecmat", [x1, 1], [x2, 2]), "k", "kn", "n");
/**
 * Scalar products of vectors along an axis (default: the last); the other axes broadcast.
 * @throws WeftTypeError if sizes do not fit, WeftValueError if the axis does not exist.
 * @example np.vecdot([[1, 2], [3, 4]], [10, 1]).js() // => [12, 34]
 */
export function vecdot(x: ArrayLike, y: ArrayLike, options: { readonly axis?: number } = {}): NDArray {
  const { axis = -1 } = checkOptions("np.vecdot", options, ["axis"]);
  const last = (name: string, v: ArrayLike): NDArray => {
    const a = asArray(`np.vecdot: ${name}`, v);
    return moveaxis(a, canonicalAxis("np.vecdot: axis", axis, a.ndim), -1);
  };
  return stacked("vecdot", last("x", x), last("y", y), "k", "k", "");
}

/**
 * The last axis of x with the last but one of y (the only one of a vector), without broadcasting; scalars multiply.
 * @throws WeftTypeError if sizes do not fit.
 * @example np.dot([1, 2], [3, 4]).item() // => 11
 */
export function dot(x: ArrayLike, y: ArrayLike): NDArray {
  const [a, b] = [asArray("np.dot: x", x), asArray("np.dot: y", y)];
  if (a.ndim === 0 || b.ndim === 0) return multiply(x, y);
  return overAxes("dot", a, b, -1, Math.max(0, b.ndim - 2));
}

/**
 * The sum of products over pairs of axes: the last `axes` of x with the first of y, or the axes of the two lists. The
 * result has the other axes of x, then those of y.
 * @throws WeftTypeError if the lists or the sizes do not fit, WeftValueError if an axis does not exist.
 * @example np.tensordot(np.ones([2, 3, 4]), np.ones([4, 3, 5]), [[1, 2], [1, 0]]).shape // => [2, 5]
 */
export function tensordot(
  x: ArrayLike,
  y: ArrayLike,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): NDArray {
  const [a, b] = [asArray("np.tensordot: x", x), asArray("np.tensordot: y", y)];
  if (Array.isArray(axes)) {
    const [left, right, ...more] = checkList("np.tensordot: axes", axes);
    if (more.length === 0) return overAxes("tensordot", a, b, left, right);
    throw new WeftTypeError(`np.tensordot: axes must be a number or two lists, got ${show(axes)}.`);
  }
  const n = checkCount("np.tensordot: axes", axes);
  if (n > Math.min(a.ndim, b.ndim))
    throw new WeftTypeError(
      `Number of tensordot axes (${n}) exceeds input ranks (${tuple(a.shape)} and ${tuple(b.shape)}).`,
    );
  return overAxes("tensordot", a, b, range(n, a.ndim - n), range(n));
}

function overAxes(
  op: string,
  a: NDArray,
  b: NDArray,
  left: number | readonly number[],
  right: number | readonly number[],
): NDArray {
  const axesIn = (array: NDArray, list: number | readonly number[]): number[] =>
    checkIntegers(`np.${op}: axes`, list).map((axis) => canonicalAxis(`np.${op}: axis`, axis, array.ndim));
  const [lhs, rhs] = [axesIn(a, left), axesIn(b, right)];
  if (String(pick(a.shape, lhs)) !== String(pick(b.shape, rhs)))
    throw new WeftTypeError(
      `${op}: contracting dimensions must have the same size, got ${tuple(a.shape)} and ${tuple(b.shape)} along ${tuple(lhs)} and ${tuple(rhs)}.`,
    );
  const name = (side: string, contracted: number[]) => (axis: number) =>
    contracted.includes(axis) ? `k${contracted.indexOf(axis)}` : `${side}${axis}`;
  const [xs, ys] = [range(a.ndim).map(name("x", lhs)), range(b.ndim).map(name("y", rhs))];
  return contractAll(
    [label(a, xs), label(b, ys)],
    [...xs, ...ys].filter((l) => !l.startsWith("k")),
  );
}

/**
 * The sum of products over the last axes; scalars multiply. The result has the other axes of x, then those of y.
 * @throws WeftTypeError if sizes do not fit.
 * @example np.inner([[1, 2], [3, 4]], [[1, 0], [1, 1]]).js() // => [[1, 3], [3, 7]]
 */
export function inner(x: ArrayLike, y: ArrayLike): NDArray {
  const [a, b] = [asArray("np.inner: x", x), asArray("np.inner: y", y)];
  return a.ndim === 0 || b.ndim === 0 ? multiply(x, y) : overAxes("inner", a, b, -1, -1);
}
/**
 * All products of elements of the flattened arrays, as a matrix.
 * @example np.outer([1, 2], [[3, 4], [5, 6]]).js() // => [[3, 4, 5, 6], [6, 8, 10, 12]]
 */
export const outer = (x: ArrayLike, y: ArrayLike): NDArray =>
  multiply(expandDims(ravel(asArray("np.outer: x", x)), 1), ravel(asArray("np.outer: y", y)));
/**
 * The scalar product of the flattened arrays.
 * @throws WeftTypeError if sizes do not fit.
 * @example np.vdot([[1, 2], [3, 4]], [[1, 0], [0, 1]]).item() // => 5
 */
export const vdot = (x: ArrayLike, y: ArrayLike): NDArray =>
  overAxes("vdot", ravel(asArray("np.vdot: x", x)), ravel(asArray("np.vdot: y", y)), 0, 0);

/**
 * Sums of the diagonals of the planes that two axes span; `offset` moves the diagonal to the right. Dtypes as in
 * {@link sum}.
 * @throws WeftValueError below two axes, or if an axis does not exist.
 * @example np.trace([[1, 2, 3], [4, 5, 6]], 1).item() // => 8
 */
export const trace = (a: ArrayLike, offset = 0, axis1 = 0, axis2 = 1): NDArray =>
  sum(diagonal(asArray("np.trace: a", a), offset, axis1, axis2), -1);

export interface CrossOptions {
  readonly axisa?: number;
  readonly axisb?: number;
  readonly axisc?: number;
  /** Stands for the other three. */
  readonly axis?: number;
}
/**
 * Cross products of vectors of 3 (or 2) components along an axis; of 2 components on both sides, the third component
 * alone.
 * @throws WeftValueError for other numbers of components, WeftTypeError if the other axes do not broadcast.
 * @example np.cross([[1, 0, 0], [0, 0, 1]], [0, 1, 0]).js() // => [[0, 0, 1], [-1, 0, 0]]
 */
export function cross(a: ArrayLike, b: ArrayLike, options: CrossOptions = {}): NDArray {
  const {
    axis,
    axisa = axis ?? -1,
    axisb = axis ?? -1,
    axisc = axis ?? -1,
  } = checkOptions("np.cross", options, ["axisa", "axisb", "axisc", "axis"]);
  const [x, y] = [
    components("np.cross: axisa", asArray("np.cross: a", a), axisa),
    components("np.cross: axisb", asArray("np.cross: b", b), axisb),
  ];
  const minor = (i: number, j: number): NDArray =>
    subtract(multiply(x[i] ?? 0, y[j] ?? 0), multiply(x[j] ?? 0, y[i] ?? 0));
  if (x.length === 2 && y.length === 2) return minor(0, 1);
  const parts = [minor(1, 2), minor(2, 0), minor(0, 1)].map(strong);
  return stack(parts, canonicalAxis("np.cross: axisc", axisc, parts[0]!.ndim + 1));
}

function components(what: string, a: NDArray, axis: number): NDArray[] {
  const x = moveaxis(a, canonicalAxis(what, axis, a.ndim), 0);
  if (x.shape[0] !== 2 && x.shape[0] !== 3)
    throw new WeftValueError(`np.cross: vectors must have 2 or 3 components, got ${x.shape[0]}.`);
  return unstack(x);
}
