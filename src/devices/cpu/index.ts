import { nativeHost, warn } from "#platform";
import { printProgram } from "../../compiler/ir/print.ts";
import { WeftValueError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { settings, type Tier } from "../config.ts";
import { compileWasm, lower, type ProgramReport, reportProgram } from "./compile.ts";
import { CpuDevice, type MemoryStats } from "./cpu.ts";
import { WasmExecutable } from "./executable.ts";
import { type ProgramFacts, programFacts } from "./explain.ts";
import { interpretJaxpr } from "./interpreter.ts";
import { type Fallback, nativeExecutors, nativeSource, withoutNative } from "./native/index.ts";
import type { Executor } from "./runtime.ts";

export type { ProgramReport } from "./compile.ts";
export type { MemoryStats } from "./cpu.ts";
export type { ProgramFacts } from "./explain.ts";
export type { Executable, Executor, Runtime } from "./runtime.ts";

const asWasm: Fallback = (lowered, jaxpr, runtime, donated) => {
  const { memory, threads } = runtime;
  const code = compileWasm({ jaxpr, lowered, memory, threads: threads.limit, donated });
  return new WasmExecutable(code, jaxpr, runtime);
};

/** How each tier makes a program run. Usable with {@link setExecutor}. */
export const executors: Readonly<Record<Tier, Executor>> = {
  wasm: (jaxpr, ...rest) => asWasm(lower(jaxpr), jaxpr, ...rest),
  interp: interpretJaxpr,
  ...(nativeHost
    ? nativeExecutors({ host: nativeHost, cacheDir: () => settings.cacheDir, fallback: asWasm, warn })
    : withoutNative(asWasm)),
};

/** The CPU of this process. */
export const cpu: CpuDevice = new CpuDevice(settings, executors);

/** Where the bytes of all arrays are. @example const { live, peak } = memoryStats(); live <= peak // => true */
export const memoryStats = (): MemoryStats => cpu.memoryStats();

/** Runs programs by `executor` from now on, whatever `config.tier` says; undefined ends that. Made for tests. */
export const setExecutor = (executor: Executor | undefined): void => cpu.setExecutor(executor);

/** Forgets all compiled programs; they are compiled again when they are next run. */
export const clearCaches = (): void => cpu.clearCaches();

/** The compiled form of a program, and what it costs. Compiles it once more. */
export const inspectProgram = (jaxpr: Jaxpr): ProgramReport =>
  reportProgram(jaxpr, cpu.runtime.memory, cpu.runtime.threads.limit);

/** The loop IR of a program after all passes, as text. Compiles it once more. */
export const loopsText = (jaxpr: Jaxpr): string => printProgram(inspectProgram(jaxpr).program);

/** The C text of a program, as the native tier makes it for this machine. @throws WeftValueError where there is no such tier */
export function nativeText(jaxpr: Jaxpr): string {
  if (nativeHost) return nativeSource(jaxpr, nativeHost, cpu.runtime);
  throw new WeftValueError("There is no native tier here, so programs have no C text.");
}

/** What becomes of a program under the present settings. Compiles it once more. */
export const explainProgram = (jaxpr: Jaxpr, donated: readonly boolean[]): ProgramFacts =>
  programFacts(jaxpr, {
    tier: settings.tier,
    host: nativeHost,
    memory: cpu.runtime.memory,
    threads: cpu.runtime.threads,
    wanted: settings.threads,
    donated,
  });
