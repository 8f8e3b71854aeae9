/** `broadcast_in_dim` and `reduce_sum`: each is the other's transpose. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { aval, type Shape } from "../core/aval.ts";
import { checkIntegers, checkShape } from "../core/check.ts";
import { checkDType, type DType } from "../core/dtype.ts";
import { madeLike } from "../core/placement.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import { equalShape } from "../util/shape.ts";
import { bump, complement, insert, isIncreasing, pick, range } from "./axes.ts";
import { checkAxisOrder, NUMBER, require, tuple } from "./check.ts";
import { asArray, checkPlain, checkTyped, type Typed } from "./convert.ts";
import { lowerReduction, type ReduceParams, reductionType } from "./reduction.ts";
import { defineLinear, transposeFirst } from "./rules.ts";

type BroadcastParams = { readonly shape: Shape; readonly broadcast_dimensions: readonly number[] };

function checkBroadcast(operand: Shape, { shape, broadcast_dimensions: dims }: BroadcastParams): void {
  require(dims.length === operand.length, () =>
    `broadcast_in_dim broadcast_dimensions must have length equal to operand ndim; got broadcast_dimensions ${tuple(dims)} for operand ndim ${operand.length}.`);
  require(dims.every((d) => d >= 0 && d < shape.length), () =>
    `broadcast_in_dim broadcast_dimensions must be a subset of output dimensions, got ${tuple(dims)} for operand ndim ${operand.length} and shape ${tuple(shape)}.`);
  require(isIncreasing(dims), () =>
    `broadcast_in_dim broadcast_dimensions must be strictly increasing; got broadcast_dimensions ${tuple(dims)}.`);
  require(dims.every((d, i) => operand[i] === 1 || operand[i] === shape[d]), () =>
    `broadcast_in_dim operand dimension sizes must either be 1, or be equal to their corresponding dimensions in the target broadcast shape; got operand of shape ${tuple(operand)}, target broadcast shape ${tuple(shape)}, broadcast_dimensions ${tuple(dims)}.`);
}

export const broadcastInDimP: Primitive<BroadcastParams> = defineLinear<BroadcastParams>({
  name: "broadcast_in_dim",
  kind: "expand",
  abstractEval: ([x], params) => {
    checkBroadcast(x!.shape, params);
    return [aval(params.shape, x!.dtype, x!.weakType)];
  },
  transpose: transposeFirst((ct, x, { shape, broadcast_dimensions: dims }) => {
    const kept = range(x.ndim).filter((axis) => x.shape[axis] === shape[dims[axis]!]);
    const sum = reduceSum(ct, complement(ct.ndim, pick(dims, kept)));
    return broadcastInDim(sum, x.shape, kept);
  }),
  batch: ([x], [dim], { shape, broadcast_dimensions: dims }, size) => {
    const at = dims[dim!] ?? shape.length;
    const params = { shape: insert(shape, at, size), broadcast_dimensions: insert(bump(dims, at), dim!, at) };
    return [[bind1(broadcastInDimP, [x!], params)], [at]];
  },
  lower: (emit, [x], { broadcast_dimensions: dims }, [out]) => [
    emit.lazy(out!, (i) => x!.at(dims.map((d, axis) => (x!.aval.shape[axis] === 1 ? 0 : i[d]!)))),
  ],
  printParams: ({ broadcast_dimensions }) => (broadcast_dimensions.length ? { broadcast_dimensions } : {}),
});

/**
 * Repeats x to `shape`: axis i of x becomes axis `broadcastDimensions[i]` (increasing) of the result, where a 1 stretches;
 * all other axes are new.
 * @throws WeftTypeError if sizes do not fit.
 * @example broadcastInDim(np.array([1, 2]), [2, 3], [0]).js() // => [[1, 1, 1], [2, 2, 2]]
 */
export function broadcastInDim(
  operand: ArrayLike,
  shape: Shape,
  broadcastDimensions: readonly number[],
): NDArray {
  const x = asArray("lax.broadcastInDim: operand", operand);
  const sizes = checkShape("lax.broadcastInDim", shape);
  const dims = checkIntegers("lax.broadcastInDim: broadcastDimensions", broadcastDimensions);
  const same = dims.length === x.ndim && dims.every((d, axis) => d === axis);
  if (same && equalShape(x.shape, sizes)) return x;
  return bind1(broadcastInDimP, [x], { shape: sizes, broadcast_dimensions: dims });
}

export const reduceSumP: Primitive<ReduceParams> = defineLinear<ReduceParams>({
  name: "reduce_sum",
  kind: "reduce",
  abstractEval: ([x], { axes }) => [reductionType("reduce_sum", NUMBER, x!, axes)],
  transpose: transposeFirst((ct, x, { axes }) => broadcastInDim(ct, x.shape, complement(x.ndim, axes))),
  batch: ([x], [dim], { axes }) => {
    const shifted = bump(axes, dim!);
    return [[bind1(reduceSumP, [x!], { axes: shifted })], [dim! - shifted.filter((a) => a < dim!).length]];
  },
  batchSum: ([x], [dim], { axes }) => reduceSum(x!, [dim!, ...bump(axes, dim!)]),
  lower: (emit, [x], { axes }, [out]) => lowerReduction(emit, "add", () => 0, x!, axes, out!),
  printParams: ({ axes }) => ({ axes, out_sharding: null }),
});

/**
 * The sum over `axes`, in the dtype of x; x itself when there are none. Axes are not negative.
 * @throws WeftTypeError for bools.
 * @throws WeftValueError for axes that are negative, do not exist or stand there twice.
 * @example reduceSum(np.array([[1, 2], [3, 4]]), [0]).js() // => [4, 6]
 */
export function reduceSum(x: ArrayLike, axes: readonly number[]): NDArray {
  const sorted = checkAxisOrder("lax.reduceSum", axes);
  return sorted.length
    ? bind1(reduceSumP, [asArray("lax.reduceSum: x", x)], { axes: sorted })
    : asArray("lax.reduceSum: x", x);
}

/**
 * Adds new leading axes of these sizes.
 * @throws WeftValueError for negative sizes.
 * @example broadcast(np.array([1, 2]), [2]).js() // => [[1, 2], [1, 2]]
 */
export function broadcast(operand: ArrayLike, sizes: Shape): NDArray {
  const x = asArray("lax.broadcast: operand", operand);
  const added = checkShape("lax.broadcast", sizes);
  return broadcastInDim(x, [...added, ...x.shape], range(x.ndim, added.length));
}

/** Undoes the implicit broadcast of a scalar operand: a cotangent with the operand's shape. */
export const unbroadcast = (ct: NDArray, type: { readonly shape: Shape }): NDArray =>
  type.shape.length === ct.ndim ? ct : reduceSum(ct, range(ct.ndim));

/** Repeats scalars to `shape`. */
export const fitTo = (x: NDArray, shape: Shape): NDArray =>
  x.ndim === shape.length ? x : broadcastInDim(x, shape, []);

/**
 * An array with the same value everywhere.
 * @throws WeftTypeError for a value that is no plain number or boolean, or an unknown dtype.
 * @example full([2, 2], 7.9, "int32").js() // => [[7, 7], [7, 7]]
 */
export const full = (shape: Shape, value: number | boolean, dtype: DType): NDArray =>
  broadcastInDim(
    scalar(checkPlain("lax.full: value", value), checkDType("lax.full", dtype)),
    checkShape("lax.full", shape),
    [],
  );

/**
 * {@link full} with the shape and the (weak) dtype of an array or of a type, on the device that the array is bound to.
 * @throws WeftTypeError for a value that is no plain number or boolean.
 * @example fullLike({ shape: [2], dtype: "bool" }, 1).js() // => [true, true]
 */
export const fullLike = (x: Typed, value: number | boolean): NDArray => {
  const { shape, dtype, weakType } = checkTyped("lax.fullLike", x);
  checkPlain("lax.fullLike: value", value);
  return madeLike(x, () => broadcastInDim(scalar(value, dtype, weakType), shape, []));
};
/**
 * Zeros with the shape and the (weak) dtype of an array or of a type: false for bool.
 * @example zerosLike(np.array([true, true])).js() // => [false, false]
 */
export const zerosLike = (x: Typed): NDArray => fullLike(checkTyped("lax.zerosLike", x), 0);
/**
 * Ones with the shape and the (weak) dtype of an array or of a type: true for bool.
 * @example onesLike(np.array([4, 5], { dtype: "int8" })).dtype // => "int8"
 */
export const onesLike = (x: Typed): NDArray => fullLike(checkTyped("lax.onesLike", x), 1);

/** Inserts a new axis of `size` at `axis`. */
export const broadcastAxis = (x: NDArray, size: number, axis: number): NDArray =>
  broadcastInDim(x, insert(x.shape, axis, size), bump(range(x.ndim), axis));
