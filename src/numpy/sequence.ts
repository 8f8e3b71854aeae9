import { fromTyped, type NDArray } from "../core/array.ts";
import type { DType } from "../core/dtype.ts";
import { hostArray } from "../core/host.ts";

/** A vector of `dtype`, made on the host, from a function of the position. */
export function sequence(length: number, at: (i: number) => number, dtype: DType): NDArray {
  const data = hostArray([length], dtype);
  for (let i = 0; i < length; i++) data[i] = at(i);
  return fromTyped(data, [length], dtype);
}
