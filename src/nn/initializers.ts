/**
 * Initial values of parameters, as `jax.nn.initializers`: same formulas, same random numbers. Fans are taken from the last
 * two axes (`[..., input, output]`); axes before them are a receptive field and multiply both.
 */

import type { ArrayLike, NDArray } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkNumber, checkShape } from "../core/check.ts";
import { checkDType, type DType } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { full } from "../lax/shape.ts";
import { broadcastTo } from "../numpy/shape.ts";
import * as random from "../random/index.ts";
import { checkKey } from "../random/keys.ts";
import { checkChoice, checkOptions } from "../util/options.ts";

export interface InitializerOptions {
  /** Default float32. */
  readonly dtype?: DType;
}

/** Makes an array of a shape from a random key. */
export type Initializer = (key: NDArray, shape: Shape, options?: InitializerOptions) => NDArray;

/** An initializer from a function of arguments that were checked. */
function initializer(name: string, make: (key: NDArray, shape: Shape, dtype: DType) => NDArray): Initializer {
  const caller = `nn.initializers.${name}`;
  return (key, shape, options = {}) => {
    const { dtype = "float32" } = checkOptions(caller, options, ["dtype"]);
    return make(key, checkShape(caller, shape), checkDType(caller, dtype));
  };
}

/** An initializer from random numbers. */
const drawn = (name: string, make: (key: NDArray, shape: Shape, dtype: DType) => NDArray): Initializer =>
  initializer(name, (key, shape, dtype) => {
    checkKey(key, `nn.initializers.${name}`);
    return make(key, shape, dtype);
  });

/**
 * All zeros, whatever the key. Source: `jax.nn.initializers.zeros`.
 * @example nn.initializers.zeros(random.key(0), [2, 2]).js() // => [[0, 0], [0, 0]]
 */
export const zeros: Initializer = initializer("zeros", (_, shape, dtype) => full(shape, 0, dtype));

/**
 * All ones, whatever the key. Source: `jax.nn.initializers.ones`.
 * @example nn.initializers.ones(random.key(0), [3], { dtype: "float64" }).dtype // => float64
 */
export const ones: Initializer = initializer("ones", (_, shape, dtype) => full(shape, 1, dtype));

/**
 * The same value everywhere; an array is broadcast to the shape.
 * Source: `jax.nn.initializers.constant`.
 * @example nn.initializers.constant([-7, 1])(random.key(0), [2, 2]).js() // => [[-7, 1], [-7, 1]]
 */
export function constant(value: ArrayLike): Initializer {
  const x = asArray("nn.initializers.constant: value", value);
  return initializer("constant", (_, shape, dtype) => broadcastTo(lax.convertElementType(x, dtype), shape));
}

/**
 * Uniform on [0, scale). Source: `jax.nn.initializers.uniform`.
 * @example nn.initializers.uniform(10)(random.key(0), [3]).js() // => [9.4767, 9.7858, 3.3229]
 */
export function uniform(scale = 1e-2): Initializer {
  checkNumber("nn.initializers.uniform: scale", scale);
  return drawn("uniform", (key, shape, dtype) => lax.mul(random.uniform(key, shape, { dtype }), scale));
}

/**
 * Normal with mean 0 and standard deviation `stddev`. Source: `jax.nn.initializers.normal`.
 * @example np.std(nn.initializers.normal(2)(random.key(0), [100, 100])).item() // => 2.02
 */
export function normal(stddev = 1e-2): Initializer {
  checkNumber("nn.initializers.normal: stddev", stddev);
  return drawn("normal", (key, shape, dtype) => lax.mul(random.normal(key, shape, { dtype }), stddev));
}

/**
 * Normal, cut at `lower` and `upper` standard deviations. Its own deviation is smaller than `stddev`.
 * Source: `jax.nn.initializers.truncated_normal`.
 * @example nn.initializers.truncatedNormal(10, 0, 1)(random.key(0), [3]).js() // => [9.2871, 9.7023, 2.8826]
 */
export function truncatedNormal(stddev = 1e-2, lower = -2, upper = 2): Initializer {
  for (const [name, x] of Object.entries({ stddev, lower, upper }))
    checkNumber(`nn.initializers.truncatedNormal: ${name}`, x);
  return drawn("truncatedNormal", (key, shape, dtype) =>
    lax.mul(random.truncatedNormal(key, lower, upper, shape, { dtype }), stddev),
  );
}

/** What the variance is divided by: inputs, outputs, or their mean. */
export type FanMode = "fanIn" | "fanOut" | "fanAvg";
export type Distribution = "normal" | "truncatedNormal" | "uniform";

/** Standard deviation of a standard normal that is cut at -2 and 2. */
const CUT_STDDEV = 0.87962566103423978;

/** An array of mean 0 and the given variance. */
type Sampler = (key: NDArray, shape: Shape, variance: number, dtype: DType) => NDArray;
const SAMPLERS: Readonly<Record<Distribution, Sampler>> = {
  normal: (key, shape, variance, dtype) => lax.mul(random.normal(key, shape, { dtype }), Math.sqrt(variance)),
  truncatedNormal: (key, shape, variance, dtype) =>
    lax.mul(random.truncatedNormal(key, -2, 2, shape, { dtype }), Math.sqrt(variance) / CUT_STDDEV),
  uniform: (key, shape, variance, dtype) =>
    lax.mul(random.uniform(key, shape, { minval: -1, maxval: 1, dtype }), Math.sqrt(3 * variance)),
};

const FANS: Readonly<Record<FanMode, (fanIn: number, fanOut: number) => number>> = {
  fanIn: (fanIn) => fanIn,
  fanOut: (_, fanOut) => fanOut,
  fanAvg: (fanIn, fanOut) => (fanIn + fanOut) / 2,
};

function fan(caller: string, shape: Shape, mode: FanMode): number {
  if (shape.length < 2)
    throw new WeftValueError(
      `${caller}: fans of an array of shape (${shape.join(", ")}) are not defined; it needs at least two axes.`,
    );
  const field = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  return FANS[mode](field * shape.at(-2)!, field * shape.at(-1)!);
}

/**
 * Random values whose variance is `scale / fan`.
 * @throws WeftValueError for an unknown mode or distribution, and when called for a shape with fewer than two axes
 * Source: `jax.nn.initializers.variance_scaling`.
 * @example
 * const init = nn.initializers.varianceScaling(4, "fanOut", "normal");
 * np.std(init(random.key(0), [100, 400])).item() // => 0.1
 */
export const varianceScaling = (scale: number, mode: FanMode, distribution: Distribution): Initializer =>
  scaled("varianceScaling", scale, mode, distribution);

function scaled(name: string, scale: number, mode: FanMode, distribution: Distribution): Initializer {
  checkNumber("nn.initializers.varianceScaling: scale", scale);
  checkChoice("nn.initializers.varianceScaling: mode", mode, Object.keys(FANS));
  checkChoice("nn.initializers.varianceScaling: distribution", distribution, Object.keys(SAMPLERS));
  return drawn(name, (key, shape, dtype) =>
    SAMPLERS[distribution](key, shape, scale / fan(`nn.initializers.${name}`, shape, mode), dtype),
  );
}

/**
 * Glorot & Bengio 2010 ("Xavier"): variance `2 / (in + out)`, so uniform within `±sqrt(6 / (in + out))`.
 * Source: `jax.nn.initializers.glorot_uniform`.
 * @example np.max(nn.initializers.glorotUniform()(random.key(0), [30, 120])).item() // => 0.1999
 */
export const glorotUniform = (): Initializer => scaled("glorotUniform", 1, "fanAvg", "uniform");
/**
 * As {@link glorotUniform}, from a truncated normal. Source: `jax.nn.initializers.glorot_normal`.
 * @example np.std(nn.initializers.glorotNormal()(random.key(0), [50, 150])).item() // => 0.1
 */
export const glorotNormal = (): Initializer => scaled("glorotNormal", 1, "fanAvg", "truncatedNormal");
/**
 * LeCun et al. 1998: variance `1 / in`, so uniform within `±sqrt(3 / in)`.
 * Source: `jax.nn.initializers.lecun_uniform`.
 * @example np.min(nn.initializers.lecunUniform()(random.key(0), [12, 500])).item() // => -0.49996
 */
export const lecunUniform = (): Initializer => scaled("lecunUniform", 1, "fanIn", "uniform");
/**
 * As {@link lecunUniform}, from a truncated normal. Source: `jax.nn.initializers.lecun_normal`.
 * @example np.std(nn.initializers.lecunNormal()(random.key(0), [25, 200])).item() // => 0.2
 */
export const lecunNormal = (): Initializer => scaled("lecunNormal", 1, "fanIn", "truncatedNormal");
/**
 * He et al. 2015 ("Kaiming"), for layers before a relu: variance `2 / in`. Source: `jax.nn.initializers.he_uniform`.
 * @example
 * nn.initializers.heUniform()(random.key(0), [8])
 * // throws WeftValueError: nn.initializers.heUniform: fans of an array of shape (8) are not defined;
 * //   it needs at least two axes.
 */
export const heUniform = (): Initializer => scaled("heUniform", 2, "fanIn", "uniform");
/**
 * As {@link heUniform}, from a truncated normal. Source: `jax.nn.initializers.he_normal`.
 * @example np.std(nn.initializers.heNormal()(random.key(0), [2, 2, 50, 30])).item() // => 0.1
 */
export const heNormal = (): Initializer => scaled("heNormal", 2, "fanIn", "truncatedNormal");
