/**
 * Signatures of the NumPy-style methods of arrays. The implementations live in `numpy/methods.ts`, which installs
 * them on the prototype; only types stand here because core must not import numpy.
 */
import type { NDArray } from "./array.ts";

// biome-ignore lint/suspicious/noEmptyInterface: filled by the numpy layer
export interface ArrayMethods {
  readonly ref: NDArray;
}
