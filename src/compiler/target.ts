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
  readonly caches: Caches;
  readonly cycles: Cycles;
  readonly times: Times;
  /** Threads that a program may use. */
  readonly threads: number;
}

interface Caches {
  readonly lineBytes: number;
  /** Bytes after which lines lie in the same set again, in the first- and in the second-level cache. */
  readonly l1Period: number;
  readonly l2Period: number;
}

/** What instructions take, in cycles. */
export interface Cycles {
  /** From an operation to one that needs its result: an ordinary one, a slow one ({@link costOf}), a load of what was just stored. */
  readonly latency: number;
  readonly slowLatency: number;
  readonly forwarding: number;
  /** Operations that begin in one. */
  readonly perCycle: number;
  /** Where a tile of a matrix product begins and ends. */
  readonly perTile: number;
  /** A cache line from the second-level cache, which other work hides well, and from beyond. */
  readonly lineFromL2: number;
  readonly lineFromAfar: number;
  /** Share of that when lines follow each other: they are loaded ahead. */
  readonly streamed: number;
  /** An element that is loaded into a vector on its own, or stored on its own, to a line that is in the cache or has left it. */
  readonly gather: number;
  readonly scatter: number;
  readonly scatterAfar: number;
  /** An element that is copied, in vectors or one by one. */
  readonly copy: number;
  readonly copyStrided: number;
}

/** What larger things take, in nanoseconds and within a factor of about two. */
interface Times {
  readonly operation: number;
  readonly slowOperation: number;
  /** One vector, to an array in the first-level cache. */
  readonly store: number;
  /** Bytes that are stored in one, of arrays larger than that; reading what they are made from is included. */
  readonly bytesPerNs: number;
  /** A call of JavaScript. */
  readonly host: number;
  /** Handing a parallel loop over, waiting for the slower thread included. */
  readonly handover: number;
}

/** Measured on Zen 4 and 5; other current cores are close enough to choose by. */
export const CORE: Pick<Target, "l1Bytes" | "l2Bytes" | "caches" | "cycles" | "times"> = {
  l1Bytes: 32 * 1024,
  l2Bytes: 1024 * 1024,
  caches: { lineBytes: 64, l1Period: 4096, l2Period: 65536 },
  cycles: {
    latency: 4,
    slowLatency: 12,
    forwarding: 12,
    perCycle: 2,
    perTile: 12,
    lineFromL2: 0.5,
    lineFromAfar: 5,
    streamed: 0.5,
    gather: 0.75,
    scatter: 0.75,
    scatterAfar: 4,
    copy: 0.25,
    copyStrided: 0.5,
  },
  times: { operation: 0.1, slowOperation: 1, store: 0.2, bytesPerNs: 16, host: 1000, handover: 3000 },
};

/** What the WebAssembly engine at hand supports. */
interface WasmFeatures {
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
  ...CORE,
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
    ...CORE,
    threads,
  };
}
