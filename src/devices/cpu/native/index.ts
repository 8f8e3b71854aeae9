/**
 * The native tier: programs as C, compiled by the system's compiler. Which tier a program takes is decided once
 * (`choice.ts`): results repeat from run to run.
 *
 * Programs that call JavaScript (`debug.print`) run as WebAssembly in every tier.
 */
import type { CText } from "../../../backends/c/index.ts";
import { PROGRAM_PASSES } from "../../../compiler/pipeline.ts";
import type { Tier } from "../../config.ts";
import { type Backend, compile, type Source, sourceOf } from "../backend.ts";
import type { Executable, Executor, Runtime } from "../runtime.ts";
import { chooseTier, NO_PROCESSES, refuseNative } from "./choice.ts";
import { NativeExecutable } from "./executable.ts";
import { NativeFailure, type NativeHost } from "./host.ts";

/** Programs as C for the machine of `host`. @param cacheDir `config.cacheDir` when a program is compiled */
export const nativeBackend = (host: NativeHost, cacheDir: () => string): Backend<CText> => ({
  name: "native",
  target: (threads) => ({ ...host.target(), threads }),
  pipeline: PROGRAM_PASSES,
  emit: ({ program, plan, target }) => host.emit(program, plan, target),
  sizeOf: ({ source }) => source.length,
  load: (text, { jaxpr, plan, inPlace }, runtime) => {
    const code = host.load(text, cacheDir());
    return new NativeExecutable(host, code, { arenaBytes: plan.bytes, inPlace }, jaxpr, runtime);
  },
});

/** Makes a lowered program run as WebAssembly. */
export type Fallback = (source: Source, runtime: Runtime) => Executable;

interface NativeOptions {
  readonly host: NativeHost;
  readonly backend: Backend<CText>;
  readonly fallback: Fallback;
  readonly warn: (message: string) => void;
}

/** The executors of the tiers `native` and `auto`. */
export function nativeExecutors(options: NativeOptions): { native: Executor; auto: Executor } {
  const { host, backend, fallback, warn } = options;
  let [warned, broken] = [false, false];
  const onFailure = ({ message, onlyThis }: NativeFailure): void => {
    const which = onlyThis ? "Such programs run" : "All programs run from now on";
    if (!warned || (!onlyThis && !broken)) warn(`${message} ${which} as WebAssembly.`);
    warned = true;
    broken ||= !onlyThis;
  };
  const compiled = (source: Source, runtime: Runtime): Executable => {
    if (broken) return fallback(source, runtime);
    try {
      return compile(backend, source, runtime);
    } catch (error) {
      if (!(error instanceof NativeFailure)) throw error;
      onFailure(error);
      return fallback(source, runtime);
    }
  };
  const executor =
    (wanted: Tier): Executor =>
    (jaxpr, runtime, donated) => {
      const source = sourceOf(jaxpr, donated);
      const { tier } = chooseTier(wanted, source.lowered, host);
      return tier === "native" ? compiled(source, runtime) : fallback(source, runtime);
    };
  return { native: executor("native"), auto: executor("auto") };
}

/** The same where there are no processes: `native` is refused, and nothing can pay for compiling natively. */
export const withoutNative = (fallback: Fallback): { native: Executor; auto: Executor } => ({
  native: () => refuseNative(NO_PROCESSES),
  auto: (jaxpr, runtime, donated) => fallback(sourceOf(jaxpr, donated), runtime),
});
