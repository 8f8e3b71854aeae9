/** Values between two bounds, which are numbers, known on the host, or arrays that broadcast. */
import { type ArrayLike, NDArray } from "../core/array.ts";
import { checkCount } from "../core/check.ts";
import { checkDType, type DType, isFloat } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import { insert } from "../lax/axes.ts";
import { convertElementType } from "../lax/cast.ts";
import { asArray, place } from "../lax/convert.ts";
import * as lax from "../lax/shape.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { add, divide, multiply, power, sign, subtract } from "./arithmetic.ts";
import { floor, log10 } from "./elementary.ts";
import { ARRAY_OPTIONS, type ArrayOptions, placed } from "./placed.ts";
import { commonShape, promoteInexact, spread, withType } from "./promote.ts";
import { sequence } from "./sequence.ts";

export interface SpaceOptions extends ArrayOptions {
  /** Where the values of each pair of bounds lie in the result; the first axis unless it is said. */
  readonly axis?: number | undefined;
}

/** What the three functions have in common: who is called, with which options. */
interface Space {
  readonly caller: string;
  readonly num: number;
  readonly endpoint: boolean;
  readonly dtype: DType | undefined;
  readonly axis: number;
}

function spaceOf(caller: string, num: number, endpoint: boolean, options: SpaceOptions): Space {
  const { dtype, axis = 0 } = checkOptions(caller, options, [...ARRAY_OPTIONS, "axis"]);
  checkCount(`${caller}: num (the number of samples)`, num);
  if (dtype !== undefined) checkDType(caller, dtype);
  return { caller, num, endpoint, dtype, axis };
}

/**
 * `num` evenly spaced values from start to stop, which is the last one unless `endpoint` is false. The bounds may be arrays that
 * broadcast: then the values lie along a new axis of the result, `options.axis`. float32 unless `dtype` or the bounds say
 * otherwise; integers are rounded down.
 * @throws WeftValueError if `num` is negative or there is no such axis, WeftTypeError if `num` is no whole number or the bounds do not fit.
 * Source: `jax.numpy.linspace`.
 * @example
 * np.linspace(0, 1, 5).js(); // => [0, 0.25, 0.5, 0.75, 1]
 * np.linspace([0, 10], [1, 20], 3, true, { axis: 1 }).js() // => [[0, 0.5, 1], [10, 15, 20]]
 */
export function linspace(
  start: ArrayLike,
  stop: ArrayLike,
  num = 50,
  endpoint = true,
  options: SpaceOptions = {},
): NDArray {
  const space = spaceOf("np.linspace", num, endpoint, options);
  const whole = isFloat(space.dtype ?? "float32") ? (x: number): number => x : Math.floor;
  return placed(
    space.caller,
    options,
    () => known(space, start, stop, whole) ?? rounded(space, between(space, start, stop)),
  );
}
const rounded = ({ dtype }: Space, x: NDArray): NDArray =>
  dtype === undefined || dtype === x.dtype ? x : convertElementType(isFloat(dtype) ? x : floor(x), dtype);

/** Between plain numbers, made on the host: mapped values, of which the last one is exact. */
function known(space: Space, from: ArrayLike, to: ArrayLike, map: (x: number) => number): NDArray | null {
  const { num, endpoint, dtype = "float32" } = space;
  if (typeof from !== "number" || typeof to !== "number") return null;
  canonicalAxis(`${space.caller}: axis`, space.axis, 1);
  const steps = endpoint ? num - 1 : num;
  const at = (i: number): number => (i === steps ? to : from + ((to - from) * i) / Math.max(steps, 1));
  return sequence(num, (i) => map(num === 1 ? from : at(i)), dtype);
}

/** Between arrays, as JAX computes: the floats before they become what was asked for. */
function between(space: Space, from: ArrayLike, to: ArrayLike): NDArray {
  const { caller, num, endpoint } = space;
  const [start, stop] = boundsOf(space, from, to);
  const shape = start.shape;
  const at = canonicalAxis(`${caller}: axis`, space.axis, shape.length + 1);
  if (num === 0) return lax.full(insert(shape, at, 0), 0, start.dtype);
  const [first, last] = [start, stop].map((x) => lax.expandDims(x, [at])) as [NDArray, NDArray];
  if (num === 1) return first;
  const steps = endpoint ? num - 1 : num;
  const sizes = insert(
    shape.map(() => 1),
    at,
    steps,
  );
  const part = lax.reshape(
    sequence(steps, (i) => i / steps, start.dtype),
    sizes,
  );
  const inner = add(multiply(first, subtract(1, part)), multiply(last, part));
  return endpoint ? lax.concatenate([inner, last], at) : inner;
}

/** The bounds as floats of one shape: those that were asked for, or the type that they have in common. */
function boundsOf({ caller, dtype }: Space, from: ArrayLike, to: ArrayLike): [start: NDArray, stop: NDArray] {
  const at = place(caller, "start", "stop");
  const floats =
    dtype === undefined
      ? promoteInexact(at, from, to)
      : [from, to].map((x, i) => asFloat(at(i), x, isFloat(dtype) ? dtype : "float32"));
  const shape = commonShape(
    caller,
    floats.map((x) => x.shape),
  );
  const strong = floats.map((x) => spread(withType(x, { dtype: x.dtype, weakType: false }), shape));
  return strong as [NDArray, NDArray];
}
function asFloat(what: string, x: ArrayLike, dtype: DType): NDArray {
  const checked = asArray(what, x);
  // A list keeps the digits that float32 has not.
  return withType(Array.isArray(x) ? x : checked, { dtype, weakType: false });
}

/** Integers are cut off, but not those that are whole except for the rounding of exponentials. */
const cutOff = (dtype: DType = "float32"): ((x: number) => number) =>
  isFloat(dtype) ? (x) => x : (x) => Math.trunc(x * (1 + 2 ** -40));
const converted = ({ dtype }: Space, x: NDArray): NDArray =>
  dtype === undefined ? x : convertElementType(x, dtype);

/**
 * `num` values from `base^start` to `base^stop`, evenly spaced on a logarithmic scale; bounds and base may be arrays, as for
 * {@link linspace}. float32 unless `dtype` or the bounds say otherwise; integers are cut off.
 * @throws as {@link linspace}.
 * Source: `jax.numpy.logspace`.
 * @example np.logspace(0, 3, 4, true, 2).js() // => [1, 2, 4, 8]
 */
export function logspace(
  start: ArrayLike,
  stop: ArrayLike,
  num = 50,
  endpoint = true,
  base: ArrayLike = 10,
  options: SpaceOptions = {},
): NDArray {
  const space = spaceOf("np.logspace", num, endpoint, options);
  const b = typeof base === "number" ? base : asArray("np.logspace: base", base);
  return placed(space.caller, options, () => powersOf(b, space, start, stop));
}

function powersOf(base: number | NDArray, space: Space, start: ArrayLike, stop: ArrayLike): NDArray {
  const cut = cutOff(space.dtype);
  const made = base instanceof NDArray ? null : known(space, start, stop, (x) => cut(base ** x));
  if (made) return made;
  const exponents = between(space, start, stop);
  return converted({ ...space, dtype: space.dtype ?? exponents.dtype }, power(base, exponents));
}

/**
 * `num` values from start to stop, each the same multiple of the one before; the bounds may be arrays, as for {@link linspace}. float32
 * unless `dtype` or the bounds say otherwise. Between arrays of which one is 0, or whose signs differ, there are no such values (NaN).
 * @throws WeftValueError if a bound is the number 0 or the signs of numbers differ; otherwise as {@link linspace}.
 * Source: `jax.numpy.geomspace`.
 * @example np.geomspace(-1, -8, 4).js() // => [-1, -2, -4, -8]
 */
export function geomspace(
  start: ArrayLike,
  stop: ArrayLike,
  num = 50,
  endpoint = true,
  options: SpaceOptions = {},
): NDArray {
  const space = spaceOf("np.geomspace", num, endpoint, options);
  return placed(space.caller, options, () => multiples(space, start, stop));
}

function multiples(space: Space, start: ArrayLike, stop: ArrayLike): NDArray {
  if (typeof start === "number" && typeof stop === "number") return knownMultiples(space, start, stop);
  const [first, last] = boundsOf(space, start, stop);
  const signs = sign(first);
  const exponents = between(space, log10(divide(first, signs)), log10(divide(last, signs)));
  const at = canonicalAxis("np.geomspace: axis", space.axis, first.ndim + 1);
  return converted(space, multiply(lax.expandDims(signs, [at]), power(10, exponents)));
}

function knownMultiples(space: Space, start: number, stop: number): NDArray {
  if (!(start * stop > 0))
    throw new WeftValueError(
      `np.geomspace: start and stop must have one sign and not be 0, got ${start} and ${stop}.`,
    );
  const [from, to] = [Math.log10(Math.abs(start)), Math.log10(Math.abs(stop))];
  const exact = (x: number): number => (x === from ? start : x === to ? stop : Math.sign(start) * 10 ** x);
  return known(space, from, to, (x) => cutOff(space.dtype)(exact(x)))!;
}
