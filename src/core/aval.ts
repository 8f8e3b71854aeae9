import { tuple } from "../util/text.ts";
import type { DType } from "./dtype.ts";
import { checkDType, DTYPES } from "./dtype.ts";
import { WeftTypeError, WeftValueError } from "./errors.ts";

export type Shape = readonly number[];

/**
 * The abstract value of an array: shape, dtype and whether the dtype is weak (decided by a plain number).
 * Interned: two equal avals are the same object, so `===` compares types and `id` keys caches.
 */
export class ShapedArray {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly weakType: boolean;
  readonly id: number;
  readonly size: number;

  /** Use {@link aval}; the constructor does not intern. */
  constructor(shape: Shape, dtype: DType, weakType: boolean, id: number) {
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.weakType = weakType;
    this.id = id;
    this.size = shape.reduce((a, b) => a * b, 1);
  }

  get ndim(): number {
    return this.shape.length;
  }
  get byteLength(): number {
    return this.size * DTYPES[this.dtype].bytes;
  }
  /** The same type with weakType dropped. */
  strong(): ShapedArray {
    return this.weakType ? aval(this.shape, this.dtype) : this;
  }
  /** `f32[3,4]`, as in a printed jaxpr. */
  short(): string {
    return `${DTYPES[this.dtype].short}[${this.shape.join(",")}]`;
  }
  /** `float32[3,4]`, as in error messages. */
  toString(): string {
    return `${this.dtype}[${this.shape.join(",")}]`;
  }
}

const interned = new Map<string, ShapedArray>();

/** Nothing has more axes: data was given for a shape, or a loop adds axes without end. */
export const MOST_AXES = 64;

/**
 * The last place where sizes are looked at: whatever way they came, what is no size becomes no type, and so no program.
 * @throws WeftTypeError, WeftValueError
 */
function checkType(shape: Shape, dtype: DType): void {
  checkDType("An array type", dtype);
  if (shape.length > MOST_AXES)
    throw new WeftValueError(`An array has at most ${MOST_AXES} axes, got ${shape.length}.`);
  let elements = 1;
  for (const size of shape) {
    if (!Number.isInteger(size))
      throw new WeftTypeError(
        `Shapes must be 1D sequences of concrete values of integer type, got ${tuple(shape)}.`,
      );
    if (size < 0) throw new WeftValueError(`Shapes must have non-negative sizes, got ${tuple(shape)}.`);
    elements *= size;
  }
  if (elements > Number.MAX_SAFE_INTEGER)
    throw new WeftValueError(
      `An array of shape ${tuple(shape)} would have ${elements} elements, more than 2^53.`,
    );
}

/** The interned abstract value of this shape, dtype and weakness. */
export function aval(shape: Shape, dtype: DType, weakType = false): ShapedArray {
  const key = `${dtype}${weakType ? "~" : ":"}${shape.join(",")}`;
  let found = interned.get(key);
  if (!found) {
    checkType(shape, dtype);
    found = new ShapedArray(shape, dtype, weakType, interned.size);
    interned.set(key, found);
  }
  return found;
}

/** Equal up to weakness: JAX's `typematch`. */
export const typeMatch = (a: ShapedArray, b: ShapedArray): boolean => a.strong() === b.strong();
