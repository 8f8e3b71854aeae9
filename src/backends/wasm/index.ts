export { type EmitOptions, emitWasm, type WasmCode } from "./emit.ts";
export { MATH_IMPORTS } from "./far.ts";
export { supports, type WasmFeature } from "./features.ts";
