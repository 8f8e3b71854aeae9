/** Arithmetic on shapes: lists of non-negative integers, outermost axis first. */

import { WeftTypeError, WeftValueError } from "./errors.ts";
import { show } from "./text.ts";

type Shape = readonly number[];

/** The number of elements; 1 for a scalar. */
export function size(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/**
 * Row-major strides, counted in elements.
 * @example strides([2, 3, 4]) // => [12, 4, 1]
 */
export function strides(shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    out[axis] = step;
    step *= shape[axis]!;
  }
  return out;
}

export function equalShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/**
 * NumPy's broadcasting rule: axes are aligned at the right, and a 1 stretches. Null when the shapes do not fit.
 * @example broadcastShapes([3, 1], [4]) // => [3, 4]
 */
export function broadcastShapes(...shapes: readonly Shape[]): number[] | null {
  const out = new Array<number>(Math.max(0, ...shapes.map((shape) => shape.length))).fill(1);
  for (const shape of shapes) {
    const offset = out.length - shape.length;
    for (const [axis, dim] of shape.entries()) {
      const seen = out[offset + axis]!;
      if (dim === 1 || dim === seen) continue;
      if (seen !== 1) return null;
      out[offset + axis] = dim;
    }
  }
  return out;
}

/**
 * Resolves an axis counted from either end.
 * @param what names function and argument in the error: "np.flip: axis"
 * @throws WeftValueError if the axis is not an integer in [-ndim, ndim), WeftTypeError if it is no number.
 * @example canonicalAxis("np.flip: axis", -1, 3) // => 2
 */
export function canonicalAxis(what: string, axis: number, ndim: number): number {
  if (typeof axis !== "number") throw new WeftTypeError(`${what} must be an integer, got ${show(axis)}.`);
  if (!Number.isInteger(axis) || axis < -ndim || axis >= ndim)
    throw new WeftValueError(`${what} ${axis} is out of bounds for an array of dimension ${ndim}.`);
  return axis < 0 ? axis + ndim : axis;
}
