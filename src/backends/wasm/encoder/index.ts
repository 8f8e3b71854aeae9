export { EncodeError } from "./bytes.ts";
export type { Label } from "./control.ts";
export type { ControlBody, FuncBuilder, FuncRef, GlobalRef } from "./func.ts";
export type {
  AtomicName,
  LaneName,
  LoadLaneName,
  LoadName,
  StoreLaneName,
  StoreName,
} from "./memory-opcodes.ts";
export { type FuncBody, type FuncOptions, type MemoryLimits, ModuleBuilder } from "./module.ts";
export type { OpName } from "./opcodes.ts";
export type { FuncType, Scalar, ValType } from "./types.ts";
