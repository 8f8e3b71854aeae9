/** Distributions on top of raw bits. Formulas and order of operations are JAX's, so that values agree. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { DTYPES, type DType, isFloat, isInteger, limits } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { argmax } from "../lax/reduce.ts";
import { broadcastInDim, fullLike, indexInDim } from "../lax/shape.ts";
import { broadcastShapes } from "../util/shape.ts";
import { bits, bits64, split } from "./keys.ts";

const checkFloat = (dtype: DType, what: string): void => {
  if (!isFloat(dtype)) throw new WeftTypeError(`random.${what}: dtype must be a float type, got ${dtype}.`);
};

/** x broadcast to `shape`, aligned at the last axis. */
const spread = (x: NDArray, shape: Shape): NDArray =>
  broadcastInDim(
    x,
    shape,
    x.shape.map((_, i) => shape.length - x.ndim + i),
  );

/** Scalars and arrays as arrays of one dtype. */
const typed = (x: ArrayLike, dtype: DType): NDArray => lax.convertElementType(asArray(x), dtype);

/**
 * Uniform on [minval, maxval).
 * @returns a float array of `shape`
 * Source: `jax.random.uniform`.
 * @example random.uniform(random.key(42), [4])
 */
export function uniform(
  key: NDArray,
  shape: Shape = [],
  {
    minval = 0,
    maxval = 1,
    dtype = "float32",
  }: { minval?: ArrayLike; maxval?: ArrayLike; dtype?: DType } = {},
): NDArray {
  checkFloat(dtype, "uniform");
  const unit = dtype === "float64" ? unit64(key, shape) : unit32(key, shape);
  const [lo, hi] = [spread(typed(minval, dtype), shape), spread(typed(maxval, dtype), shape)];
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
 * Source: `jax.random.normal` (inverse error function of a uniform).
 * @example random.normal(random.key(0), [3])
 */
export function normal(
  key: NDArray,
  shape: Shape = [],
  { dtype = "float32" }: { dtype?: DType } = {},
): NDArray {
  checkFloat(dtype, "normal");
  const u = uniform(key, shape, { minval: nextAfterMinusOne(dtype), maxval: 1, dtype });
  return lax.mul(lax.erfInv(u), Math.SQRT2);
}

const nextAfterMinusOne = (dtype: DType): number => (dtype === "float64" ? -1 + 2 ** -53 : -1 + 2 ** -24);

/**
 * Normal restricted to (lower, upper).
 * Source: `jax.random.truncated_normal`.
 * @example random.truncatedNormal(random.key(0), -2, 2, [8])
 */
export function truncatedNormal(
  key: NDArray,
  lower: ArrayLike,
  upper: ArrayLike,
  shape?: Shape,
  { dtype = "float32" }: { dtype?: DType } = {},
): NDArray {
  checkFloat(dtype, "truncatedNormal");
  const [lo, hi] = [typed(lower, dtype), typed(upper, dtype)];
  const full = shape ?? broadcastShapes(lo.shape, hi.shape);
  if (!full)
    throw new WeftValueError(
      `random.truncatedNormal: lower ${lo.aval} and upper ${hi.aval} do not broadcast.`,
    );
  const edge = (x: NDArray): NDArray => lax.erf(lax.div(x, Math.SQRT2));
  const u = uniform(key, full, { minval: edge(lo), maxval: edge(hi), dtype });
  const value = lax.mul(lax.erfInv(u), Math.SQRT2);
  const inside = (x: NDArray, direction: number): NDArray => spread(lax.nextafter(x, direction), full);
  return lax.clamp(inside(lo, Infinity), value, inside(hi, -Infinity));
}

/**
 * True with probability p.
 * @returns a bool array of `shape` (default: the shape of p)
 * Source: `jax.random.bernoulli`.
 * @example random.bernoulli(random.key(0), 0.3, [10])
 */
export function bernoulli(key: NDArray, p: ArrayLike = 0.5, shape?: Shape): NDArray {
  const q = typed(p, "float32");
  const full = shape ?? q.shape;
  return lax.lt(uniform(key, full), spread(q, full));
}

/** Exponential with rate 1. Source: `jax.random.exponential`. */
export const exponential = (
  key: NDArray,
  shape: Shape = [],
  { dtype = "float32" }: { dtype?: DType } = {},
): NDArray => lax.neg(lax.log1p(lax.neg(uniform(key, shape, { dtype }))));

/** Laplace with location 0 and scale 1. Source: `jax.random.laplace`. */
export function laplace(
  key: NDArray,
  shape: Shape = [],
  { dtype = "float32" }: { dtype?: DType } = {},
): NDArray {
  const u = uniform(key, shape, { minval: nextAfterMinusOne(dtype), maxval: 1, dtype });
  return lax.mul(lax.sign(u), lax.log1p(lax.neg(lax.abs(u))));
}

const TINY: Readonly<Record<string, number>> = { float32: 2 ** -126, float64: 2 ** -1022 };

/** Standard Gumbel. Source: `jax.random.gumbel` (mode "low"). */
export const gumbel = (
  key: NDArray,
  shape: Shape = [],
  { dtype = "float32" }: { dtype?: DType } = {},
): NDArray =>
  lax.neg(lax.log(lax.neg(lax.log(uniform(key, shape, { minval: TINY[dtype]!, maxval: 1, dtype })))));

/**
 * Samples category indices from unnormalised log-probabilities.
 * @param axis the axis of the categories
 * @param shape of the result; must broadcast with the logits' shape without `axis`; default that shape
 * @returns int32
 * Source: `jax.random.categorical` (Gumbel maximum).
 * @example random.categorical(key, logits) // one sample per row of logits
 */
export function categorical(
  key: NDArray,
  logits: ArrayLike,
  { axis = -1, shape }: { axis?: number; shape?: Shape } = {},
): NDArray {
  const l = asArray(logits);
  const at = axis < 0 ? axis + l.ndim : axis;
  const batch = l.shape.filter((_, i) => i !== at);
  const full = shape ?? batch;
  const prefix = full.slice(0, full.length - batch.length);
  if (String(full.slice(prefix.length)) !== String(batch))
    throw new WeftValueError(
      `random.categorical: shape (${full.join(", ")}) must end with the batch shape (${batch.join(", ")}) of the logits.`,
    );
  const noiseShape = [...prefix, ...l.shape];
  const noise = gumbel(key, noiseShape, { dtype: l.dtype });
  return argmax(lax.add(noise, spread(l, noiseShape)), prefix.length + at, "int32");
}

/**
 * Uniform integers in [minval, maxval).
 * @param dtype int32 (default) or another integer type
 * Source: `jax.random.randint`.
 * @example random.randint(random.key(42), [6], 0, 10).js() // [4, 4, 1, 9, 9, 9]
 */
export function randint(
  key: NDArray,
  shape: Shape,
  minval: ArrayLike,
  maxval: ArrayLike,
  { dtype = "int32" }: { dtype?: DType } = {},
): NDArray {
  if (!isInteger(dtype))
    throw new WeftTypeError(`random.randint: dtype must be an integer type, got ${dtype}.`);
  // Narrow types are sampled as int32 and converted, as in JAX.
  if (DTYPES[dtype].bytes < 4) return lax.convertElementType(randint(key, shape, minval, maxval), dtype);
  const [lo, hi] = [integer(minval, dtype), integer(maxval, dtype)];
  const u32 = (x: NDArray): NDArray => lax.bitcastConvertType(x, "uint32");
  const empty = lax.le(hi, lo);
  const width = lax.select(empty, fullLike(u32(lo), 1), lax.sub(u32(hi), u32(lo)));
  const beyond = typeof maxval === "number" && maxval > limits(dtype).max;
  const span = spread(beyond ? lax.add(width, 1) : width, shape);
  const keys = split(key);
  const [higher, lower] = [
    bits(indexInDim(keys, 0, 0, false), shape),
    bits(indexInDim(keys, 1, 0, false), shape),
  ];
  const half = lax.rem(fullLike(span, 2 ** 16), span);
  const multiplier = lax.rem(lax.mul(half, half), span);
  const offset = lax.rem(lax.add(lax.mul(lax.rem(higher, span), multiplier), lax.rem(lower, span)), span);
  return lax.add(spread(lo, shape), lax.bitcastConvertType(offset, dtype));
}

/** Bounds beyond the dtype saturate. */
function integer(x: ArrayLike, dtype: DType): NDArray {
  if (typeof x !== "number") return lax.convertElementType(asArray(x), dtype);
  const { min, max } = limits(dtype);
  const value = Math.min(Math.max(Math.trunc(x), min), max);
  return scalar(value, dtype);
}
