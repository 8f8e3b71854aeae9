/** What the passes know about the machine that a program is compiled for. */

export interface Target {
  readonly name: string;
  /** Width of a vector register. */
  readonly vectorBytes: number;
  /** Vector registers that a kernel may count on. */
  readonly registers: number;
  /** Multiply-add in one instruction. */
  readonly fma: boolean;
  /** A multiply-add is known to round once: the engine's may round the product as well. */
  readonly roundsOnce: boolean;
  readonly l1Bytes: number;
  readonly l2Bytes: number;
  /** Threads that a program may use. */
  readonly threads: number;
}

/** What the WebAssembly engine at hand supports. */
export interface WasmFeatures {
  readonly relaxedSimd?: boolean;
  /** Vector registers that its allocator uses without spilling. */
  readonly registers?: number;
}

/**
 * WebAssembly with 128-bit vectors. Of the 16 registers of x86-64, V8 11 fills about 12 before it spills (tiles of 4 by 8
 * floats beat those of 6 by 8 there), V8 13 fills all. Caches are those of a small current core, since a browser does not
 * tell.
 */
export const wasmTarget = (features: WasmFeatures = {}, threads = 1): Target => ({
  name: "wasm",
  vectorBytes: 16,
  registers: features.registers ?? 12,
  fma: features.relaxedSimd ?? false,
  roundsOnce: false,
  l1Bytes: 32 * 1024,
  l2Bytes: 1024 * 1024,
  threads,
});

/**
 * The CPU that a C compiler generates code for, by the names of its extensions (`avx2`, `avx512vl`, `fma`, `neon`).
 * Vectors of 64 bytes with 32 registers give twice the products of AVX2 where the units are that wide (Zen 5: 250 against
 * 126 GFLOP/s), and the same where they are not.
 */
export function nativeTarget(cpuFlags: ReadonlySet<string>, threads = 1): Target {
  const has = (...flags: string[]): boolean => flags.every((flag) => cpuFlags.has(flag));
  const fma = has("fma") || has("aarch64");
  const wide = has("avx512f", "avx512vl", "avx512bw", "avx512dq");
  return {
    name: "native",
    vectorBytes: wide ? 64 : has("avx2") ? 32 : 16,
    registers: wide || has("aarch64") ? 32 : 16,
    fma,
    roundsOnce: fma,
    l1Bytes: 32 * 1024,
    l2Bytes: 1024 * 1024,
    threads,
  };
}
