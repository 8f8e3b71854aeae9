import { supports } from "../backends/wasm/features.ts";
import { emitWasm } from "../backends/wasm/index.ts";
import { lowerJaxpr } from "../compiler/lower/index.ts";
import { planMemory } from "../compiler/passes/plan.ts";
import { runPipeline } from "../compiler/pipeline.ts";
import { wasmTarget } from "../compiler/target.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import type { Code } from "./executable.ts";

/** From jaxpr to a WebAssembly module. */
export function compileWasm(jaxpr: Jaxpr): Code {
  const target = wasmTarget({ relaxedSimd: supports("relaxedSimd") });
  const program = runPipeline(lowerJaxpr(jaxpr), target);
  const plan = planMemory(program);
  const { bytes, hosts } = emitWasm(program, plan, target);
  return { bytes, hosts, arenaBytes: plan.bytes };
}
