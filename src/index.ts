/** weft: composable transformations of array programs, centred on the compiled loop. Public names only. */
import "./devices/index.ts";
import "./numpy/methods.ts";

export { grad, jvp, linearize, valueAndGrad, vjp } from "./api/autodiff.ts";
export { type CheckpointPolicy, checkpoint, checkpointName, customJvp, customVjp } from "./api/custom.ts";
export * as debug from "./api/debug.ts";
export { blockUntilReady, defaultDevice, devicePut, devices, init } from "./api/devices.ts";
export { type Explanation, explain } from "./api/explain.ts";
export { evalShape, makeJaxpr } from "./api/inspect.ts";
export { hessian, jacfwd, jacrev } from "./api/jacobian.ts";
export { disableJit, jit } from "./api/jit.ts";
export * as tree from "./api/tree.ts";
export { vmap } from "./api/vmap.ts";
export type { ArrayLike, NDArray } from "./core/array.ts";
export type { Device, DeviceLike } from "./core/device.ts";
export type { DType } from "./core/dtype.ts";
export {
  ConcretizationTypeError,
  DeletedArrayError,
  InternalError,
  OutOfMemoryError,
  TracerBoolConversionError,
  UnexpectedTracerError,
  WeftError,
  WeftTypeError,
  WeftValueError,
} from "./core/errors.ts";
export {
  type Config,
  config,
  type MemoryStats,
  memoryStats,
  type PassName,
} from "./devices/index.ts";
export * as io from "./io/index.ts";
export * as lax from "./lax/index.ts";
export * as nn from "./nn/index.ts";
export * as numpy from "./numpy/index.ts";
export * as optim from "./optim/index.ts";
export * as random from "./random/index.ts";
