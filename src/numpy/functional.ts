/** Arrays from functions, and functions applied along axes. */

import type { ArrayLike, NDArray } from "../core/array.ts";
import type { Shape } from "../core/aval.ts";
import { checkIntegers } from "../core/check.ts";
import { checkDType } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import { range } from "../lax/axes.ts";
import { scan } from "../lax/control/loops.ts";
import { asArray } from "../lax/convert.ts";
import { reshape } from "../lax/views.ts";
import { checkCallable, checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { indices } from "./creation.ts";
import { unstack } from "./join.ts";
import { ARRAY_OPTIONS, type ArrayOptions } from "./placed.ts";
import { expandDims, moveaxis } from "./shape.ts";

/**
 * `func` of the index arrays of `shape`, float32 unless `dtype` says otherwise; what it returns, arrays or a tree of
 * them.
 * @throws WeftTypeError if `func` is no function; otherwise as `np.indices`.
 * @example np.fromfunction((i, j) => i.mul(10).add(j), [2, 3]).js() // => [[0, 1, 2], [10, 11, 12]]
 */
export function fromfunction<T>(
  func: (...indices: NDArray[]) => T,
  shape: Shape,
  options: ArrayOptions = {},
): T {
  const { dtype = "float32" } = checkOptions("np.fromfunction", options, ARRAY_OPTIONS);
  checkCallable("np.fromfunction: func", func);
  return func(...unstack(indices(shape, { ...options, dtype: checkDType("np.fromfunction", dtype) })));
}

/**
 * `func1d` of every vector along an axis; the axes of its result stand in place of that axis. A loop over the
 * vectors.
 * @throws WeftValueError if the axis does not exist, WeftTypeError if `func1d` is no function or returns no array.
 * @example np.applyAlongAxis((v) => v.max().sub(v.min()), 1, [[1, 2, 4], [9, 3, 5]]).js() // => [3, 6]
 */
export function applyAlongAxis(func1d: (x: NDArray) => ArrayLike, axis: number, x: ArrayLike): NDArray {
  checkCallable("np.applyAlongAxis: func1d", func1d);
  const a = asArray("np.applyAlongAxis: x", x);
  const at = canonicalAxis("np.applyAlongAxis: axis", axis, a.ndim);
  const last = moveaxis(a, at, -1);
  const batch = last.shape.slice(0, -1);
  const vectors = reshape(last, [batch.reduce((n, d) => n * d, 1), a.shape[at]!]);
  const [, results] = scan(
    (_: null, v: NDArray) => [null, asArray("np.applyAlongAxis: func1d", func1d(v))] as const,
    null,
    vectors,
  );
  const made = results.ndim - 1;
  const whole = reshape(results, [...batch, ...results.shape.slice(1)]);
  return moveaxis(whole, range(made, batch.length), range(made, at));
}

/**
 * `func(x, axis)` for one axis after the other; axes that it drops are put back with size 1.
 * @throws WeftTypeError if `func` is no function or returns no array.
 * @example np.applyOverAxes(np.sum, [[1, 2], [3, 4]], [0, 1]).js() // => [[10]]
 */
export function applyOverAxes(
  func: (x: NDArray, axis: number) => ArrayLike,
  a: ArrayLike,
  axes: readonly number[],
): NDArray {
  checkCallable("np.applyOverAxes: func", func);
  return checkIntegers("np.applyOverAxes: axes", axes).reduce<NDArray>(
    (x, axis) => {
      const result = asArray("np.applyOverAxes: func", func(x, axis));
      if (result.ndim === x.ndim) return result;
      if (result.ndim === x.ndim - 1)
        return expandDims(result, canonicalAxis("np.applyOverAxes: axis", axis, x.ndim));
      throw new WeftValueError(
        `np.applyOverAxes: func must keep the axis or drop it alone; of ${x.aval} it made ${result.aval}.`,
      );
    },
    asArray("np.applyOverAxes: a", a),
  );
}
