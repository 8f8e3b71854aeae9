/** Memory of JavaScript's own, for what is on its way to a device or back. */
import { formatBytes } from "../util/units.ts";
import type { Shape } from "./aval.ts";
import { defaultDevice } from "./device.ts";
import { DTYPES, type DType, type TypedArray } from "./dtype.ts";
import { OutOfMemoryError } from "./errors.ts";

/** What `allocate` makes, so many bytes; engines say in their own words that they have no memory left. */
export function allocating<T>(bytes: number, allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new OutOfMemoryError(
      `Out of memory: the JavaScript engine has no ${formatBytes(bytes)} for a copy of an array. Use smaller arrays, and dispose() of those that are not needed any more.`,
    );
  }
}

/** The bytes of an array. Throws {@link OutOfMemoryError} when it could never be used. */
export function checkedBytes(shape: Shape, dtype: DType, limit: number): number {
  const bytes = shape.reduce((n, dim) => n * dim, DTYPES[dtype].bytes);
  if (bytes > limit)
    throw new OutOfMemoryError(
      `Out of memory: an array ${dtype}[${shape}] takes ${formatBytes(bytes)}, and all arrays together can take ${formatBytes(limit)}. Use smaller arrays.`,
    );
  return bytes;
}

/** Zeros to be filled in. Throws {@link OutOfMemoryError}. */
export function hostArray(shape: Shape, dtype: DType): TypedArray {
  const bytes = checkedBytes(shape, dtype, defaultDevice().limit);
  return allocating(bytes, () => new DTYPES[dtype].array(new ArrayBuffer(bytes)));
}
