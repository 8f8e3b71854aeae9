/**
 * Runs what programs are compiled to, after all passes, on the interpreter: in planned memory, every access checked. The parts are those
 * of the library that runs, so they are found by way of its package.
 */
import { interpret } from "#internal/backends/interp/index";
import { planMemory } from "#internal/compiler/passes/plan";
import { runPipeline, verifyMemory } from "#internal/compiler/pipeline";
import { wasmTarget } from "#internal/compiler/target";
import type { Jaxpr } from "#internal/core/jaxpr";
import { lower } from "#internal/devices/cpu/backend";
import { InterpretedExecutable } from "#internal/devices/cpu/interpreter";
import type { Executable, Runtime } from "#internal/devices/cpu/runtime";
import { setExecutor } from "#internal/devices/index";

/** Verifies the jaxpr and the program after every pass, and where the plan puts its temps. */
export function checked(jaxpr: Jaxpr, runtime: Runtime): Executable {
  const program = runPipeline(lower(jaxpr, { debug: true }), wasmTarget({ relaxedSimd: true }, 2), {
    debug: true,
  });
  const plan = planMemory(program);
  verifyMemory(program, plan, undefined, true);
  return new InterpretedExecutable(program, plan, runtime, interpret);
}

/** Runs `act` with all programs so checked. */
export function withChecks<T>(act: () => T): T {
  setExecutor(checked);
  try {
    return act();
  } finally {
    setExecutor(undefined);
  }
}
