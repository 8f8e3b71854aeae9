/** The CPU of this process: its backends, and what is to be seen of the programs that they make. */
import { warn } from "#platform";
import { nativeHost } from "#tiers";
import type { Program } from "../../compiler/ir/nodes.ts";
import { printProgram } from "../../compiler/ir/print.ts";
import { WeftValueError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { settings, type Tier } from "../config.ts";
import { build, compile, executorOf, sourceOf } from "./backend.ts";
import { CpuDevice, type MemoryStats } from "./cpu.ts";
import { type ProgramFacts, programFacts } from "./explain.ts";
import { interpBackend } from "./interpreter.ts";
import { type Fallback, nativeBackend, nativeExecutors, withoutNative } from "./native/index.ts";
import type { Executor } from "./runtime.ts";
import { moduleSummary, wasmBackend } from "./wasm.ts";

export type { MemoryStats } from "./cpu.ts";
export type { ProgramFacts } from "./explain.ts";
export type { Executable, Executor, Runtime } from "./runtime.ts";

const c = nativeHost ? nativeBackend(nativeHost, () => settings.cacheDir) : undefined;
const fallback: Fallback = (source, runtime) => compile(wasmBackend, source, runtime);

/** How each tier makes a program run. Usable with {@link setExecutor}. */
export const executors: Readonly<Record<Tier, Executor>> = {
  wasm: executorOf(wasmBackend),
  interp: executorOf(interpBackend),
  ...(nativeHost && c
    ? nativeExecutors({ host: nativeHost, backend: c, fallback, warn })
    : withoutNative(fallback)),
};

/** The CPU of this process. */
export const cpu: CpuDevice = new CpuDevice(settings, executors);

/** Where the bytes of all arrays are. @example const { live, peak } = memoryStats(); live <= peak // => true */
export const memoryStats = (): MemoryStats => cpu.memoryStats();

/** Runs programs by `executor` from now on, whatever `config.tier` says; undefined ends that. Made for tests. */
export const setExecutor = (executor: Executor | undefined): void => cpu.setExecutor(executor);

/** Forgets all compiled programs; they are compiled again when they are next run. */
export const clearCaches = (): void => cpu.clearCaches();

/** What there is to see of a compiled program. */
export interface ProgramReport {
  /** After all passes. */
  readonly program: Program;
  /** What the module imports and exports, and its size. */
  readonly wasm: string;
  readonly cost: { readonly moduleBytes: number; readonly arenaBytes: number; readonly compileMs: number };
}

/** The compiled form of a program, and what it costs. Compiles it once more. */
export function inspectProgram(jaxpr: Jaxpr): ProgramReport {
  const start = performance.now();
  const built = build(wasmBackend, sourceOf(jaxpr), cpu.runtime);
  const { bytes } = wasmBackend.emit(built);
  const arenaBytes = built.plan.bytes;
  const summary = moduleSummary(bytes, arenaBytes);
  const compileMs = performance.now() - start;
  return {
    program: built.program,
    wasm: summary,
    cost: { moduleBytes: bytes.length, arenaBytes, compileMs },
  };
}

/** The loop IR of a program after all passes, as text. Compiles it once more. */
export const loopsText = (jaxpr: Jaxpr): string => printProgram(inspectProgram(jaxpr).program);

/** The C text of a program, as the native tier makes it for this machine. @throws WeftValueError where there is no such tier */
export function nativeText(jaxpr: Jaxpr): string {
  if (c) return c.emit(build(c, sourceOf(jaxpr), cpu.runtime)).source;
  throw new WeftValueError("There is no native tier here, so programs have no C text.");
}

/** What becomes of a program under the present settings. Compiles it once more. */
export const explainProgram = (jaxpr: Jaxpr, donated: readonly boolean[]): ProgramFacts =>
  programFacts(jaxpr, {
    tier: settings.tier,
    host: nativeHost,
    backends: { wasm: wasmBackend, native: c },
    memory: cpu.runtime.memory,
    threads: cpu.runtime.threads,
    wanted: settings.threads,
    donated,
  });
