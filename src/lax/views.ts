/** Operations that only rename positions: reshape, transpose, squeeze, rev; and iota. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { aval, type Shape } from "../core/aval.ts";
import { checkAxisList, checkCount, checkInteger, checkIntegers, checkShape } from "../core/check.ts";
import { checkDType, type DType } from "../core/dtype.ts";
import type { Index } from "../core/lowering.ts";
import { installOps } from "../core/ops.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import { size } from "../util/shape.ts";
import { addAny } from "./arithmetic.ts";
import { bump, complement, insert, inverse, pick, range, without } from "./axes.ts";
import { broadcastAxis, broadcastInDim, reduceSum, zerosLike } from "./broadcast.ts";
import { checkAxes, checkDTypes, NUMBER, require, tuple } from "./check.ts";
import { asArray } from "./convert.ts";
import { define, defineLinear, moveBatchAxis, movePermutation, transposeFirst } from "./rules.ts";
import { select } from "./select.ts";

/** That a shape has another number of elements, or cannot have this one. */
export const misfit = (x: { readonly shape: Shape; readonly size: number }, sizes: Shape): string =>
  `cannot reshape array of shape ${tuple(x.shape)} (size ${x.size}) into shape ${tuple(sizes)}`;

type ReshapeParams = { readonly new_sizes: Shape };

export const reshapeP: Primitive<ReshapeParams> = defineLinear<ReshapeParams>({
  name: "reshape",
  kind: "view",
  abstractEval: ([x], { new_sizes }) => {
    require(new_sizes.every((d) => d >= 0) || !new_sizes.includes(-1), () => `${misfit(x!, new_sizes)}.`);
    require(new_sizes.every((d) => d >= 0), () =>
      `reshape new_sizes must all be non-negative integers, got ${tuple(new_sizes)}.`);
    require(size(new_sizes) === x!.size, () => `${misfit(x!, new_sizes)} (size ${size(new_sizes)})`);
    return [aval(new_sizes, x!.dtype, x!.weakType)];
  },
  transpose: transposeFirst((ct, x) => reshape(ct, x.shape)),
  batch: ([x], [dim], { new_sizes }, n) => [
    [bind1(reshapeP, [moveBatchAxis(x!, dim!, 0, n)], { new_sizes: [n, ...new_sizes] })],
    [0],
  ],
  lower: (emit, [x], _, [out]) => [emit.reshape(x!, out!)],
  printParams: ({ new_sizes }) => ({ dimensions: null, new_sizes, sharding: null }),
});

/**
 * The same elements in row-major order under another shape. One size may be -1: it is inferred.
 * @throws WeftTypeError if the numbers of elements differ.
 * @example reshape(np.array([1, 2, 3, 4]), [2, -1]).js() // => [[1, 2], [3, 4]]
 */
export function reshape(operand: ArrayLike, newSizes: Shape): NDArray {
  const x = asArray("lax.reshape: operand", operand);
  const sizes = inferSize(x, checkIntegers("lax.reshape: newSizes", newSizes));
  const same = sizes.length === x.ndim && sizes.every((d, axis) => d === x.shape[axis]);
  return same ? x : bind1(reshapeP, [x], { new_sizes: sizes });
}

/** These sizes with x's number of elements divided among them in place of a -1, if that goes. */
function inferSize(x: NDArray, sizes: readonly number[]): number[] {
  const at = sizes.indexOf(-1);
  const rest = size(sizes.filter((_, i) => i !== at));
  const fits = at >= 0 && rest > 0 && x.size % rest === 0;
  return sizes.map((d, i) => (fits && i === at ? x.size / rest : d));
}

type TransposeParams = { readonly permutation: readonly number[] };

export const transposeP: Primitive<TransposeParams> = defineLinear<TransposeParams>({
  name: "transpose",
  kind: "view",
  abstractEval: ([x], { permutation }) => {
    require([...permutation].sort((a, b) => a - b).join() === range(x!.ndim).join(), () =>
      `transpose permutation isn't a permutation of operand dimensions, got permutation ${tuple(permutation)} for operand shape ${tuple(x!.shape)}.`);
    return [aval(pick(x!.shape, permutation), x!.dtype, x!.weakType)];
  },
  transpose: transposeFirst((ct, _, { permutation }) => transpose(ct, inverse(permutation))),
  batch: ([x], [dim], { permutation }) => [[transpose(x!, [dim!, ...bump(permutation, dim!)])], [0]],
  lower: (emit, [x], { permutation }, [out]) => {
    const back = inverse(permutation);
    return [emit.lazy(out!, (i) => x!.at(pick(i, back)))];
  },
});

/**
 * Axis k of the result is axis `permutation[k]` of the operand (default: all axes reversed).
 * @throws WeftTypeError if it is not a permutation of the axes.
 * @example transpose(np.ones([2, 3, 4]), [2, 0, 1]).shape // => [4, 2, 3]
 */
export function transpose(operand: ArrayLike, permutation?: readonly number[]): NDArray {
  const x = asArray("lax.transpose: operand", operand);
  const perm = permutation ? checkIntegers("transpose: permutation", permutation) : range(x.ndim).reverse();
  const trivial = perm.length === x.ndim && perm.every((axis, i) => axis === i);
  return trivial ? x : bind1(transposeP, [x], { permutation: perm });
}

/** Moves one axis; the others keep their order. */
export const moveAxis = (x: NDArray, from: number, to: number): NDArray =>
  transpose(x, movePermutation(x.ndim, from, to));

type DimensionsParams = { readonly dimensions: readonly number[] };

export const squeezeP: Primitive<DimensionsParams> = defineLinear<DimensionsParams>({
  name: "squeeze",
  kind: "view",
  abstractEval: ([x], { dimensions }) => {
    checkAxes("squeeze", dimensions, x!.ndim);
    require(dimensions.every((d) => x!.shape[d] === 1), () =>
      `cannot select an axis to squeeze out which has size not equal to one, got shape=${tuple(x!.shape)} and dimensions=${tuple(dimensions)}`);
    return [aval(without(x!.shape, dimensions), x!.dtype, x!.weakType)];
  },
  transpose: transposeFirst((ct, x) => reshape(ct, x.shape)),
  batch: ([x], [dim], { dimensions }) => {
    const shifted = bump(dimensions, dim!);
    return [[squeeze(x!, shifted)], [dim! - shifted.filter((d) => d < dim!).length]];
  },
  lower: (emit, [x], { dimensions }, [out]) => {
    const kept = complement(x!.aval.ndim, dimensions);
    return [emit.lazy(out!, (i) => x!.at(range(x!.aval.ndim).map((axis) => i[kept.indexOf(axis)] ?? 0)))];
  },
});

/**
 * Drops axes of size 1 (negative axes count from the end).
 * @throws WeftTypeError if one of them has another size, WeftValueError if it does not exist.
 * @example squeeze(np.ones([1, 3, 1]), [-1]).shape // => [1, 3]
 */
export function squeeze(operand: ArrayLike, dimensions: readonly number[]): NDArray {
  const x = asArray("lax.squeeze: operand", operand);
  const dims = checkAxisList("squeeze: dimensions", dimensions, x.ndim).sort((a, b) => a - b);
  return dims.length ? bind1(squeezeP, [x], { dimensions: dims }) : x;
}

/**
 * Inserts axes of size 1 at these positions of the result (negative: from the end).
 * @throws WeftValueError for positions that the result does not have, WeftTypeError if one stands there twice.
 * @example expandDims(np.array([5, 6]), [0, -1]).shape // => [1, 2, 1]
 */
export function expandDims(operand: ArrayLike, dimensions: readonly number[]): NDArray {
  const x = asArray("lax.expandDims: operand", operand);
  const wanted = checkIntegers("expandDims: dimensions", dimensions);
  const ndim = x.ndim + wanted.length;
  const added = checkAxisList("expandDims: dimensions", wanted, ndim).sort((a, b) => a - b);
  const shape = added.reduce<Shape>((s, d) => insert(s, d, 1), x.shape);
  return broadcastInDim(x, shape, complement(ndim, added));
}

export const revP: Primitive<DimensionsParams> = defineLinear<DimensionsParams>({
  name: "rev",
  kind: "view",
  abstractEval: ([x], { dimensions }) => {
    checkAxes("rev", dimensions, x!.ndim);
    return [x!];
  },
  transpose: transposeFirst((ct, _, { dimensions }) => rev(ct, dimensions)),
  batch: ([x], [dim], { dimensions }) => [[rev(x!, bump(dimensions, dim!))], [dim!]],
  lower: (emit, [x], { dimensions }, [out]) => {
    const last = (axis: number): number => out!.shape[axis]! - 1;
    const flip = (i: Index, axis: number): Index =>
      dimensions.includes(axis) ? emit.ix.sub(last(axis), i) : i;
    return [emit.lazy(out!, (i) => x!.at(i.map(flip)))];
  },
});

/**
 * Reverses the order along these axes (not negative).
 * @throws WeftValueError for axes that do not exist or stand there twice.
 * @example rev(np.array([[1, 2], [3, 4]]), [1]).js() // => [[2, 1], [4, 3]]
 */
export function rev(operand: ArrayLike, dimensions: readonly number[]): NDArray {
  const axes = checkIntegers("rev: dimensions", dimensions);
  return axes.length
    ? bind1(revP, [asArray("lax.rev: operand", operand)], { dimensions: axes })
    : asArray("lax.rev: operand", operand);
}

type IotaParams = { readonly dtype: DType; readonly shape: Shape; readonly dimension: number };

export const iotaP: Primitive<IotaParams> = define<IotaParams>({
  name: "iota",
  kind: "generate",
  abstractEval: (_, { dtype, shape, dimension }) => {
    const type = aval(shape, dtype);
    checkDTypes("iota", [type], [NUMBER]);
    checkAxes("iota", [dimension], shape.length);
    return [type];
  },
  jvp: "zero",
  transpose: "not linear",
  batch: (_, __, params) => [[bind1(iotaP, [], params)], [null]],
  lower: (emit, _, { dtype, dimension }, [out]) => [
    emit.lazy(out!, (i) => emit.s.fromIndex(i[dimension]!, dtype)),
  ],
  printParams: ({ dtype, shape, dimension }) => ({ dimension, dtype, shape, sharding: null }),
});

/**
 * The position along `dimension` as a value, for every element of `shape`.
 * @throws WeftTypeError for bool, WeftValueError if the dimension does not exist.
 * @example broadcastedIota("int32", [2, 3], 1).js() // => [[0, 1, 2], [0, 1, 2]]
 */
export const broadcastedIota = (dtype: DType, shape: Shape, dimension: number): NDArray =>
  iotaFor("lax.broadcastedIota", dtype, shape, dimension);

const iotaFor = (caller: string, dtype: DType, shape: Shape, dimension: number): NDArray =>
  bind1(iotaP, [], {
    dtype: checkDType(caller, dtype),
    shape: checkShape(caller, shape),
    dimension: checkInteger(`${caller}: dimension`, dimension),
  });

/**
 * 0, 1, …, length - 1.
 * @throws WeftTypeError for bool, WeftValueError if the length is negative.
 * @example iota("int32", 3).js() // => [0, 1, 2]
 */
export const iota = (dtype: DType, length: number): NDArray =>
  iotaFor("lax.iota", dtype, [checkCount("lax.iota: length", length)], 0);

installOps({
  add: addAny,
  zeros: zerosLike,
  sum: (x, axis) => reduceSum(x, [axis]),
  select,
  moveAxis,
  broadcastAxis,
});
