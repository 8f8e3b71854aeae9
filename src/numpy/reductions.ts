/** Reductions over axes, running sums, and statistics. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkNumber } from "../core/check.ts";
import { type DType, isFloat } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import { div } from "../lax/arithmetic.ts";
import { pick } from "../lax/axes.ts";
import { broadcastInDim, full } from "../lax/broadcast.ts";
import { convertElementType, stopGradient } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import * as cumulative from "../lax/cumulative.ts";
import { concatenate } from "../lax/join.ts";
import * as reduce from "../lax/reduce.ts";
import { expandDims, reshape } from "../lax/views.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis, size } from "../util/shape.ts";
import { isnan, lessEqual, logicalNot, multiply, sqrt, square, subtract } from "./elementwise.ts";
import { type Axis, axesOf, strong, toInexact } from "./promote.ts";
import { where } from "./select.ts";

export interface ReduceOptions {
  /** Keep the reduced axes with size 1. */
  readonly keepdims?: boolean;
}
export type Reduction = (a: ArrayLike, axis?: Axis, options?: ReduceOptions) => NDArray;

export const REDUCE_OPTIONS: readonly (keyof ReduceOptions)[] = ["keepdims"];
const NO_OPTIONS: ReduceOptions = {};

/** An array and the axes of it, for reductions that are made of others. */
function reduced(
  caller: string,
  a: ArrayLike,
  axis: Axis | undefined,
  options: ReduceOptions = NO_OPTIONS,
): [x: NDArray, axes: number[]] {
  checkOptions(caller, options, REDUCE_OPTIONS);
  const x = asArray(`${caller}: a`, a);
  return [x, axesOf(caller, axis, x.ndim)];
}

/** From what users pass to what is reduced; `what` names it in errors. */
type Prepare = (what: string, a: ArrayLike) => NDArray;

function reduction(name: string, prepare: Prepare, over: (x: NDArray, axes: number[]) => NDArray): Reduction {
  const caller = `np.${name}`;
  const what = `${caller}: a`;
  return (a, axis, options = NO_OPTIONS) => {
    const { keepdims = false } = checkOptions(caller, options, REDUCE_OPTIONS);
    const x = prepare(what, a);
    const axes = axesOf(caller, axis, x.ndim);
    const result = over(x, axes);
    return keepdims ? expandDims(result, axes) : result;
  };
}

/** The dtype that sums of narrow integers are made in, so that they do not wrap. */
const SUM_DTYPE: Partial<Record<DType, DType>> = {
  bool: "int32",
  int8: "int32",
  int16: "int32",
  uint8: "uint32",
  uint16: "uint32",
};
const summable: Prepare = (what, a) => {
  const x = asArray(what, a);
  return convertElementType(x, SUM_DTYPE[x.dtype] ?? x.dtype);
};
const strongly: Prepare = (what, a) => strong(asArray(what, a));
const bools: Prepare = (what, a) => convertElementType(asArray(what, a), "bool");

const refusingEmpty =
  (name: string, over: typeof reduce.reduceMax) =>
  (x: NDArray, axes: number[]): NDArray => {
    if (axes.some((axis) => x.shape[axis] === 0))
      throw new WeftValueError(
        `np.${name}: zero-size array to reduction operation ${name} which has no identity.`,
      );
    return over(x, axes);
  };

/**
 * The sum over `axis` (default: all axes). Bools and narrow integers are summed as int32 or uint32.
 * @throws WeftValueError if an axis does not exist.
 * @example np.sum([[1, 2], [3, 4]], 0).js() // => [4, 6]
 */
export const sum: Reduction = reduction("sum", summable, reduce.reduceSum);
/** The product over `axis`. Bools and narrow integers are multiplied as int32 or uint32. */
export const prod: Reduction = reduction("prod", summable, reduce.reduceProd);
/** The maximum over `axis`; NaN wins. @throws WeftValueError if an axis is empty. */
export const max: Reduction = reduction("max", strongly, refusingEmpty("max", reduce.reduceMax));
/** The minimum over `axis`; NaN wins. @throws WeftValueError if an axis is empty. */
export const min: Reduction = reduction("min", strongly, refusingEmpty("min", reduce.reduceMin));
/** Whether any element is true (not 0). */
export const any: Reduction = reduction("any", bools, reduce.reduceOr);
/** Whether all elements are true (not 0). */
export const all: Reduction = reduction("all", bools, reduce.reduceAnd);
/** How many elements are not 0, as int32. */
export const countNonzero: Reduction = reduction(
  "countNonzero",
  (what, a) => convertElementType(bools(what, a), "int32"),
  reduce.reduceSum,
);
/** The arithmetic mean as a float. @example np.mean([1, 2, 3, 4]).item() // => 2.5 */
export const mean: Reduction = reduction(
  "mean",
  (what, a) => strong(toInexact(what, a)),
  (x, axes) => div(reduce.reduceSum(x, axes), size(pick(x.shape, axes))),
);
/** The maximum less the minimum. */
export const ptp: Reduction = (a, axis, options) => {
  const [x, axes] = reduced("np.ptp", a, axis, options);
  return subtract(max(x, axes, options), min(x, axes, options));
};

export interface VarianceOptions extends ReduceOptions {
  /** The mean, if it is known (with the reduced axes kept). */
  readonly mean?: ArrayLike;
  /** The divisor is the number of elements less this. */
  readonly correction?: number;
}
/**
 * The variance over `axis`: the mean square of the distance from the mean. A float.
 * @example np.var_([1, 2, 3, 4]).item() // => 1.25
 */
export const var_ = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  variance("np.var", x, axis, options);

function variance(
  caller: string,
  x: ArrayLike,
  axis: Axis | undefined,
  options: VarianceOptions = {},
): NDArray {
  const { known, freedom, keepdims } = varianceOptions(caller, options);
  const a = strong(toInexact(`${caller}: x`, x));
  const axes = axesOf(caller, axis, a.ndim);
  const total = sum(square(subtract(a, known ?? mean(a, axes, { keepdims: true }))), axes, { keepdims });
  return perFreedom(total, size(pick(a.shape, axes)) - freedom);
}

function varianceOptions(
  caller: string,
  options: VarianceOptions,
): { known: NDArray | undefined; freedom: number; keepdims: boolean } {
  const {
    mean: known,
    correction = 0,
    keepdims = false,
  } = checkOptions(caller, options, ["mean", "correction", "keepdims"]);
  return {
    known: known === undefined ? undefined : asArray(`${caller}: mean`, known),
    freedom: checkNumber(`${caller}: correction`, correction),
    keepdims,
  };
}
/** A sum of squares by the number of degrees of freedom; NaN when there are none. */
const perFreedom = (total: NDArray, count: number): NDArray =>
  count > 0 ? div(total, count) : where(false, div(total, count), Number.NaN);
/** The standard deviation over `axis`: the root of {@link var_}. */
export const std = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  sqrt(variance("np.std", x, axis, options));

/** The mean under `weights`, which have the shape of `a` or of its one reduced axis. */
export function average(
  a: ArrayLike,
  axis?: Axis,
  given: { readonly weights?: ArrayLike } & ReduceOptions = {},
): NDArray {
  const { weights, ...options } = checkOptions("np.average", given, ["weights", "keepdims"]);
  const x = toInexact("np.average: a", a);
  const axes = axesOf("np.average", axis, x.ndim);
  if (weights === undefined) return mean(x, axes, options);
  const w = toInexact("np.average: weights", weights);
  const fitted = w.ndim === x.ndim ? w : broadcastInDim(w, x.shape, axes);
  return div(sum(multiply(x, fitted), axis, options), sum(fitted, axis, options));
}

// ---- positions of extrema

export type ArgReduction = (a: ArrayLike, axis?: number | null, options?: ReduceOptions) => NDArray;

const argReduction =
  (name: string, find: typeof reduce.argmax): ArgReduction =>
  (a, axis, options = NO_OPTIONS) => {
    const { keepdims = false } = checkOptions(`np.${name}`, options, REDUCE_OPTIONS);
    const x = asArray(`np.${name}: a`, a);
    if (axis === undefined || axis === null) {
      const found = find(reshape(x, [x.size]), 0);
      return keepdims
        ? reshape(
            found,
            x.shape.map(() => 1),
          )
        : found;
    }
    const at = canonicalAxis(`np.${name}: axis`, axis, x.ndim);
    return keepdims ? expandDims(find(x, at), [at]) : find(x, at);
  };

/** The int32 index of the first maximum along `axis` (default: of the flattened array); NaN wins. */
export const argmax: ArgReduction = argReduction("argmax", reduce.argmax);
/** The int32 index of the first minimum along `axis` (default: of the flattened array); NaN wins. */
export const argmin: ArgReduction = argReduction("argmin", reduce.argmin);

// ---- running along an axis

export type Running = (a: ArrayLike, axis?: number | null) => NDArray;

const running =
  (name: string, op: typeof cumulative.cumsum, prepare: Prepare = asArray): Running =>
  (a, axis) => {
    const x = prepare(`np.${name}: a`, a);
    const numbers = convertElementType(x, x.dtype === "bool" ? "int32" : x.dtype);
    if (axis === undefined || axis === null) return op(reshape(numbers, [x.size]), 0);
    return op(numbers, canonicalAxis(`np.${name}: axis`, axis, x.ndim));
  };

/** Running sums along `axis` (default: of the flattened array), in the dtype of a; bools as int32. */
export const cumsum: Running = running("cumsum", cumulative.cumsum);
/** Running products along `axis` (default: of the flattened array), in the dtype of a; bools as int32. */
export const cumprod: Running = running("cumprod", cumulative.cumprod);

export interface CumulativeOptions {
  readonly axis?: number;
  /** Start with the value of nothing: 0 for sums, 1 for products. */
  readonly includeInitial?: boolean;
}
const cumulativeWith =
  (name: string, op: Running, initial: number) =>
  (x: ArrayLike, options: CumulativeOptions = {}): NDArray => {
    const { axis, includeInitial = false } = checkOptions(`np.${name}`, options, ["axis", "includeInitial"]);
    const a = asArray(`np.${name}: x`, x);
    if (axis === undefined && a.ndim !== 1)
      throw new WeftValueError(`np.${name}: axis must be given for an array of dimension ${a.ndim}.`);
    const at = canonicalAxis(`np.${name}: axis`, axis ?? 0, a.ndim);
    const result = op(a, at);
    if (!includeInitial) return result;
    return concatenate([full(a.shape.with(at, 1), initial, result.dtype), result], at);
  };
/** {@link cumsum} of the array API standard: narrow integers are summed as int32 or uint32. */
export const cumulativeSum: (x: ArrayLike, options?: CumulativeOptions) => NDArray = cumulativeWith(
  "cumulativeSum",
  (x, axis) => cumsum(summable("np.cumulativeSum: x", x), axis),
  0,
);
/** {@link cumprod} of the array API standard. */
export const cumulativeProd: (x: ArrayLike, options?: CumulativeOptions) => NDArray = cumulativeWith(
  "cumulativeProd",
  cumprod,
  1,
);

// ---- the same without NaN

/** x with NaN replaced by what does not count. */
const replacingNan =
  (value: number, prepare: Prepare = asArray): Prepare =>
  (what, a) => {
    const x = asArray(what, a);
    return prepare(what, isFloat(x.dtype) ? where(isnan(x), value, x) : x);
  };
const present = (a: ArrayLike, axis: Axis | undefined, options?: ReduceOptions): NDArray =>
  sum(logicalNot(isnan(a)), axis, options);

/** {@link sum}, ignoring NaN. */
export const nansum: Reduction = reduction("nansum", replacingNan(0, summable), reduce.reduceSum);
/** {@link prod}, ignoring NaN. */
export const nanprod: Reduction = reduction("nanprod", replacingNan(1, summable), reduce.reduceProd);
/** {@link cumsum}, with NaN as 0. */
export const nancumsum: Running = running("nancumsum", cumulative.cumsum, replacingNan(0));
/** {@link cumprod}, with NaN as 1. */
export const nancumprod: Running = running("nancumprod", cumulative.cumprod, replacingNan(1));
/** Floats that are differentiated: the derivative of what nothing goes into is 0, not 0/0. */
const floats: Prepare = (what, a) => {
  const x = strong(toInexact(what, a));
  return x.size === 0 ? stopGradient(x) : x;
};
/** {@link mean}, ignoring NaN; NaN where nothing else is. */
export const nanmean: Reduction = (a, axis, options) => {
  const [given, axes] = reduced("np.nanmean", a, axis, options);
  const x = floats("np.nanmean: a", given);
  return div(nansum(x, axes, options), convertElementType(present(x, axes, options), x.dtype));
};

const nanExtremum =
  (name: string, op: Reduction, worst: number): Reduction =>
  (a, axis, options) => {
    const [x, axes] = reduced(`np.${name}`, a, axis, options);
    if (!isFloat(x.dtype)) return op(x, axes, options);
    const found = op(where(isnan(x), worst, x), axes, options);
    return where(all(isnan(x), axes, options), Number.NaN, found);
  };
/** {@link max}, ignoring NaN; NaN where nothing else is. */
export const nanmax: Reduction = nanExtremum("nanmax", max, Number.NEGATIVE_INFINITY);
/** {@link min}, ignoring NaN; NaN where nothing else is. */
export const nanmin: Reduction = nanExtremum("nanmin", min, Number.POSITIVE_INFINITY);

const nanArg =
  (name: string, op: ArgReduction, worst: number): ArgReduction =>
  (a, axis, options) => {
    const [given] = reduced(`np.${name}`, a, axis, options);
    const x = replacingNan(worst)(`np.${name}: a`, given);
    return where(all(isnan(given), axis ?? null, options), -1, op(x, axis, options));
  };
/** {@link argmax}, ignoring NaN; -1 where nothing else is. */
export const nanargmax: ArgReduction = nanArg("nanargmax", argmax, Number.NEGATIVE_INFINITY);
/** {@link argmin}, ignoring NaN; -1 where nothing else is. */
export const nanargmin: ArgReduction = nanArg("nanargmin", argmin, Number.POSITIVE_INFINITY);

/** {@link var_}, ignoring NaN; NaN where no more than `correction` numbers are left. */
export const nanvar = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  nanVariance("np.nanvar", x, axis, options);

function nanVariance(
  caller: string,
  x: ArrayLike,
  axis: Axis | undefined,
  options: VarianceOptions = {},
): NDArray {
  const { known, freedom: correction, keepdims } = varianceOptions(caller, options);
  const a = floats(`${caller}: x`, x);
  const axes = axesOf(caller, axis, a.ndim);
  const centred = where(isnan(a), 0, subtract(a, known ?? nanmean(a, axes, { keepdims: true })));
  const counted = convertElementType(present(a, axes, { keepdims }), a.dtype);
  const freedom = subtract(counted, correction);
  const none = lessEqual(freedom, 0);
  const total = where(none, Number.NaN, sum(square(centred), axes, { keepdims }));
  return div(total, where(none, 1, freedom));
}
/** {@link std}, ignoring NaN. */
export const nanstd = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  sqrt(nanVariance("np.nanstd", x, axis, options));
