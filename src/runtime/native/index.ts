/**
 * The native tier: programs as C, compiled by the system's compiler. Which tier a program takes is decided once, by what is
 * there and by what the program computes, never by timing: results repeat from run to run.
 *
 * Programs that call JavaScript (`debug.print`) run as WebAssembly in every tier.
 */
import type { Program } from "../../compiler/ir/nodes.ts";
import { effects } from "../../compiler/ir/visit.ts";
import { donations } from "../../compiler/passes/donate.ts";
import { planMemory } from "../../compiler/passes/plan.ts";
import { runPipeline } from "../../compiler/pipeline.ts";
import { workOf } from "../../compiler/work.ts";
import { WeftValueError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { lower } from "../compile.ts";
import type { Executable, Executor, Runtime } from "../runtime.ts";
import { NativeExecutable } from "./executable.ts";
import { CompileFailure, type NativeHost } from "./host.ts";

/** Operations in one run from which the tier `auto` compiles a program natively: about a millisecond of WebAssembly. */
export const AUTO_WORK = 10_000_000;

/** Makes a lowered program run as WebAssembly. */
export type Fallback = (
  lowered: Program,
  jaxpr: Jaxpr,
  runtime: Runtime,
  donated: readonly boolean[],
) => Executable;

export interface NativeOptions {
  /** Undefined where there are no processes. */
  readonly host: NativeHost | undefined;
  /** `config.cacheDir` when a program is compiled. */
  readonly cacheDir: () => string;
  readonly fallback: Fallback;
  readonly warn: (message: string) => void;
}

/** The executors of the tiers `native` and `auto`. */
export function nativeExecutors(options: NativeOptions): { native: Executor; auto: Executor } {
  let warned = false;
  const onFailure = ({ message, logFile }: CompileFailure): void => {
    if (!warned)
      options.warn(`${message} Such programs run as WebAssembly. What the compiler said is in ${logFile}`);
    warned = true;
  };
  const compiled = (lowered: Program, host: NativeHost, ...rest: Parameters<Executor>): Executable => {
    try {
      return compileNative(lowered, host, options.cacheDir(), ...rest);
    } catch (error) {
      if (!(error instanceof CompileFailure)) throw error;
      onFailure(error);
      return options.fallback(lowered, ...rest);
    }
  };
  return {
    native: (...rest) => {
      const host = required(options.host);
      const lowered = lower(rest[0]);
      return callsHost(lowered) ? options.fallback(lowered, ...rest) : compiled(lowered, host, ...rest);
    },
    auto: (...rest) => {
      const { host } = options;
      const lowered = lower(rest[0]);
      const pays =
        host && workOf(lowered) >= AUTO_WORK && !callsHost(lowered) && host.missing() === undefined;
      return pays ? compiled(lowered, host, ...rest) : options.fallback(lowered, ...rest);
    },
  };
}

const callsHost = (program: Program): boolean => effects(program.body).calls;

function required(host: NativeHost | undefined): NativeHost {
  const missing = host ? host.missing() : "an engine that can start processes (Node)";
  if (missing === undefined) return host!;
  throw new WeftValueError(
    `config.tier is "native", which needs ${missing}. Or set config.tier to "auto", which uses native code where it can, or "wasm".`,
  );
}

function compileNative(
  lowered: Program,
  host: NativeHost,
  cacheDir: string,
  jaxpr: Jaxpr,
  runtime: Runtime,
  donated: readonly boolean[],
): Executable {
  const program = runPipeline(lowered, host.target());
  const plan = planMemory(program);
  const { run, threaded } = host.load(program, plan, cacheDir);
  const needs = { arenaBytes: plan.bytes, threaded, inPlace: donations(program, donated) };
  return new NativeExecutable(host, run, needs, jaxpr, runtime);
}
