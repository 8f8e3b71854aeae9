/** Transformations that only rescale or clip. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { checkNumber } from "../core/check.ts";
import { isFloat } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { convertElementType } from "../lax/cast.ts";
import { asArray } from "../lax/convert.ts";
import { arrayLeaves } from "../lax/leaves.ts";
import { add, divide, maximum, minimum, multiply, sqrt, sum } from "../numpy/computing.ts";
import { checkCallable } from "../util/options.ts";
import { type EmptyState, type GradientTransformation, mapLeaves, stateless } from "./transformation.ts";

/**
 * A learning rate: a number, or a function of the number of updates made so far (an int32 scalar). What it computes with plain
 * numbers is float32; for rates with the digits of float64, convert the count first.
 */
export type Schedule = (count: NDArray) => ArrayLike;

/**
 * Multiplies updates by a constant. Source: `optax.scale`.
 * @example optim.scale(-0.5).update({ w: np.array([2, 4]) }, [])[0] // => { w: [-1, -2] }
 */
export function scale(factor: ArrayLike): GradientTransformation<EmptyState> {
  const by = typeof factor === "number" ? factor : asArray("optim.scale: factor", factor);
  return stateless((grads) => mapLeaves("optim.scale", (g) => multiply(g, by), grads));
}

/**
 * The Euclidean norm of all leaves of a tree together: a float scalar.
 * @throws WeftTypeError for a tree without leaves, and for leaves that are no arrays
 * Source: `optax.global_norm`.
 * @example optim.globalNorm({ w: np.array([[1, 2], [2, 0]]), b: 4 }).item() // => 5
 */
export function globalNorm(t: unknown): NDArray {
  const [leaves] = arrayLeaves(t, { where: "optim.globalNorm: the leaf " });
  const squares = leaves.map((x) => sum(multiply(x, x)));
  if (squares.length === 0) throw new WeftTypeError("optim.globalNorm: the tree has no leaves.");
  return sqrt(squares.reduce((a, b) => add(a, b)));
}

/**
 * Scales all gradients together so that their global norm is at most `maxNorm`.
 * Source: `optax.clip_by_global_norm`.
 * @example optim.clipByGlobalNorm(2.5).update({ w: np.array([3, 0]), b: 4 }, [])[0] // => { w: [1.5, 0], b: 2 }
 */
export function clipByGlobalNorm(maxNorm: number): GradientTransformation<EmptyState> {
  checkNumber("optim.clipByGlobalNorm: maxNorm", maxNorm);
  return stateless((grads) => {
    const factor = divide(maxNorm, maximum(globalNorm(grads), maxNorm));
    return scaledBy("optim.clipByGlobalNorm", factor, grads);
  });
}

/**
 * Clips every element to [-limit, limit]. Source: `optax.clip`.
 * @example optim.clipByValue(1).update({ w: np.array([0.5, -3]) }, [])[0] // => { w: [0.5, -1] }
 */
export function clipByValue(limit: number): GradientTransformation<EmptyState> {
  checkNumber("optim.clipByValue: limit", limit);
  return stateless((grads) =>
    mapLeaves("optim.clipByValue", (g) => minimum(maximum(g, -limit), limit), grads),
  );
}

/**
 * Adds `weightDecay · parameter` to every gradient.
 * @throws WeftTypeError when `update` does not get the parameters as third argument
 * Source: `optax.add_decayed_weights`.
 * @example optim.addDecayedWeights(0.5).update(np.array([1, 1]), [], np.array([4, -2]))[0].js() // => [3, 0]
 */
export function addDecayedWeights(weightDecay: number): GradientTransformation<EmptyState> {
  checkNumber("optim.addDecayedWeights: weightDecay", weightDecay);
  return stateless((grads, params) => {
    if (params === undefined)
      throw new WeftTypeError("optim.addDecayedWeights: update needs the parameters as its third argument.");
    return mapLeaves("optim.addDecayedWeights", (g, p) => add(g, multiply(p, weightDecay)), grads, params);
  });
}

/**
 * Multiplies updates by a schedule of the update count; they keep their dtypes.
 * @throws WeftTypeError for a schedule that is no function
 * Source: `optax.scale_by_schedule`.
 * @example
 * const rule = optim.scaleBySchedule((count) => np.power(0.5, count));
 * const [first, state] = rule.update(np.array([8, 4]), rule.init(np.zeros([2]))); // times 1
 * rule.update(np.array([8, 4]), state) // => [[4, 2], { count: 2 }]
 */
export function scaleBySchedule(schedule: Schedule): GradientTransformation<{ count: NDArray }> {
  checkCallable("optim.scaleBySchedule: schedule", schedule);
  return {
    init: () => ({ count: scalar(0, "int32") }),
    update: (grads, { count }) => [
      scaledBy("optim.scaleBySchedule", schedule(count), grads) as never,
      { count: add(count, 1) },
    ],
  };
}

/** Updates times a computed factor, in the dtypes of the updates. */
const scaledBy = (caller: string, factor: ArrayLike, grads: unknown): unknown =>
  mapLeaves(caller, (g) => multiply(g, typeof factor === "number" ? factor : inDTypeOf(g, factor)), grads);
const inDTypeOf = (g: NDArray, rate: ArrayLike): ArrayLike =>
  isFloat(g.dtype) ? convertElementType(rate, g.dtype) : rate;

/**
 * `-learningRate · update`, for a number or a schedule: what turns gradients into steps downhill.
 * @throws WeftTypeError for a rate that is neither
 * Source: `optax.scale_by_learning_rate`.
 * @example optim.scaleByLearningRate(0.5).update(np.array([4, -2]), [])[0].js() // => [-2, 1]
 */
export const scaleByLearningRate = (rate: number | Schedule): GradientTransformation<RateState> =>
  descent("optim.scaleByLearningRate", rate);

/** {@link scaleByLearningRate} as the last part of the optimizer `caller`. */
export const descent = (caller: string, rate: number | Schedule): GradientTransformation<RateState> =>
  typeof rate === "function"
    ? scaleBySchedule((count) => negative(rate(count)))
    : scale(-checkNumber(`${caller}: learningRate`, rate));
const negative = (rate: ArrayLike): ArrayLike => (typeof rate === "number" ? -rate : multiply(rate, -1));

/** What a learning rate remembers: the updates made so far, if it depends on them. */
export type RateState = EmptyState | { readonly count: NDArray };
