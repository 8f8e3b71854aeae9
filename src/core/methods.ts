/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Signatures of the NumPy-style methods of arrays. The implementations live in `numpy/methods.ts`, which installs
 * them on the prototype; only types stand here because core must not import numpy.
 */
import type { ArrayLike, NDArray, Nested } from "./array.ts";
import type { Device } from "./device.ts";
import type { DType, TypedArray } from "./dtype.ts";

/** One axis, several, or null for all. Negative axes count from the end. */
type Axis = number | readonly number[] | null;
interface ReduceOptions {
  /** Keep the reduced axes with size 1. */
  readonly keepdims?: boolean;
}

/**
 * What to do along one axis: a number or an integer array picks, `[]` keeps everything, `[start]` and `[start, stop]` cut out
 * (negative bounds count from the end), null is a new axis.
 */
export type IndexItem =
  | number
  | readonly []
  | readonly [number]
  | readonly [number, number]
  | null
  | NDArray
  | TypedArray;

export interface IndexedGetOptions {
  /** Positions outside: clamped ("clip", the default), or `fillValue` ("fill"). */
  readonly mode?: "clip" | "fill" | "promise_in_bounds";
  /** Default: NaN; the lowest value of signed, the highest of unsigned integers; true. */
  readonly fillValue?: number | boolean | null;
}

/**
 * Copies of an array with an indexed part updated. Values broadcast to that part and take the array's dtype; positions
 * outside are dropped; where positions repeat, every update counts (`set`: the last one).
 */
export interface IndexedUpdate {
  set(value: ArrayLike): NDArray;
  add(value: ArrayLike): NDArray;
  mul(value: ArrayLike): NDArray;
  min(value: ArrayLike): NDArray;
  max(value: ArrayLike): NDArray;
  get(options?: IndexedGetOptions): NDArray;
}

export interface ArrayMethods {
  /** The array itself, for programs written with reference counts in mind: nothing here consumes its operands. */
  readonly ref: NDArray;
  /** All axes reversed. */
  readonly T: NDArray;
  /** The last two axes swapped. */
  readonly mT: NDArray;
  /** Where the array is. Throws for traced arrays. */
  readonly device: Device;

  add(other: ArrayLike): NDArray;
  sub(other: ArrayLike): NDArray;
  mul(other: ArrayLike): NDArray;
  /** True division: integers give float32. */
  div(other: ArrayLike): NDArray;
  floorDivide(other: ArrayLike): NDArray;
  /** The remainder with the sign of `other`. */
  mod(other: ArrayLike): NDArray;
  pow(other: ArrayLike): NDArray;
  neg(): NDArray;
  abs(): NDArray;
  round(decimals?: number): NDArray;
  clip(min?: ArrayLike | null, max?: ArrayLike | null): NDArray;

  equal(other: ArrayLike): NDArray;
  notEqual(other: ArrayLike): NDArray;
  less(other: ArrayLike): NDArray;
  lessEqual(other: ArrayLike): NDArray;
  greater(other: ArrayLike): NDArray;
  greaterEqual(other: ArrayLike): NDArray;

  matmul(other: ArrayLike): NDArray;
  dot(other: ArrayLike): NDArray;

  sum(axis?: Axis, options?: ReduceOptions): NDArray;
  prod(axis?: Axis, options?: ReduceOptions): NDArray;
  mean(axis?: Axis, options?: ReduceOptions): NDArray;
  max(axis?: Axis, options?: ReduceOptions): NDArray;
  min(axis?: Axis, options?: ReduceOptions): NDArray;
  all(axis?: Axis, options?: ReduceOptions): NDArray;
  any(axis?: Axis, options?: ReduceOptions): NDArray;
  var(axis?: Axis, options?: ReduceOptions & { readonly correction?: number }): NDArray;
  std(axis?: Axis, options?: ReduceOptions & { readonly correction?: number }): NDArray;
  argmax(axis?: number | null, options?: ReduceOptions): NDArray;
  argmin(axis?: number | null, options?: ReduceOptions): NDArray;
  cumsum(axis?: number | null): NDArray;
  cumprod(axis?: number | null): NDArray;

  /** One size may be -1. */
  reshape(shape: number | readonly number[]): NDArray;
  transpose(perm?: readonly number[] | null): NDArray;
  swapaxes(axis1: number, axis2: number): NDArray;
  squeeze(axis?: Axis): NDArray;
  flatten(): NDArray;
  ravel(): NDArray;
  diagonal(offset?: number, axis1?: number, axis2?: number): NDArray;
  repeat(repeats: number | readonly number[], axis?: number | null): NDArray;
  take(indices: ArrayLike, axis?: number | null): NDArray;
  sort(axis?: number): NDArray;
  argsort(axis?: number): NDArray;

  astype(dtype: DType): NDArray;
  /** The same bits as another dtype of the same width. */
  view(dtype?: DType): NDArray;

  /** Part of the array, as `x[...]` in Python: `x.slice([1, 3], 2, [], null)` is `x[1:3, 2, :, None]`. */
  slice(...index: IndexItem[]): NDArray;
  /** Updates of part of the array, as `x.at[...]` in JAX. */
  at(...index: IndexItem[]): IndexedUpdate;
  /** The slices along the first axis. */
  [Symbol.iterator](): IterableIterator<NDArray>;

  /**
   * The only element, as a number, also where derivatives are taken (`if (x.item() > 0)` under `grad`). Throws for more elements, and
   * for arrays whose values are not known: under `jit`, `vmap` and in loops.
   */
  item(): number;
  /**
   * The values as nested JavaScript arrays, of the type that the rank gives and the caller expects: `const rows: number[][] = x.js()`.
   * Throws for traced arrays.
   */
  js<T extends Nested = Nested>(): T;
  /** {@link ArrayMethods.js} when the device has computed the values, on every device. */
  jsAsync<T extends Nested = Nested>(): Promise<T>;
  /** The values in row-major order when the device has computed them: a fresh typed array, on every device. */
  data(): Promise<TypedArray>;
  /** Resolves to the array itself when the device has computed it. */
  blockUntilReady(): Promise<NDArray>;
  toString(): string;
  [Symbol.dispose](): void;
  /** Nested arrays, as {@link ArrayMethods.js}: `JSON.stringify` writes the values. */
  toJSON(): Nested;
  [Symbol.toPrimitive](hint: string): number | string;
}
