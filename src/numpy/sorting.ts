/** Sorting, searching and comparing whole arrays. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { isFloat } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { full } from "../lax/broadcast.ts";
import { foriLoop } from "../lax/control/loops.ts";
import { asArray, place } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { argsort as laxArgsort, sort as laxSort } from "../lax/sort.ts";
import { reshape } from "../lax/views.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { equalShape, broadcastShapes as fitTogether } from "../util/shape.ts";
import {
  absolute,
  add,
  bitwiseAnd,
  equal,
  isfinite,
  isnan,
  lessEqual,
  logicalOr,
  multiply,
  subtract,
} from "./elementwise.ts";
import { promoteArgs, promoteInexact } from "./promote.ts";
import { all } from "./reductions.ts";
import { take, where } from "./select.ts";

/**
 * Ascending order along an axis (null: of the flattened array); NaN comes last.
 * @throws WeftValueError if the axis does not exist.
 * @example np.sort([[3, NaN, 1], [5, -0, 4]]).js() // => [[1, 3, NaN], [-0, 4, 5]]
 */
export function sort(a: ArrayLike, axis: number | null = -1): NDArray {
  const x = asArray("np.sort: a", a);
  return axis === null ? laxSort(reshape(x, [x.size]), 0) : laxSort(x, axis);
}
/**
 * The int32 positions that sort along an axis (null: the flattened array). Stable.
 * @throws WeftValueError if the axis does not exist.
 * @example np.argsort([3, 1, 2]).js() // => [1, 2, 0]
 */
export function argsort(a: ArrayLike, axis: number | null = -1): NDArray {
  const x = asArray("np.argsort: a", a);
  return axis === null ? laxArgsort(reshape(x, [x.size]), 0) : laxArgsort(x, axis);
}

/** x < y in the order of sorting, where NaN is above everything. */
const before = (x: NDArray, y: NDArray): NDArray =>
  isFloat(x.dtype) ? lax.bitwiseOr(lax.lt(x, y), bitwiseAnd(isnan(y), lax.eq(x, x))) : lax.lt(x, y);

export interface SearchSortedOptions {
  /** Before ("left", the default) or behind ("right") elements that are equal. */
  readonly side?: "left" | "right";
}
/**
 * Where to insert values v into the sorted vector a so that it stays sorted: int32 in the shape of v. Binary search.
 * @throws WeftTypeError if a is no vector, WeftValueError for another side.
 * @example np.searchsorted([1, 3, 5], [0, 3, 9]).js() // => [0, 1, 3]
 */
export function searchsorted(a: ArrayLike, v: ArrayLike, options: SearchSortedOptions = {}): NDArray {
  const { side = "left" } = checkOptions("np.searchsorted", options, ["side"]);
  const [sorted, wanted] = promoteArgs(place("np.searchsorted", "a", "v"), a, v) as [NDArray, NDArray];
  if (sorted.ndim !== 1) throw new WeftTypeError(`np.searchsorted: a must be a vector, got ${sorted.aval}.`);
  checkChoice("np.searchsorted: side", side, ["left", "right"]);
  const goRight = (element: NDArray): NDArray =>
    side === "left" ? before(element, wanted) : lax.bitwiseNot(before(wanted, element));
  const halve = (_: NDArray, [low, high]: readonly [NDArray, NDArray]): [NDArray, NDArray] => {
    const middle = lax.shiftRightArithmetic(lax.add(low, high), 1);
    const right = bitwiseAnd(goRight(take(sorted, middle, 0, { mode: "clip" })), lax.lt(low, high));
    return [lax.select(right, lax.add(middle, 1), low), lax.select(right, high, middle)];
  };
  const ends = [full(wanted.shape, 0, "int32"), full(wanted.shape, sorted.size, "int32")] as [
    NDArray,
    NDArray,
  ];
  if (sorted.size === 0) return ends[0];
  return foriLoop(0, Math.ceil(Math.log2(sorted.size + 1)), halve, ends)[0];
}

// ---- comparing

export interface CloseOptions {
  /** Relative to the second operand. */
  readonly rtol?: number;
  readonly atol?: number;
  /** Whether NaN is close to NaN. */
  readonly equalNaN?: boolean;
}
const CLOSE_OPTIONS = ["rtol", "atol", "equalNaN"] as const;
/**
 * Whether `|a - b| <= atol + rtol · |b|` (by default 1e-8 and 1e-5), per element; infinities are close to themselves.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.isclose([100, NaN, Infinity], [101, NaN, Infinity], { rtol: 0.02 }).js() // => [true, false, true]
 */
export const isclose = (a: ArrayLike, b: ArrayLike, options: CloseOptions = {}): NDArray =>
  close("np.isclose", a, b, options);

function close(caller: string, a: ArrayLike, b: ArrayLike, options: CloseOptions): NDArray {
  const { rtol = 1e-5, atol = 1e-8, equalNaN = false } = checkOptions(caller, options, CLOSE_OPTIONS);
  // Integers become comparable among themselves before they are rounded to floats.
  const [x, y] = promoteInexact(() => "", ...promoteArgs(place(caller, "a", "b"), a, b)) as [
    NDArray,
    NDArray,
  ];
  const near = lessEqual(
    absolute(subtract(x, y)),
    add(asArray(`${caller}: atol`, atol), multiply(asArray(`${caller}: rtol`, rtol), absolute(y))),
  );
  const same = where(bitwiseAnd(isfinite(x), isfinite(y)), near, equal(x, y));
  return equalNaN ? logicalOr(same, bitwiseAnd(isnan(x), isnan(y))) : same;
}
/**
 * Whether all elements are close, as a boolean, after broadcasting. Needs concrete arrays. See {@link isclose}.
 * @throws ConcretizationTypeError for traced arrays, WeftTypeError if the shapes do not broadcast.
 * @example np.allclose([1, 2], [1, 2.1], { atol: 0.2 }) // => true
 */
export const allclose = (actual: ArrayLike, expected: ArrayLike, options: CloseOptions = {}): boolean =>
  Boolean(all(close("np.allclose", actual, expected, options)).item());

const equalPairs = (x: NDArray, y: NDArray, equalNaN: boolean): NDArray =>
  all(equalNaN ? logicalOr(equal(x, y), bitwiseAnd(isnan(x), isnan(y))) : equal(x, y));

/**
 * Whether shapes and all elements are equal: a bool scalar.
 * @example np.arrayEqual([1, NaN], [1, NaN], { equalNaN: true }).js() // => true
 */
export function arrayEqual(
  a1: ArrayLike,
  a2: ArrayLike,
  options: { readonly equalNaN?: boolean } = {},
): NDArray {
  const { equalNaN = false } = checkOptions("np.arrayEqual", options, ["equalNaN"]);
  const [x, y] = [asArray("np.arrayEqual: a1", a1), asArray("np.arrayEqual: a2", a2)];
  return equalShape(x.shape, y.shape) ? equalPairs(x, y, equalNaN) : scalar(false, "bool");
}
/**
 * Whether all elements are equal after broadcasting: a bool scalar.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.arrayEquiv([1, 2], [[1, 2], [1, 2]]).js() // => true
 */
export function arrayEquiv(a1: ArrayLike, a2: ArrayLike): NDArray {
  const [x, y] = [asArray("np.arrayEquiv: a1", a1), asArray("np.arrayEquiv: a2", a2)];
  return fitTogether(x.shape, y.shape) !== null ? equalPairs(x, y, false) : scalar(false, "bool");
}
