/**
 * What an index like `x[1, :, idx, None]` means: which window of the operand is read or written, at which places, and how
 * the result is laid out. Reading and writing share it.
 */

import { NDArray, scalar } from "../core/array.ts";
import type { TypedArray } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import type { IndexItem } from "../core/methods.ts";
import { range } from "../lax/axes.ts";
import { convertElementType } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import { concatenate } from "../lax/join.ts";
import { expandDims } from "../lax/views.ts";
import { show } from "../util/text.ts";
import { asPositions, commonShape, spread } from "./promote.ts";
import { fromEnd } from "./select.ts";

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

/** Bounds as in Python: negative ones count from the end, then everything is clipped. */
function windowOf(bounds: readonly number[], size: number): AxisPlan {
  const clip = (i: number): number => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
  const start = clip(bounds[0] ?? 0);
  return { kind: "window", start, size: Math.max(0, clip(bounds[1] ?? size) - start) };
}

const isPicker = (item: IndexItem): item is NDArray | TypedArray =>
  item instanceof NDArray || ArrayBuffer.isView(item);

const isNumber = (item: IndexItem): boolean =>
  typeof item === "number" || (item instanceof NDArray && item.ndim === 0);

/** Without arrays of positions: beside those numbers are arrays, too, and may lie anywhere if there is nothing to read. */
const isBasic = (items: readonly IndexItem[]): boolean =>
  items.every((item) => !isPicker(item) || isNumber(item));

function picksFromNothing(items: readonly IndexItem[], x: NDArray): boolean {
  const along = items.filter((item) => item !== null);
  return along.some((item, axis) => x.shape[axis] === 0 && isNumber(item));
}

const nothingThere = (x: NDArray, caller: string): WeftValueError =>
  new WeftValueError(
    `${caller}: Nothing can be picked along an axis of size 0 of an array of type ${x.aval}.`,
  );

function axisPlan(item: Exclude<IndexItem, null>, size: number, x: NDArray, caller: string): AxisPlan {
  if (Array.isArray(item) && item.length <= 2 && item.every(Number.isInteger)) return windowOf(item, size);
  if (!isPicker(item) && !Number.isInteger(item)) throw notAnIndex(item, x, caller);
  if (isPicker(item)) return { kind: "pick", at: asPositions(`${caller}: an array of indices`, item) };
  const at = item as number;
  return { kind: "pick", at: at < 0 ? at + size : at };
}

function notAnIndex(item: unknown, x: NDArray, caller: string): WeftTypeError {
  const traced = Array.isArray(item) && item.some((i) => i instanceof NDArray);
  const remedy = traced
    ? "bounds are numbers, because sizes are static: use lax.dynamicSlice(x, [start, …], [size, …]) for a window at a computed place."
    : "use an integer, [], [start], [start, stop], null or an array of integers.";
  return new WeftTypeError(`${caller}: ${show(item)} is no index for an array of type ${x.aval}: ${remedy}`);
}

/** Whether picking items stand next to each other; null and windows separate them. */
function areAdjacent(items: readonly IndexItem[]): boolean {
  const picks = range(items.length).filter((i) => items[i] !== null && !Array.isArray(items[i]));
  return picks.length === 0 || picks.at(-1)! - picks[0]! + 1 === picks.length;
}

/** Along an axis without places nothing can be read, unless nothing is, and what is written is dropped. */
export type IndexUse = "read" | "write";

/** @throws WeftValueError for more items than axes and for reads along an axis of size 0, WeftTypeError for what is no index. */
export function planIndex(caller: string, x: NDArray, given: readonly IndexItem[], use: IndexUse): IndexPlan {
  const used = given.filter((item) => item !== null).length;
  if (used > x.ndim)
    throw new WeftValueError(
      `${caller}: Too many indices: array is ${x.ndim}-dimensional, but ${used} were indexed.`,
    );
  const items: IndexItem[] = [...given, ...range(x.ndim - used).map((): [] => [])];
  if (isBasic(items) && picksFromNothing(items, x)) throw nothingThere(x, caller);
  const sizes = x.shape[Symbol.iterator]();
  const plans = items.map((item) => (item === null ? null : axisPlan(item, sizes.next().value!, x, caller)));
  const plan = layOut(items, plans);
  if (use === "read" && picksNothing(x, plan) && !plan.shape.includes(0)) throw nothingThere(x, caller);
  return plan;
}

/** Whether positions lie along an axis that has none. */
export const picksNothing = (x: NDArray, { axes }: IndexPlan): boolean =>
  axes.some((p, d) => p.kind === "pick" && x.shape[d] === 0);

function layOut(items: readonly IndexItem[], plans: readonly (AxisPlan | null)[]): IndexPlan {
  const axes = plans.filter((p) => p !== null);
  const arrays = axes.flatMap((p) => (p.kind === "pick" && p.at instanceof NDArray ? [p.at] : []));
  const pickedShape = commonShape(
    "index",
    arrays.map((a) => a.shape),
  );
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
  const starts = indexedDims.map((d) =>
    expandDims(spread(startOf(axes[d]!, x.shape[d]!), pickedShape), [rank]),
  );
  return {
    windowDims: range(shape.length).filter((d) => d < pickedAt || d >= pickedAt + rank),
    pickedDims,
    indexedDims,
    sizes: axes.map((p) => (p.kind === "pick" ? 1 : p.size)),
    indices: starts.length ? concatenate(starts, rank) : asArray("np.windowsOf: new", new Int32Array(0)),
  };
}

const isWhole = (plan: AxisPlan, size: number): boolean => plan.kind === "window" && plan.size === size;

function startOf(plan: AxisPlan, size: number): NDArray {
  const at = plan.kind === "window" ? plan.start : plan.at;
  return at instanceof NDArray ? convertElementType(fromEnd(at, size), "int32") : scalar(at, "int32");
}
