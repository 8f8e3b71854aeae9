export { type EmitOptions, emitWasm, type WasmCode } from "./emit.ts";
export { supports, type WasmFeature } from "./features.ts";
