/** What a first call is spent on; runs in the process of a contestant. */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

/** Milliseconds of a first call, and of a later one. */
export interface Stages {
  /** From nothing to the result. */
  readonly first: number;
  /** Part of it: tracing the function, with `grad` and what else transforms it. */
  readonly trace: number;
  /** Part of it: the engine's WebAssembly compiler, or the C compiler with the question for its version. */
  readonly compiler: number;
  readonly later: number;
}

const LATER_CALLS = 7;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export function milliseconds(action: () => unknown): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

let spent = 0;

/** Milliseconds that compilers below weft's own have taken so far, from {@link watchCompilers} on. */
export const compilerMs = (): number => spent;

function clocked<F extends object>(f: F): F {
  const clock = <T>(call: () => T): T => {
    const start = performance.now();
    try {
      return call();
    } finally {
      spent += performance.now() - start;
    }
  };
  return new Proxy(f, {
    apply: (target, self, args) => clock(() => Reflect.apply(target as never, self, args)),
    construct: (target, args) => clock(() => Reflect.construct(target as never, args)),
  });
}

/** Puts a clock on everything in this process that weft has its programs compiled by. */
export function watchCompilers(): void {
  Object.assign(WebAssembly, { Module: clocked(WebAssembly.Module) });
  const { spawnSync, execFileSync } = childProcess;
  Object.assign(childProcess, { spawnSync: clocked(spawnSync), execFileSync: clocked(execFileSync) });
  syncBuiltinESMExports();
}

/** `run` must be called for the first time, on arguments that `trace` traces the same function for. */
export function stagesOf(trace: () => unknown, run: () => unknown): Stages {
  const before = compilerMs();
  const traced = milliseconds(trace);
  const rest = milliseconds(run);
  const compiler = compilerMs() - before;
  const later = median(Array.from({ length: LATER_CALLS }, () => milliseconds(run)));
  return { first: traced + rest, trace: traced, compiler, later };
}
