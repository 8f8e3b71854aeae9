/** The optimizers. */
import { type NDArray, scalar } from "../core/array.ts";
import { checkNumber } from "../core/check.ts";
import type { DType } from "../core/dtype.ts";
import { convertElementType } from "../lax/cast.ts";
import { zerosLike } from "../numpy/creation.ts";
import { add, divide, multiply, power, sqrt, subtract } from "../numpy/math.ts";
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

/** Rescales gradients by running moments, with bias correction. Source: `optax.scale_by_adam`; Kingma & Ba 2015. */
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
 * Source: `optax.adam`; Kingma & Ba, "Adam: a method for stochastic optimization", 2015.
 * @example const opt = optim.adam(1e-3); let state = opt.init(params);
 */
export const adam = (
  learningRate: number | Schedule,
  options: AdamOptions = {},
): GradientTransformation<[AdamState, RateState]> =>
  chain(moments("optim.adam", options), descent("optim.adam", learningRate));

/** Adam with decoupled weight decay. Source: `optax.adamw`; Loshchilov & Hutter 2019. */
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

/** Keeps a running sum of gradients: `trace ← g + decay · trace`. Source: `optax.trace`. */
export const momentumTrace = (decay: number, nesterov = false): GradientTransformation<TraceState> => ({
  init: (params) => ({ trace: mapLeaves("optim.momentumTrace", zerosLike, params) }),
  update<P>(grads: P, state: TraceState): [Arrays<P>, TraceState] {
    const trace = mapLeaves("optim.momentumTrace", (t, g) => add(g, multiply(t, decay)), state.trace, grads);
    const updates = nesterov
      ? mapLeaves("optim.momentumTrace", (t, g) => add(g, multiply(t, decay)), trace, grads)
      : trace;
    return [updates as Arrays<P>, { trace }];
  },
});

/**
 * Stochastic gradient descent, with momentum if given.
 * Source: `optax.sgd`.
 * @example optim.sgd(0.1, { momentum: 0.9, nesterov: true })
 */
export const sgd = (
  learningRate: number | Schedule,
  options: { readonly momentum?: number; readonly nesterov?: boolean } = {},
): GradientTransformation<[RateState] | [TraceState, RateState]> => {
  const { momentum, nesterov = false } = checkOptions("optim.sgd", options, ["momentum", "nesterov"]);
  const last = descent("optim.sgd", learningRate);
  return momentum === undefined ? chain(last) : chain(momentumTrace(momentum, nesterov), last);
};
