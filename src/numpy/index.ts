/** The NumPy of weft: promotion, broadcasting and conveniences on top of lax. Source of names and semantics: `jax.numpy`. */
import "./methods.ts";

export { type ArrayLike, NDArray as Array } from "../core/array.ts";
export type { IndexedGetOptions, IndexedUpdate, IndexItem } from "../core/methods.ts";
export * from "./computing.ts";
export * from "./creation.ts";
export * from "./dtypes.ts";
export * from "./functional.ts";
export * from "./join.ts";
export * as linalg from "./linalg.ts";
export { type PadOptions, type PadWidth, pad } from "./pad.ts";
export type { Axis, BinaryFunction, UnaryFunction } from "./promote.ts";
export { clip, isin, select, type TakeOptions, take, takeAlongAxis, where } from "./select.ts";
export * from "./series.ts";
export {
  atleast1d,
  atleast2d,
  broadcastArrays,
  broadcastShapes,
  broadcastTo,
  diag,
  diagflat,
  diagonal,
  expandDims,
  flip,
  fliplr,
  flipud,
  isscalar,
  matrixTranspose,
  moveaxis,
  ndim,
  permuteDims,
  ravel,
  reshape,
  rot90,
  shape,
  size,
  squeeze,
  swapaxes,
  transpose,
} from "./shape.ts";
export * from "./sorting.ts";
export * from "./spaces.ts";
