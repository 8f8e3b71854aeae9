/** `gather` and the scatters: gather's transpose is scatter-add and the other way round. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { checkShape } from "../core/check.ts";
import { type DType, isFloat, type Kind, kindOf, limits } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { BasicBinary, Emitter, Index, Operand, Target } from "../core/lowering.ts";
import {
  type BatchRule,
  bind1,
  type JvpRule,
  type Primitive,
  type TransposeRule,
  Zero,
} from "../core/primitive.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { size } from "../util/shape.ts";
import { add, div, mul } from "./arithmetic.ts";
import { bump, complement, insert, pick, without } from "./axes.ts";
import { fullLike, onesLike, zerosLike } from "./broadcast.ts";
import { convertElementType } from "./cast.ts";
import { checkSameDTypes, publicName } from "./check.ts";
import { eq, ne } from "./compare.ts";
import { asArray, checkPlain, operands, place } from "./convert.ts";
import {
  addTangents,
  define,
  instantiate,
  isLinear,
  isZero,
  moveBatchAxis,
  transposeFirst,
} from "./rules.ts";
import { max, select } from "./select.ts";
import { broadcastedIota, reshape } from "./views.ts";
import {
  checkDimensions,
  checkScatter,
  GATHER_DIMENSIONS,
  type GatherDimensionNumbers,
  gatherType,
  gatherWindows,
  INDEX_MODES,
  type IndexMode,
  locate,
  SCATTER_DIMENSIONS,
  type ScatterDimensionNumbers,
  scatterWindows,
  spannedDims,
  toGather,
  toScatter,
  type Windows,
  windowSizes,
} from "./windows.ts";

export type { GatherDimensionNumbers, IndexMode, ScatterDimensionNumbers } from "./windows.ts";

type GatherParams = {
  readonly dimension_numbers: GatherDimensionNumbers;
  readonly slice_sizes: readonly number[];
  readonly mode: IndexMode;
  readonly fill_value: number | boolean | null;
};

/** All axes of a correspondence after a batch axis was put first on the given sides. */
function batchWindows(w: Windows, operand: boolean, indices: boolean): Windows {
  const shift = (axes: readonly number[], by: boolean): number[] => (by ? bump(axes, 0) : [...axes]);
  const shared = operand && indices;
  return {
    windowDims: operand && !indices ? [0, ...bump(w.windowDims, 0)] : bump(w.windowDims, 0),
    droppedDims: shift(w.droppedDims, operand),
    indexMap: shift(w.indexMap, operand),
    operandBatchingDims: [...(shared ? [0] : []), ...shift(w.operandBatchingDims, operand)],
    indicesBatchingDims: [...(shared ? [0] : []), ...shift(w.indicesBatchingDims, indices)],
  };
}

const batchGather: BatchRule<GatherParams> = ([x, indices], [dx, di], params, n) => {
  const operand = dx === null ? x! : moveBatchAxis(x!, dx!, 0, n);
  const index = di === null ? indices! : moveBatchAxis(indices!, di!, 0, n);
  const windows = batchWindows(gatherWindows(params.dimension_numbers), dx !== null, di !== null);
  const sizes = dx === null ? params.slice_sizes : [di === null ? n : 1, ...params.slice_sizes];
  const batched = { ...params, dimension_numbers: toGather(windows), slice_sizes: sizes };
  return [[bind1(gatherP, [operand, index], batched)], [0]];
};

export const gatherP: Primitive<GatherParams> = define<GatherParams>({
  name: "gather",
  kind: "gather",
  abstractEval: ([x, indices], { dimension_numbers, slice_sizes }) => [
    gatherType(x!, indices!, gatherWindows(dimension_numbers), slice_sizes),
  ],
  jvp: ([x, indices], [t], params) => {
    const out = bind1(gatherP, [x!, indices!], params);
    return [
      [out],
      [isZero(t!) ? new Zero(out.aval) : bind1(gatherP, [t!, indices!], { ...params, fill_value: 0 })],
    ];
  },
  transpose: transposeFirst((ct, x, { dimension_numbers, mode }, [indices]) =>
    scatterAdd(zerosLike(x), indices!, ct, toScatter(gatherWindows(dimension_numbers)), { mode }),
  ),
  batch: batchGather,
  lower: (emit, [x, indices], params, [out]) => {
    const windows = gatherWindows(params.dimension_numbers);
    const { windowDims } = windows;
    const { shape } = x!.aval;
    const [source, { s, ix }] = [emit.materialize(x!), emit];
    const spanned = spannedDims(shape.length, windows);
    const fill = s.const(params.fill_value ?? fillFor(out!.dtype), out!.dtype);
    const layout = { windows, shape, sizes: params.slice_sizes, checked: params.mode === "fill" };
    const at = (i: readonly Index[]) => {
      const { start, inside } = locate(emit, layout, indices!, without(i, windowDims));
      const offset = start.map((from, d) =>
        spanned.includes(d) ? ix.add(from, i[windowDims[spanned.indexOf(d)]!]!) : from,
      );
      return inside ? s.select(inside, source.at(offset), fill) : source.at(offset);
    };
    return [emit.lazy(out!, at)];
  },
});

/** What a window that is not inside yields, unless the caller says. */
const FILL: Readonly<Record<Kind, (dtype: DType) => number | boolean>> = {
  float: () => Number.NaN,
  int: (dtype) => limits(dtype).min,
  uint: (dtype) => limits(dtype).max,
  bool: () => true,
};
const fillFor = (dtype: DType): number | boolean => FILL[kindOf(dtype)](dtype);

export interface GatherOptions {
  /** Default "clip". "fill" yields `fillValue` for windows that are not inside; indices that are promised are still clamped, as by XLA. */
  readonly mode?: IndexMode;
  /** Default: NaN; the lowest value of signed, the highest of unsigned integers; true. */
  readonly fillValue?: number | boolean | null;
}

/**
 * Windows of `operand` at computed places: for every index vector along the last axis of `startIndices` a box of
 * `sliceSizes`, laid out in the result as `dimensionNumbers` say.
 * @throws WeftTypeError if the dimension numbers do not fit the shapes, or indices are no integers.
 * @example
 * const rows = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0] };
 * const at = np.array([[2], [0]], { dtype: "int32" });
 * gather(np.array([[1, 2], [3, 4], [5, 6]]), at, rows, [1, 2]).js() // => [[5, 6], [1, 2]]
 */
export function gather(
  operand: ArrayLike,
  startIndices: ArrayLike,
  dimensionNumbers: GatherDimensionNumbers,
  sliceSizes: readonly number[],
  options: GatherOptions = {},
): NDArray {
  const { mode = "clip", fillValue = null } = checkOptions("lax.gather", options, ["mode", "fillValue"]);
  checkChoice("lax.gather: mode", mode, INDEX_MODES);
  if (fillValue !== null) checkPlain("lax.gather: fillValue", fillValue);
  return bind1(
    gatherP,
    [asArray("lax.gather: operand", operand), asArray("lax.gather: startIndices", startIndices)],
    {
      dimension_numbers: checkDimensions("lax.gather", dimensionNumbers, GATHER_DIMENSIONS),
      slice_sizes: checkShape("lax.gather: sliceSizes", sliceSizes),
      mode,
      fill_value: fillValue,
    },
  );
}

type ScatterParams = {
  readonly dimension_numbers: ScatterDimensionNumbers;
  readonly mode: IndexMode;
  readonly unique_indices: boolean;
};

export interface ScatterOptions {
  /** Default "fill": windows that are not wholly inside are dropped, as they are, by XLA too, where indices are promised. */
  readonly mode?: IndexMode;
  /** A promise that no two windows overlap. */
  readonly uniqueIndices?: boolean;
}
export type Scatter = ((
  operand: ArrayLike,
  scatterIndices: ArrayLike,
  updates: ArrayLike,
  dimensionNumbers: ScatterDimensionNumbers,
  options?: ScatterOptions,
) => NDArray) & { readonly primitive: Primitive<ScatterParams> };

interface ScatterSpec {
  /** How an update meets the old value; null: it replaces it, the last one wins. */
  readonly combine: BasicBinary | null;
  /** The value that changes nothing in that; null: the old value itself. */
  readonly neutral: ((dtype: DType) => number | boolean) | null;
  readonly jvp: JvpRule<ScatterParams>;
  readonly transpose: TransposeRule<ScatterParams> | "not linear";
}

function scatterOp(name: string, spec: ScatterSpec): Scatter {
  const caller = publicName(name.replace("-", "_"));
  const primitive: Primitive<ScatterParams> = define<ScatterParams>({
    name,
    kind: "write",
    abstractEval: (avals, { dimension_numbers }) => {
      const [operand, , updates] = avals as [ShapedArray, ShapedArray, ShapedArray];
      checkSameDTypes(name, [operand, updates]);
      checkScatter(name, avals, scatterWindows(dimension_numbers));
      return [aval(operand.shape, operand.dtype, operand.weakType)];
    },
    jvp: spec.jvp,
    transpose: spec.transpose,
    batch: (...args) => batchScatter(primitive, ...args),
    update: {
      values: 2,
      adds: spec.combine === "add",
      read: readWindows,
      idle: (inputs, params) =>
        spec.neutral
          ? fullLike(inputs[2]!, spec.neutral(inputs[2]!.dtype))
          : readWindows(inputs[0]!, inputs, params),
      add: ([x, indices, updates], params) =>
        spec.combine === "add" || (!spec.combine && isDisjoint(indices!, params))
          ? bind1(scatterAdd.primitive, [x!, indices!, updates!], params)
          : undefined,
    },
    lower: (emit, args, params) => [lowerScatter(emit, args, params, spec.combine)],
  });
  const apply: (...args: Parameters<Scatter>) => NDArray = (x, indices, updates, numbers, options = {}) => {
    const [operand, update] = operands(place(caller, "x", "updates"), x, updates);
    const { mode = "fill", uniqueIndices = false } = checkOptions(caller, options, ["mode", "uniqueIndices"]);
    const params = {
      dimension_numbers: checkDimensions(caller, numbers, SCATTER_DIMENSIONS),
      mode: checkChoice(`${caller}: mode`, mode, INDEX_MODES),
      unique_indices: uniqueIndices,
    };
    return bind1(primitive, [operand!, asArray(`${caller}: indices`, indices), update!], params);
  };
  return Object.assign(apply, { primitive });
}

function batchScatter(
  primitive: Primitive<ScatterParams>,
  ...[[x, indices, updates], [dx, di, du], params, n]: Parameters<BatchRule<ScatterParams>>
): ReturnType<BatchRule<ScatterParams>> {
  const index = di === null ? indices! : moveBatchAxis(indices!, di!, 0, n);
  const windows = batchWindows(scatterWindows(params.dimension_numbers), true, di !== null);
  const args = [moveBatchAxis(x!, dx!, 0, n), index, moveBatchAxis(updates!, du!, 0, n)];
  return [[bind1(primitive, args, { ...params, dimension_numbers: toScatter(windows) })], [0]];
}

/** Windows one after the other, for they may overlap; the elements of one window together. */
function lowerScatter(
  emit: Emitter,
  args: Operand[],
  params: ScatterParams,
  combine: BasicBinary | null,
): Operand {
  const [x, indices, updates] = args as [Operand, Operand, Operand];
  const w = scatterWindows(params.dimension_numbers);
  const sizes = windowSizes(x.aval, updates.aval, w);
  const spanned = spannedDims(x.aval.ndim, w);
  const layout = { windows: w, shape: x.aval.shape, sizes, checked: params.mode !== "clip" };
  const write = (target: Target, batch: readonly Index[], start: readonly Index[]): void =>
    emit.loop(pick(sizes, spanned), (j) => {
      const to = start.map((from, d) =>
        spanned.includes(d) ? emit.ix.add(from, j[spanned.indexOf(d)]!) : from,
      );
      const value = updates.at(w.windowDims.reduce<Index[]>((i, d, k) => insert(i, d, j[k]!), [...batch]));
      target.store(to, combine ? emit.s.binary(combine, target.at(to), value) : value);
    });
  return emit.update(x, (target) =>
    emit.loop(
      indices.aval.shape.slice(0, -1),
      (batch) => {
        const { start, inside } = locate(emit, layout, indices, batch);
        if (inside) emit.if(inside, () => write(target, batch, start));
        else write(target, batch, start);
      },
      "serial",
    ),
  );
}

/** The windows of `x` that the updates were written to. */
const gatherBack = (x: NDArray, indices: NDArray, updates: ShapedArray, params: ScatterParams): NDArray => {
  const w = scatterWindows(params.dimension_numbers);
  return gather(x, indices, toGather(w), windowSizes(x.aval, updates, w), {
    mode: params.mode,
    fillValue: 0,
  });
};

const readWindows = (x: NDArray, [, indices, updates]: readonly NDArray[], params: ScatterParams): NDArray =>
  gatherBack(x, indices!, updates!.aval, params);

const optionsOf = (p: ScatterParams): ScatterOptions => ({ mode: p.mode, uniqueIndices: p.unique_indices });

/** Linear in operand and updates together. */
const jvpLinear =
  (op: () => Scatter): JvpRule<ScatterParams> =>
  ([x, indices, updates], [tx, , tu], params) => {
    const apply = (a: NDArray, b: NDArray) =>
      op()(a, indices!, b, params.dimension_numbers, optionsOf(params));
    const out = apply(x!, updates!);
    return [
      [out],
      [isZero(tx!) && isZero(tu!) ? new Zero(out.aval) : apply(instantiate(tx!), instantiate(tu!))],
    ];
  };

const transposeAdd: TransposeRule<ScatterParams> = ([ct], [x, indices, updates], params) => [
  isLinear(x!) ? ct! : null,
  null,
  isLinear(updates!) ? gatherBack(ct as NDArray, indices as NDArray, updates.aval, params) : null,
];

/** Overwritten elements lose their cotangent; where updates overlap, only the last one gets any. */
const transposeReplace: TransposeRule<ScatterParams> = ([ct], [x, indices, updates], params) => {
  const at = indices as NDArray;
  const type = updates!.aval;
  const numbers = params.dimension_numbers;
  const [g, zeros] = [ct as NDArray, zerosLike(type)];
  const toX = isLinear(x!) ? scatter(g, at, zeros, numbers, optionsOf(params)) : null;
  if (!isLinear(updates!)) return [toX, null, null];
  const back = gatherBack(g, at, type, params);
  return [
    toX,
    null,
    params.unique_indices ? back : select(lastWriters(x!.aval, at, type, params), back, zeros),
  ];
};

/** Which updates survive: every one signs its targets with its number, and looks whether the signature is still there. */
function lastWriters(
  operand: ShapedArray,
  indices: NDArray,
  updates: ShapedArray,
  params: ScatterParams,
): NDArray {
  const ids = add(reshape(broadcastedIota("int32", [size(updates.shape)], 0), updates.shape), 1);
  const signed = scatter(
    zerosLike(aval(operand.shape, "int32")),
    indices,
    ids,
    params.dimension_numbers,
    optionsOf(params),
  );
  return eq(gatherBack(signed, indices, updates, params), ids);
}

const jvpMul: JvpRule<ScatterParams> = ([x, indices, updates], [tx, , tu], params) => {
  const options = optionsOf(params);
  const numbers = params.dimension_numbers;
  const out = scatterMul(x!, indices!, updates!, numbers, options);
  if (!isZero(tu!) && !params.unique_indices)
    throw new WeftTypeError(
      "scatter-mul gradients with respect to updates are only implemented for uniqueIndices: true.",
    );
  const viaX = isZero(tx!) ? new Zero(out.aval) : scatterMul(tx!, indices!, updates!, numbers, options);
  const viaUpdates = (t: NDArray): NDArray =>
    scatterAdd(
      zerosLike(x!),
      indices!,
      mul(t, gatherBack(x!, indices!, updates!.aval, params)),
      numbers,
      options,
    );
  return [[out], [addTangents(viaX, isZero(tu!) ? new Zero(out.aval) : viaUpdates(tu!))]];
};

const transposeMul: TransposeRule<ScatterParams> = ([ct], [x, indices, updates], params) => [
  isLinear(x!)
    ? scatterMul(
        ct as NDArray,
        indices as NDArray,
        updates as NDArray,
        params.dimension_numbers,
        optionsOf(params),
      )
    : null,
  null,
  null,
];

/** Whoever equals the result takes part; takers share equally. Nobody equals NaN; what no update reaches is not its business. */
const jvpExtremum =
  (op: () => Scatter): JvpRule<ScatterParams> =>
  ([x, indices, updates], [tx, , tu], params) => {
    const options = optionsOf(params);
    const numbers = params.dimension_numbers;
    const out = op()(x!, indices!, updates!, numbers, options);
    if (isZero(tx!) && isZero(tu!)) return [[out], [new Zero(out.aval)]];
    const keeps = convertElementType(eq(x!, out), x!.dtype);
    const wins = convertElementType(eq(updates!, gatherBack(out, indices!, updates!.aval, params)), x!.dtype);
    const total = (a: NDArray, b: NDArray): NDArray => scatterAdd(a, indices!, b, numbers, options);
    const moved = total(mul(keeps, instantiate(tx!)), mul(wins, instantiate(tu!)));
    const shared = div(moved, max(total(keeps, wins), 1));
    const reached = ne(total(zerosLike(x!), onesLike(updates!)), 0);
    return [[out], [select(reached, shared, instantiate(tx!))]];
  };

/** The value of a dtype that is beyond all others. */
const farthest = (dtype: DType, end: "min" | "max"): number | boolean => {
  if (dtype === "bool") return end === "max";
  return isFloat(dtype) ? (end === "max" ? Infinity : -Infinity) : limits(dtype)[end];
};

const isDisjoint = (indices: NDArray, { unique_indices }: ScatterParams): boolean =>
  unique_indices || size(indices.shape.slice(0, -1)) === 1;

/** The record of a scatter that keeps the larger or the smaller value. */
const extremum = (combine: "max" | "min", op: () => Scatter): ScatterSpec => ({
  combine,
  neutral: (dtype) => farthest(dtype, combine === "max" ? "min" : "max"),
  jvp: jvpExtremum(op),
  transpose: "not linear",
});

/**
 * `operand` with windows replaced by updates; where windows overlap the last one wins. See {@link gather}.
 * @throws WeftTypeError if dtypes of operand and updates differ or the dimension numbers do not fit the shapes.
 * @example
 * const one = { updateWindowDims: [], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };
 * const at = np.array([[1], [3], [9]], { dtype: "int32" });
 * scatter(np.zeros([4]), at, np.array([5, 6, 7]), one).js() // => [0, 5, 0, 6]
 */
export const scatter: Scatter = scatterOp("scatter", {
  combine: null,
  neutral: null,
  jvp: jvpLinear(() => scatter),
  transpose: transposeReplace,
});
/**
 * `operand` with updates added to its windows; overlapping updates add up. Errors are those of {@link scatter}.
 * @example
 * const one = { updateWindowDims: [], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };
 * const at = np.array([[1], [1], [0]], { dtype: "int32" });
 * scatterAdd(np.array([1, 1, 1]), at, np.array([5, 6, 7]), one).js() // => [8, 12, 1]
 */
export const scatterAdd: Scatter = scatterOp("scatter-add", {
  combine: "add",
  // Adding 0 would make 0 of -0.
  neutral: (dtype) => (dtype === "bool" ? false : isFloat(dtype) ? -0 : 0),
  jvp: jvpLinear(() => scatterAdd),
  transpose: transposeAdd,
});
/**
 * `operand` with its windows multiplied by updates. Errors are those of {@link scatter}.
 * @throws WeftTypeError for derivatives with respect to updates without `uniqueIndices`.
 * @example
 * const one = { updateWindowDims: [], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };
 * scatterMul(np.array([1, 2, 3]), new Int32Array([9]), 5, one, { mode: "clip" }).js() // => [1, 2, 15]
 */
export const scatterMul: Scatter = scatterOp("scatter-mul", {
  combine: "mul",
  neutral: (dtype) => (dtype === "bool" ? true : 1),
  jvp: jvpMul,
  transpose: transposeMul,
});
/**
 * `operand` with its windows raised to updates where those are larger. Errors are those of {@link scatter}.
 * @example
 * const pair = { updateWindowDims: [0], insertedWindowDims: [], scatterDimsToOperandDims: [0] };
 * scatterMax(np.array([0, 1, 2, 3]), new Int32Array([1]), np.array([9, -9]), pair).js() // => [0, 9, 2, 3]
 */
export const scatterMax: Scatter = scatterOp(
  "scatter-max",
  extremum("max", () => scatterMax),
);
/**
 * `operand` with its windows lowered to updates where those are smaller. Errors are those of {@link scatter}.
 * @example
 * const row = { updateWindowDims: [0], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };
 * scatterMin(np.ones([2, 2]), new Int32Array([1]), np.array([-1, 8]), row).js() // => [[1, 1], [-1, 1]]
 */
export const scatterMin: Scatter = scatterOp(
  "scatter-min",
  extremum("min", () => scatterMin),
);

/** Elements of x along `axis` at `indices`, which has x's shape but for that axis: one gather over batching dimensions. */
export function takeAlong(x: NDArray, indices: NDArray, axis: number): NDArray {
  const others = complement(x.ndim, [axis]);
  const numbers: GatherDimensionNumbers = {
    offsetDims: [],
    collapsedSliceDims: [axis],
    startIndexMap: [axis],
    operandBatchingDims: others,
    startIndicesBatchingDims: others,
  };
  const vectors = reshape(indices, [...indices.shape, 1]);
  return gather(
    x,
    vectors,
    numbers,
    x.shape.map(() => 1),
    { mode: "promise_in_bounds" },
  );
}
