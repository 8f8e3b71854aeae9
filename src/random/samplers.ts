/** Distributions on top of raw bits. Formulas and order of operations are JAX's, so that values agree. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkShape } from "../core/check.ts";
import { checkDType, DTYPES, type DType, isFloat, isInteger, limits } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { argmax } from "../lax/reduce.ts";
import { broadcastInDim, fullLike, indexInDim, reshape } from "../lax/shape.ts";
import { topK } from "../lax/sort.ts";
import { moveAxis } from "../lax/views.ts";
import { toInexact } from "../numpy/promote.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { broadcastShapes, canonicalAxis, equalShape, size } from "../util/shape.ts";
import { tuple } from "../util/text.ts";
import { bits, bits64, checkKey, split } from "./keys.ts";

/** The shape that a continuous distribution is asked for, in a dtype that it can have. */
function checkSample(what: string, key: NDArray, shape: Shape, dtype: DType): Shape {
  checkKey(key, `random.${what}`);
  if (!isFloat(checkDType(`random.${what}`, dtype)))
    throw new WeftTypeError(`random.${what}: dtype must be a float type, got ${dtype}.`);
  return checkShape(`random.${what}`, shape);
}

/** x broadcast to `shape`, aligned at the last axis. */
const spread = (what: string, x: NDArray, shape: Shape): NDArray => {
  if (!equalShape(broadcastShapes(x.shape, shape) ?? [], shape))
    throw new WeftValueError(`${what} of type ${x.aval} does not broadcast to the shape ${tuple(shape)}.`);
  return broadcastInDim(
    x,
    shape,
    x.shape.map((_, i) => shape.length - x.ndim + i),
  );
};

/** Scalars and arrays as arrays of one dtype. */
const typed = (what: string, x: ArrayLike, dtype: DType): NDArray =>
  lax.convertElementType(asArray(what, x), dtype);

/**
 * Uniform on [minval, maxval).
 * @param options.minval, options.maxval numbers, or arrays that broadcast to `shape`
 * @returns a float array of `shape`; default float32
 * @throws WeftTypeError for what is no key, and for a dtype that is no float type
 * Source: `jax.random.uniform`.
 * @example
 * random.uniform(random.key(42), [4]).js(); // => [0.4887, 0.6798, 0.6163, 0.561]
 * random.uniform(random.key(42), [2], { minval: [0, 100], maxval: [1, 200] }).js() // => [0.4887, 167.9797]
 */
export function uniform(
  key: NDArray,
  shape: Shape = [],
  options: { minval?: ArrayLike; maxval?: ArrayLike; dtype?: DType } = {},
): NDArray {
  const {
    minval = 0,
    maxval = 1,
    dtype = "float32",
  } = checkOptions("random.uniform", options, ["minval", "maxval", "dtype"]);
  const sizes = checkSample("uniform", key, shape, dtype);
  const unit = dtype === "float64" ? unit64(key, sizes) : unit32(key, sizes);
  const [lo, hi] = [
    spread("random.uniform: minval", typed("random.uniform: minval", minval, dtype), sizes),
    spread("random.uniform: maxval", typed("random.uniform: maxval", maxval, dtype), sizes),
  ];
  return lax.max(lo, lax.add(lax.mul(unit, lax.sub(hi, lo)), lo));
}

/** 23 random mantissa bits make a number in [1, 2). */
function unit32(key: NDArray, shape: Shape): NDArray {
  const mantissa = lax.shiftRightLogical(bits(key, shape), 9);
  return lax.sub(lax.bitcastConvertType(lax.bitwiseOr(mantissa, 0x3f800000), "float32"), 1);
}

/** 52 random bits, from two words: high·2^32 + low is exact in float64. */
function unit64(key: NDArray, shape: Shape): NDArray {
  const [high, low] = bits64(key, shape);
  const top = lax.convertElementType(lax.shiftRightLogical(high, 0), "float64");
  const rest = lax.convertElementType(lax.shiftRightLogical(low, 12), "float64");
  return lax.add(lax.mul(top, 2 ** -32), lax.mul(rest, 2 ** -52));
}

/**
 * Standard normal.
 * @throws as {@link uniform}
 * Source: `jax.random.normal` (inverse error function of a uniform).
 * @example random.normal(random.key(0), [3]).js() // => [1.6226, 2.0253, -0.4336]
 */
export function normal(key: NDArray, shape: Shape = [], options: { dtype?: DType } = {}): NDArray {
  const { dtype = "float32" } = checkOptions("random.normal", options, ["dtype"]);
  checkSample("normal", key, shape, dtype);
  const u = uniform(key, shape, { minval: nextAfterMinusOne(dtype), maxval: 1, dtype });
  return lax.mul(lax.erfInv(u), Math.SQRT2);
}

const nextAfterMinusOne = (dtype: DType): number => (dtype === "float64" ? -1 + 2 ** -53 : -1 + 2 ** -24);

/**
 * Standard normal restricted to (lower, upper).
 * @param shape default: that of the bounds, broadcast
 * @throws as {@link uniform}; WeftValueError when the bounds do not broadcast
 * Source: `jax.random.truncated_normal`.
 * @example random.truncatedNormal(random.key(0), -2, [2, 3]).js() // => [1.456, 2.0093]
 */
export function truncatedNormal(
  key: NDArray,
  lower: ArrayLike,
  upper: ArrayLike,
  shape?: Shape,
  options: { dtype?: DType } = {},
): NDArray {
  const { dtype = "float32" } = checkOptions("random.truncatedNormal", options, ["dtype"]);
  const sizes = checkSample("truncatedNormal", key, shape ?? [], dtype);
  const [lo, hi] = [
    typed("random.truncatedNormal: lower", lower, dtype),
    typed("random.truncatedNormal: upper", upper, dtype),
  ];
  const full = shape === undefined ? broadcastShapes(lo.shape, hi.shape) : sizes;
  if (!full)
    throw new WeftValueError(
      `random.truncatedNormal: lower ${lo.aval} and upper ${hi.aval} do not broadcast.`,
    );
  const edge = (x: NDArray): NDArray => lax.erf(lax.div(x, Math.SQRT2));
  const u = uniform(key, full, { minval: edge(lo), maxval: edge(hi), dtype });
  const value = lax.mul(lax.erfInv(u), Math.SQRT2);
  const inside = (x: NDArray, direction: number): NDArray =>
    spread("random.truncatedNormal: a bound", lax.nextafter(x, direction), full);
  return lax.clamp(inside(lo, Infinity), value, inside(hi, -Infinity));
}

/**
 * True with probability p.
 * @returns a bool array of `shape` (default: the shape of p)
 * Source: `jax.random.bernoulli`.
 * @example
 * random.bernoulli(random.key(0), 0.5, [4]).js(); // => [false, false, true, true]
 * random.bernoulli(random.key(0), [0, 1]).js() // => [false, true]
 */
export function bernoulli(key: NDArray, p: ArrayLike = 0.5, shape?: Shape): NDArray {
  checkKey(key, "random.bernoulli");
  const q = typed("random.bernoulli: p", p, "float32");
  const full = checkShape("random.bernoulli", shape ?? q.shape);
  return lax.lt(uniform(key, full), spread("random.bernoulli: p", q, full));
}

/**
 * Exponential with rate 1; divide by another rate.
 * @throws as {@link uniform}
 * Source: `jax.random.exponential`.
 * @example random.exponential(random.key(0), [3]).js() // => [2.9501, 3.8434, 0.4039]
 */
export const exponential = (key: NDArray, shape: Shape = [], options: { dtype?: DType } = {}): NDArray => {
  const { dtype = "float32" } = checkOptions("random.exponential", options, ["dtype"]);
  checkSample("exponential", key, shape, dtype);
  return lax.neg(lax.log1p(lax.neg(uniform(key, shape, { dtype }))));
};

/**
 * Laplace with location 0 and scale 1.
 * @throws as {@link uniform}
 * Source: `jax.random.laplace`.
 * @example random.laplace(random.key(0), [2]).mul(3).add(5).js() // => [-1.7709, -4.4508]
 */
export function laplace(key: NDArray, shape: Shape = [], options: { dtype?: DType } = {}): NDArray {
  const { dtype = "float32" } = checkOptions("random.laplace", options, ["dtype"]);
  checkSample("laplace", key, shape, dtype);
  const u = uniform(key, shape, { minval: nextAfterMinusOne(dtype), maxval: 1, dtype });
  return lax.mul(lax.sign(u), lax.log1p(lax.neg(lax.abs(u))));
}

const TINY: Readonly<Record<string, number>> = { float32: 2 ** -126, float64: 2 ** -1022 };

/**
 * How many random bits a Gumbel variate takes: with "low" (default) probabilities below about 1e-7 are never met in float32,
 * "high" takes twice as many and goes down to about 1e-14.
 */
export type GumbelMode = "low" | "high";

/**
 * Standard Gumbel. The largest of logits plus such noise is a draw from their softmax, see {@link categorical}.
 * @throws as {@link uniform}; WeftValueError for an unknown mode
 * Source: `jax.random.gumbel`.
 * @example
 * random.gumbel(random.key(0), [3]).js(); // => [2.9234, 3.8326, -0.0969]
 * np.argmax(np.log([0, 1, 0]).add(random.gumbel(random.key(0), [3]))).item() // => 1
 */
export function gumbel(
  key: NDArray,
  shape: Shape = [],
  options: { dtype?: DType; mode?: GumbelMode } = {},
): NDArray {
  const { dtype = "float32", mode = "low" } = checkOptions("random.gumbel", options, ["dtype", "mode"]);
  const sizes = checkSample("gumbel", key, shape, dtype);
  checkMode("random.gumbel", mode);
  if (mode === "low")
    return lax.neg(
      lax.log(lax.neg(lax.log(uniform(key, shape, { minval: TINY[dtype]!, maxval: 1, dtype })))),
    );
  const halves = uniform(key, [2, ...sizes], { dtype });
  const [high, low] = [indexInDim(halves, 0, 0, false), indexInDim(halves, 1, 0, false)];
  const finer = lax.add(lax.add(high, lax.mul(low, 2 ** -MANTISSA[dtype]!)), TINY[dtype]!);
  const x = lax.select(lax.ge(high, 0.5), high, finer);
  return lax.neg(lax.log(lax.neg(lax.log1p(lax.neg(x)))));
}
const checkMode = (caller: string, mode: GumbelMode): unknown =>
  checkChoice(`${caller}: mode`, mode, ["low", "high"]);
const MANTISSA: Readonly<Record<string, number>> = { float32: 23, float64: 52 };

export interface CategoricalOptions {
  /** The axis of the categories; default the last. */
  readonly axis?: number;
  /** Shape of the result, which must end with the logits' shape without `axis` (1 stretches); default that shape. */
  readonly shape?: Shape;
  /** Whether a category may be drawn more than once for one batch entry; default true. */
  readonly replace?: boolean;
  /** See {@link gumbel}. */
  readonly mode?: GumbelMode;
}

/**
 * Samples category indices from unnormalised log-probabilities.
 * @returns int32
 * @throws WeftValueError when the shape does not fit, or more is drawn without replacement than there are categories
 * Source: `jax.random.categorical` (Gumbel maximum; without replacement the largest k, Kool et al. 2019).
 * @example
 * random.categorical(random.key(0), [[0, 1, 2], [99, 0, 0]]).js(); // => [1, 0]
 * random.categorical(random.key(0), [0, 99, 0], { shape: [4] }).js() // => [1, 1, 1, 1]
 */
export function categorical(key: NDArray, logits: ArrayLike, options: CategoricalOptions = {}): NDArray {
  const {
    axis = -1,
    shape,
    replace = true,
    mode = "low",
  } = checkOptions("random.categorical", options, ["axis", "shape", "replace", "mode"]);
  checkKey(key, "random.categorical");
  checkMode("random.categorical", mode);
  const l = toInexact("random.categorical: logits", logits);
  const at = canonicalAxis("random.categorical: axis", axis, l.ndim);
  const batch = l.shape.toSpliced(at, 1);
  const full = checkShape("random.categorical", shape ?? batch);
  const prefix = full.slice(0, full.length - batch.length);
  const tail = full.slice(prefix.length);
  if (full.length < batch.length || !equalShape(broadcastShapes(tail, batch) ?? [], tail))
    throw new WeftValueError(
      `random.categorical: shape (${full.join(", ")}) must end with the batch shape (${batch.join(", ")}) of the logits.`,
    );
  const of = { dtype: l.dtype, mode };
  if (!replace) return distinct(lax.add(l, gumbel(key, l.shape, of)), at, prefix, full);
  const noise = gumbel(key, [...prefix, ...tail.toSpliced(at, 0, l.shape[at]!)], of);
  return argmax(
    lax.add(noise, spread("random.categorical: logits", l, noise.shape)),
    prefix.length + at,
    "int32",
  );
}

/** For every batch entry the positions of the largest values, in the order of size, laid out along the leading axes. */
function distinct(scores: NDArray, axis: number, prefix: Shape, shape: Shape): NDArray {
  const [k, n] = [size(prefix), scores.shape[axis]!];
  if (k > n)
    throw new WeftValueError(`random.categorical: cannot draw ${k} of ${n} categories without replacement.`);
  const [, positions] = topK(moveAxis(scores, axis, scores.ndim - 1), k);
  return reshape(moveAxis(positions!, positions!.ndim - 1, 0), shape);
}

/**
 * Uniform integers in [minval, maxval).
 * @param minval, maxval numbers, or arrays that broadcast to `shape`
 * @param options.dtype int32 (default) or another integer type
 * @throws WeftTypeError for what is no key, and for a dtype that is no integer type
 * Source: `jax.random.randint`.
 * @example
 * random.randint(random.key(42), [6], 0, 10).js(); // => [4, 4, 1, 9, 9, 9]
 * random.randint(random.key(0), [3], [0, 10, 20], [10, 20, 30]).js() // => [9, 10, 22]
 */
export function randint(
  key: NDArray,
  shape: Shape,
  minval: ArrayLike,
  maxval: ArrayLike,
  options: { dtype?: DType } = {},
): NDArray {
  const { dtype = "int32" } = checkOptions("random.randint", options, ["dtype"]);
  checkKey(key, "random.randint");
  const sizes = checkShape("random.randint", shape);
  if (!isInteger(checkDType("random.randint", dtype)))
    throw new WeftTypeError(`random.randint: dtype must be an integer type, got ${dtype}.`);
  // Narrow types are sampled as int32 and converted, as in JAX.
  if (DTYPES[dtype].bytes < 4) return lax.convertElementType(randint(key, sizes, minval, maxval), dtype);
  const [lo, hi] = [
    integer("random.randint: minval", minval, dtype),
    integer("random.randint: maxval", maxval, dtype),
  ];
  const u32 = (x: NDArray): NDArray => lax.bitcastConvertType(x, "uint32");
  const empty = lax.le(hi, lo);
  const width = lax.select(empty, fullLike(u32(lo), 1), lax.sub(u32(hi), u32(lo)));
  const beyond = typeof maxval === "number" && maxval > limits(dtype).max;
  const span = spread("random.randint: minval or maxval", beyond ? lax.add(width, 1) : width, sizes);
  const keys = split(key);
  const [higher, lower] = [
    bits(indexInDim(keys, 0, 0, false), sizes),
    bits(indexInDim(keys, 1, 0, false), sizes),
  ];
  const half = lax.rem(fullLike(span, 2 ** 16), span);
  const multiplier = lax.rem(lax.mul(half, half), span);
  const offset = lax.rem(lax.add(lax.mul(lax.rem(higher, span), multiplier), lax.rem(lower, span)), span);
  return lax.add(spread("random.randint: minval", lo, sizes), lax.bitcastConvertType(offset, dtype));
}

/** Bounds beyond the dtype saturate. */
function integer(what: string, x: ArrayLike, dtype: DType): NDArray {
  if (typeof x !== "number") return typed(what, x, dtype);
  const { min, max } = limits(dtype);
  const value = Math.min(Math.max(Math.trunc(x), min), max);
  return scalar(value, dtype);
}
