import { env, nativeHost, warn } from "#platform";
import { printProgram } from "../compiler/ir/print.ts";
import { installDevice } from "../core/device.ts";
import { WeftValueError } from "../core/errors.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { installSwitches } from "../core/switches.ts";
import { setFolding } from "../util/frames.ts";
import { show } from "../util/text.ts";
import { compileWasm, lower, type ProgramReport, reportProgram } from "./compile.ts";
import { settings, type Tier } from "./config.ts";
import { CpuDevice, type MemoryStats } from "./cpu.ts";
import { WasmExecutable } from "./executable.ts";
import { type ProgramFacts, programFacts } from "./explain.ts";
import { interpretJaxpr } from "./interpreter.ts";
import { type Fallback, nativeExecutors, nativeSource, withoutNative } from "./native/index.ts";
import type { Executor } from "./runtime.ts";
import { startThreads } from "./threads/start.ts";

export type { ProgramReport } from "./compile.ts";
export { type Config, config, type PassName, type Tier } from "./config.ts";
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

const cpu = new CpuDevice(settings, executors);
installDevice(cpu);
installSwitches(() => settings.disable);
setFolding(!env("WEFT_DEBUG"));

/** Names of devices. */
export type DeviceName = "wasm";

/** The devices that exist here. */
export const devices: readonly DeviceName[] = ["wasm"];

/**
 * The device on which arrays are made, after making `name` that device. Throws {@link WeftValueError} for a name that
 * is not in {@link devices}.
 * @example defaultDevice("wasm"); // => "wasm"
 */
export function defaultDevice(name?: DeviceName): DeviceName {
  if (name !== undefined && !devices.includes(name))
    throw new WeftValueError(
      `defaultDevice: There is no device ${show(name)}; there is ${devices.join(", ")}.`,
    );
  return "wasm";
}

/**
 * Prepares the device, which otherwise happens at the first use, and starts the threads of `config.threads`. Resolves to the names
 * of the devices when these threads are ready for the next call, or when it is clear that there will be none: a warning says why,
 * and so does `explain`. To be awaited again where `config.threads` has become more.
 *
 * In a page threads begin when the page returns to its event loop: without this, the calls of a synchronous loop have none.
 * @example await init(); // => ["wasm"]
 */
export async function init(): Promise<readonly DeviceName[]> {
  await startThreads(cpu.runtime.threads);
  return devices;
}

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
