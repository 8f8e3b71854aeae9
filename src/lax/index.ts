/**
 * The operations that everything is made of, with JAX's strictness: operands have one dtype and one shape (plain numbers
 * and scalars fit everywhere), nothing promotes. Source of names and semantics: `jax.lax`.
 */
export { add, addAny, div, integerPow, mul, neg, reciprocal, sign, square, sub } from "./arithmetic.ts";
export { broadcast, broadcastInDim, full, fullLike, onesLike, reduceSum, zerosLike } from "./broadcast.ts";
export { bitcastConvertType, convertElementType, copy, stopGradient } from "./cast.ts";
export {
  type AxisName,
  allGather,
  allToAll,
  axisIndex,
  axisSize,
  pmax,
  pmean,
  pmin,
  ppermute,
  psum,
  psumScatter,
  type TiledOptions,
} from "./collectives.ts";
export * from "./compare.ts";
export { type AssociativeScanOptions, associativeScan } from "./control/associative.ts";
export { cond, switchCase, switchCase as switch } from "./control/branches.ts";
export {
  type ForiOptions,
  foriLoop,
  map,
  type ScanOptions,
  scan,
  whileLoop,
} from "./control/loops.ts";
export { arrayOf as asArray } from "./convert.ts";
export {
  type AlongOptions,
  cumlogsumexp,
  cummax,
  cummin,
  cumprod,
  cumsum,
  linearRecurrence,
} from "./cumulative.ts";
export { type DotDimensionNumbers, type DotDims, dot, dotGeneral } from "./dot.ts";
export {
  dynamicIndexInDim,
  dynamicSlice,
  dynamicSliceInDim,
  dynamicUpdateIndexInDim,
  dynamicUpdateSlice,
  dynamicUpdateSliceInDim,
} from "./dynamic.ts";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  cbrt,
  ceil,
  cos,
  cosh,
  exp,
  exp2,
  expm1,
  floor,
  log,
  log1p,
  logistic,
  nextafter,
  pow,
  RoundingMethod,
  rem,
  round,
  rsqrt,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from "./elementary.ts";
export {
  type GatherDimensionNumbers,
  type GatherOptions,
  gather,
  type IndexMode,
  type ScatterDimensionNumbers,
  type ScatterOptions,
  scatter,
  scatterAdd,
  scatterMax,
  scatterMin,
  scatterMul,
} from "./gather.ts";
export { concatenate, split } from "./join.ts";
export { argmax, argmin, reduceAnd, reduceMax, reduceMin, reduceOr, reduceProd } from "./reduce.ts";
export { abs, clamp, max, min, select, selectN } from "./select.ts";
export { indexInDim, type PadConfig, pad, slice, sliceInDim } from "./slice.ts";
export { argsort, type SortOptions, sort, topK } from "./sort.ts";
export { digamma, erf, erfc, erfInv, lgamma, trigamma } from "./special.ts";
export { threefry2x32 } from "./threefry.ts";
export { broadcastedIota, expandDims, iota, reshape, rev, squeeze, transpose } from "./views.ts";
