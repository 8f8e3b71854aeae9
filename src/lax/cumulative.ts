/** Running sums and their kin along one axis, and the linear recurrence y[i] = a[i]·y[i-1] + b[i]. */

import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { checkInteger } from "../core/check.ts";
import type { DType } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import type { Emitter, Operand } from "../core/lowering.ts";
import { bind1, type Primitive, Zero } from "../core/primitive.ts";
import { jvpFlat } from "../transforms/jvp.ts";
import { checkOptions } from "../util/options.ts";
import { mul } from "./arithmetic.ts";
import { allWeak, checkDTypes, checkSameDTypes, FLOATING, NUMBER, require, tuple } from "./check.ts";
import { asArray, operands, place } from "./convert.ts";
import type { Binary } from "./map.ts";
import { prefixes } from "./prefixes.ts";
import { highest, lowest } from "./reduction.ts";
import {
  addTangents,
  define,
  defineLinear,
  instantiate,
  isZero,
  moveBatchAxis,
  transposeFirst,
} from "./rules.ts";
import {
  type AlongParams,
  type Fold,
  lowerAlong,
  plain,
  plainly,
  RUNNING_LOG_SUM_EXP,
  runningSum,
} from "./running.ts";
import { max, min } from "./select.ts";
import { type PadConfig, pad } from "./slice.ts";
import { logaddexp } from "./special.ts";

function checkAxis(caller: string, x: ShapedArray, axis: number): void {
  if (axis < 0)
    throw new WeftValueError(
      `${caller}: cumulative operations do not allow negative axes, got axis ${axis}.`,
    );
  if (axis >= x.ndim)
    throw new WeftValueError(`${caller}: axis ${axis} is out of bounds for array of shape ${tuple(x.shape)}`);
}

/** The value one step earlier (`by` 1) or later (-1), in the order in which the axis is run through. */
function shifted(x: NDArray, { axis, reverse }: AlongParams, by: 1 | -1, fill: number): NDArray {
  const low = reverse ? -by : by;
  const config = x.shape.map((_, a): PadConfig => (a === axis ? [low, -low, 0] : [0, 0, 0]));
  return x.shape[axis] === 0 ? x : pad(x, scalar(fill, x.dtype), config);
}

const RECURRENCE = plain(0, (s, acc, [a, b]) => s.binary("add", s.binary("mul", acc, a!), b!));

export const linearRecurrenceP: Primitive<AlongParams> = define<AlongParams>({
  name: "linear_recurrence",
  kind: "write",
  abstractEval: ([a, b], { axis }) => {
    checkDTypes("linear_recurrence", [a!, b!], [NUMBER]);
    checkSameDTypes("linear_recurrence", [a!, b!]);
    checkAxis("lax.linearRecurrence", b!, axis);
    require(String(a!.shape) === String(b!.shape), () =>
      `linear_recurrence needs operands of one shape, got ${tuple(a!.shape)} and ${tuple(b!.shape)}.`);
    return [aval(b!.shape, b!.dtype, allWeak([a!, b!]))];
  },
  jvp: ([a, b], [ta, tb], params) => {
    const y = bind1(linearRecurrenceP, [a!, b!], params);
    const fromA = isZero(ta!) ? ta! : mul(ta as NDArray, shifted(y, params, 1, 0));
    const drive = instantiate(addTangents(tb!, fromA));
    return [[y], [bind1(linearRecurrenceP, [a!, drive], params)]];
  },
  transpose: ([ct], [a], params) => {
    const back = { ...params, reverse: !params.reverse };
    return [null, bind1(linearRecurrenceP, [shifted(a as NDArray, params, -1, 0), ct as NDArray], back)];
  },
  batch: (args, dims, params, n) => batchAlong(linearRecurrenceP, args, dims, params, n),
  lower: (emit, args, params, [out]) => [lowerAlong(emit, args, out!, params, RECURRENCE)],
});

function batchAlong(
  primitive: Primitive<AlongParams>,
  args: NDArray[],
  dims: (number | null)[],
  { axis, reverse }: AlongParams,
  n: number,
): [NDArray[], number[]] {
  const at = dims.find((d) => d !== null)!;
  const aligned = args.map((x, i) => moveBatchAxis(x, dims[i]!, at, n));
  return [primitive.bind(aligned, { axis: axis >= at ? axis + 1 : axis, reverse }), [at]];
}

/**
 * `y[i] = a[i]·y[i-1] + b[i]` along an axis, starting from zero (from the end if `reverse`). Two arrays of one shape and dtype.
 * The diagonal recurrence of linear recurrent units; differentiable to any order.
 * @throws WeftTypeError if types differ, WeftValueError if the axis does not exist.
 * @example linearRecurrence(np.array([0.5, 0.5]), np.array([1, 1])).js() // => [1, 1.5]
 */
export const linearRecurrence = (a: ArrayLike, b: ArrayLike, axis = 0, options: AlongOptions = {}): NDArray =>
  bind1(
    linearRecurrenceP,
    operands(place("lax.linearRecurrence", "a", "b"), a, b),
    along("lax.linearRecurrence", axis, options),
  );

function along(caller: string, axis: number, options: AlongOptions): AlongParams {
  const { reverse = false } = checkOptions(caller, options, ["reverse"]);
  return {
    axis: checkInteger(`${caller}: axis`, axis),
    reverse,
  };
}

export interface AlongOptions {
  /** Run from the end of the axis to its start. */
  readonly reverse?: boolean;
}
export type Cumulative = ((x: ArrayLike, axis?: number, options?: AlongOptions) => NDArray) & {
  readonly primitive: Primitive<AlongParams>;
};

interface CumulativeSpec {
  readonly accepts?: typeof NUMBER;
  readonly fold: (dtype: DType, n: number) => Fold;
  /** "linear": the operation itself; else a rule. */
  readonly jvp: "linear" | ((x: NDArray, t: NDArray, params: AlongParams) => NDArray);
}

/**
 * How ties share the derivative, and where infinities meet zeros, depends on the order of combination, which is that of
 * JAX: see {@link prefixes}.
 */
/* @__NO_SIDE_EFFECTS__ */
const combined =
  (combine: Binary) =>
  (x: NDArray, t: NDArray, { axis, reverse }: AlongParams): NDArray => {
    const all = (xs: NDArray[]): NDArray[] => prefixes(([a], [b]) => [combine(a!, b!)], xs, axis, reverse);
    return instantiate(jvpFlat(all, [x], [t])[1][0]!);
  };

/* @__NO_SIDE_EFFECTS__ */
function cumulative(name: string, { accepts = NUMBER, fold, jvp }: CumulativeSpec): Cumulative {
  const record = {
    name,
    kind: "write",
    abstractEval: ([x]: ShapedArray[], { axis }: AlongParams) => {
      checkDTypes(name, [x!], [accepts]);
      checkAxis(`lax.${name}`, x!, axis);
      return [x!];
    },
    batch: (args: NDArray[], dims: (number | null)[], params: AlongParams, n: number) =>
      batchAlong(primitive, args, dims, params, n),
    lower: (emit: Emitter, args: Operand[], params: AlongParams, [out]: ShapedArray[]) => [
      lowerAlong(emit, args, out!, params, fold(out!.dtype, out!.shape[params.axis]!)),
    ],
  } as const;
  const primitive: Primitive<AlongParams> =
    jvp === "linear"
      ? defineLinear<AlongParams>({
          ...record,
          transpose: transposeFirst((ct, _, { axis, reverse }) =>
            bind1(primitive, [ct], { axis, reverse: !reverse }),
          ),
        })
      : define<AlongParams>({
          ...record,
          transpose: "not linear",
          jvp: ([x], [t], params) => {
            const y = bind1(primitive, [x!], params);
            return [[y], [isZero(t!) ? new Zero(y.aval) : jvp(x!, t as NDArray, params)]];
          },
        });
  return Object.assign(
    (x: ArrayLike, axis = 0, options: AlongOptions = {}) =>
      bind1(primitive, [asArray(`lax.${name}: x`, x)], along(`lax.${name}`, axis, options)),
    { primitive },
  );
}

/** The running values without the element itself: what came before it, starting with `init`. */
export const exclusive = (
  op: Cumulative,
  x: NDArray,
  axis: number,
  init: number,
  { reverse = false }: AlongOptions,
): NDArray => shifted(op(x, axis, { reverse }), { axis, reverse }, 1, init);

/**
 * Running sums along a non-negative axis, in the dtype of x.
 * @throws WeftTypeError for bools.
 * @throws WeftValueError if the axis is negative or does not exist.
 * @example cumsum(np.array([1, 2, 3])).js() // => [1, 3, 6]
 */
export const cumsum: Cumulative = cumulative("cumsum", {
  fold: runningSum,
  jvp: "linear",
});

/**
 * Running products along a non-negative axis, in the dtype of x.
 * @throws WeftTypeError for bools.
 * @throws WeftValueError if the axis is negative or does not exist.
 * @example cumprod(np.array([1, 2, 3]), 0, { reverse: true }).js() // => [6, 6, 3]
 */
export const cumprod: Cumulative = cumulative("cumprod", {
  fold: () => plainly(1, "mul"),
  jvp: combined(mul),
});

/**
 * Running maxima along a non-negative axis; NaN wins from where it stands.
 * @throws WeftTypeError for bools.
 * @throws WeftValueError if the axis is negative or does not exist.
 * @example cummax(np.array([[3, 1], [1, 2]]), 1).js() // => [[3, 3], [1, 2]]
 */
export const cummax: Cumulative = cumulative("cummax", {
  fold: (dtype) => plainly(lowest(dtype), "max"),
  jvp: combined(max),
});

/**
 * Running minima along a non-negative axis; NaN wins from where it stands.
 * @throws WeftTypeError for bools.
 * @throws WeftValueError if the axis is negative or does not exist.
 * @example cummin(np.array([3, 1, NaN, 0])).js() // => [3, 1, NaN, NaN]
 */
export const cummin: Cumulative = cumulative("cummin", {
  fold: (dtype) => plainly(highest(dtype), "min"),
  jvp: combined(min),
});

/**
 * `log Σ exp` of what came so far, along a non-negative axis, without overflow. Floating dtypes.
 * @throws WeftTypeError for other dtypes.
 * @throws WeftValueError if the axis is negative or does not exist.
 * @example cumlogsumexp(np.array([-Infinity, 1000, 0])).js() // => [-Infinity, 1000, 1000]
 */
export const cumlogsumexp: Cumulative = cumulative("cumlogsumexp", {
  accepts: FLOATING,
  fold: () => RUNNING_LOG_SUM_EXP,
  jvp: combined(logaddexp),
});
