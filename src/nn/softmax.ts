/** Functions over whole axes: softmax and its relatives, one-hot vectors, standardisation. */

import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkCount } from "../core/check.ts";
import { checkDType, type DType } from "../core/dtype.ts";
import { broadcastInDim, reduceSum, zerosLike } from "../lax/broadcast.ts";
import { strong } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { reduceMax } from "../lax/reduce.ts";
import { broadcastedIota, expandDims, squeeze } from "../lax/shape.ts";
import { add, divide, maximum, multiply, square, subtract } from "../numpy/computing.ts";
import { type Axis, asPositions, axesOf, toInexact } from "../numpy/promote.ts";
import { REDUCE_OPTIONS, type ReduceOptions } from "../numpy/reductions.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";

/** The largest element along axes, kept and strongly typed. Not differentiated. */
const largest = (x: NDArray, axes: readonly number[]): NDArray =>
  expandDims(reduceMax(strong(lax.stopGradient(x)), axes), axes);

/** As {@link largest}; 0 instead of infinities, so that subtracting it never makes NaN. */
function safeMax(x: NDArray, axes: readonly number[]): NDArray {
  const top = largest(x, axes);
  return lax.select(lax.isFinite(top), top, zerosLike(top));
}

const sumKept = (x: NDArray, axes: readonly number[]): NDArray => expandDims(reduceSum(x, axes), axes);

/**
 * `exp(x)` rescaled to sum 1 along `axis`.
 * @param axis default the last; several axes are normalised together
 * Source: `jax.nn.softmax`.
 * @example nn.softmax([[1000, 1000], [0, -Infinity]]).js() // => [[0.5, 0.5], [1, 0]]
 */
export function softmax(x: ArrayLike, axis: Axis = -1): NDArray {
  const a = toInexact("nn.softmax: x", x);
  const axes = axesOf("nn.softmax", axis, a.ndim);
  const weights = lax.exp(subtract(a, largest(a, axes)));
  return divide(weights, sumKept(weights, axes));
}

/**
 * `log(softmax(x))`, accurate where softmax underflows.
 * Source: `jax.nn.log_softmax`.
 * @example nn.logSoftmax([[0, 0], [0, -1000]]).js() // => [[-0.6931472, -0.6931472], [0, -1000]]
 */
export function logSoftmax(x: ArrayLike, axis: Axis = -1): NDArray {
  const a = toInexact("nn.logSoftmax: x", x);
  const axes = axesOf("nn.logSoftmax", axis, a.ndim);
  const shifted = subtract(a, largest(a, axes));
  return subtract(shifted, lax.log(sumKept(lax.exp(shifted), axes)));
}

/**
 * `log(sum(exp(x)))` without overflow.
 * @param axis default null: all axes together
 * Source: `jax.nn.logsumexp`.
 * @example [nn.logsumexp([0, 0]), nn.logsumexp([[0, 1000], [2000, 0]], 1)] // => [0.6931472, [1000, 2000]]
 */
export function logsumexp(x: ArrayLike, axis: Axis = null, options: ReduceOptions = {}): NDArray {
  const { keepdims = false } = checkOptions("nn.logsumexp", options, REDUCE_OPTIONS);
  const a = toInexact("nn.logsumexp: x", x);
  const axes = axesOf("nn.logsumexp", axis, a.ndim);
  const top = safeMax(a, axes);
  const kept = add(lax.log(sumKept(lax.exp(subtract(a, top)), axes)), top);
  return keepdims ? kept : squeeze(kept, axes);
}

/**
 * {@link logsumexp} less the logarithm of the number of elements: `log(mean(exp(x)))` without overflow.
 * @param axis default null: all axes together
 * Source: `jax.nn.logmeanexp`.
 * @example nn.logmeanexp([[1000, 1000], [3, 3]], 1, { keepdims: true }).js() // => [[1000], [3]]
 */
export function logmeanexp(x: ArrayLike, axis: Axis = null, options: ReduceOptions = {}): NDArray {
  const a = toInexact("nn.logmeanexp: x", x);
  const count = axesOf("nn.logmeanexp", axis, a.ndim).reduce((n, i) => n * a.shape[i]!, 1);
  return lax.sub(logsumexp(a, axis, options), Math.log(count));
}

export interface StandardizeOptions {
  /** They replace the computed ones. */
  readonly mean?: ArrayLike;
  readonly variance?: ArrayLike;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: ArrayLike;
  /**
   * "fast" (default, as in JAX): the mean of squares less the square of the mean, which loses digits where the mean is large
   * beside the deviation. "stable": the mean of squared deviations.
   */
  readonly algorithm?: "fast" | "stable";
}

/**
 * x shifted and scaled to mean 0 and variance 1 along `axis`.
 * @param axis default the last; null for all
 * @throws WeftValueError for an unknown algorithm
 * Source: `jax.nn.standardize`.
 * @example nn.standardize([1, 3], -1, { epsilon: 0 }).js() // => [-1, 1]
 */
export function standardize(x: ArrayLike, axis: Axis = -1, options: StandardizeOptions = {}): NDArray {
  const {
    mean,
    variance,
    epsilon = 1e-5,
    algorithm = "fast",
  } = checkOptions("nn.standardize", options, ["mean", "variance", "epsilon", "algorithm"]);
  checkChoice("nn.standardize: algorithm", algorithm, ["fast", "stable"]);
  const a = toInexact("nn.standardize: x", x);
  const axes = axesOf("nn.standardize", axis, a.ndim);
  const count = axes.reduce((n, i) => n * a.shape[i]!, 1);
  const average = (v: NDArray): NDArray => divide(strong(sumKept(v, axes)), count);
  const given = (name: string, value: ArrayLike | undefined): NDArray | undefined =>
    value === undefined ? undefined : asArray(`nn.standardize: ${name}`, value);
  const centre = given("mean", mean) ?? average(a);
  const centred = subtract(a, centre);
  const spread = (): NDArray =>
    algorithm === "fast"
      ? maximum(subtract(average(lax.square(a)), square(centre)), 0)
      : average(lax.square(centred));
  return multiply(
    centred,
    lax.rsqrt(add(given("variance", variance) ?? spread(), asArray("nn.standardize: epsilon", epsilon))),
  );
}

/**
 * Vectors with a 1 at the index and 0 elsewhere; all 0 for an index outside of [0, numClasses).
 * @param x integer indices
 * @returns `[...x.shape, numClasses]` (the new axis can be put elsewhere with `axis`), float32 unless `dtype` is given
 * @throws WeftTypeError for an array of indices that is not of integers and for a numClasses that is none;
 *   WeftValueError for a negative one
 * Source: `jax.nn.one_hot`.
 * @example nn.oneHot([0, 2, -1], 3).js() // => [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
 */
export function oneHot(
  x: ArrayLike,
  numClasses: number,
  options: { dtype?: DType; axis?: number } = {},
): NDArray {
  const { dtype = "float32", axis = -1 } = checkOptions("nn.oneHot", options, ["dtype", "axis"]);
  const indices = asPositions("nn.oneHot: x", x);
  const at = canonicalAxis("nn.oneHot: axis", axis, indices.ndim + 1);
  const shape = indices.shape.toSpliced(at, 0, checkCount("nn.oneHot: numClasses", numClasses));
  const spread = broadcastInDim(indices, shape, shape.map((_, i) => i).toSpliced(at, 1));
  const hits = lax.eq(spread, broadcastedIota(indices.dtype, shape, at));
  return lax.convertElementType(hits, checkDType("nn.oneHot", dtype));
}
