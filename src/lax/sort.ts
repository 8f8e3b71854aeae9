/** Sorting along an axis. */
import { type ArrayLike, NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { checkCount, checkInteger } from "../core/check.ts";
import { WeftValueError } from "../core/errors.ts";
import type { Emitter, Operand } from "../core/lowering.ts";
import { type Primitive, Zero } from "../core/primitive.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { ANY, checkAxes, checkDTypes, require, tuple } from "./check.ts";
import { asArray } from "./convert.ts";
import { takeAlong } from "./gather.ts";
import { ascending, descending, firstPositions, type Order, sortedPositions } from "./merge-sort.ts";
import { ascendingRank, canRank, descendingRank, type Rank, rankedPositions } from "./radix-sort.ts";
import { define, isZero, moveBatchAxis } from "./rules.ts";
import { broadcastedIota, moveAxis } from "./views.ts";

type SortParams = { readonly dimension: number; readonly is_stable: boolean; readonly num_keys: number };

/** x with the elements along `axis` in the order of `positions`. */
function permuted(emit: Emitter, x: Operand, positions: Operand, axis: number, out: ShapedArray): Operand {
  const source = emit.materialize(x);
  return emit.lazy(out, (i) => source.at(i.with(axis, emit.ix.dynamic(positions.at(i)))));
}

/** The positions of every lane in sorted order, by ranks where there are any. */
function inOrder(emit: Emitter, keys: readonly Operand[], axis: number, order: Order, rank: Rank): Operand {
  const dtypes = keys.map(({ aval: { dtype } }) => dtype);
  return canRank(dtypes, keys[0]!.aval.shape[axis]!)
    ? rankedPositions(emit, keys, axis, rank)
    : sortedPositions(emit, keys, axis, order);
}

export const sortP: Primitive<SortParams> = define<SortParams>({
  name: "sort",
  kind: "write",
  abstractEval: (avals, { dimension, num_keys }) => {
    checkAxes("sort", [dimension], avals[0]!.ndim);
    require(avals.every((a) => String(a.shape) === String(avals[0]!.shape)), () =>
      `Arguments to sort must have equal shapes, got: ${avals.map((a) => tuple(a.shape)).join(", ")}`);
    require(num_keys >= 1 && num_keys <= avals.length, () =>
      `lax.sort: num_keys must be at least 1 and at most the number of operands, got ${num_keys} for ${avals.length}.`);
    return avals;
  },
  jvp: (primals, tangents, params) => {
    const iota = broadcastedIota("int32", primals[0]!.shape, params.dimension);
    const sorted = sortP.bind([...primals, iota], params);
    const positions = sorted.pop()!;
    const moved = tangents.map((t, k) =>
      isZero(t) ? new Zero(sorted[k]!.aval) : takeAlong(t, positions, params.dimension),
    );
    return [sorted, moved];
  },
  transpose: "not linear",
  batch: (args, dims, params, n) => {
    const at = dims.find((d) => d !== null)!;
    const aligned = args.map((x, i) => moveBatchAxis(x, dims[i]!, at, n));
    const dimension = params.dimension >= at ? params.dimension + 1 : params.dimension;
    const outs = sortP.bind(aligned, { ...params, dimension });
    return [outs, outs.map(() => at)];
  },
  lower: (emit, args, { dimension, num_keys }, outs) => {
    const positions = inOrder(emit, args.slice(0, num_keys), dimension, ascending, ascendingRank);
    return args.map((x, k) => permuted(emit, x, positions, dimension, outs[k]!));
  },
});

export interface SortOptions {
  /** Always true in effect: the sort is stable. */
  readonly isStable?: boolean;
  /** How many of the operands, from the first, decide the order. */
  readonly numKeys?: number;
}

/**
 * Sorts along an axis in ascending order; NaN comes last, 0 and -0 are equal. Several operands are moved together, ordered by the
 * first `numKeys` of them. Stable.
 * @throws WeftTypeError if shapes differ or `numKeys` does not fit, WeftValueError if the axis does not exist.
 * @example sort(np.array([3, 1, 2])).js() // => [1, 2, 3]
 */
export function sort(operands: readonly NDArray[], dimension?: number, options?: SortOptions): NDArray[];
export function sort(operand: ArrayLike, dimension?: number, options?: SortOptions): NDArray;
export function sort(
  operand: ArrayLike | readonly NDArray[],
  dimension = -1,
  options: SortOptions = {},
): NDArray | NDArray[] {
  const { isStable = true, numKeys = 1 } = checkOptions("lax.sort", options, ["isStable", "numKeys"]);
  const several = Array.isArray(operand) && operand.length > 0 && operand.every((x) => x instanceof NDArray);
  const xs = several ? (operand as NDArray[]) : [asArray("lax.sort: operand", operand as ArrayLike)];
  const params = {
    dimension: canonicalAxis("lax.sort: dimension", dimension, xs[0]!.ndim),
    is_stable: Boolean(isStable),
    num_keys: checkInteger("lax.sort: numKeys", numKeys),
  };
  const sorted = sortP.bind(xs, params);
  return several ? sorted : sorted[0]!;
}

/**
 * The int32 positions that sort x along an axis; stable, NaN comes last.
 * @throws WeftValueError if the axis does not exist.
 * @example argsort(np.array([3, NaN, 1, 1])).js() // => [2, 3, 0, 1]
 */
export function argsort(operand: ArrayLike, dimension = -1): NDArray {
  const x = asArray("lax.argsort: operand", operand);
  const axis = canonicalAxis("lax.argsort: dimension", dimension, x.ndim);
  return sort([x, broadcastedIota("int32", x.shape, axis)], axis)[1]!;
}

/** Up to so many elements are selected instead of sorting all: at worst every element is moved past so many others. */
const FEW = 16;

type TopKParams = { readonly k: number };

export const topKP: Primitive<TopKParams> = define<TopKParams>({
  name: "top_k",
  kind: "write",
  abstractEval: ([x], { k }) => {
    checkDTypes("top_k", [x!], [ANY]);
    require(x!.ndim > 0, () => `top_k operand must have >= 1 dimension, got ${x!}.`);
    const n = x!.shape.at(-1)!;
    if (k > n)
      throw new WeftValueError(
        `k argument to top_k must be between 0 and the size of the axis ${n}, got ${k}.`,
      );
    const shape = x!.shape.with(-1, k);
    return [aval(shape, x!.dtype, x!.weakType), aval(shape, "int32", x!.weakType)];
  },
  jvp: ([x], [t], params) => {
    const [values, positions] = topKP.bind([x!], params) as [NDArray, NDArray];
    const moved = isZero(t!) ? new Zero(values.aval) : takeAlong(t!, positions, positions.ndim - 1);
    return [
      [values, positions],
      [moved, new Zero(positions.aval)],
    ];
  },
  transpose: "not linear",
  batch: ([x], [dim], params, n) => [topKP.bind([moveBatchAxis(x!, dim!, 0, n)], params), [0, 0]],
  lower: (emit, [x], { k }, [values, positions]) => {
    const axis = x!.aval.ndim - 1;
    const few = k > 0 && k <= FEW;
    const order = few
      ? firstPositions(emit, x!, k, descending)
      : inOrder(emit, [x!], axis, descending, descendingRank);
    return [permuted(emit, x!, order, axis, values!), emit.lazy(positions!, (i) => order.at(i))];
  },
});

/**
 * The k largest elements along an axis in descending order, and their int32 positions. Of equal elements the first comes
 * first; NaN counts as the largest.
 * @throws WeftValueError if k is negative or exceeds the axis, or if that does not exist.
 * @example topK(np.array([1, 3, 2]), 2)[0].js() // => [3, 2]
 */
export function topK(operand: ArrayLike, k: number, axis = -1): [values: NDArray, indices: NDArray] {
  const x = asArray("lax.topK: operand", operand);
  const at = canonicalAxis("lax.topK: axis", axis, x.ndim);
  const [values, indices] = topKP.bind([moveAxis(x, at, x.ndim - 1)], {
    k: checkCount("lax.topK: k", k),
  }) as [NDArray, NDArray];
  return [moveAxis(values, x.ndim - 1, at), moveAxis(indices, x.ndim - 1, at)];
}
