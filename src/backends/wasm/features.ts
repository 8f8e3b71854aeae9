import { type FuncBody, ModuleBuilder } from "./encoder/index.ts";

/** A part of WebAssembly beyond the 1.0 core. `simd` is required by the backend; the others change what it emits. */
export type WasmFeature = "simd" | "relaxedSimd" | "threads";

function probe(body: FuncBody, prepare?: (module: ModuleBuilder) => void): () => boolean {
  return () => {
    const module = new ModuleBuilder();
    prepare?.(module);
    module.func("probe", [], [], body);
    return WebAssembly.validate(module.finish());
  };
}

const ZEROS = new Uint8Array(16);

const PROBES: Readonly<Record<WasmFeature, () => boolean>> = {
  simd: probe((f) => {
    f.v128Const(ZEROS);
    f.op("f32x4.abs");
    f.op("drop");
  }),
  relaxedSimd: probe((f) => {
    for (let i = 0; i < 3; i++) f.v128Const(ZEROS);
    f.op("f32x4.relaxed_madd");
    f.op("drop");
  }),
  threads: probe(
    (f) => {
      f.i32Const(0);
      f.atomic("i32.atomic.load");
      f.op("drop");
    },
    (module) => module.importMemory("env", "memory", { min: 1, max: 1, shared: true }),
  ),
};

const known = new Map<WasmFeature, boolean>();

/**
 * Whether this engine compiles the feature, asked of `WebAssembly.validate` at the first call and remembered. Engine
 * flags (`--experimental-wasm-relaxed-simd` on Node 20) have to be set before that call. `threads` speaks of compilation
 * only: whether a shared memory can reach a worker is the host's affair (`crossOriginIsolated` in browsers).
 *
 * @example
 * supports("simd"); // => true
 */
export function supports(feature: WasmFeature): boolean {
  const cached = known.get(feature);
  if (cached !== undefined) return cached;
  const answer = PROBES[feature]();
  known.set(feature, answer);
  return answer;
}
