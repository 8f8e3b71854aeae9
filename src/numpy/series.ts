/** Functions of sequences: differences, integrals, convolutions, interpolation, covariance, polynomials. */

import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkCount, checkNumber } from "../core/check.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { range } from "../lax/axes.ts";
import { full } from "../lax/broadcast.ts";
import { strong } from "../lax/cast.ts";
import { scan } from "../lax/control/loops.ts";
import { asArray, place } from "../lax/convert.ts";
import { reduceSum } from "../lax/reduce.ts";
import { indexInDim, sliceInDim } from "../lax/slice.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { arange } from "./creation.ts";
import * as np from "./elementwise.ts";
import { concatenate } from "./join.ts";
import { pad } from "./pad.ts";
import { matmul } from "./products.ts";
import {
  type BinaryFunction,
  commonShape,
  promoteArgs,
  promoteInexact,
  spread,
  toInexact,
} from "./promote.ts";
import { cumsum, mean, sum } from "./reductions.ts";
import { clip, take, where } from "./select.ts";
import { atLeast, diagonal, flip, moveaxis, ravel } from "./shape.ts";
import { searchsorted } from "./sorting.ts";

/** All but the last, and all but the first slice along an axis: neighbours stand side by side. */
const neighbours = (x: NDArray, axis: number): [NDArray, NDArray] => {
  const n = x.shape[axis]!;
  return [sliceInDim(x, 0, Math.max(0, n - 1), 1, axis), sliceInDim(x, Math.min(1, n), n, 1, axis)];
};

function differences(x: NDArray, axis: number): NDArray {
  const [before, after] = neighbours(x, axis);
  return x.dtype === "bool" ? np.notEqual(after, before) : np.subtract(after, before);
}

export interface DiffOptions {
  /** Slices before and after a along the axis; a scalar stands for one slice. */
  readonly prepend?: ArrayLike;
  readonly append?: ArrayLike;
}
/**
 * Differences of neighbours along an axis, taken n times (0: a as it is); of bools, whether they differ.
 * @throws WeftValueError if n is negative.
 * @example np.diff([1, 4, 9]).js() // => [3, 5]
 */
export function diff(a: ArrayLike, n = 1, axis = -1, options: DiffOptions = {}): NDArray {
  const { prepend, append } = checkOptions("np.diff", options, ["prepend", "append"]);
  const x = asArray("np.diff: a", a);
  checkCount("np.diff: n (the order)", n);
  if (n === 0) return x;
  const at = canonicalAxis("np.diff: axis", axis, x.ndim);
  const edges = (value: ArrayLike | undefined): NDArray[] => {
    if (value === undefined) return [];
    const v = asArray("np.diff: value", value);
    return [v.ndim === 0 ? spread(v, x.shape.with(at, 1)) : v];
  };
  const whole = concatenate([...edges(prepend), x, ...edges(append)], at);
  return range(n).reduce((y) => differences(y, at), whole);
}

/**
 * Differences of neighbours in the flattened array, with `toBegin` and `toEnd` before and after them, converted to
 * its dtype.
 * @throws WeftTypeError for bools.
 * @example np.ediff1d([[1, 2], [4, 8]], { toEnd: 0 }).js() // => [1, 2, 4, 0]
 */
export function ediff1d(
  ary: ArrayLike,
  options: { readonly toBegin?: ArrayLike; readonly toEnd?: ArrayLike } = {},
): NDArray {
  const { toBegin, toEnd } = checkOptions("np.ediff1d", options, ["toBegin", "toEnd"]);
  const x = ravel(asArray("np.ediff1d: ary", ary));
  const [before, after] = neighbours(x, 0);
  const extra = (name: string, value: ArrayLike | undefined): NDArray[] =>
    value === undefined ? [] : [ravel(asArray(`np.ediff1d: ${name}`, value)).astype(x.dtype)];
  return concatenate([...extra("toBegin", toBegin), np.subtract(after, before), ...extra("toEnd", toEnd)]);
}

/**
 * The integral of y along an axis (default: the last) by the trapezoidal rule, over positions x or with distance
 * `dx`. A float.
 * @throws WeftValueError if the axis does not exist, WeftTypeError if the shapes do not broadcast.
 * @example np.trapezoid([1, 2, 4], [0, 1, 3]).item() // => 7.5
 */
export function trapezoid(
  y: ArrayLike,
  x?: ArrayLike | null,
  options: { readonly dx?: ArrayLike; readonly axis?: number } = {},
): NDArray {
  const { dx = 1, axis = -1 } = checkOptions("np.trapezoid", options, ["dx", "axis"]);
  const axisOf = (a: NDArray): number => canonicalAxis("np.trapezoid: axis", axis, a.ndim);
  if (x === undefined || x === null) {
    const values = toInexact("np.trapezoid: y", y);
    return trapezoids(moveaxis(values, axisOf(values), -1), stepsFor(values, dx, axisOf(values)));
  }
  const [heights, positions] = promoteInexact(place("np.trapezoid", "y", "x"), y, x) as [NDArray, NDArray];
  return trapezoids(
    moveaxis(heights, axisOf(heights), -1),
    diff(positions.ndim === 1 ? positions : moveaxis(positions, axisOf(positions), -1)),
  );
}

/** dx beside y's axes, aligned at the right. */
function stepsFor({ ndim }: NDArray, dx: ArrayLike, axis: number): NDArray {
  const steps = asArray("np.trapezoid: dx", dx);
  return steps.ndim === 0
    ? steps
    : moveaxis(spread(steps, [...range(ndim - steps.ndim).fill(1), ...steps.shape]), axis, -1);
}

/** Of equal steps the sum without half of both ends is taken, which is a NaN where an end is infinite. */
function trapezoids(heights: NDArray, steps: NDArray): NDArray {
  const last = heights.ndim - 1;
  const [before, after] = neighbours(heights, last);
  if (heights.shape[last] === 0 || (steps.ndim > 0 && steps.shape.at(-1) !== 1))
    return np.multiply(sum(np.multiply(steps, np.add(before, after)), -1), 0.5);
  const end = (i: number): NDArray => indexInDim(heights, i, last, false);
  const inner = np.subtract(sum(heights, -1), np.multiply(np.add(end(0), end(-1)), 0.5));
  return np.multiply(steps.ndim > 0 ? indexInDim(steps, 0, steps.ndim - 1, false) : steps, inner);
}

export type ConvolutionMode = "full" | "same" | "valid";
const CONVOLUTION_MODES: readonly ConvolutionMode[] = ["full", "same", "valid"];

function checkVector(name: string, x: NDArray): void {
  if (x.ndim !== 1 || x.size === 0)
    throw new WeftValueError(`np.${name}: inputs must be vectors that are not empty, got ${x.aval}.`);
}

/**
 * A kernel at every place of a sequence, and so far beyond its ends. What stands beside the sequence is in no product, for an
 * infinite weight times 0 is NaN; where the kernel lies inside, windows are one gather and one product.
 */
function slidingProducts(x: NDArray, kernel: NDArray, [low, high]: readonly [number, number]): NDArray {
  const last = x.size - kernel.size + 1;
  const places = (from: number, to: number): NDArray =>
    np.add(arange(from, to).reshape([to - from, 1]), arange(kernel.size));
  const across = (from: number, to: number): NDArray => {
    const at = places(from, to);
    const isInside = np.logicalAnd(np.greaterEqual(at, 0), np.less(at, x.size));
    const windows = take(x, where(isInside, at, x.size), 0, { fillValue: 0 });
    return reduceSum(where(isInside, np.multiply(windows, kernel), 0), [1]);
  };
  const inside = matmul(take(x, places(0, last), 0, { mode: "clip" }), kernel);
  return concatenate([across(-low, 0), inside, across(last, last + high)]);
}

/** How much of the longer sequence's ends takes part. */
const MARGINS: Readonly<Record<ConvolutionMode, (n: number) => readonly [number, number]>> = {
  full: (n) => [n - 1, n - 1],
  same: (n) => [Math.floor(n / 2), n - 1 - Math.floor(n / 2)],
  valid: () => [0, 0],
};

/**
 * The convolution of two vectors, as floats. "full": wherever they overlap; "same": as long as the longer one;
 * "valid": where they overlap completely.
 * @throws WeftValueError for what is no vector or empty, and for other modes.
 * @example np.convolve([1, 2, 3], [1, 1]).js() // => [1, 3, 5, 3]
 */
export function convolve(x: ArrayLike, y: ArrayLike, mode: ConvolutionMode = "full"): NDArray {
  const [a, b] = promoteInexact(place("np.convolve", "x", "y"), x, y) as [NDArray, NDArray];
  checkVector("convolve", a);
  checkVector("convolve", b);
  const [long, short] = a.size >= b.size ? [a, b] : [b, a];
  const [low, high] = MARGINS[checkChoice("np.convolve: mode", mode, CONVOLUTION_MODES)](short.size);
  return slidingProducts(long, flip(short), [low, high]);
}

/**
 * The correlation of two vectors: {@link convolve} with y reversed, but "valid" by default.
 * @throws as {@link convolve}.
 * @example np.correlate([1, 2, 3], [0, 1]).js() // => [2, 3]
 */
export function correlate(x: ArrayLike, y: ArrayLike, mode: ConvolutionMode = "valid"): NDArray {
  const [a, b] = promoteInexact(place("np.correlate", "x", "y"), x, y) as [NDArray, NDArray];
  checkChoice("np.correlate: mode", mode, CONVOLUTION_MODES);
  checkVector("correlate", a);
  checkVector("correlate", b);
  if (a.size >= b.size) return convolve(a, flip(b), mode);
  return flip(convolve(b, flip(a), mode));
}

/**
 * Piecewise linear interpolation at x between points (xp, fp), xp increasing; constant beyond the ends.
 * @throws WeftValueError if xp and fp are no vectors of one length.
 * @example np.interp([0.5, 9], [0, 1], [10, 20]).js() // => [15, 20]
 */
export function interp(x: ArrayLike, xp: ArrayLike, fp: ArrayLike): NDArray {
  const [at, xs, ys] = promoteInexact(place("np.interp", "x", "xp", "fp"), x, xp, fp) as [
    NDArray,
    NDArray,
    NDArray,
  ];
  if (xs.ndim !== 1 || String(xs.shape) !== String(ys.shape) || xs.size === 0)
    throw new WeftValueError(
      `np.interp: xp and fp must be vectors of one length, got ${xs.aval} and ${ys.aval}.`,
    );
  const last = xs.size - 1;
  const right = clip(searchsorted(xs, at, { side: "right" }), Math.min(1, last), last);
  const corner = (points: NDArray, offset: number): NDArray =>
    take(points, np.subtract(right, offset), 0, { mode: "clip" });
  const width = np.subtract(corner(xs, 0), corner(xs, 1));
  const safe = where(np.equal(width, 0), 1, width);
  const slope = np.divide(np.subtract(corner(ys, 0), corner(ys, 1)), safe);
  const inside = np.add(corner(ys, 1), np.multiply(slope, np.subtract(at, corner(xs, 1))));
  const beyond = where(np.less(at, xs.slice(0)), ys.slice(0), inside);
  return where(np.greater(at, xs.slice(-1)), ys.slice(-1), beyond);
}

/**
 * Phases without jumps: differences of at least `discont` (default half a period) are complemented by multiples of
 * the period. A float.
 * @throws WeftValueError if the axis does not exist.
 * @example np.unwrap([350, 355, 2, 10], null, -1, 360).js() // => [350, 355, 362, 370]
 */
export function unwrap(
  p: ArrayLike,
  discont?: number | null,
  axis = -1,
  period: number = 2 * Math.PI,
): NDArray {
  const x = toInexact("np.unwrap: p", p);
  const at = canonicalAxis("np.unwrap: axis", axis, x.ndim);
  if (x.shape[at] === 0) return x;
  const jump = differences(x, at);
  const whole = checkNumber("np.unwrap: period", period);
  const half = whole / 2;
  const centred = np.subtract(np.remainder(np.add(jump, half), whole), half);
  const signed = where(np.logicalAnd(np.equal(centred, -half), np.greater(jump, 0)), half, centred);
  const correction = where(np.less(np.absolute(jump), discont ?? half), 0, np.subtract(signed, jump));
  const first = sliceInDim(strong(x), 0, 1, 1, at);
  const [, rest] = neighbours(x, at);
  return concatenate([first, np.add(rest, cumsum(correction, at))], at);
}

/**
 * The covariance matrix of variables, which are the rows of x (and of y); `rowvar: false`: the columns. Of a single
 * variable it is a scalar. Sums are divided by the number of observations less 1.
 * @throws WeftTypeError for more than two axes, or if x and y have different numbers of observations.
 * @example np.cov([[1, 2, 3], [6, 4, 2]]).js() // => [[1, -2], [-2, 4]]
 */
export function cov(
  x: ArrayLike,
  y?: ArrayLike | null,
  options: { readonly rowvar?: boolean } = {},
): NDArray {
  const { rowvar = true } = checkOptions("np.cov", options, ["rowvar"]);
  const rows = (name: string, a: ArrayLike): NDArray => {
    const m = toInexact(`np.cov: ${name}`, a);
    if (m.ndim > 2) throw new WeftTypeError(`np.cov: inputs must have at most two axes, got ${m.aval}.`);
    return m.ndim === 2 && !rowvar ? m.T : atLeast("", m, 2);
  };
  const variables = y === undefined || y === null ? rows("x", x) : concatenate([rows("x", x), rows("y", y)]);
  const centred = np.subtract(variables, mean(variables, 1, { keepdims: true }));
  // Of no observations, as of one, it is 0/0.
  const freedom = Math.max(variables.shape[1]! - 1, 0);
  const matrix = np.divide(matmul(centred, centred.T), freedom);
  return matrix.shape[0] === 1 ? matrix.reshape([]) : matrix;
}

/**
 * Pearson's correlation coefficients of the rows of x (and of y); NaN for one that does not vary.
 * @throws as {@link cov}.
 * @example np.corrcoef([1, 2, 3], [6, 4, 2]).js() // => [[1, -1], [-1, 1]]
 */
export function corrcoef(x: ArrayLike, y?: ArrayLike): NDArray {
  const operand = (name: string, a: ArrayLike): NDArray => toInexact(`np.corrcoef: ${name}`, a);
  const c = cov(operand("x", x), y === undefined || y === null ? null : operand("y", y));
  if (c.ndim === 0) return np.divide(c, c);
  const deviation = np.sqrt(diagonal(c));
  return clip(np.divide(np.divide(c, deviation.reshape([deviation.size, 1])), deviation), -1, 1);
}

// ---- polynomials: coefficients from the highest power down

/**
 * The polynomial at x, by Horner's scheme: a scan over the first axis of p, whose other axes broadcast against x.
 * @throws WeftTypeError if the shapes do not broadcast, WeftValueError if p has no axis.
 * @example np.polyval([1, 0, -2], 3).item() // => 7
 */
export function polyval(p: ArrayLike, x: ArrayLike): NDArray {
  const [coefficients, at] = promoteArgs(place("np.polyval", "p", "x"), p, x) as [NDArray, NDArray];
  if (coefficients.ndim === 0) throw new WeftValueError("np.polyval: p must have at least one axis.");
  const shape = commonShape("np.polyval", [coefficients.shape.slice(1), at.shape]);
  const step = (y: NDArray, c: NDArray): [NDArray, null] => [np.add(np.multiply(y, at), c), null];
  return scan(step, full(shape, 0, at.dtype), coefficients, {
    unroll: Math.min(16, coefficients.shape[0]! || 1),
  })[0];
}

const combine =
  (caller: string, op: BinaryFunction): BinaryFunction =>
  (a1, a2) => {
    const [p, q] = [atLeast(`${caller}: a1`, a1, 1), atLeast(`${caller}: a2`, a2, 1)];
    const degree = Math.max(p.size, q.size);
    return op(pad(p, [degree - p.size, 0]), pad(q, [degree - q.size, 0]));
  };
/**
 * The sum of two polynomials; the shorter one is filled with zeros in front.
 * @throws WeftTypeError for what is no array.
 * @example np.polyadd([1, 2], [1, 0, 0]).js() // => [1, 1, 2]
 */
export const polyadd: BinaryFunction = combine("np.polyadd", np.add);
/**
 * The difference of two polynomials; zeros in front stay.
 * @throws WeftTypeError for what is no array.
 * @example np.polysub([1, 5, 2], [1, 0, 0]).js() // => [0, 5, 2]
 */
export const polysub: BinaryFunction = combine("np.polysub", np.subtract);
/**
 * The product of two polynomials, as floats.
 * @throws WeftValueError for what is no vector or empty.
 * @example np.polymul([1, 1], [1, -1]).js() // => [1, 0, -1]
 */
export const polymul = (a1: ArrayLike, a2: ArrayLike): NDArray =>
  convolve(atLeast("np.polymul: a1", a1, 1), atLeast("np.polymul: a2", a2, 1));
/**
 * The m-th derivative of a polynomial, as floats; that of a constant is empty.
 * @throws WeftValueError if m is negative.
 * @example np.polyder([1, 0, 2, 5], 2).js() // => [6, 0]
 */
export function polyder(p: ArrayLike, m = 1): NDArray {
  const coefficients = atLeast("np.polyder: p", toInexact("np.polyder: p", p), 1);
  const once = (q: NDArray): NDArray =>
    q.size <= 1 ? q.slice([0, 0]) : np.multiply(q.slice([0, -1]), arange(q.size - 1, 0, -1));
  const times = checkCount("np.polyder: m", m);
  return times === 0 ? coefficients : strong(range(times).reduce(once, coefficients));
}
