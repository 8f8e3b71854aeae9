/**
 * What an index like `x[1, :, idx, None]` means: which window of the operand is read or written, at which places, and how
 * the result is laid out. Reading and writing share it.
 */
import { type ArrayLike, NDArray, scalar } from "../core/array.ts";
import type { TypedArray } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { insert, range } from "../lax/axes.ts";
import { asArray } from "../lax/convert.ts";
import { concatenate } from "../lax/join.ts";
import { expandDims } from "../lax/views.ts";
import { asPositions, commonShape, spread } from "./promote.ts";
import { fromEnd } from "./select.ts";

/**
 * One item per axis: a number or an integer array picks, `[]` keeps, `[start]` and `[start, stop]` cut out, null is a new axis.
 */
export type IndexItem = number | readonly [] | readonly [number] | readonly [number, number] | null | NDArray | TypedArray;

/** What happens along one axis of the operand. */
type AxisPlan =
  | { readonly kind: "window"; readonly start: number; readonly size: number }
  | { readonly kind: "pick"; readonly at: number | NDArray };

export interface IndexPlan {
  readonly axes: readonly AxisPlan[];
  /** The shape of the result without new axes. */
  readonly shape: readonly number[];
  /** Where picked positions stand in that shape: their axes, if they are arrays. */
  readonly pickedAt: number;
  readonly pickedShape: readonly number[];
  /** Places of new axes in the final result. */
  readonly newAxes: readonly number[];
}

const isNewAxis = (item: IndexItem): item is null => item === null;

/** Bounds as in Python: negative ones count from the end, then everything is clipped. */
function windowOf(bounds: readonly number[], size: number): AxisPlan {
  const clip = (i: number): number => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
  const start = clip(bounds[0] ?? 0);
  return { kind: "window", start, size: Math.max(0, clip(bounds[1] ?? size) - start) };
}

function axisPlan(item: Exclude<IndexItem, null>, size: number, x: NDArray): AxisPlan {
  if (typeof item === "number") {
    if (!Number.isInteger(item)) throw new WeftTypeError(`Indices must be integers, got ${item} for an array of type ${x.aval}.`);
    return { kind: "pick", at: item < 0 ? item + size : item };
  }
  if (item instanceof NDArray || ArrayBuffer.isView(item)) {
    if (size === 0) throw new WeftValueError(`Cannot pick elements along an axis of size 0 of an array of type ${x.aval}.`);
    return { kind: "pick", at: fromEnd(asPositions(item as ArrayLike, "index"), size) };
  }
  if (Array.isArray(item) && item.length <= 2 && item.every(Number.isInteger)) return windowOf(item, size);
  throw new WeftTypeError(
    `${JSON.stringify(item)} is no index: use a number, [], [start], [start, stop], null or an array of integers.`,
  );
}

/** Whether picking items stand next to each other; null and windows separate them. */
function areAdjacent(items: readonly IndexItem[]): boolean {
  const picks = range(items.length).filter((i) => items[i] !== null && !isWindow(items[i]!));
  return picks.length === 0 || picks.at(-1)! - picks[0]! + 1 === picks.length;
}
const isWindow = (item: IndexItem): boolean => Array.isArray(item);

/** @throws WeftValueError for more items than axes, WeftTypeError for what is no index. */
export function planIndex(x: NDArray, given: readonly IndexItem[]): IndexPlan {
  const used = given.filter((item) => !isNewAxis(item)).length;
  if (used > x.ndim)
    throw new WeftValueError(`Too many indices: array is ${x.ndim}-dimensional, but ${used} were indexed.`);
  const items: IndexItem[] = [...given, ...range(x.ndim - used).map((): [] => [])];
  let next = 0;
  const plans = items.map((item) => (item === null ? null : axisPlan(item, x.shape[next]!, x) && axisPlan(item, x.shape[next++]!, x)));
  return layOut(items, plans);
}

function layOut(items: readonly IndexItem[], plans: readonly (AxisPlan | null)[]): IndexPlan {
  const axes = plans.filter((p) => p !== null);
  const arrays = axes.flatMap((p) => (p.kind === "pick" && p.at instanceof NDArray ? [p.at] : []));
  const pickedShape = commonShape("index", arrays.map((a) => a.shape));
  const advanced = pickedShape.length > 0;
  const firstPick = plans.findIndex((p) => p?.kind === "pick");
  const place = advanced && !areAdjacent(items) ? 0 : firstPick;
  const [shape, newAxes]: [number[], number[]] = [[], []];
  let pickedAt = 0;
  const putPicked = (): void => {
    pickedAt = shape.length;
    shape.push(...pickedShape);
  };
  for (const [i, plan] of plans.entries()) {
    if (i === place) putPicked();
    if (plan === null) newAxes.push(shape.length + newAxes.length);
    else if (plan.kind === "window") shape.push(plan.size);
  }
  return { axes, shape, pickedAt, pickedShape, newAxes };
}

/** Dimension numbers in the terms that gather and scatter share. */
export interface Windows {
  /** Axes of the result that run through a window. */
  readonly windowDims: readonly number[];
  readonly pickedDims: readonly number[];
  readonly indexedDims: readonly number[];
  readonly sizes: readonly number[];
  /** Index vectors along the last axis. */
  readonly indices: NDArray;
}

/** A window is addressed along picked axes and along those of which it is only a part. */
export function windowsOf(x: NDArray, { axes, shape, pickedAt, pickedShape }: IndexPlan): Windows {
  const pickedDims = range(x.ndim).filter((d) => axes[d]!.kind === "pick");
  const indexedDims = range(x.ndim).filter((d) => !isWhole(axes[d]!, x.shape[d]!));
  const rank = pickedShape.length;
  const starts = indexedDims.map((d) => startOf(axes[d]!)).map((at) => expandDims(spread(at, pickedShape), [rank]));
  return {
    windowDims: range(shape.length).filter((d) => d < pickedAt || d >= pickedAt + rank),
    pickedDims,
    indexedDims,
    sizes: axes.map((p) => (p.kind === "pick" ? 1 : p.size)),
    indices: starts.length ? concatenate(starts, rank) : asArray(new Int32Array(0)),
  };
}

const isWhole = (plan: AxisPlan, size: number): boolean => plan.kind === "window" && plan.size === size;

const startOf = (plan: AxisPlan): NDArray => {
  const at = plan.kind === "window" ? plan.start : plan.at;
  return at instanceof NDArray ? asInt32(at) : scalar(at, "int32");
};
