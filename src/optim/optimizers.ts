/** The optimizers. */
import { type NDArray, scalar } from "../core/array.ts";
import { checkNumber } from "../core/check.ts";
import type { DType } from "../core/dtype.ts";
import { convertElementType } from "../lax/cast.ts";
import { add, divide, multiply, power, sqrt, subtract } from "../numpy/computing.ts";
import { zerosLike } from "../numpy/creation.ts";
import { checkOptions } from "../util/options.ts";
import { addDecayedWeights, descent, type RateState, type Schedule } from "./scale.ts";
import {
  type Arrays,
  chain,
  type EmptyState,
  type GradientTransformation,
  mapLeaves,
} from "./transformation.ts";

/** Exponential decay rates and the guard of the division of {@link adam}. */
export interface AdamOptions {
  readonly b1?: number;
  readonly b2?: number;
  readonly eps?: number;
}

const ADAM_OPTIONS = ["b1", "b2", "eps"] as const;

export interface AdamState {
  /** Updates made so far: int32 scalar. */
  readonly count: NDArray;
  /** Running means of gradients and of their squares, as trees like the parameters. */
  readonly mu: unknown;
  readonly nu: unknown;
}

/** `decay · old + (1 - decay) · value` */
const average = (old: NDArray, value: NDArray, decay: number): NDArray =>
  add(multiply(old, decay), multiply(value, 1 - decay));

/** `1 - decay^count`, what a running mean that started from 0 is short of, in the dtype of that mean. */
function bias(decay: number, count: NDArray): (dtype: DType) => NDArray {
  const known = new Map<DType, NDArray>();
  return (dtype) => {
    let factor = known.get(dtype);
    if (!factor) known.set(dtype, (factor = subtract(1, power(decay, convertElementType(count, dtype)))));
    return factor;
  };
}

/**
 * Rescales gradients by running moments, with bias correction: the first update is the sign of the gradient.
 * @throws WeftTypeError for options that are no numbers
 * Source: `optax.scale_by_adam`; Kingma & Ba 2015.
 * @example
 * const rule = optim.scaleByAdam({ b1: 0.5, b2: 0.75 });
 * const [updates, state] = rule.update({ w: np.array([8, -0.25]) }, rule.init({ w: np.zeros([2]) }));
 * updates; // => { w: [1, -1] }
 * state // => { count: 1, mu: { w: [4, -0.125] }, nu: { w: [16, 0.015625] } }
 */
export const scaleByAdam = (options: AdamOptions = {}): GradientTransformation<AdamState> =>
  moments("optim.scaleByAdam", options);

function moments(caller: string, options: AdamOptions): GradientTransformation<AdamState> {
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8 } = checkOptions(caller, options, ADAM_OPTIONS);
  for (const [name, x] of Object.entries({ b1, b2, eps })) checkNumber(`${caller}: ${name}`, x);
  return {
    init: (params) => ({
      count: scalar(0, "int32"),
      mu: mapLeaves(caller, zerosLike, params),
      nu: mapLeaves(caller, zerosLike, params),
    }),
    update<P>(grads: P, state: AdamState): [Arrays<P>, AdamState] {
      const count = add(state.count, 1);
      const mu = mapLeaves(caller, (m, g) => average(m, g, b1), state.mu, grads);
      const nu = mapLeaves(caller, (v, g) => average(v, multiply(g, g), b2), state.nu, grads);
      const [first, second] = [b1, b2].map((b) => bias(b, count));
      const step = (m: NDArray, v: NDArray): NDArray =>
        divide(divide(m, first!(m.dtype)), add(sqrt(divide(v, second!(v.dtype))), eps));
      return [mapLeaves(caller, step, mu, nu) as Arrays<P>, { count, mu, nu }];
    },
  };
}

/**
 * Adam.
 * @param learningRate a number, or a schedule of the update count
 * @param options decay rates `b1 = 0.9` and `b2 = 0.999`, and `eps = 1e-8`, added to what is divided by
 * @throws WeftTypeError for a learning rate or an option that is no number
 * Source: `optax.adam`; Kingma & Ba, "Adam: a method for stochastic optimization", 2015.
 * @example
 * const opt = optim.adam(0.5);
 * const [updates, state] = opt.update({ w: np.array([100, -7]) }, opt.init({ w: np.zeros([2]) }));
 * updates // => { w: [-0.499997, 0.499997] }
 */
export const adam = (
  learningRate: number | Schedule,
  options: AdamOptions = {},
): GradientTransformation<[AdamState, RateState]> =>
  chain(moments("optim.adam", options), descent("optim.adam", learningRate));

/**
 * Adam with decoupled weight decay: its update needs the parameters as third argument.
 * @param options those of {@link adam}, and `weightDecay = 1e-4`
 * @throws as {@link adam}; `update` throws WeftTypeError without parameters
 * Source: `optax.adamw`; Loshchilov & Hutter 2019.
 * @example
 * const opt = optim.adamw(0.5, { weightDecay: 0.25 }), params = { w: np.array([8, -8]) };
 * opt.update({ w: np.zeros([2]) }, opt.init(params), params)[0] // => { w: [-1, 1] }
 */
export const adamw = (
  learningRate: number | Schedule,
  options: AdamOptions & { readonly weightDecay?: number } = {},
): GradientTransformation<[AdamState, EmptyState, RateState]> => {
  const known = checkOptions("optim.adamw", options, [...ADAM_OPTIONS, "weightDecay"]);
  const { weightDecay = 1e-4, ...rest } = known;
  return chain(
    moments("optim.adamw", rest),
    addDecayedWeights(weightDecay),
    descent("optim.adamw", learningRate),
  );
};

/** A running sum of gradients, as a tree like the parameters. */
export interface TraceState {
  readonly trace: unknown;
}

/**
 * Keeps a running sum of gradients, which are the updates: `trace ← g + decay · trace`.
 * @param nesterov look one step ahead: updates are `g + decay · trace`
 * Source: `optax.trace`.
 * @example
 * const rule = optim.momentumTrace(0.5);
 * const [first, state] = rule.update(np.array([1, 2]), rule.init(np.zeros([2])));
 * rule.update(np.array([1, 2]), state)[0].js() // => [1.5, 3]
 */
export const momentumTrace = (decay: number, nesterov = false): GradientTransformation<TraceState> =>
  traceFor("optim.momentumTrace: decay", decay, nesterov);

function traceFor(what: string, decay: number, nesterov: boolean): GradientTransformation<TraceState> {
  checkNumber(what, decay);
  return {
    init: (params) => ({ trace: mapLeaves("optim.momentumTrace", zerosLike, params) }),
    update<P>(grads: P, state: TraceState): [Arrays<P>, TraceState] {
      const trace = mapLeaves(
        "optim.momentumTrace",
        (t, g) => add(g, multiply(t, decay)),
        state.trace,
        grads,
      );
      const updates = nesterov
        ? mapLeaves("optim.momentumTrace", (t, g) => add(g, multiply(t, decay)), trace, grads)
        : trace;
      return [updates as Arrays<P>, { trace }];
    },
  };
}

/**
 * Stochastic gradient descent, with momentum if given (see {@link momentumTrace}).
 * @param learningRate a number, or a schedule of the update count
 * @throws WeftTypeError for a learning rate that is no number
 * Source: `optax.sgd`.
 * @example
 * const opt = optim.sgd(0.5, { momentum: 0.5, nesterov: true });
 * opt.update({ b: np.array(4) }, opt.init({ b: np.array(0) }))[0] // => { b: -3 }
 */
export const sgd = (
  learningRate: number | Schedule,
  options: { readonly momentum?: number; readonly nesterov?: boolean } = {},
): GradientTransformation<[RateState] | [TraceState, RateState]> => {
  const { momentum, nesterov = false } = checkOptions("optim.sgd", options, ["momentum", "nesterov"]);
  const last = descent("optim.sgd", learningRate);
  return momentum === undefined
    ? chain(last)
    : chain(traceFor("optim.sgd: momentum", momentum, nesterov), last);
};
