/** Runs what programs are compiled to, after all passes, on the interpreter: in planned memory, every access checked. */
import { planMemory } from "../../src/compiler/passes/plan.ts";
import { runPipeline } from "../../src/compiler/pipeline.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import type { Jaxpr } from "../../src/core/jaxpr.ts";
import { lower } from "../../src/runtime/compile.ts";
import { InterpretedExecutable } from "../../src/runtime/interpreter.ts";
import type { Executable, Runtime } from "../../src/runtime/runtime.ts";

/** Verifies the program after every pass. */
export function checked(jaxpr: Jaxpr, runtime: Runtime): Executable {
  const program = runPipeline(lower(jaxpr), wasmTarget({ relaxedSimd: true }, 2), { debug: true });
  return new InterpretedExecutable(program, planMemory(program), runtime);
}
