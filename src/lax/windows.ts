/** Dimension numbers of gather and scatter, their types, and how a window is found: shared by both. */
import { aval, type ShapedArray } from "../core/aval.ts";
import { checkIntegers, checkList } from "../core/check.ts";
import { kindOf } from "../core/dtype.ts";
import type { Emitter, Index, Operand, Scalar } from "../core/lowering.ts";
import { checkOptions } from "../util/options.ts";
import { complement, hasDuplicates, insert, isIncreasing, pick, range, without } from "./axes.ts";
import { checkDTypes, INTEGER, require, tuple } from "./check.ts";

type Axes = readonly number[];

/** As `jax.lax.GatherDimensionNumbers`; the index vector is the last axis of the indices. */
export type GatherDimensionNumbers = {
  /** Axes of the result that run through a window. */
  readonly offsetDims: Axes;
  /** Operand axes with window size 1 that the result drops. */
  readonly collapsedSliceDims: Axes;
  /** The operand axis that component k of an index addresses. */
  readonly startIndexMap: Axes;
  readonly operandBatchingDims?: Axes;
  readonly startIndicesBatchingDims?: Axes;
};

/** As `jax.lax.ScatterDimensionNumbers`. */
export type ScatterDimensionNumbers = {
  readonly updateWindowDims: Axes;
  readonly insertedWindowDims: Axes;
  readonly scatterDimsToOperandDims: Axes;
  readonly operandBatchingDims?: Axes;
  readonly scatterIndicesBatchingDims?: Axes;
};

export const GATHER_DIMENSIONS = [
  "offsetDims",
  "collapsedSliceDims",
  "startIndexMap",
  "operandBatchingDims",
  "startIndicesBatchingDims",
] as const;
export const SCATTER_DIMENSIONS = [
  "updateWindowDims",
  "insertedWindowDims",
  "scatterDimsToOperandDims",
  "operandBatchingDims",
  "scatterIndicesBatchingDims",
] as const;

/** Dimension numbers whose entries are lists of axes. Batching dimensions, the last two names, may be left out. */
export function checkDimensions<T extends object>(
  caller: string,
  given: T,
  names: readonly (keyof T & string)[],
): T {
  const numbers = checkOptions(`${caller}: dimension numbers`, given, names);
  const lists = names.flatMap((name, i) => {
    const value: unknown = numbers[name];
    if (value === undefined && i >= names.length - 2) return [];
    return [[name, checkAxisNumbers(`${caller}: ${name}`, value)]];
  });
  return Object.fromEntries(lists) as T;
}

const checkAxisNumbers = (what: string, list: unknown): number[] =>
  checkIntegers(what, checkList(what, list as readonly unknown[]));

/** What happens to windows that leave the operand. */
export type IndexMode = "clip" | "fill" | "promise_in_bounds";
export const INDEX_MODES: readonly IndexMode[] = ["clip", "fill", "promise_in_bounds"];

/** The same correspondence seen from either side: `windowDims` are the axes of result or updates that run through a window. */
export interface Windows {
  readonly windowDims: Axes;
  readonly droppedDims: Axes;
  readonly indexMap: Axes;
  readonly operandBatchingDims: Axes;
  readonly indicesBatchingDims: Axes;
}

export const gatherWindows = (d: GatherDimensionNumbers): Windows => ({
  windowDims: d.offsetDims,
  droppedDims: d.collapsedSliceDims,
  indexMap: d.startIndexMap,
  operandBatchingDims: d.operandBatchingDims ?? [],
  indicesBatchingDims: d.startIndicesBatchingDims ?? [],
});
export const scatterWindows = (d: ScatterDimensionNumbers): Windows => ({
  windowDims: d.updateWindowDims,
  droppedDims: d.insertedWindowDims,
  indexMap: d.scatterDimsToOperandDims,
  operandBatchingDims: d.operandBatchingDims ?? [],
  indicesBatchingDims: d.scatterIndicesBatchingDims ?? [],
});
export const toGather = (w: Windows): GatherDimensionNumbers => ({
  offsetDims: w.windowDims,
  collapsedSliceDims: w.droppedDims,
  startIndexMap: w.indexMap,
  operandBatchingDims: w.operandBatchingDims,
  startIndicesBatchingDims: w.indicesBatchingDims,
});
export const toScatter = (w: Windows): ScatterDimensionNumbers => ({
  updateWindowDims: w.windowDims,
  insertedWindowDims: w.droppedDims,
  scatterDimsToOperandDims: w.indexMap,
  operandBatchingDims: w.operandBatchingDims,
  scatterIndicesBatchingDims: w.indicesBatchingDims,
});

/** Operand axes that a window spans, in order: all but the dropped and the batching ones. */
export const spannedDims = (ndim: number, w: Windows): number[] =>
  complement(ndim, [...w.droppedDims, ...w.operandBatchingDims]);

export function checkWindows(name: string, operand: ShapedArray, indices: ShapedArray, w: Windows): void {
  const say = (condition: boolean, what: string, axes: Axes): void =>
    require(condition, () =>
      `${name} op: ${what}, got ${tuple(axes)} for operand ${operand} and indices ${indices}.`);
  checkDTypes(`${name} indices`, [indices], [INTEGER]);
  require(indices.ndim >= 1, () =>
    `${name} op: indices need a last axis that holds index vectors, got ${indices}.`);
  say(isIncreasing(w.windowDims), "window dimensions must be strictly increasing", w.windowDims);
  say(isIncreasing(w.droppedDims), "dropped dimensions must be strictly increasing", w.droppedDims);
  const named = [...w.droppedDims, ...w.operandBatchingDims];
  say(!hasDuplicates(named), "dropped and batching dimensions must be disjoint", named);
  say(
    !hasDuplicates([...w.indexMap, ...w.operandBatchingDims]),
    "indexed dimensions must be distinct",
    w.indexMap,
  );
  const used = [...named, ...w.indexMap];
  say(
    used.every((d) => d >= 0 && d < operand.ndim),
    "operand dimensions must exist",
    used,
  );
  say(
    w.indexMap.length === indices.shape.at(-1),
    "one operand dimension per index component is needed",
    w.indexMap,
  );
  say(
    pick(operand.shape, w.operandBatchingDims).join() === pick(indices.shape, w.indicesBatchingDims).join(),
    "batching dimensions of operand and indices must correspond",
    w.operandBatchingDims,
  );
}

export function gatherType(
  operand: ShapedArray,
  indices: ShapedArray,
  w: Windows,
  sliceSizes: Axes,
): ShapedArray {
  checkWindows("gather", operand, indices, w);
  require(sliceSizes.length === operand.ndim && sliceSizes.every((s) => s >= 0), () =>
    `gather op: slice sizes must have one entry per axis of the operand ${operand}, not negative, got ${tuple(sliceSizes)}.`);
  const dropped = [...w.droppedDims, ...w.operandBatchingDims];
  require(dropped.every((d) => sliceSizes[d]! <= 1), () =>
    `gather op: collapsed and batching dimensions must have slice size 1, got ${tuple(sliceSizes)}.`);
  const window = without(sliceSizes, dropped);
  require(window.length === w.windowDims.length, () =>
    `gather op: offset_dims must name one result axis per window axis, got ${tuple(w.windowDims)} for window ${tuple(window)}.`);
  const shape = w.windowDims.reduce<number[]>(
    (s, d, k) => insert(s, d, window[k]!),
    indices.shape.slice(0, -1),
  );
  // Where nothing is read there is no window that would have to fit.
  require(shape.includes(0) || sliceSizes.every((s, d) => s <= operand.shape[d]!), () =>
    `gather op: slice sizes must lie within the operand's shape ${tuple(operand.shape)}, got ${tuple(sliceSizes)}.`);
  return aval(shape, operand.dtype, operand.weakType);
}

/** Window sizes per operand axis, as the updates have them. */
export function windowSizes(operand: ShapedArray, updates: ShapedArray, w: Windows): number[] {
  const spanned = spannedDims(operand.ndim, w);
  return range(operand.ndim).map((d) =>
    spanned.includes(d) ? updates.shape[w.windowDims[spanned.indexOf(d)]!]! : 1,
  );
}

export function checkScatter(name: string, avals: readonly ShapedArray[], w: Windows): void {
  const [operand, indices, updates] = avals as [ShapedArray, ShapedArray, ShapedArray];
  checkWindows(name, operand, indices, w);
  const expected = w.windowDims.reduce<(number | string)[]>(
    (s, d) => insert(s, d, "*"),
    indices.shape.slice(0, -1),
  );
  const fits =
    updates.ndim === expected.length &&
    updates.shape.every((d, i) => expected[i] === "*" || expected[i] === d);
  require(fits && w.windowDims.length === spannedDims(operand.ndim, w).length, () =>
    `${name} op: updates must have shape (${expected.join(", ")}) (* where a window runs), got ${updates} for operand ${operand} and indices ${indices}.`);
  require(updates.size === 0 ||
    windowSizes(operand, updates, w).every((s, d) => s <= operand.shape[d]!), () =>
    `${name} op: windows must fit into the operand, got updates ${updates} for operand ${operand}.`);
}

/** Where one window starts, and whether all of it lies within the operand (null: it does, or nobody asked). */
export interface Window {
  readonly start: readonly Index[];
  readonly inside: Scalar | null;
}

/** What all windows of one operation have in common. */
export interface Layout {
  readonly windows: Windows;
  /** The operand's shape, and how much of each axis a window covers. */
  readonly shape: Axes;
  readonly sizes: Axes;
  /** Whether `inside` is wanted. */
  readonly checked: boolean;
}

/**
 * The window that the index vector at `batch` addresses. Starts are clamped, so that reading there is always allowed.
 */
export function locate(emit: Emitter, layout: Layout, indices: Operand, batch: readonly Index[]): Window {
  const { s, ix } = emit;
  const { indexMap, operandBatchingDims, indicesBatchingDims } = layout.windows;
  const start: Index[] = layout.shape.map((_, d) => {
    const k = operandBatchingDims.indexOf(d);
    return k < 0 ? 0 : batch[indicesBatchingDims[k]!]!;
  });
  const tests: Scalar[] = [];
  for (const [k, d] of indexMap.entries()) {
    const raw = indices.at([...batch, k]);
    const clamped = clampIndex(emit, raw, layout.shape[d]! - layout.sizes[d]!);
    start[d] = ix.dynamic(clamped);
    if (layout.checked) tests.push(s.binary("eq", s.convert(clamped, raw.dtype), raw));
  }
  return { start, inside: tests.length ? tests.reduce((a, b) => s.binary("and", a, b)) : null };
}

/** min(max(x, 0), last) as int32, for any integer dtype. */
export function clampIndex({ s }: Emitter, x: Scalar, last: number): Scalar {
  const unsigned = kindOf(x.dtype) === "uint";
  const low = unsigned ? x : s.binary("max", x, s.const(0, x.dtype));
  const wide = x.dtype === "uint32" ? low : s.convert(low, "int32");
  return s.convert(s.binary("min", wide, s.const(last, wide.dtype)), "int32");
}
