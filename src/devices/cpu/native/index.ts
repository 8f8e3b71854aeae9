/**
 * The native tier: programs as C, compiled by the system's compiler. Which tier a program takes is decided once
 * (`choice.ts`): results repeat from run to run.
 *
 * Programs that call JavaScript (`debug.print`) run as WebAssembly in every tier.
 */
import type { Program } from "../../../compiler/ir/nodes.ts";
import { donations } from "../../../compiler/passes/donate.ts";
import { runPipeline, verifyMemory } from "../../../compiler/pipeline.ts";
import type { Jaxpr } from "../../../core/jaxpr.ts";
import type { Tier } from "../../config.ts";
import { lower } from "../compile.ts";
import { planWithin } from "../fit.ts";
import type { Executable, Executor, Runtime } from "../runtime.ts";
import { chooseTier, NO_PROCESSES, refuseNative } from "./choice.ts";
import { NativeExecutable } from "./executable.ts";
import { NativeFailure, type NativeHost } from "./host.ts";

/** Makes a lowered program run as WebAssembly. */
export type Fallback = (
  lowered: Program,
  jaxpr: Jaxpr,
  runtime: Runtime,
  donated: readonly boolean[],
) => Executable;

export interface NativeOptions {
  readonly host: NativeHost;
  /** `config.cacheDir` when a program is compiled. */
  readonly cacheDir: () => string;
  readonly fallback: Fallback;
  readonly warn: (message: string) => void;
}

/** The executors of the tiers `native` and `auto`. */
export function nativeExecutors(options: NativeOptions): { native: Executor; auto: Executor } {
  let [warned, broken] = [false, false];
  const onFailure = ({ message, onlyThis }: NativeFailure): void => {
    const which = onlyThis ? "Such programs run" : "All programs run from now on";
    if (!warned || (!onlyThis && !broken)) options.warn(`${message} ${which} as WebAssembly.`);
    warned = true;
    broken ||= !onlyThis;
  };
  const compiled = (lowered: Program, host: NativeHost, ...rest: Parameters<Executor>): Executable => {
    if (broken) return options.fallback(lowered, ...rest);
    try {
      return compileNative(lowered, host, options.cacheDir(), ...rest);
    } catch (error) {
      if (!(error instanceof NativeFailure)) throw error;
      onFailure(error);
      return options.fallback(lowered, ...rest);
    }
  };
  const executor =
    (wanted: Tier): Executor =>
    (...rest) => {
      const lowered = lower(rest[0]);
      const choice = chooseTier(wanted, lowered, options.host);
      return choice.tier === "native"
        ? compiled(lowered, choice.host, ...rest)
        : options.fallback(lowered, ...rest);
    };
  return { native: executor("native"), auto: executor("auto") };
}

/** The same where there are no processes: `native` is refused, and nothing can pay for compiling natively. */
export const withoutNative = (fallback: Fallback): { native: Executor; auto: Executor } => ({
  native: () => refuseNative(NO_PROCESSES),
  auto: (jaxpr, ...rest) => fallback(lower(jaxpr), jaxpr, ...rest),
});

/** A program as C for this machine. */
export function nativeSource(jaxpr: Jaxpr, host: NativeHost, { memory, threads }: Runtime): string {
  const lowered = lower(jaxpr);
  const program = runPipeline(lowered, { ...host.target(), threads: threads.limit });
  return host.source(program, planWithin(memory.limit, jaxpr, lowered, program));
}

function compileNative(
  lowered: Program,
  host: NativeHost,
  cacheDir: string,
  jaxpr: Jaxpr,
  runtime: Runtime,
  donated: readonly boolean[],
): Executable {
  const program = runPipeline(lowered, { ...host.target(), threads: runtime.threads.limit });
  const plan = planWithin(runtime.memory.limit, jaxpr, lowered, program);
  const inPlace = donations(program, donated);
  verifyMemory(program, plan, inPlace);
  const code = host.load(program, plan, cacheDir);
  const needs = { arenaBytes: plan.bytes, inPlace };
  return new NativeExecutable(host, code, needs, jaxpr, runtime);
}
