/** Reductions over axes, running sums, and statistics. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkNumber } from "../core/check.ts";
import { type DType, isFloat } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import { div } from "../lax/arithmetic.ts";
import { pick, range } from "../lax/axes.ts";
import { broadcastInDim, full } from "../lax/broadcast.ts";
import { convertElementType, stopGradient, strong } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import * as cumulative from "../lax/cumulative.ts";
import { concatenate } from "../lax/join.ts";
import * as reduce from "../lax/reduce.ts";
import { expandDims, reshape, transpose } from "../lax/views.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis, equalShape, size } from "../util/shape.ts";
import { isnan, lessEqual, logicalNot, multiply, sqrt, square, subtract } from "./elementwise.ts";
import { type Axis, axesOf, toInexact } from "./promote.ts";
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

/* @__NO_SIDE_EFFECTS__ */
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
/**
 * The product over `axis` (default: all axes). Bools and narrow integers are multiplied as int32 or uint32.
 * @throws WeftValueError if an axis does not exist.
 * @example np.prod(np.array([[100, 3], [100, 2]], { dtype: "int8" }), 0).js() // => [10000, 6]
 */
export const prod: Reduction = reduction("prod", summable, reduce.reduceProd);
/**
 * The maximum over `axis` (default: all axes); NaN wins.
 * @throws WeftValueError if an axis is empty or does not exist.
 * @example np.max([[1, 5], [7, 2]], 1, { keepdims: true }).js() // => [[5], [7]]
 */
export const max: Reduction = reduction("max", strongly, refusingEmpty("max", reduce.reduceMax));
/**
 * The minimum over `axis` (default: all axes); NaN wins.
 * @throws WeftValueError if an axis is empty or does not exist.
 * @example np.min([[3, 1], [NaN, 2]], 1).js() // => [1, NaN]
 */
export const min: Reduction = reduction("min", strongly, refusingEmpty("min", reduce.reduceMin));
/**
 * Whether any element over `axis` (default: all axes) is true (not 0); false if there is none.
 * @throws WeftValueError if an axis does not exist.
 * @example np.any([[0, 0], [0, NaN]], 1).js() // => [false, true]
 */
export const any: Reduction = reduction("any", bools, reduce.reduceOr);
/**
 * Whether all elements over `axis` (default: all axes) are true (not 0); true if there is none.
 * @throws WeftValueError if an axis does not exist.
 * @example np.all([[1, 0], [NaN, 2]], 1).js() // => [false, true]
 */
export const all: Reduction = reduction("all", bools, reduce.reduceAnd);
/**
 * How many elements over `axis` (default: all axes) are not 0, as int32.
 * @throws WeftValueError if an axis does not exist.
 * @example np.countNonzero([[0, NaN], [3, -0]]).item() // => 2
 */
export const countNonzero: Reduction = reduction(
  "countNonzero",
  (what, a) => convertElementType(bools(what, a), "int32"),
  reduce.reduceSum,
);
/**
 * The arithmetic mean over `axis` (default: all axes) as a float; NaN of nothing.
 * @throws WeftValueError if an axis does not exist.
 * @example np.mean([1, 2, 3, 4]).item() // => 2.5
 */
export const mean: Reduction = reduction(
  "mean",
  (what, a) => strong(toInexact(what, a)),
  (x, axes) => div(reduce.reduceSum(x, axes), size(pick(x.shape, axes))),
);
/**
 * The maximum less the minimum over `axis` (default: all axes), in the dtype of a.
 * @throws WeftTypeError for bools, WeftValueError if an axis is empty or does not exist.
 * @example np.ptp([[1, 9], [4, 2]], 1).js() // => [8, 2]
 */
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
 * The variance over `axis` (default: all) as a float: the mean square of distances from the mean. Source:
 * `jax.numpy.var`.
 * @throws WeftValueError if an axis does not exist.
 * @example np.var_([1, 2, 3, 4]).item() // => 1.25
 */
export const var_ = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  variance("np.var", x, axis, options);

/** A variance for the function `caller`, of which errors speak. */
type Variance = (caller: string, x: ArrayLike, axis?: Axis, options?: VarianceOptions) => NDArray;

const variance: Variance = (caller, x, axis, options = {}) => {
  const { known, freedom, keepdims } = varianceOptions(caller, options);
  const a = strong(toInexact(`${caller}: x`, x));
  const axes = axesOf(caller, axis, a.ndim);
  const total = sum(square(subtract(a, known ?? mean(a, axes, { keepdims: true }))), axes, { keepdims });
  return perFreedom(total, size(pick(a.shape, axes)) - freedom);
};

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
/**
 * The standard deviation over `axis`: the root of {@link var_}.
 * @throws WeftValueError if an axis does not exist.
 * @example np.std([0, 4, 8], null, { correction: 1 }).item() // => 4
 */
export const std = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  sqrt(variance("np.std", x, axis, options));

/**
 * The mean over `axis` (default: all axes) under `weights`, shaped as `a` or as its one reduced axis: a float.
 * @throws WeftTypeError if the weights have another shape, WeftValueError if an axis does not exist.
 * @example np.average([[1, 2], [3, 4]], 0, { weights: [3, 1] }).js() // => [1.5, 2.5]
 */
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
  const isWhole = equalShape(w.shape, x.shape);
  if (!isWhole && !equalShape(w.shape, pick(x.shape, axes)))
    throw new WeftValueError(
      `np.average: weights must have the shape of a or of its axes that are averaged over, got ${w.aval} for ${x.aval}.`,
    );
  const fitted = isWhole ? w : alongAxes(w, x.shape, axes);
  return div(sum(multiply(x, fitted), axis, options), sum(fitted, axis, options));
}

/** Weights of some axes beside a whole array. */
function alongAxes(w: NDArray, shape: Shape, axes: readonly number[]): NDArray {
  const order = range(axes.length).sort((i, j) => axes[i]! - axes[j]!);
  return broadcastInDim(transpose(w, order), shape, pick(axes, order));
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

/**
 * The int32 index of the first maximum along `axis` (default: of the flattened array); NaN wins.
 * @throws WeftValueError if the axis does not exist, or if there is nothing along it.
 * @example np.argmax([[1, 9], [9, 2]]).item() // => 1
 */
export const argmax: ArgReduction = argReduction("argmax", reduce.argmax);
/**
 * The int32 index of the first minimum along `axis` (default: of the flattened array); NaN wins.
 * @throws WeftValueError if the axis does not exist, or if there is nothing along it.
 * @example np.argmin([[3, 1], [1, NaN]], 1).js() // => [1, 1]
 */
export const argmin: ArgReduction = argReduction("argmin", reduce.argmin);

// ---- running along an axis

export type Running = (a: ArrayLike, axis?: number | null) => NDArray;

const running =
  (name: string, op: typeof cumulative.cumsum, prepare: Prepare = asArray): Running =>
  (a, axis) => {
    const x = prepare(`np.${name}: a`, a);
    const numbers = convertElementType(x, x.dtype === "bool" ? "int32" : x.dtype);
    const flat = axis === undefined || axis === null || x.ndim === 0 ? reshape(numbers, [x.size]) : numbers;
    return op(flat, canonicalAxis(`np.${name}: axis`, axis ?? 0, flat.ndim));
  };

/**
 * Running sums along `axis` (default: of the flattened array), in the dtype of a; bools as int32. A scalar is a vector of one.
 * @throws WeftValueError if the axis does not exist.
 * @example np.cumsum([[1, 2], [3, 4]], 1).js() // => [[1, 3], [3, 7]]
 */
export const cumsum: Running = running("cumsum", cumulative.cumsum);
/**
 * Running products along `axis` (default: of the flattened array), in the dtype of a; bools as int32. A scalar is a vector of one.
 * @throws WeftValueError if the axis does not exist.
 * @example np.cumprod(np.array([100, 100], { dtype: "int8" })).js() // => [100, 16]
 */
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
/**
 * {@link cumsum} of the array API standard: narrow integers are summed as int32 or uint32.
 * @throws WeftValueError without an axis if x is no vector, or if the axis does not exist.
 * @example np.cumulativeSum([1, 2, 3], { includeInitial: true }).js() // => [0, 1, 3, 6]
 */
export const cumulativeSum: (x: ArrayLike, options?: CumulativeOptions) => NDArray = cumulativeWith(
  "cumulativeSum",
  (x, axis) => cumsum(summable("np.cumulativeSum: x", x), axis),
  0,
);
/**
 * {@link cumprod} of the array API standard, in the dtype of x; bools as int32.
 * @throws WeftValueError without an axis if x is no vector, or if the axis does not exist.
 * @example np.cumulativeProd([[1, 2], [3, 4]], { axis: 1 }).js() // => [[1, 2], [3, 12]]
 */
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

/**
 * {@link sum}, ignoring NaN; 0 where nothing else is.
 * @example np.nansum([[1, NaN], [3, NaN]], 0).js() // => [4, 0]
 */
export const nansum: Reduction = reduction("nansum", replacingNan(0, summable), reduce.reduceSum);
/**
 * {@link prod}, ignoring NaN; 1 where nothing else is.
 * @example np.nanprod([[2, NaN, 3], [NaN, NaN, NaN]], 1).js() // => [6, 1]
 */
export const nanprod: Reduction = reduction("nanprod", replacingNan(1, summable), reduce.reduceProd);
/** {@link cumsum}, with NaN as 0. @example np.nancumsum([1, NaN, 2]).js() // => [1, 1, 3] */
export const nancumsum: Running = running("nancumsum", cumulative.cumsum, replacingNan(0));
/** {@link cumprod}, with NaN as 1. @example np.nancumprod([[NaN, 2], [3, NaN]], 0).js() // => [[1, 2], [3, 2]] */
export const nancumprod: Running = running("nancumprod", cumulative.cumprod, replacingNan(1));
/** Floats that are differentiated: the derivative of what nothing goes into is 0, not 0/0. */
const floats: Prepare = (what, a) => {
  const x = strong(toInexact(what, a));
  return x.size === 0 ? stopGradient(x) : x;
};
/**
 * {@link mean}, ignoring NaN; NaN where nothing else is.
 * @example np.nanmean([[1, NaN, 3], [NaN, NaN, NaN]], 1).js() // => [2, NaN]
 */
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
/**
 * {@link max}, ignoring NaN; NaN where nothing else is.
 * @example np.nanmax([[NaN, -Infinity], [NaN, NaN]], 1).js() // => [-Infinity, NaN]
 */
export const nanmax: Reduction = nanExtremum("nanmax", max, Number.NEGATIVE_INFINITY);
/** {@link min}, ignoring NaN; NaN where nothing else is. @example np.nanmin([NaN, 3, 2]).item() // => 2 */
export const nanmin: Reduction = nanExtremum("nanmin", min, Number.POSITIVE_INFINITY);

const nanArg =
  (name: string, op: ArgReduction, worst: number): ArgReduction =>
  (a, axis, options) => {
    const [given] = reduced(`np.${name}`, a, axis, options);
    const x = replacingNan(worst)(`np.${name}: a`, given);
    return where(all(isnan(given), axis ?? null, options), -1, op(x, axis, options));
  };
/** {@link argmax}, ignoring NaN; -1 where nothing else is. @example np.nanargmax([NaN, 3, 7]).item() // => 2 */
export const nanargmax: ArgReduction = nanArg("nanargmax", argmax, Number.NEGATIVE_INFINITY);
/**
 * {@link argmin}, ignoring NaN; -1 where nothing else is.
 * @example np.nanargmin([[NaN, 3], [NaN, NaN]], 1).js() // => [1, -1]
 */
export const nanargmin: ArgReduction = nanArg("nanargmin", argmin, Number.POSITIVE_INFINITY);

/**
 * {@link var_}, ignoring NaN; NaN where no more than `correction` numbers are left.
 * @example np.nanvar([1, NaN, 3], null, { correction: 1 }).item() // => 2
 */
export const nanvar = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  nanVariance("np.nanvar", x, axis, options);

const nanVariance: Variance = (caller, x, axis, options = {}) => {
  const { known, freedom: correction, keepdims } = varianceOptions(caller, options);
  const a = floats(`${caller}: x`, x);
  const axes = axesOf(caller, axis, a.ndim);
  const centred = where(isnan(a), 0, subtract(a, known ?? nanmean(a, axes, { keepdims: true })));
  const counted = convertElementType(present(a, axes, { keepdims }), a.dtype);
  const freedom = subtract(counted, correction);
  const none = lessEqual(freedom, 0);
  const total = where(none, Number.NaN, sum(square(centred), axes, { keepdims }));
  return div(total, where(none, 1, freedom));
};
/**
 * {@link std}, ignoring NaN, as {@link nanvar} does.
 * @example np.nanstd([[1, NaN, 3], [5, 5, NaN]], 1).js() // => [1, 0]
 */
export const nanstd = (x: ArrayLike, axis?: Axis, options?: VarianceOptions): NDArray =>
  sqrt(nanVariance("np.nanstd", x, axis, options));
