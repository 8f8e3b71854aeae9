/** Norms and powers; the products of {@link numpy} under the names that NumPy also gives them. */

import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkCount, checkList, checkNumber } from "../core/check.ts";
import { WeftValueError } from "../core/errors.ts";
import { strong } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import { reduceMax } from "../lax/reduce.ts";
import * as lax from "../lax/select.ts";
import { expandDims } from "../lax/views.ts";
import { checkOptions } from "../util/options.ts";
import { show } from "../util/text.ts";
import { eye } from "./creation.ts";
import { absolute, notEqual, power, sqrt, square } from "./elementwise.ts";
import { matmul } from "./products.ts";
import { type Axis, axesOf, spread, toInexact } from "./promote.ts";
import { min, type ReduceOptions, sum } from "./reductions.ts";

export { cross, matmul, outer, tensordot, trace, vecdot } from "./products.ts";
export { diagonal, matrixTranspose } from "./shape.ts";

export interface NormOptions extends ReduceOptions {
  /** Default: 2 for vectors, Frobenius for matrices. */
  readonly ord?: number | "f" | "fro" | null;
  readonly axis?: Axis;
}

type OfMagnitudes = (x: NDArray, axis: Axis, options?: ReduceOptions) => NDArray;

/** The maximum of magnitudes and of 0, which ties with them: that of nothing is 0. */
const largest: OfMagnitudes = (x, axis, { keepdims = false } = {}) => {
  const axes = axesOf("np.linalg.norm", axis, x.ndim);
  const top = lax.max(reduceMax(strong(x), axes), 0);
  return keepdims ? expandDims(top, axes) : top;
};

/**
 * The p-norm of vectors along `axis` (default: of all elements): `(Σ |x|^ord)^(1/ord)`; ±Infinity: the extreme; 0:
 * how many are not 0.
 * @throws WeftValueError if an axis does not exist, or if it is empty and `ord` is -Infinity.
 * @example np.linalg.vectorNorm([[3, -4], [0, 8]], { ord: 1, axis: 1 }).js() // => [7, 8]
 */
export function vectorNorm(
  x: ArrayLike,
  options: { readonly ord?: number; readonly axis?: Axis } & ReduceOptions = {},
): NDArray {
  const {
    ord = 2,
    axis = null,
    keepdims = false,
  } = checkOptions("np.linalg.vectorNorm", options, ["ord", "axis", "keepdims"]);
  const a = toInexact("np.linalg.vectorNorm: x", x);
  checkNumber("np.linalg.vectorNorm: ord", ord);
  if (ord === 2) return sqrt(sum(square(a), axis, { keepdims }));
  if (ord === Number.POSITIVE_INFINITY) return largest(absolute(a), axis, { keepdims });
  if (ord === Number.NEGATIVE_INFINITY) return min(absolute(a), axis, { keepdims });
  if (ord === 0) return sum(notEqual(a, 0).astype(a.dtype), axis, { keepdims });
  return power(sum(power(absolute(a), ord), axis, { keepdims }), 1 / ord);
}

/** Extremes over one axis of the sums over the other. */
const MATRIX_NORMS: Readonly<Record<string, { readonly over: 0 | 1; readonly pick: OfMagnitudes }>> = {
  "1": { over: 0, pick: largest },
  "-1": { over: 0, pick: min },
  Infinity: { over: 1, pick: largest },
  "-Infinity": { over: 1, pick: min },
};

/**
 * The norm of matrices in two axes: "fro" (default), or the largest (1, Infinity) or smallest (-1, -Infinity) sum of
 * absolute values of a column or row.
 * @throws WeftValueError for norms that need a decomposition.
 */
function normOfMatrices(
  x: NDArray,
  ord: number | string,
  axes: readonly number[],
  { keepdims = false }: ReduceOptions,
  caller: string,
): NDArray {
  if (ord === "fro" || ord === "f") return vectorNorm(x, { axis: axes, keepdims });
  const norm = typeof ord === "number" ? MATRIX_NORMS[ord] : undefined;
  if (!norm) throw new WeftValueError(`${caller}: order ${show(ord)} is not available for matrices.`);
  const sums = sum(absolute(x), axes[norm.over]!, { keepdims: true });
  const result = norm.pick(sums, axes[1 - norm.over]!, { keepdims: true });
  return keepdims ? result : result.squeeze(axes);
}
/**
 * The norm of the matrices in the last two axes. See {@link norm} for `ord`.
 * @throws WeftValueError below two axes, and for orders that there are not.
 * @example np.linalg.matrixNorm([[1, -2], [3, 4]], { ord: Infinity }).item() // => 7
 */
export const matrixNorm = (
  x: ArrayLike,
  options: { readonly ord?: number | "fro" } & ReduceOptions = {},
): NDArray => {
  const { ord = "fro", ...rest } = checkOptions("np.linalg.matrixNorm", options, ["ord", "keepdims"]);
  const a = toInexact("np.linalg.matrixNorm: x", x);
  return normOfMatrices(
    a,
    ord,
    axesOf("np.linalg.matrixNorm", [-2, -1], a.ndim),
    rest,
    "np.linalg.matrixNorm",
  );
};

/**
 * The norm of vectors (one axis) or matrices (two axes). Without `axis` and `ord`, of all elements as one vector.
 * @throws WeftValueError for more than two axes, or for orders that there are not.
 * @example np.linalg.norm([3, 4]).item() // => 5
 */
export function norm(x: ArrayLike, options: NormOptions = {}): NDArray {
  const {
    ord = null,
    axis = null,
    keepdims = false,
  } = checkOptions("np.linalg.norm", options, ["ord", "axis", "keepdims"]);
  const a = toInexact("np.linalg.norm: x", x);
  if (ord === null && axis === null) return vectorNorm(a, { keepdims });
  const axes = axesOf("np.linalg.norm", axis, a.ndim);
  if (axes.length === 2) return normOfMatrices(a, ord ?? "fro", axes, { keepdims }, "np.linalg.norm");
  if (axes.length !== 1 || typeof ord === "string")
    throw new WeftValueError(`np.linalg.norm: order ${show(ord)} is not defined over ${axes.length} axes.`);
  return vectorNorm(a, { ord: ord ?? 2, axis: axes, keepdims });
}

/**
 * The n-th power of square matrices, by squaring; the unit matrix where n is 0.
 * @throws WeftValueError for negative n or other matrices.
 * @example np.linalg.matrixPower([[1, 1], [1, 0]], 10).js() // => [[89, 55], [55, 34]]
 */
export function matrixPower(a: ArrayLike, n: number): NDArray {
  const x = asArray("np.linalg.matrixPower: a", a);
  if (x.ndim < 2 || x.shape.at(-1) !== x.shape.at(-2))
    throw new WeftValueError(`np.linalg.matrixPower: a needs square matrices, got ${x.aval}.`);
  checkCount("np.linalg.matrixPower: n (the power)", n);
  if (n === 0) return spread(eye(x.shape.at(-1)!, undefined, { dtype: x.dtype }), x.shape);
  if (n === 1) return x;
  const half = matrixPower(x, n >> 1);
  const squared = matmul(half, half);
  return n % 2 ? matmul(squared, x) : squared;
}

/**
 * The product of several matrices, in the order that costs least. The first and the last may be vectors.
 * @throws WeftValueError for fewer than two arrays, WeftTypeError if sizes do not fit.
 * @example np.linalg.multiDot([[1, 2], [[1, 0], [0, 2]], [3, 4]]).item() // => 19
 */
export function multiDot(arrays: readonly ArrayLike[]): NDArray {
  const xs = checkList("np.linalg.multiDot: arrays", arrays).map((x, i) =>
    asArray(`np.linalg.multiDot: arrays[${i}]`, x),
  );
  if (xs.length < 2) throw new WeftValueError("np.linalg.multiDot needs at least two arrays.");
  for (const [i, x] of xs.entries()) checkFactor(i, x, i === 0 || i === xs.length - 1);
  return cheapest(xs);
}

function checkFactor(i: number, x: NDArray, outer: boolean): void {
  if (x.ndim === 2 || (outer && x.ndim === 1)) return;
  throw new WeftValueError(
    `np.linalg.multiDot: arrays[${i}] must be a matrix${outer ? " or a vector" : ""}, got ${x.aval}.`,
  );
}

/** Splits where the costs of both sides and of their product are least. */
function cheapest(xs: readonly NDArray[]): NDArray {
  const rows = (x: NDArray): number => (x.ndim > 1 ? x.shape[0]! : 1);
  const columns = (x: NDArray): number => (x.ndim > 1 ? x.shape[1]! : 1);
  const inner = (x: NDArray): number => x.shape[0]!;
  const plan = new Map<string, [cost: number, cut: number]>();
  const best = (i: number, j: number): [number, number] => {
    if (i === j) return [0, i];
    const known = plan.get(`${i},${j}`);
    if (known) return known;
    const outer = rows(xs[i]!) * columns(xs[j]!);
    const options = Array.from({ length: j - i }, (_, k): [number, number] => {
      const cut = i + k;
      return [best(i, cut)[0] + best(cut + 1, j)[0] + outer * inner(xs[cut + 1]!), cut];
    });
    const found = options.reduce((a, b) => (b[0] < a[0] ? b : a));
    plan.set(`${i},${j}`, found);
    return found;
  };
  const product = (i: number, j: number): NDArray => {
    if (i === j) return xs[i]!;
    const [, cut] = best(i, j);
    return matmul(product(i, cut), product(cut + 1, j));
  };
  return product(0, xs.length - 1);
}
