/** Elementwise activation functions, as `jax.nn`. All take anything array-like; integers become float32 where needed. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { WeftValueError } from "../core/errors.ts";
import { fullLike, zerosLike } from "../lax/broadcast.ts";
import { asArray } from "../lax/convert.ts";
import * as lax from "../lax/elementwise.ts";
import { split as splitParts } from "../lax/shape.ts";
import { add, divide, maximum, minimum, multiply, sqrt } from "../numpy/computing.ts";
import { promoteArgs, toInexact } from "../numpy/promote.ts";
import { where } from "../numpy/select.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";

/** x as it is beside plain whole numbers, or fractions: bools become weak integers, both weak floats. */
const besideWhole = (what: string, x: ArrayLike): NDArray => promoteArgs(() => what, x, 1)[0]!;
const besideFraction = (what: string, x: ArrayLike): NDArray => promoteArgs(() => what, x, 0.5)[0]!;

/** x where `passes`, else a value with derivative 0. */
const gated = (passes: NDArray, x: NDArray, value: NDArray): NDArray =>
  lax.select(passes, x, lax.stopGradient(value));

/**
 * `max(x, 0)`; its derivative at 0 and at NaN is 0.
 * Source: `jax.nn.relu`.
 * @example nn.relu([-1, NaN, 2]).js() // => [0, NaN, 2]
 */
export function relu(x: ArrayLike): NDArray {
  const a = besideWhole("nn.relu: x", x);
  return gated(lax.gt(a, 0), a, lax.max(a, 0));
}

/**
 * `min(max(x, 0), 6)`; its derivative at 0, at 6 and at NaN is 0. Source: `jax.nn.relu6`.
 * @example nn.relu6([-1, 2, 9]).js() // => [0, 2, 6]
 */
export function relu6(x: ArrayLike): NDArray {
  const a = besideFraction("nn.relu6: x", x);
  return gated(lax.bitwiseAnd(lax.gt(a, 0), lax.lt(a, 6)), a, lax.min(lax.max(a, 0), 6));
}

/** `1 / (1 + exp(-x))`. Source: `jax.nn.sigmoid`. @example nn.sigmoid([-200, 0, 200]).js() // => [0, 0.5, 1] */
export const sigmoid = (x: ArrayLike): NDArray => lax.logistic(toInexact("nn.sigmoid: x", x));

/**
 * `log(1 + exp(x))`, without overflow.
 * Source: `jax.nn.softplus`.
 * @example nn.softplus([-200, 0, 1000]).js() // => [0, 0.6931472, 1000]
 */
export const softplus = (x: ArrayLike): NDArray => lax.softplus(toInexact("nn.softplus: x", x));

/**
 * `log(sigmoid(x))`, without underflow. Source: `jax.nn.log_sigmoid`.
 * @example nn.logSigmoid([-1000, 200]).js() // => [-1000, 0]
 */
export const logSigmoid = (x: ArrayLike): NDArray =>
  lax.neg(softplus(lax.neg(toInexact("nn.logSigmoid: x", x))));

/** `x / (1 + |x|)`. Source: `jax.nn.soft_sign`. @example nn.softSign([-1, 0, 3]).js() // => [-0.5, 0, 0.75] */
export function softSign(x: ArrayLike): NDArray {
  const a = toInexact("nn.softSign: x", x);
  return lax.div(a, lax.add(lax.abs(a), 1));
}

/**
 * `x · sigmoid(x)`, also known as swish; NaN at -Infinity, as in JAX.
 * Source: `jax.nn.silu`; Hendrycks & Gimpel 2016, Ramachandran et al. 2017.
 * @example nn.silu([-1, 0, 200]).js() // => [-0.2689414, 0, 200]
 */
export function silu(x: ArrayLike): NDArray {
  const a = toInexact("nn.silu: x", x);
  return lax.mul(a, lax.logistic(a));
}
export { silu as swish };

/** `x · tanh(softplus(x))`. Source: `jax.nn.mish`; Misra 2019. @example nn.mish([0, 200]).js() // => [0, 200] */
export function mish(x: ArrayLike): NDArray {
  const a = toInexact("nn.mish: x", x);
  return lax.mul(a, lax.tanh(softplus(a)));
}

/** The argument unchanged, as an array. Source: `jax.nn.identity`. @example nn.identity([true]).dtype // => bool */
export const identity = (x: ArrayLike): NDArray => asArray("nn.identity: x", x);

/**
 * `x · Φ(x)`, Φ the normal distribution function; by default its approximation with tanh.
 * Source: `jax.nn.gelu`; Hendrycks & Gimpel 2016.
 * @example [nn.gelu(1), nn.gelu(1, { approximate: false })] // => [0.841192, 0.8413447]
 */
export function gelu(x: ArrayLike, options: { approximate?: boolean | undefined } = {}): NDArray {
  const { approximate = true } = checkOptions("nn.gelu", options, ["approximate"]);
  const a = toInexact("nn.gelu: x", x);
  const own = (value: number): NDArray => scalar(value, a.dtype);
  if (!approximate) return lax.mul(lax.mul(a, 0.5), lax.erfc(lax.mul(a, own(-Math.SQRT1_2))));
  const inner = lax.mul(lax.add(a, lax.mul(lax.integerPow(a, 3), 0.044715)), own(Math.sqrt(2 / Math.PI)));
  return lax.mul(lax.mul(a, 0.5), lax.add(lax.tanh(inner), 1));
}

/** x where it is negative, else 0: keeps exp of the branch that is not taken from overflowing. */
const negativePart = (a: NDArray): NDArray => lax.select(lax.gt(a, 0), zerosLike(a), a);

/**
 * `x` where positive, else `alpha · (exp(x) - 1)`.
 * Source: `jax.nn.elu`; Clevert et al. 2015.
 * @example nn.elu([-Infinity, 0, 2], 3).js() // => [-3, 0, 2]
 */
export function elu(x: ArrayLike, alpha: ArrayLike = 1): NDArray {
  const a = toInexact("nn.elu: x", x);
  return where(lax.gt(a, 0), a, multiply(asArray("nn.elu: alpha", alpha), lax.expm1(negativePart(a))));
}

/**
 * `max(x, 0) + min(0, alpha · (exp(x / alpha) - 1))`. Source: `jax.nn.celu`; Barron 2017.
 * @example nn.celu([-200, 0, 2], 0.5).js() // => [-0.5, 0, 2]
 */
export function celu(x: ArrayLike, alpha: ArrayLike = 1): NDArray {
  const a = toInexact("nn.celu: x", x);
  const scale = asArray("nn.celu: alpha", alpha);
  // Both parts have half of their derivative at 0, which second derivatives show.
  return add(maximum(a, 0), multiply(scale, lax.expm1(divide(minimum(a, 0), scale))));
}

/**
 * Self-normalising {@link elu}: `1.0507 · elu(x, 1.6733)`. Source: `jax.nn.selu`; Klambauer et al. 2017.
 * @example nn.selu([-200, 0, 1]).js() // => [-1.7581, 0, 1.0507]
 */
export const selu = (x: ArrayLike): NDArray =>
  lax.mul(elu(asArray("nn.selu: x", x), 1.6732632423543772), 1.0507009873554805);

/**
 * `x` where not negative, else `negativeSlope · x`. Source: `jax.nn.leaky_relu`.
 * @example nn.leakyRelu([-100, 2]).js() // => [-1, 2]
 */
export function leakyRelu(x: ArrayLike, negativeSlope: ArrayLike = 0.01): NDArray {
  const a = toInexact("nn.leakyRelu: x", x);
  return where(lax.ge(a, 0), a, multiply(a, asArray("nn.leakyRelu: negativeSlope", negativeSlope)));
}

/** `relu6(x + 3) / 6`. Source: `jax.nn.hard_sigmoid`. @example nn.hardSigmoid([-4, 0, 3]).js() // => [0, 0.5, 1] */
export const hardSigmoid = (x: ArrayLike): NDArray =>
  lax.div(relu6(lax.add(besideFraction("nn.hardSigmoid: x", x), 3)), 6);

/**
 * `x · hardSigmoid(x)`, also known as hardSwish. Source: `jax.nn.hard_silu`.
 * @example nn.hardSilu([-4, -1.5, 5]).js() // => [0, -0.375, 5]
 */
export function hardSilu(x: ArrayLike): NDArray {
  const a = toInexact("nn.hardSilu: x", x);
  return lax.mul(a, hardSigmoid(a));
}
export { hardSilu as hardSwish };

/** x clipped to [-1, 1]. Source: `jax.nn.hard_tanh`. @example nn.hardTanh([-2, 0.5, 2]).js() // => [-1, 0.5, 1] */
export function hardTanh(x: ArrayLike): NDArray {
  const a = besideWhole("nn.hardTanh: x", x);
  return lax.select(lax.gt(a, 1), fullLike(a, 1), lax.select(lax.lt(a, -1), fullLike(a, -1), a));
}

/**
 * `(x + sqrt(x² + b)) / 2`: a smooth {@link relu}, with `b = 0` relu itself. Source: `jax.nn.squareplus`.
 * @example nn.squareplus([-1.5, 0, 1.5]).js() // => [0.5, 1, 2]
 */
export function squareplus(x: ArrayLike, b: ArrayLike = 4): NDArray {
  const a = toInexact("nn.squareplus: x", x);
  return multiply(add(a, sqrt(add(lax.square(a), asArray("nn.squareplus: b", b)))), 0.5);
}

/**
 * 0 below -1, x above 1, and `(x + 1)² / 4` between. Source: `jax.nn.sparse_plus`.
 * @example nn.sparsePlus([-2, 0, 1, 3]).js() // => [0, 0.25, 1, 3]
 */
export function sparsePlus(x: ArrayLike): NDArray {
  const a = toInexact("nn.sparsePlus: x", x);
  const between = lax.mul(lax.square(lax.add(a, 1)), 0.25);
  return lax.select(lax.le(a, -1), zerosLike(a), lax.select(lax.ge(a, 1), a, between));
}

/**
 * The derivative of {@link sparsePlus}: `(x + 1) / 2` clipped to [0, 1]. Source: `jax.nn.sparse_sigmoid`.
 * @example nn.sparseSigmoid([-2, 0.5, 2]).js() // => [0, 0.75, 1]
 */
export const sparseSigmoid = (x: ArrayLike): NDArray =>
  lax.mul(lax.min(lax.max(lax.add(toInexact("nn.sparseSigmoid: x", x), 1), 0), 2), 0.5);

/**
 * `log(1 - exp(-x))` for x >= 0, accurate at both ends.
 * Source: `jax.nn.log1mexp`; Mächler 2012.
 * @example nn.log1mexp([0, Math.LN2, 1e-20, 200]).js() // => [-Infinity, -0.6931472, -46.0517, 0]
 */
export const log1mexp = (x: ArrayLike): NDArray => lax.log1mexp(toInexact("nn.log1mexp: x", x));

/**
 * Gated linear unit: the two halves a, b of an axis make `a · sigmoid(b)`, half as long along that axis.
 * @param axis default the last
 * @throws WeftValueError when the axis has odd size or does not exist
 * Source: `jax.nn.glu`; Dauphin et al. 2017.
 * @example nn.glu([[1, 2, 0, 200]]).js() // => [[0.5, 2]]
 */
export function glu(x: ArrayLike, axis = -1): NDArray {
  const a = toInexact("nn.glu: x", x);
  const at = canonicalAxis("nn.glu: axis", axis, a.ndim);
  const size = a.shape[at]!;
  if (size % 2 !== 0)
    throw new WeftValueError(`nn.glu: axis ${axis} of ${a.aval} must exist and have an even size.`);
  const [value, gate] = splitParts(a, [size / 2, size / 2], at) as [NDArray, NDArray];
  return lax.mul(value, lax.logistic(gate));
}
