/** Slices at computed places: `dynamic_slice` and `dynamic_update_slice`, each the other's transpose. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { aval, type Shape, type ShapedArray } from "../core/aval.ts";
import { checkCount, checkInt32, checkShape } from "../core/check.ts";
import { kindOf, promote } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { Emitter, Index, Operand } from "../core/lowering.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import { canonicalAxis } from "../util/shape.ts";
import { show } from "../util/text.ts";
import { add } from "./arithmetic.ts";
import { insert, range } from "./axes.ts";
import { zerosLike } from "./broadcast.ts";
import { convertElementType, strongArray } from "./cast.ts";
import { allWeak, checkDTypes, checkRank, checkSameDTypes, INTEGER, require, tuple } from "./check.ts";
import { lt } from "./compare.ts";
import { asArray, asCarry, asIndex, operands, place } from "./convert.ts";
import { gather, type ScatterDimensionNumbers, scatter, scatterAdd } from "./gather.ts";
import { concatenate } from "./join.ts";
import { defineLinear, isLinear, moveBatchAxis, NO_PARAMS, type NoParams, transposeFirst } from "./rules.ts";
import { select } from "./select.ts";
import { expandDims, squeeze } from "./views.ts";
import { clampIndex } from "./windows.ts";

type DynamicSliceParams = { readonly slice_sizes: Shape };

function checkStarts(name: string, operand: ShapedArray, starts: readonly ShapedArray[]): void {
  checkRank(name, "start_indices", starts, operand);
  for (const start of starts) {
    checkDTypes(`${name} start_indices`, [start], [INTEGER]);
    require(start.ndim === 0, () => `${name} start_indices must be scalars, got ${start}.`);
  }
}

function checkFits(name: string, operand: ShapedArray, sizes: Shape): void {
  checkRank(name, "slice_sizes", sizes, operand);
  require(sizes.every((s, axis) => s >= 0 && s <= operand.shape[axis]!), () =>
    `${name} slice_sizes must be less than or equal to operand shape, got slice_sizes ${tuple(sizes)} for operand shape ${tuple(operand.shape)}.`);
}

/** The start of the window, moved so that the window fits. */
const lowerStarts = (emit: Emitter, starts: readonly Operand[], shape: Shape, sizes: Shape): Index[] =>
  starts.map((start, axis) => emit.ix.dynamic(clampIndex(emit, start.at([]), shape[axis]! - sizes[axis]!)));

const isUnmapped = (dims: readonly (number | null)[]): boolean => dims.every((d) => d === null);
const zeroIndex = (): NDArray => scalar(0, "int32");

/** Scalar starts, some of them mapped, as the index vectors of a gather: one per example. */
function indexVectors(starts: NDArray[], dims: (number | null)[], n: number): NDArray {
  const { dtype } = promote(starts);
  const columns = starts.map((start, k) =>
    expandDims(moveBatchAxis(convertElementType(start, dtype), dims[k]!, 0, n), [1]),
  );
  return concatenate(columns, 1);
}

export const dynamicSliceP: Primitive<DynamicSliceParams> = defineLinear<DynamicSliceParams>({
  name: "dynamic_slice",
  kind: "gather",
  abstractEval: ([x, ...starts], { slice_sizes }) => {
    checkStarts("dynamic_slice", x!, starts);
    checkFits("dynamic_slice", x!, slice_sizes);
    return [aval(slice_sizes, x!.dtype, x!.weakType)];
  },
  transpose: transposeFirst((ct, x, _, starts) =>
    bind1(dynamicUpdateSliceP, [zerosLike(x), ct, ...starts], NO_PARAMS),
  ),
  batch: ([x, ...starts], [dim, ...startDims], { slice_sizes }, n) => {
    if (isUnmapped(startDims)) {
      const sizes = insert(slice_sizes, dim!, n);
      return [
        [bind1(dynamicSliceP, [x!, ...insert(starts, dim!, zeroIndex())], { slice_sizes: sizes })],
        [dim!],
      ];
    }
    const axes = range(slice_sizes.length);
    const mapped = dim !== null;
    const operand = mapped ? moveBatchAxis(x!, dim!, 0, n) : x!;
    const numbers = {
      offsetDims: range(axes.length, 1),
      collapsedSliceDims: [],
      startIndexMap: mapped ? range(axes.length, 1) : axes,
      operandBatchingDims: mapped ? [0] : [],
      startIndicesBatchingDims: mapped ? [0] : [],
    };
    const sizes = mapped ? [1, ...slice_sizes] : slice_sizes;
    return [[gather(operand, indexVectors(starts, startDims, n), numbers, sizes, { mode: "clip" })], [0]];
  },
  lower: (emit, [x, ...starts], { slice_sizes }, [out]) => {
    const source = emit.materialize(x!);
    const at = (i: readonly Index[]) => {
      const from = lowerStarts(emit, starts, x!.aval.shape, slice_sizes);
      return source.at(i.map((k, axis) => emit.ix.add(k, from[axis]!)));
    };
    return [emit.lazy(out!, at)];
  },
});

const readBox = (x: NDArray, [, update, ...starts]: readonly NDArray[]): NDArray =>
  bind1(dynamicSliceP, [x, ...starts], { slice_sizes: update!.shape });

export const dynamicUpdateSliceP: Primitive<NoParams> = defineLinear<NoParams>(
  {
    name: "dynamic_update_slice",
    kind: "write",
    abstractEval: ([x, update, ...starts]) => {
      checkSameDTypes("dynamic_update_slice", [x!, update!]);
      checkStarts("dynamic_update_slice", x!, starts);
      checkFits("dynamic_update_slice", x!, update!.shape);
      return [aval(x!.shape, x!.dtype, allWeak([x!, update!]))];
    },
    transpose: ([ct], [x, update, ...starts]) => {
      const [g, at] = [ct as NDArray, starts as NDArray[]];
      const toX = (): NDArray => bind1(dynamicUpdateSliceP, [g, zerosLike(update!.aval), ...at], NO_PARAMS);
      const toUpdate = (): NDArray => bind1(dynamicSliceP, [g, ...at], { slice_sizes: update!.aval.shape });
      return [isLinear(x!) ? toX() : null, isLinear(update!) ? toUpdate() : null, ...at.map(() => null)];
    },
    batch: ([x, update, ...starts], [dx, du, ...startDims], params, n) => {
      const [operand, value] = [moveBatchAxis(x!, dx!, 0, n), moveBatchAxis(update!, du!, 0, n)];
      if (isUnmapped(startDims))
        return [[bind1(dynamicUpdateSliceP, [operand, value, zeroIndex(), ...starts], params)], [0]];
      const numbers: ScatterDimensionNumbers = {
        updateWindowDims: range(starts.length, 1),
        insertedWindowDims: [],
        scatterDimsToOperandDims: range(starts.length, 1),
        operandBatchingDims: [0],
        scatterIndicesBatchingDims: [0],
      };
      const vectors = indexVectors(starts, startDims, n);
      return [[scatter(operand, vectors, value, numbers, { mode: "clip", uniqueIndices: true })], [0]];
    },
    update: {
      values: 1,
      adds: false,
      read: readBox,
      idle: ([x, ...rest]) => readBox(x!, [x!, ...rest]),
      add: ([x, update, ...starts]) => addBox(x!, update!, starts),
    },
    lower: (emit, [x, update, ...starts]) => {
      const { shape } = update!.aval;
      const result = emit.update(x!, (target) => {
        const from = lowerStarts(emit, starts, x!.aval.shape, shape);
        emit.loop(shape, (i) =>
          target.store(
            i.map((k, axis) => emit.ix.add(k, from[axis]!)),
            update!.at(i),
          ),
        );
      });
      return [result];
    },
  },
  2,
);

/** The update added to the box at `starts`: a scatter of one window, for which axes that it covers need no index. */
function addBox(x: NDArray, update: NDArray, starts: readonly NDArray[]): NDArray {
  const axes = range(x.ndim).filter((axis) => update.shape[axis] !== x.shape[axis]);
  if (axes.length === 0) return add(x, update);
  const at = axes.map((axis) => starts[axis]!);
  const { dtype } = promote(at);
  const numbers: ScatterDimensionNumbers = {
    updateWindowDims: range(x.ndim),
    insertedWindowDims: [],
    scatterDimsToOperandDims: axes,
  };
  const index = at.map((start) => expandDims(convertElementType(start, dtype), [0]));
  return scatterAdd(x, concatenate(index, 0), update, numbers, { mode: "clip", uniqueIndices: true });
}

/** A start index as a scalar: negative ones count from the end, as in Python. */
function startIndex(what: string, index: ArrayLike, size: number): NDArray {
  if (typeof index === "number") {
    const at = checkInt32(what, index);
    return asIndex(what, at < 0 ? at + size : at);
  }
  const i = asCarry(what, index);
  return kindOf(i.dtype) === "int" ? select(lt(i, 0), add(i, size), i) : i;
}

function startIndices(caller: string, x: NDArray, starts: readonly ArrayLike[] | NDArray): NDArray[] {
  const list: readonly ArrayLike[] = Array.isArray(starts)
    ? Array.from(starts)
    : vectorEntries(caller, starts as NDArray);
  return list.map((start, axis) => startIndex(`${caller}: starts[${axis}]`, start, x.shape[axis] ?? 0));
}

/** The elements of a vector as scalars. */
function vectorEntries(caller: string, starts: NDArray): NDArray[] {
  const v = asArray(`${caller}: starts`, starts);
  if (v.ndim !== 1)
    throw new WeftTypeError(
      `${caller}: start_indices must be a list of integers or integer scalars, or one vector of integers, got ${show(starts)}.`,
    );
  return range(v.shape[0]!).map((k) =>
    squeeze(bind1(dynamicSliceP, [v, asIndex("", k)], { slice_sizes: [1] }), [0]),
  );
}

/**
 * A box of static size at computed indices (integer scalars, one per axis, or one vector). Negative indices count from
 * the end; then the box is moved inside, so nothing is ever out of bounds.
 * @throws WeftTypeError if a size exceeds the operand.
 * @example dynamicSlice(np.array([0, 1, 2, 3]), [9], [2]).js() // => [2, 3]
 */
export function dynamicSlice(
  operand: ArrayLike,
  starts: readonly ArrayLike[] | NDArray,
  sliceSizes: Shape,
): NDArray {
  const x = asArray("lax.dynamicSlice: operand", operand);
  return bind1(dynamicSliceP, [x, ...startIndices("lax.dynamicSlice", x, starts)], {
    slice_sizes: checkShape("lax.dynamicSlice: sliceSizes", sliceSizes),
  });
}

/**
 * {@link dynamicSlice} along one axis.
 * @throws WeftTypeError if the size exceeds the axis.
 * @throws WeftValueError if the axis does not exist.
 * @example dynamicSliceInDim(np.array([[0, 1, 2], [3, 4, 5]]), -2, 2, 1).js() // => [[1, 2], [4, 5]]
 */
export function dynamicSliceInDim(
  operand: ArrayLike,
  start: ArrayLike,
  sliceSize: number,
  axis = 0,
): NDArray {
  return sliceAlong("lax.dynamicSliceInDim", operand, start, sliceSize, axis, "start");
}

function sliceAlong(
  caller: string,
  operand: ArrayLike,
  start: ArrayLike,
  sliceSize: number,
  axis: number,
  name: string,
): NDArray {
  const x = asArray(`${caller}: operand`, operand);
  const at = canonicalAxis(`${caller}: axis`, axis, x.ndim);
  const size = checkCount(`${caller}: sliceSize`, sliceSize);
  return dynamicSlice(x, alongAxis(`${caller}: ${name}`, x, start, at), x.shape.with(at, size));
}

const alongAxis = (what: string, x: NDArray, start: ArrayLike, axis: number): ArrayLike[] =>
  x.shape.map((_, a): ArrayLike => (a === axis ? checkedIndex(what, start) : 0));

const checkedIndex = (what: string, index: ArrayLike): ArrayLike =>
  typeof index === "number" ? checkInt32(what, index) : asCarry(what, index);

/**
 * The slice at one computed index along an axis; the axis stays with size 1 if `keepdims`. Indices are those of
 * {@link dynamicSlice}: negative ones count from the end, others out of range are clamped.
 * @throws WeftTypeError if the axis is empty, WeftValueError if it does not exist.
 * @example dynamicIndexInDim(np.array([[0, 1], [2, 3], [4, 5]]), 9, 0, false).js() // => [4, 5]
 */
export function dynamicIndexInDim(operand: ArrayLike, index: ArrayLike, axis = 0, keepdims = true): NDArray {
  const picked = sliceAlong("lax.dynamicIndexInDim", operand, index, 1, axis, "index");
  return keepdims ? picked : squeeze(picked, [axis]);
}

/**
 * `operand` with the box at `starts` replaced by `update`; indices as in {@link dynamicSlice}. Starts are operands of their own
 * type, so that the result is weak only where there are none.
 * @throws WeftTypeError if dtypes differ or the update does not fit.
 * @example dynamicUpdateSlice(np.array([0, 1, 2, 3]), np.array([8, 9]), [1]).js() // => [0, 8, 9, 3]
 */
export function dynamicUpdateSlice(
  operand: ArrayLike,
  update: ArrayLike,
  starts: readonly ArrayLike[] | NDArray,
): NDArray {
  const at = place("lax.dynamicUpdateSlice", "operand", "update");
  const [x, value] = operands(at, operand, update) as [NDArray, NDArray];
  return updateSlice(strongArray(x), value, starts);
}

/** {@link dynamicUpdateSlice} that is weak where both operands are: no conversion stands between an update and who reads it. */
export const updateSlice = (x: NDArray, update: NDArray, starts: readonly ArrayLike[] | NDArray): NDArray =>
  bind1(dynamicUpdateSliceP, [x, update, ...startIndices("lax.dynamicUpdateSlice", x, starts)], NO_PARAMS);

/**
 * {@link dynamicUpdateSlice} along one axis.
 * @throws WeftTypeError if dtypes differ or the update does not fit.
 * @throws WeftValueError if the axis does not exist.
 * @example dynamicUpdateSliceInDim(np.zeros([2, 3]), np.ones([2, 2]), 1, 1).js() // => [[0, 1, 1], [0, 1, 1]]
 */
export function dynamicUpdateSliceInDim(
  operand: ArrayLike,
  update: ArrayLike,
  start: ArrayLike,
  axis = 0,
): NDArray {
  const caller = "lax.dynamicUpdateSliceInDim";
  const [x, value] = operands(place(caller, "operand", "update"), operand, update) as [NDArray, NDArray];
  const at = canonicalAxis(`${caller}: axis`, axis, x.ndim);
  return dynamicUpdateSlice(x, value, alongAxis(`${caller}: start`, x, start, at));
}

/**
 * Replaces the slice at one computed index along an axis; `update` may lack that axis.
 * @throws WeftTypeError if dtypes differ or the update does not fit.
 * @throws WeftValueError if the axis does not exist.
 * @example dynamicUpdateIndexInDim(np.zeros([2, 2]), np.array([5, 6]), -1).js() // => [[0, 0], [5, 6]]
 */
export function dynamicUpdateIndexInDim(
  operand: ArrayLike,
  update: ArrayLike,
  index: ArrayLike,
  axis = 0,
): NDArray {
  const caller = "lax.dynamicUpdateIndexInDim";
  const [x, value] = operands(place(caller, "operand", "update"), operand, update) as [NDArray, NDArray];
  const at = canonicalAxis(`${caller}: axis`, axis, x.ndim);
  const window = value.ndim === x.ndim ? value : expandDims(value, [at]);
  return dynamicUpdateSlice(x, window, alongAxis(`${caller}: index`, x, index, at));
}
