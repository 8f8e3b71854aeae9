/** Choosing elements: by a condition, by bounds, by position. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkList } from "../core/check.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { complement, insert, range } from "../lax/axes.ts";
import { full } from "../lax/broadcast.ts";
import { convertElementType, convertTo } from "../lax/cast.ts";
import { eq } from "../lax/compare.ts";
import { asArray, place } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { type GatherOptions, gather } from "../lax/gather.ts";
import { reduceOr } from "../lax/reduce.ts";
import { reshape } from "../lax/views.ts";
import { checkChoice, checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { remainder } from "./elementwise.ts";
import { asPositions, broadcastArgs, commonShape, promoteArgs, spread } from "./promote.ts";

/**
 * `x` where `condition` holds (is not 0), else `y`; all three are broadcast, x and y promoted.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.where([true, false], [1, 2], 0).js() // => [1, 0]
 */
export function where(condition: ArrayLike, x: ArrayLike, y: ArrayLike): NDArray {
  const which = convertElementType(asArray("np.where: condition", condition), "bool");
  const [pred, yes, no] = broadcastArgs("where", [which, ...promoteArgs(place("np.where", "x", "y"), x, y)]);
  return lax.select(pred!, yes!, no!);
}

/**
 * a limited to `[min, max]`; either bound may be left out.
 * @throws WeftTypeError if the shapes do not broadcast.
 * @example np.clip([-1, 0.5, 2], 0, 1).js() // => [0, 0.5, 1]
 */
export function clip(a: ArrayLike, min?: ArrayLike | null, max?: ArrayLike | null): NDArray {
  const bounded = (x: NDArray, bound: ArrayLike | null | undefined, op: typeof lax.max): NDArray => {
    if (bound === undefined || bound === null) return x;
    const [b, v] = broadcastArgs("clip", promoteArgs(place("np.clip", "bound", "x"), bound, x));
    return op(b!, v!);
  };
  return bounded(bounded(asArray("np.clip: a", a), min, lax.max), max, lax.min);
}

/**
 * The choice that belongs to the first condition that holds, else `defaultValue`. All are broadcast, choices and
 * default promoted.
 * @throws WeftValueError if there are not as many choices as conditions, at least one; WeftTypeError if shapes do not
 * broadcast.
 * @example np.select([[true, false, false], [true, true, false]], [[7, 8, 9], -1]).js() // => [7, -1, 0]
 */
export function select(
  condlist: readonly ArrayLike[],
  choicelist: readonly ArrayLike[],
  defaultValue: ArrayLike = 0,
): NDArray {
  checkList("np.select: condlist", condlist);
  checkList("np.select: choicelist", choicelist);
  if (condlist.length !== choicelist.length || condlist.length === 0)
    throw new WeftValueError(
      `np.select needs as many choices as conditions, at least one; got ${condlist.length} conditions and ${choicelist.length} choices.`,
    );
  const [rest, ...choices] = promoteArgs(
    (i) => (i ? `np.select: choicelist[${i - 1}]` : "np.select: defaultValue"),
    defaultValue,
    ...choicelist,
  ) as [NDArray, ...NDArray[]];
  return condlist.reduceRight<NDArray>(
    (chosen, condition, k) => where(asArray(`np.select: condlist[${k}]`, condition), choices[k]!, chosen),
    rest,
  );
}

/** What becomes of positions outside of the array. "fill" (default): negative ones count from the end, others yield `fillValue`. */
export interface TakeOptions {
  readonly mode?: "fill" | "clip" | "wrap";
  /** Default: NaN; the lowest value of signed, the highest of unsigned integers; true. */
  readonly fillValue?: number | boolean | null;
}

/** Negative positions count from the end, once. Unsigned ones are as they are. */
export function fromEnd(positions: NDArray, size: number): NDArray {
  if (positions.dtype.startsWith("u")) return positions;
  return lax.select(lax.lt(positions, 0), lax.add(positions, size), positions);
}

/** Positions as gather takes them, under one of the modes of {@link take}. */
function resolve(
  positions: NDArray,
  size: number,
  caller: string,
  options: TakeOptions,
): [NDArray, GatherOptions] {
  const { mode = "fill", fillValue = null } = checkOptions(caller, options, ["mode", "fillValue"]);
  checkChoice(`${caller}: mode`, mode, ["fill", "clip", "wrap"]);
  if (mode === "clip") return [positions, { mode: "clip" }];
  if (mode === "wrap") return [remainder(positions, size), { mode: "promise_in_bounds" }];
  return [fromEnd(positions, size), { mode: "fill", fillValue }];
}

/**
 * The slices of a at `indices` along `axis` (default: elements of the flattened array). The result has the shape of
 * `indices` in place of that axis.
 * @throws WeftTypeError if the indices are not integers, WeftValueError for indices into an axis of size 0.
 * @example np.take([10, 20, 30], [2, 0, -1]).js() // => [30, 10, 30]
 */
export function take(
  a: ArrayLike,
  indices: ArrayLike,
  axis?: number | null,
  options: TakeOptions = {},
): NDArray {
  const x = asArray("np.take: a", a);
  if (axis === undefined || axis === null) return take(reshape(x, [x.size]), indices, 0, options);
  const at = canonicalAxis("np.take: axis", axis, x.ndim);
  const wanted = asPositions("np.take: indices", indices);
  if (x.shape[at] === 0 && wanted.size > 0)
    throw new WeftValueError(
      `np.take: nothing can be taken along axis ${at} of ${x.aval}, which has size 0, got ${wanted.aval} as indices.`,
    );
  const [positions, gathering] = resolve(wanted, x.shape[at]!, "np.take", options);
  const numbers = {
    offsetDims: [...range(at), ...range(x.ndim - at - 1, at + positions.ndim)],
    collapsedSliceDims: [at],
    startIndexMap: [at],
  };
  return gather(x, reshape(positions, [...positions.shape, 1]), numbers, x.shape.with(at, 1), gathering);
}

/**
 * Elements of a at `indices` along `axis` (default -1; null: of the flattened array), which has as many axes as a;
 * the other axes broadcast. Of an array without elements zeros are taken.
 * @throws WeftTypeError if the numbers of axes differ or the indices are not integers.
 * @example np.takeAlongAxis([[1, 2], [3, 4]], [[1], [0]], 1).js() // => [[2], [3]]
 */
export function takeAlongAxis(
  a: ArrayLike,
  indices: ArrayLike,
  axis: number | null = -1,
  options: TakeOptions = {},
): NDArray {
  const x = asArray("np.takeAlongAxis: a", a);
  if (axis === null) return takeAlongAxis(reshape(x, [x.size]), indices, 0, options);
  const at = canonicalAxis("np.takeAlongAxis: axis", axis, x.ndim);
  const wanted = asPositions("np.takeAlongAxis: indices", indices);
  if (wanted.ndim !== x.ndim)
    throw new WeftTypeError(
      `np.takeAlongAxis: indices and a must have equally many axes, got ${wanted.aval} and ${x.aval}.`,
    );
  const shape = commonShape("takeAlongAxis", [x.shape.with(at, 1), wanted.shape.with(at, 1)]);
  const [positions, gathering] = resolve(wanted, x.shape[at]!, "np.takeAlongAxis", options);
  // Where there is nothing to take, zeros are taken, as in JAX, which types them strongly along an axis without places.
  if (x.size === 0) {
    const zeros = full(shape.with(at, wanted.shape[at]!), 0, x.dtype);
    return x.shape[at] === 0 ? zeros : convertTo(zeros, x);
  }
  return gatherAlong(
    spread(x, shape.with(at, x.shape[at]!)),
    spread(positions, shape.with(at, positions.shape[at]!)),
    at,
    gathering,
  );
}

function gatherAlong(x: NDArray, positions: NDArray, axis: number, options: GatherOptions): NDArray {
  const others = complement(x.ndim, [axis]);
  const numbers = {
    offsetDims: [],
    collapsedSliceDims: [axis],
    startIndexMap: [axis],
    operandBatchingDims: others,
    startIndicesBatchingDims: others,
  };
  return gather(
    x,
    reshape(positions, [...positions.shape, 1]),
    numbers,
    x.shape.map(() => 1),
    options,
  );
}

/**
 * Whether each element occurs in `testElements`, or with `invert` does not. NaN equals nothing and occurs nowhere.
 * @throws WeftTypeError for what is no array.
 * @example np.isin([1, 2, NaN], [2, NaN]).js() // => [false, true, false]
 */
export function isin(
  element: ArrayLike,
  testElements: ArrayLike,
  options: { readonly invert?: boolean } = {},
): NDArray {
  const { invert = false } = checkOptions("np.isin", options, ["invert"]);
  const [x, tests] = promoteArgs(place("np.isin", "element", "testElements"), element, testElements) as [
    NDArray,
    NDArray,
  ];
  const shape = [...x.shape, tests.size];
  const each = spread(reshape(x, insert(x.shape, x.ndim, 1)), shape);
  const found = reduceOr(eq(each, spread(reshape(tests, [tests.size]), shape)), [x.ndim]);
  return invert ? lax.bitwiseNot(found) : found;
}
