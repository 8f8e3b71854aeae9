/** Arrays from nothing, from numbers, and from data. */
import { type ArrayLike, NDArray, scalar } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkCount, checkInt32, checkInteger, checkList, checkNumber, checkShape } from "../core/check.ts";
import { checkDType, type DType } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { madeLike } from "../core/placement.ts";
import { add, integerPow } from "../lax/arithmetic.ts";
import { range } from "../lax/axes.ts";
import { convertElementType, strong } from "../lax/cast.ts";
import { eq, ge } from "../lax/compare.ts";
import { asArray, fromHost } from "../lax/convert.ts";
import * as lax from "../lax/shape.ts";
import { misfit } from "../lax/views.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { size } from "../util/shape.ts";
import { stack } from "./join.ts";
import { ARRAY_OPTIONS, type ArrayOptions, placed } from "./placed.ts";
import { withType } from "./promote.ts";
import { where } from "./select.ts";
import { sequence } from "./sequence.ts";
import { broadcastFor } from "./shape.ts";

export interface LikeOptions extends ArrayOptions {
  readonly shape?: Shape | undefined;
}

const LIKE_OPTIONS: readonly (keyof LikeOptions)[] = [...ARRAY_OPTIONS, "shape"];

/** The dtype that options ask for, or `otherwise`. */
function dtypeIn(caller: string, options: ArrayOptions, otherwise: DType): DType {
  const { dtype = otherwise } = checkOptions(caller, options, ARRAY_OPTIONS);
  return checkDType(caller, dtype);
}

/**
 * An array from numbers, booleans, typed arrays, nested arrays of these, or arrays. Numbers become float32 and
 * booleans bool unless `dtype` says otherwise; typed arrays keep their element type.
 *
 * @param options `shape`: the shape to give to the elements
 * @throws WeftValueError for ragged nesting, WeftTypeError for what is no array or does not fill `shape`.
 * Source: `jax.numpy.array`.
 * @example np.array([[1, 2], [3, 4]]).shape // => [2, 2]
 */
export const array = (values: ArrayLike, options: LikeOptions = {}): NDArray =>
  arrayFor("np.array", values, options, LIKE_OPTIONS);

function arrayFor(
  caller: string,
  values: ArrayLike,
  options: LikeOptions,
  names: readonly (keyof LikeOptions)[],
): NDArray {
  const { dtype, shape } = checkOptions(caller, options, names);
  if (dtype !== undefined) checkDType(caller, dtype);
  return placed(caller, options, () => {
    const typed = typedAs(`${caller}: values`, values, dtype);
    return shape === undefined ? typed : shaped(caller, typed, checkShape(caller, shape));
  });
}

function shaped(caller: string, x: NDArray, shape: Shape): NDArray {
  if (size(shape) === x.size) return lax.reshape(x, shape);
  throw new WeftTypeError(`${caller}: ${misfit(x, shape)} (size ${size(shape)}).`);
}

/** Values under `dtype`, in which nested arrays are read; without, a number in an array is a float32 from here on. */
function typedAs(what: string, values: ArrayLike, dtype: DType | undefined): NDArray {
  if (dtype === undefined)
    return typeof values === "number" ? scalar(values, "float32", true) : asArray(what, values);
  return convertElementType(values instanceof NDArray ? values : fromHost(what, values, dtype), dtype);
}

/**
 * {@link array}, but without `shape`. Arrays are immutable, so nothing need be copied.
 * @throws as {@link array}.
 * @example np.asarray(new Int8Array([1, 2])).dtype // => "int8"
 */
export const asarray = (values: ArrayLike, options: ArrayOptions = {}): NDArray =>
  arrayFor("np.asarray", values, options, ARRAY_OPTIONS);

/**
 * Zeros, float32 unless `dtype` says otherwise. A number for a shape is the size of a vector.
 * @throws WeftValueError for negative sizes, WeftTypeError for what is no size or no dtype.
 * @example np.zeros([2, 3]).dtype // => "float32"
 */
export const zeros = (shape: number | Shape, options: ArrayOptions = {}): NDArray =>
  filled("np.zeros", shape, 0, options);
/** Ones. @throws as {@link zeros}. @example np.ones(2, { dtype: "bool" }).js() // => [true, true] */
export const ones = (shape: number | Shape, options: ArrayOptions = {}): NDArray =>
  filled("np.ones", shape, 1, options);
/**
 * An array whose contents do not matter; they are zeros.
 * @throws as {@link zeros}.
 * @example np.empty([0, 3]).size // => 0
 */
export const empty = (shape: number | Shape, options: ArrayOptions = {}): NDArray =>
  filled("np.empty", shape, 0, options);

function filled(caller: string, shape: number | Shape, value: number, options: ArrayOptions): NDArray {
  const dtype = dtypeIn(caller, options, "float32");
  return placed(caller, options, () => lax.full(checkShape(caller, shape), value, dtype));
}

/**
 * `fillValue` everywhere; it may be an array that broadcasts to `shape`. The dtype is that of the value, weak for a
 * plain number.
 * @throws WeftValueError if the value does not fit; otherwise as {@link zeros}.
 * @example np.full([2, 2], [3, 4]).js() // => [[3, 4], [3, 4]]
 */
export function full(shape: number | Shape, fillValue: ArrayLike, options: ArrayOptions = {}): NDArray {
  const { dtype } = checkOptions("np.full", options, ARRAY_OPTIONS);
  const what = "np.full: fillValue";
  if (dtype !== undefined) checkDType("np.full", dtype);
  return placed("np.full", options, () => {
    // Without a dtype a plain number stays one.
    const x = dtype === undefined ? asArray(what, fillValue) : typedAs(what, fillValue, dtype);
    return broadcastFor("np.full", x, shape);
  });
}

/**
 * Zeros of the shape and dtype of a, where options do not name others.
 * @throws as {@link zeros}.
 * @example np.zerosLike(np.arange(3)).dtype // => "int32"
 */
export const zerosLike = (a: ArrayLike, options: LikeOptions = {}): NDArray =>
  likeWith("np.zerosLike", a, 0, options);
/**
 * Ones of the shape and dtype of a, where options do not name others.
 * @throws as {@link zeros}.
 * @example np.onesLike([[5, 6]], { shape: [3] }).js() // => [1, 1, 1]
 */
export const onesLike = (a: ArrayLike, options: LikeOptions = {}): NDArray =>
  likeWith("np.onesLike", a, 1, options);
/**
 * An array of the shape and dtype of a whose contents do not matter; they are zeros.
 * @throws as {@link zeros}.
 * @example np.emptyLike([true, false]).dtype // => "bool"
 */
export const emptyLike = (a: ArrayLike, options: LikeOptions = {}): NDArray =>
  likeWith("np.emptyLike", a, 0, options);
/**
 * `fillValue` everywhere, with the shape and dtype of a where options do not name others. The value is converted, and
 * broadcast if it is an array.
 * @throws as {@link full}.
 * @example np.fullLike(np.arange(3), 2.7).js() // => [2, 2, 2]
 */
export const fullLike = (a: ArrayLike, fillValue: ArrayLike, options: LikeOptions = {}): NDArray =>
  likeWith("np.fullLike", a, fillValue, options);

function likeWith(caller: string, a: ArrayLike, fillValue: ArrayLike, options: LikeOptions): NDArray {
  const like = asArray(`${caller}: a`, a);
  const { dtype = like.dtype, shape: given = like.shape } = checkOptions(caller, options, LIKE_OPTIONS);
  const shape = checkShape(caller, given);
  const type = {
    dtype: checkDType(caller, dtype),
    weakType: options.dtype === undefined && like.weakType,
  };
  const make = (): NDArray => {
    const checked = asArray(`${caller}: fillValue`, fillValue);
    // A list keeps the digits that float32 has not.
    const value = withType(Array.isArray(fillValue) ? fillValue : checked, type);
    return broadcastFor(caller, value, shape);
  };
  return options.device === undefined ? madeLike(like, make) : placed(caller, options, make);
}

// ---- sequences

/**
 * start, start + step, … up to and without stop; `arange(stop)` starts at 0. int32 if all three are whole numbers,
 * else float32.
 * @throws WeftValueError if step is 0 or something is not finite, WeftTypeError for what is no number.
 * @example np.arange(1, 7, 2).js() // => [1, 3, 5]
 */
export function arange(start: number, stop?: number, step = 1, options: ArrayOptions = {}): NDArray {
  const { dtype } = checkOptions("np.arange", options, ARRAY_OPTIONS);
  const [from, to] = (stop === undefined ? [0, start] : [start, stop]).map((x) =>
    checkNumber("np.arange: a bound", x),
  ) as [number, number];
  checkNumber("np.arange: step", step);
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (dtype !== undefined) checkDType("np.arange", dtype);
  if (step === 0 || !Number.isFinite(length))
    throw new WeftValueError(
      `np.arange: start, stop and step must be finite and step not 0, got ${from}, ${to}, ${step}.`,
    );
  const type = dtype ?? ([from, to, step].every(Number.isInteger) ? "int32" : "float32");
  // What has no dtype counts, as Python's integers do.
  if (dtype === undefined && type === "int32")
    for (const end of [from, from + Math.max(0, length - 1) * step]) checkInt32("np.arange: a bound", end);
  return placed("np.arange", options, () =>
    from === 0 && step === 1 && type !== "bool"
      ? lax.iota(type, length)
      : sequence(length, (i) => from + i * step, type),
  );
}

// ---- matrices

/** Where row + k equals, or is at least, the column. */
function diagonalMask(caller: string, test: typeof eq, sizes: Shape, k: number): NDArray {
  const shape = checkShape(caller, sizes);
  const index = (axis: number): NDArray => lax.broadcastedIota("int32", shape, axis);
  // Beyond the matrix nothing changes, and sums of int32 stay below 2^31.
  const diagonal = Math.min(Math.max(checkInteger(`${caller}: k`, k), -shape[0]!), shape[1]!);
  return test(add(index(0), scalar(diagonal, "int32")), index(1));
}

/**
 * Ones on the diagonal of a matrix, zeros elsewhere; `k` moves the diagonal to the right. float32 unless `dtype` says
 * otherwise.
 * @throws as {@link zeros}.
 * @example np.eye(2, 3, { k: 1 }).js() // => [[0, 1, 0], [0, 0, 1]]
 */
export function eye(
  numRows: number,
  numCols: number = numRows,
  options: ArrayOptions & { readonly k?: number } = {},
): NDArray {
  const { dtype = "float32", k = 0 } = checkOptions("np.eye", options, ["dtype", "device", "k"]);
  checkDType("np.eye", dtype);
  return placed("np.eye", options, () =>
    convertElementType(diagonalMask("np.eye", eq, [numRows, numCols], k), dtype),
  );
}
/** The identity matrix of n rows. @throws as {@link zeros}. @example np.identity(2).js() // => [[1, 0], [0, 1]] */
export const identity = (n: number, options: ArrayOptions = {}): NDArray =>
  eye(n, n, checkOptions("np.identity", options, ARRAY_OPTIONS));

/**
 * Ones on and below the k-th diagonal of n rows and m columns, zeros above. float32 unless `dtype` says otherwise.
 * @throws as {@link zeros}.
 * @example np.tri(2, 3, 1).js() // => [[1, 1, 0], [1, 1, 1]]
 */
export function tri(n: number, m: number = n, k = 0, options: ArrayOptions = {}): NDArray {
  const { dtype = "float32" } = checkOptions("np.tri", options, ARRAY_OPTIONS);
  checkDType("np.tri", dtype);
  return placed("np.tri", options, () => convertElementType(diagonalMask("np.tri", ge, [n, m], k), dtype));
}

function triangular(name: string, a: ArrayLike, k: number): [mask: NDArray, x: NDArray] {
  const x = asArray(`np.${name}: a`, a);
  if (x.ndim < 2)
    throw new WeftValueError(`Argument to np.${name} must be at least 2-dimensional, got ${x.aval}.`);
  return [diagonalMask(`np.${name}`, ge, x.shape.slice(-2), k), x];
}
/**
 * The lower triangles of the matrices in the last two axes: zeros above the k-th diagonal.
 * @throws WeftValueError below two axes.
 * @example np.tril([[1, 2], [3, 4]], -1).js() // => [[0, 0], [3, 0]]
 */
export function tril(a: ArrayLike, k = 0): NDArray {
  const [below, x] = triangular("tril", a, k);
  return where(below, x, zerosLike(x));
}
/**
 * The upper triangles of the matrices in the last two axes: zeros below the k-th diagonal.
 * @throws WeftValueError below two axes.
 * @example np.triu([[1, 2, 3], [4, 5, 6]], 1).js() // => [[0, 2, 3], [0, 0, 6]]
 */
export function triu(a: ArrayLike, k = 0): NDArray {
  const [below, x] = triangular("triu", a, checkInteger("np.triu: k", k) - 1);
  return where(below, zerosLike(x), x);
}

/**
 * Powers of the vector x as `n` columns (default: as many as x has elements), from the highest to the 0th, or the
 * other way with `increasing`.
 * @throws WeftValueError if x is no vector or `n` is negative.
 * @example np.vander([2, 3], { n: 3 }).js() // => [[4, 2, 1], [9, 3, 1]]
 */
export function vander(
  x: ArrayLike,
  options: { readonly n?: number; readonly increasing?: boolean } = {},
): NDArray {
  const { n, increasing = false } = checkOptions("np.vander", options, ["n", "increasing"]);
  const v = asArray("np.vander: x", x);
  if (v.ndim !== 1) throw new WeftValueError(`np.vander: x must be a vector, got ${v.aval}.`);
  const powers = range(checkCount("np.vander: n", n ?? v.size)).map((k) => integerPow(v, k));
  if (powers.length === 0 || v.size === 0) return lax.full([v.size, powers.length], 0, v.dtype);
  return strong(stack(increasing ? powers : powers.reverse(), 1));
}

// ---- grids

/**
 * Coordinate arrays from coordinate vectors: entry i varies along axis i ("ij"), or with the first two axes swapped
 * ("xy", the default).
 * @throws WeftValueError for arrays of several axes.
 * @example np.meshgrid([[1, 2], [3, 4, 5]]).map((x) => x.slice(0).js()) // => [[1, 2], [3, 3]]
 */
export function meshgrid(
  xs: readonly ArrayLike[],
  options: { readonly indexing?: "xy" | "ij" } = {},
): NDArray[] {
  const { indexing = "xy" } = checkOptions("np.meshgrid", options, ["indexing"]);
  checkChoice("np.meshgrid: indexing", indexing, ["xy", "ij"]);
  const vectors = checkList("np.meshgrid: xs", xs).map((x) => asArray("np.meshgrid: x", x));
  const bad = vectors.find((x) => x.ndim > 1);
  if (bad) throw new WeftValueError(`Arguments to np.meshgrid must be 1D, got ${bad.aval}.`);
  const swap = indexing === "xy" && vectors.length > 1 ? [1, 0] : [0, 1];
  const axes = range(vectors.length).map((i) => swap[i] ?? i);
  const shape = axes.map((i) => vectors[i]!.size);
  return vectors.map((x, i) => lax.broadcastInDim(lax.reshape(x, [x.size]), shape, [axes.indexOf(i)]));
}

/**
 * The positions along every axis of `dimensions`, stacked; or with `sparse` one broadcastable array per axis. int32
 * unless `dtype` says otherwise.
 * @throws as {@link zeros}.
 * @example np.indices([2, 3], { sparse: true }).map((x) => x.js()) // => [[[0], [1]], [[0, 1, 2]]]
 */
export function indices(dimensions: Shape, options?: ArrayOptions & { readonly sparse?: false }): NDArray;
export function indices(dimensions: Shape, options: ArrayOptions & { readonly sparse: true }): NDArray[];
export function indices(
  dimensions: Shape,
  options: ArrayOptions & { readonly sparse: boolean },
): NDArray | NDArray[];
export function indices(
  dimensions: Shape,
  options: ArrayOptions & { readonly sparse?: boolean } = {},
): NDArray | NDArray[] {
  const { dtype = "int32", sparse = false } = checkOptions("np.indices", options, [
    "dtype",
    "device",
    "sparse",
  ]);
  const sizes = checkShape("np.indices", dimensions);
  const along = (axis: number): NDArray =>
    sparse
      ? lax.reshape(
          lax.iota(dtype, sizes[axis]!),
          sizes.map((d, a) => (a === axis ? d : 1)),
        )
      : lax.broadcastedIota(dtype, sizes, axis);
  if (sparse) return sizes.map((_, axis) => placed("np.indices", options, () => along(axis)));
  const all = (): NDArray => stack(sizes.map((_, axis) => along(axis)));
  return sizes.length ? placed("np.indices", options, all) : zeros([0], { ...options, dtype });
}

/**
 * The positions of a diagonal of an array with `ndim` axes of size n, one int32 array per axis.
 * @throws WeftValueError if a number is negative, WeftTypeError if it is no whole number.
 * @example np.array([[1, 2], [3, 4]]).at(...np.diagIndices(2)).set(0).js() // => [[0, 2], [3, 0]]
 */
export const diagIndices = (n: number, ndim = 2): NDArray[] =>
  range(checkCount("np.diagIndices: ndim", ndim)).map(() =>
    lax.iota("int32", checkCount("np.diagIndices: n", n)),
  );
/**
 * {@link diagIndices} for an array.
 * @throws WeftTypeError if its sizes differ or it has fewer than two axes.
 * @example np.diagIndicesFrom(np.zeros([2, 2, 2])).map((x) => x.js()) // => [[0, 1], [0, 1], [0, 1]]
 */
export function diagIndicesFrom(arr: ArrayLike): NDArray[] {
  const x = asArray("np.diagIndicesFrom: arr", arr);
  if (x.ndim < 2 || x.shape.some((d) => d !== x.shape[0]))
    throw new WeftTypeError(
      `np.diagIndicesFrom: all dimensions must have equal length and there must be two, got ${x.aval}.`,
    );
  return diagIndices(x.shape[0]!, x.ndim);
}

// ---- windows

const window = (caller: string, M: number, at: (phase: number) => number): NDArray =>
  sequence(checkCount(`np.${caller}: M`, M), (i) => (M === 1 ? 1 : at(i / (M - 1))), "float32");
/**
 * The triangular window of M points, float32; its ends are 0.
 * @throws WeftValueError if M is negative, WeftTypeError if it is no whole number.
 * @example np.bartlett(5).js() // => [0, 0.5, 1, 0.5, 0]
 */
export const bartlett = (M: number): NDArray => window("bartlett", M, (p) => 1 - Math.abs(2 * p - 1));
/**
 * The Hann window of M points, a raised cosine whose ends are 0. Source: `jax.numpy.hanning`.
 * @throws as {@link bartlett}.
 * @example np.hann(4).js() // => [0, 0.75, 0.75, 0]
 */
export const hann = (M: number): NDArray => window("hann", M, (p) => 0.5 - 0.5 * Math.cos(2 * Math.PI * p));
/**
 * The Hamming window of M points: the Hann window on a pedestal, so that its ends are not 0.
 * @throws as {@link bartlett}.
 * @example np.hamming(3).greater(0).js() // => [true, true, true]
 */
export const hamming = (M: number): NDArray =>
  window("hamming", M, (p) => 0.54 - 0.46 * Math.cos(2 * Math.PI * p));
/**
 * The Blackman window of M points: two cosines, narrower than the Hann window.
 * @throws as {@link bartlett}.
 * @example np.blackman(5).slice(2).item() // => 1
 */
export const blackman = (M: number): NDArray =>
  window("blackman", M, (p) => 0.42 - 0.5 * Math.cos(2 * Math.PI * p) + 0.08 * Math.cos(4 * Math.PI * p));
