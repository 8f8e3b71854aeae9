/** For tests: runs what programs are compiled to, after all passes, on the interpreter: in planned memory, every access checked. */
import { planMemory } from "../compiler/passes/plan.ts";
import { runPipeline, verifyMemory } from "../compiler/pipeline.ts";
import { wasmTarget } from "../compiler/target.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { lower } from "./compile.ts";
import { setExecutor } from "./index.ts";
import { InterpretedExecutable } from "./interpreter.ts";
import type { Executable, Runtime } from "./runtime.ts";

/** Verifies the program after every pass, and where the plan puts its temps. */
export function checked(jaxpr: Jaxpr, runtime: Runtime): Executable {
  const program = runPipeline(lower(jaxpr), wasmTarget({ relaxedSimd: true }, 2), { debug: true });
  const plan = planMemory(program);
  verifyMemory(program, plan, undefined, true);
  return new InterpretedExecutable(program, plan, runtime);
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
