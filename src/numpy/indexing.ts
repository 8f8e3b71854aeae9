/** Reading and writing parts of arrays: `x.slice(...)` and `x.at(...)`. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import type { IndexedGetOptions, IndexedUpdate, IndexItem } from "../core/methods.ts";
import { isEager } from "../core/trace.ts";
import { full } from "../lax/broadcast.ts";
import { convertTo } from "../lax/cast.ts";
import { dynamicSlice, updateSlice } from "../lax/dynamic.ts";
import * as lax from "../lax/gather.ts";
import { max, min } from "../lax/select.ts";
import { slice } from "../lax/slice.ts";
import { expandDims, reshape, squeeze } from "../lax/views.ts";
import { checkOptions } from "../util/options.ts";
import { add, multiply } from "./elementwise.ts";
import { type IndexPlan, picksNothing, planIndex, windowsOf } from "./index-plan.ts";
import { promoteArgs } from "./promote.ts";
import { broadcastFor } from "./shape.ts";

type Axes = IndexPlan["axes"];

const sizesOf = (axes: Axes): number[] => axes.map((p) => (p.kind === "pick" ? 1 : p.size));
const pickedDims = (axes: Axes): number[] => axes.flatMap((p, d) => (p.kind === "pick" ? [d] : []));

/** Where the box begins; numbers unless somebody picked by an array. */
const startsOf = (axes: Axes): (number | NDArray)[] => axes.map((p) => (p.kind === "pick" ? p.at : p.start));

/**
 * `x[index]`: picked axes vanish, or become the axes of the picking arrays. Windows are clipped as in Python; negative
 * positions count from the end once, then positions are clamped.
 * @throws WeftValueError for more items than axes, WeftTypeError for what is no index.
 */
export function getSlice(x: NDArray, items: readonly IndexItem[]): NDArray {
  const plan = planIndex("x.slice", x, items, "read");
  return expandDims(plan.pickedShape.length > 0 ? gathered(x, plan, {}) : box(x, plan.axes), plan.newAxes);
}

const nothing = (x: NDArray, { shape }: IndexPlan): NDArray => convertTo(full(shape, 0, x.dtype), x);

/** Positions that are numbers are made arguments where every program is compiled for itself, so that programs are reused. */
function box(x: NDArray, axes: Axes): NDArray {
  const [starts, sizes] = [startsOf(axes), sizesOf(axes)];
  const within = starts
    .map((s, d) => (typeof s === "number" ? Math.min(s, x.shape[d]! - sizes[d]!) : s))
    .map(atLeastZero);
  const whole = sizes.every((s, d) => s === x.shape[d]);
  const known = within.every((s) => typeof s === "number");
  if (whole) return squeeze(x, pickedDims(axes));
  const cut =
    known && !isEager()
      ? slice(
          x,
          within,
          within.map((s, d) => s + sizes[d]!),
        )
      : dynamicSlice(x, within, sizes);
  return squeeze(cut, pickedDims(axes));
}
const atLeastZero = (start: number | NDArray): number | NDArray =>
  typeof start === "number" ? Math.max(0, start) : start;

function gathered(
  x: NDArray,
  plan: IndexPlan,
  { mode = "promise_in_bounds", fillValue = null }: IndexedGetOptions,
): NDArray {
  if (picksNothing(x, plan)) return nothing(x, plan);
  const w = windowsOf(x, plan);
  const numbers = {
    offsetDims: w.windowDims,
    collapsedSliceDims: w.pickedDims,
    startIndexMap: w.indexedDims,
  };
  return lax.gather(x, w.indices, numbers, w.sizes, { mode, fillValue });
}

interface Update {
  readonly scatter: lax.Scatter;
  /** The new value from the old and the given one. */
  readonly combine: (old: NDArray, value: NDArray) => NDArray;
}
const UPDATES = {
  set: { scatter: lax.scatter, combine: (_, value) => value },
  add: { scatter: lax.scatterAdd, combine: add },
  mul: { scatter: lax.scatterMul, combine: multiply },
  min: { scatter: lax.scatterMin, combine: min },
  max: { scatter: lax.scatterMax, combine: max },
} as const satisfies Record<string, Update>;

/** x with the indexed part updated; positions outside of x are dropped. The dtype of x stays. */
function updated(
  x: NDArray,
  items: readonly IndexItem[],
  given: ArrayLike,
  name: keyof typeof UPDATES,
): NDArray {
  const update = UPDATES[name];
  const plan = planIndex(`x.at(…).${name}`, x, items, "write");
  const [operand, value] = promoteArgs(() => `x.at(…).${name}: value`, x, given) as [NDArray, NDArray];
  const finalShape = expandedShape(plan);
  const values = reshape(broadcastFor(`x.at(…).${name}`, value, finalShape), plan.shape);
  if (values.size === 0 || x.size === 0) return x;
  const starts = startsOf(plan.axes);
  const known = starts.every((s) => typeof s === "number");
  return convertTo(
    known ? replaceBox(operand, plan.axes, starts, values, update) : scattered(operand, plan, values, update),
    x,
  );
}

function expandedShape({ shape, newAxes }: IndexPlan): number[] {
  const sizes = shape[Symbol.iterator]();
  return Array.from({ length: shape.length + newAxes.length }, (_, d) =>
    newAxes.includes(d) ? 1 : sizes.next().value!,
  );
}

function replaceBox(x: NDArray, axes: Axes, starts: number[], values: NDArray, { combine }: Update): NDArray {
  const sizes = sizesOf(axes);
  if (starts.some((s, d) => s < 0 || s + sizes[d]! > x.shape[d]!)) return x;
  const value = reshape(values, sizes);
  if (combine === UPDATES.set.combine) return updateSlice(x, value, starts);
  return updateSlice(x, combine(dynamicSlice(x, starts, sizes), value), starts);
}

function scattered(x: NDArray, plan: IndexPlan, values: NDArray, { scatter }: Update): NDArray {
  const w = windowsOf(x, plan);
  const numbers = {
    updateWindowDims: w.windowDims,
    insertedWindowDims: w.pickedDims,
    scatterDimsToOperandDims: w.indexedDims,
  };
  // A single window cannot overlap another one.
  return scatter(x, w.indices, values, numbers, { uniqueIndices: plan.pickedShape.length === 0 });
}

/** The operations of `x.at(...index)`. */
export function indexedUpdate(x: NDArray, items: readonly IndexItem[]): IndexedUpdate {
  const by =
    (name: keyof typeof UPDATES) =>
    (value: ArrayLike): NDArray =>
      updated(x, items, value, name);
  return {
    set: by("set"),
    add: by("add"),
    mul: by("mul"),
    min: by("min"),
    max: by("max"),
    get: (options = {}) => {
      checkOptions("x.at(…).get", options, ["mode", "fillValue"]);
      const plan = planIndex("x.at(…).get", x, items, "read");
      return expandDims(gathered(x, plan, options), plan.newAxes);
    },
  };
}
