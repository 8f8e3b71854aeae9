/** All operations that move elements without computing on them. */
export { broadcast, broadcastInDim, full, fullLike, onesLike, zerosLike } from "./broadcast.ts";
export { concatenate, split } from "./join.ts";
export { indexInDim, type PadConfig, pad, slice, sliceInDim } from "./slice.ts";
export { broadcastedIota, expandDims, iota, moveAxis, reshape, rev, squeeze, transpose } from "./views.ts";
