/**
 * Counter-based random numbers: keys, splitting and raw bits, bit for bit as JAX makes them (threefry2x32, partitionable).
 * A key is a uint32 array whose last axis has length 2; leading axes make an array of keys.
 * Source: `jax/_src/random/threefry2x32.py`; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
 */

import { type ArrayLike, fromTyped, NDArray } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkInteger, checkShape } from "../core/check.ts";
import { checkDType, type DType, isInteger } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { convertElementType } from "../lax/cast.ts";
import { bitwiseXor } from "../lax/compare.ts";
import { broadcastInDim, concatenate, expandDims, full, indexInDim, reshape } from "../lax/shape.ts";
import { threefry2x32 } from "../lax/threefry.ts";
import { iota } from "../lax/views.ts";
import type { Parts } from "../numpy/join.ts";
import { size } from "../util/shape.ts";
import { show } from "../util/text.ts";

/**
 * A random key from an integer seed.
 * @param seed an integer number (taken modulo 2^32) or an int32/uint32 scalar
 * @returns uint32[2]
 * @throws WeftTypeError for a seed that is no integer
 * Source: `jax.random.key` (as `jax.random.PRNGKey`: raw data, no key type).
 * @example [random.key(42), random.key(-1)] // => [[0, 42], [0, 4294967295]]
 */
export function key(seed: ArrayLike): NDArray {
  return keyOf("random.key: the seed", seed);
}

function keyOf(what: string, seed: ArrayLike): NDArray {
  if (!(seed instanceof NDArray)) {
    checkInteger(what, seed);
    // JAX without 64-bit integers keeps the low word only.
    return fromTyped(new Uint32Array([0, (seed as number) >>> 0]), [2], "uint32");
  }
  if (seed.ndim !== 0 || !isInteger(seed.dtype))
    throw new WeftTypeError(`${what} must be an integer scalar, got ${seed.aval}.`);
  const low = reshape(convertElementType(seed, "uint32"), [1]);
  return concatenate([fromTyped(new Uint32Array(1), [1], "uint32"), low], 0);
}

/** Throws unless `k` is one key. */
export function checkKey(k: NDArray, caller: string): void {
  if (k instanceof NDArray && k.dtype === "uint32" && k.ndim === 1 && k.shape[0] === 2) return;
  throw new WeftTypeError(
    `${caller} needs a single key of type uint32[2], got ${show(k)}. Make one with random.key(seed); map over an array of keys with vmap.`,
  );
}

/** Hashes the counters 0, 1, … (row-major over `shape`) under a key: two words per position. */
function hashCounters(k: NDArray, shape: Shape): [NDArray, NDArray] {
  const n = size(shape);
  const low = reshape(iota("uint32", n), shape);
  const word = (i: number): NDArray => broadcastInDim(indexInDim(k, i, 0, false), shape, []);
  const high = full(shape, 0, "uint32");
  return threefry2x32(word(0), word(1), high, low);
}

const pairs = ([a, b]: [NDArray, NDArray]): NDArray =>
  concatenate([expandDims(a, [a.ndim]), expandDims(b, [b.ndim])], a.ndim);

/** An array that is iterated over as `Parts`, of which TypeScript knows the number. It is no list and has no methods of one. */
type ArrayOf<Parts extends readonly NDArray[]> = NDArray &
  Readonly<Parts> & { readonly [K in Exclude<keyof unknown[], keyof NDArray | "length" | number>]: never };
/** The keys that `split` makes: an array, which a pattern takes apart when their number is known to the compiler. */
export type Keys<Num> = Num extends number
  ? number extends Parts<Num>["length"]
    ? NDArray
    : ArrayOf<Parts<Num>>
  : NDArray;

/**
 * New independent keys from one.
 * @param num how many, or a shape
 * @returns uint32 of shape `[...num, 2]`
 * @throws WeftTypeError for what is no key, such as an array of keys
 * Source: `jax.random.split`.
 * @example
 * const [a, b] = random.split(random.key(0)); // iterating gives the keys
 * [a, b] // => [[1797259609, 2579123966], [928981903, 3453687069]]
 */
export function split<const Num extends number | Shape = 2>(k: NDArray, num: Num = 2 as Num): Keys<Num> {
  checkKey(k, "random.split");
  return pairs(hashCounters(k, checkShape("random.split", num))) as Keys<Num>;
}

/**
 * A new key from a key and an integer, such as the number of an epoch.
 * @returns uint32[2]
 * @throws WeftTypeError for what is no key, and for data that is no integer
 * Source: `jax.random.fold_in`.
 * @example random.foldIn(random.key(0), 2).js() // => [4146024105, 2718843009]
 */
export function foldIn(k: NDArray, data: ArrayLike): NDArray {
  checkKey(k, "random.foldIn");
  const counter = keyOf("random.foldIn: data", data);
  const word = (x: NDArray, i: number): NDArray => indexInDim(x, i, 0, false);
  return pairs(threefry2x32(word(k, 0), word(k, 1), word(counter, 0), word(counter, 1)));
}

/** Unsigned integer types by width in bits. */
const UINT: Readonly<Record<number, DType>> = { 8: "uint8", 16: "uint16", 32: "uint32" };

/**
 * Uniformly distributed bits.
 * @returns an unsigned integer array of `shape`; default uint32
 * @throws WeftTypeError for dtypes other than uint8, uint16, uint32
 * Source: `jax.random.bits`.
 * @example random.bits(random.key(0), [3]).js() // => [4070199207, 4202968722, 1427181096]
 */
export function bits(k: NDArray, shape: Shape = [], dtype: DType = "uint32"): NDArray {
  checkKey(k, "random.bits");
  checkDType("random.bits", dtype);
  if (!Object.values(UINT).includes(dtype))
    throw new WeftTypeError(`random.bits: dtype must be uint8, uint16 or uint32, got ${dtype}.`);
  const [high, low] = hashCounters(k, checkShape("random.bits", shape));
  return convertElementType(bitwiseXor(high, low), dtype);
}

/** 64 random bits per position as two words [high, low]. */
export function bits64(k: NDArray, shape: Shape): [NDArray, NDArray] {
  checkKey(k, "random.bits");
  return hashCounters(k, shape);
}

/**
 * The raw data of keys: keys are raw data here.
 * @throws WeftTypeError for what is not uint32 of shape `[..., 2]`
 * Source: `jax.random.key_data`.
 * @example random.keyData(random.split(random.key(0), 3)).shape // => [3, 2]
 */
export const keyData = (keys: NDArray): NDArray => checkKeys(keys, "keyData");
/**
 * Keys from raw data, for example from stored ones.
 * @throws WeftTypeError for what is not uint32 of shape `[..., 2]`
 * Source: `jax.random.wrap_key_data`.
 * @example
 * const key = random.wrapKeyData(np.array([0, 42], { dtype: "uint32" })); // the same as random.key(42)
 * random.uniform(key).item() === random.uniform(random.key(42)).item() // => true
 */
export const wrapKeyData = (data: NDArray): NDArray => checkKeys(data, "wrapKeyData");

function checkKeys(keys: NDArray, what: string): NDArray {
  if (keys instanceof NDArray && keys.dtype === "uint32" && keys.shape.at(-1) === 2) return keys;
  throw new WeftTypeError(`random.${what} needs keys of type uint32[..., 2], got ${show(keys)}.`);
}
