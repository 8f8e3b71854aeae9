/** Random orders and draws from a collection. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkCount, checkShape } from "../core/check.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { full } from "../lax/broadcast.ts";
import { asArray } from "../lax/convert.ts";
import { cumsum } from "../lax/cumulative.ts";
import { add, log } from "../lax/elementwise.ts";
import { sort, topK } from "../lax/sort.ts";
import { iota, reshape } from "../lax/views.ts";
import { toInexact } from "../numpy/promote.ts";
import { take } from "../numpy/select.ts";
import { searchsorted } from "../numpy/sorting.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis, size } from "../util/shape.ts";
import { bits, checkKey, split } from "./keys.ts";
import { type GumbelMode, gumbel, randint, uniform } from "./samplers.ts";

/** Sorts along an axis by random bits, as often as makes equal sort keys harmless. */
function shuffle(key: NDArray, x: NDArray, axis = 0): NDArray {
  const rounds = Math.ceil((3 * Math.log(Math.max(1, x.size))) / Math.log(2 ** 32 - 1));
  let [current, values] = [key, x];
  for (let round = 0; round < rounds; round++) {
    const keys = split(current);
    current = keys.slice(0);
    values = sort([bits(keys.slice(1), values.shape), values], axis, { numKeys: 1 })[1]!;
  }
  return values;
}

export interface PermutationOptions {
  readonly axis?: number;
  /** Every vector along the axis gets an order of its own; default false. */
  readonly independent?: boolean;
}

/**
 * A random order of 0 … x-1, or of the slices of an array.
 * @param x a number, or an array that is permuted along `axis`
 * @returns int32[x], or an array like x
 * @throws WeftTypeError for a scalar that is no integer number; WeftValueError for a negative one or an
 *   axis that does not exist
 * Source: `jax.random.permutation`.
 * @example
 * random.permutation(random.key(0), 6).js(); // => [0, 1, 5, 4, 3, 2]
 * random.permutation(random.key(1), [[1, 2], [3, 4], [5, 6]]).js() // => [[5, 6], [1, 2], [3, 4]]
 */
export function permutation(key: NDArray, x: ArrayLike, options: PermutationOptions = {}): NDArray {
  const { axis = 0, independent = false } = checkOptions("random.permutation", options, [
    "axis",
    "independent",
  ]);
  checkKey(key, "random.permutation");
  if (typeof x === "number") return shuffle(key, iota("int32", checkCount("random.permutation: x", x)));
  const array = asArray("random.permutation: x", x);
  if (array.ndim === 0)
    throw new WeftTypeError(`random.permutation: expected an array or a plain integer, got ${array.aval}.`);
  const at = canonicalAxis("random.permutation: axis", axis, array.ndim);
  if (independent || array.ndim === 1) return shuffle(key, array, at);
  return take(array, shuffle(key, iota("int32", array.shape[at]!)), at);
}

export interface ChoiceOptions {
  /** Shape of the draws; default a single one. */
  readonly shape?: Shape;
  /** Whether an element may be drawn more than once; default true. */
  readonly replace?: boolean;
  /** Probabilities of the elements; default equal. */
  readonly p?: ArrayLike;
  /** Which axis of the array is drawn from; default the first. */
  readonly axis?: number;
  /** See {@link gumbel}; matters with `p` and without replacement. */
  readonly mode?: GumbelMode;
}

/**
 * Draws from 0 … a-1, or from the slices of an array along `axis`, in whose place the result has the axes of `shape`.
 * @throws WeftValueError when there is nothing to draw from, when more is drawn without replacement than there is, or when `p`
 *   has not one entry per element
 * Source: `jax.random.choice`.
 * @example
 * random.choice(random.key(0), 10, { shape: [3], replace: false }).js(); // => [0, 1, 8]
 * random.choice(random.key(0), [7, 8, 9], { shape: [4], p: [0, 1, 0] }).js() // => [8, 8, 8, 8]
 */
export function choice(key: NDArray, a: ArrayLike, options: ChoiceOptions = {}): NDArray {
  const {
    shape: wanted = [],
    replace = true,
    p,
    axis = 0,
    mode = "low",
  } = checkOptions("random.choice", options, ["shape", "replace", "p", "axis", "mode"]);
  checkKey(key, "random.choice");
  const shape = checkShape("random.choice", wanted);
  const source = typeof a === "number" ? null : asArray("random.choice: a", a);
  if (source?.ndim === 0)
    throw new WeftTypeError(
      `random.choice: a must be an array with axes or a plain integer, got ${source.aval}.`,
    );
  const at = source ? canonicalAxis("random.choice: axis", axis, source.ndim) : 0;
  const n = source ? source.shape[at]! : checkCount("random.choice: a", a);
  const draws = size(shape);
  if (draws === 0)
    return full(source ? source.shape.toSpliced(at, 1, ...shape) : shape, 0, source?.dtype ?? "int32");
  if (!(n > 0)) throw new WeftValueError(`random.choice: there is nothing to draw from, got ${n} elements.`);
  if (!replace && draws > n)
    throw new WeftValueError(`random.choice: cannot draw ${draws} of ${n} elements without replacement.`);
  const index = drawIndex(key, n, draws, { shape, replace, p, mode });
  return source ? take(source, index, at) : index;
}

function drawIndex(
  key: NDArray,
  n: number,
  draws: number,
  {
    shape,
    replace,
    p,
    mode,
  }: Required<Pick<ChoiceOptions, "shape" | "replace" | "mode">> & { p: ArrayLike | undefined },
): NDArray {
  if (p === undefined)
    return replace ? randint(key, shape, 0, n) : reshape(permutation(key, n).slice([0, draws]), shape);
  const weights = toInexact("random.choice: p", p);
  if (weights.ndim !== 1 || weights.size !== n)
    throw new WeftValueError(
      `random.choice: p must be a vector with one probability per element, of which there are ${n}; got ${weights.aval}.`,
    );
  if (!replace) {
    const scores = add(gumbel(key, [n], { dtype: weights.dtype, mode }), log(weights));
    return reshape(topK(scores, draws)[1], shape);
  }
  const sums = cumsum(weights, 0);
  const r = sums.slice(-1).mul(uniform(key, shape, { dtype: weights.dtype }).neg().add(1));
  return searchsorted(sums, r).astype("int32");
}
