import { setFlagsFromString } from "node:v8";
import { ByteWriter } from "../../src/backends/wasm/encoder/bytes.ts";
import {
  type FuncBody,
  type FuncBuilder,
  ModuleBuilder,
  type ValType,
} from "../../src/backends/wasm/encoder/index.ts";

// Node 20 hides relaxed SIMD behind a flag, which has to be set before the first probe.
if (Number.parseInt(process.versions.node, 10) < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");

export type Bytes = Uint8Array<ArrayBuffer>;
export type WasmFunc = (...args: (number | bigint)[]) => number | bigint | undefined;

export function instantiate(bytes: Bytes, imports: WebAssembly.Imports = {}): Record<string, WasmFunc> {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Record<string, WasmFunc>;
}

/** Builds a module of one exported function and returns that function. */
export function compile(params: readonly ValType[], results: readonly ValType[], body: FuncBody): WasmFunc {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { min: 1 });
  module.func("main", params, results, body, { export: true });
  const memory = new WebAssembly.Memory({ initial: 1 });
  return instantiate(module.finish(), { env: { memory } }).main!;
}

export function parseSignature(signature: string): { params: ValType[]; results: ValType[] } {
  const [params, results] = signature
    .split("->")
    .map((side) => side.trim().split(" ").filter(Boolean) as ValType[]);
  return { params: params!, results: results! };
}

export const PUSH_ZERO: Record<ValType, (f: FuncBuilder) => void> = {
  i32: (f) => f.i32Const(0),
  i64: (f) => f.i64Const(0n),
  f32: (f) => f.f32Const(0),
  f64: (f) => f.f64Const(0),
  v128: (f) => f.v128Const(new Uint8Array(16)),
};

/** Whether the engine accepts `emit` between operands of `params` and results of `results`. */
export function validates(params: readonly ValType[], results: readonly ValType[], emit: FuncBody): boolean {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { min: 1, max: 1, shared: true });
  module.func("main", [], results, (f) => {
    for (const type of params) PUSH_ZERO[type](f);
    emit(f);
  });
  return WebAssembly.validate(module.finish());
}

/** What `write` writes, starting from a buffer that has to grow at once. */
export function written(write: (out: ByteWriter) => void): number[] {
  const out = new ByteWriter(1);
  write(out);
  return [...out.view()];
}
