import { supports } from "../backends/wasm/features.ts";
import { emitWasm } from "../backends/wasm/index.ts";
import type { Program } from "../compiler/ir/nodes.ts";
import { printProgram } from "../compiler/ir/print.ts";
import { lowerJaxpr } from "../compiler/lower/index.ts";
import { donations } from "../compiler/passes/donate.ts";
import { planMemory } from "../compiler/passes/plan.ts";
import { runPipeline } from "../compiler/pipeline.ts";
import { prepare } from "../compiler/prepare.ts";
import { type Target, wasmTarget } from "../compiler/target.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import type { Code } from "./executable.ts";

/** What there is to see of a compiled program. */
export interface ProgramReport {
  /** The loop IR after all passes. */
  readonly loops: string;
  /** What the module imports and exports, and its size. */
  readonly wasm: string;
  readonly cost: { readonly moduleBytes: number; readonly arenaBytes: number; readonly compileMs: number };
}

export const engineTarget = (threads: number): Target =>
  wasmTarget({ relaxedSimd: supports("relaxedSimd") }, threads);

function generate(program: Program, target: Target, shared: boolean, donated: readonly boolean[]): Code {
  const plan = planMemory(program);
  const { bytes, hosts, parallel } = emitWasm(program, plan, target, { shared });
  return {
    bytes,
    hosts,
    threaded: parallel ? { kind: "wasm", bytes } : undefined,
    arenaBytes: plan.bytes,
    inPlace: donations(program, donated),
  };
}

/** From jaxpr to the loop IR, the same for all tiers. */
export const lower = (jaxpr: Jaxpr): Program => lowerJaxpr(prepare(jaxpr));

/**
 * To a WebAssembly module that imports a memory, shared or not, for so many threads; callers give `donated` arguments
 * away.
 */
export function compileWasm(
  lowered: Program,
  shared: boolean,
  donated: readonly boolean[],
  threads = 1,
): Code {
  const target = engineTarget(threads);
  return generate(runPipeline(lowered, target), target, shared, donated);
}

/** Compiles `jaxpr` once more, to look at it. */
export function reportProgram(jaxpr: Jaxpr, shared: boolean, threads: number): ProgramReport {
  const start = performance.now();
  const target = engineTarget(threads);
  const program = runPipeline(lower(jaxpr), target);
  const code = generate(program, target, shared, []);
  const module = new WebAssembly.Module(code.bytes);
  const compileMs = performance.now() - start;
  return {
    loops: printProgram(program),
    wasm: moduleSummary(module, code),
    cost: { moduleBytes: code.bytes.length, arenaBytes: code.arenaBytes, compileMs },
  };
}

function moduleSummary(module: WebAssembly.Module, { bytes, arenaBytes }: Code): string {
  const imports = WebAssembly.Module.imports(module).map((x) => `import ${x.kind} ${x.module}.${x.name}`);
  const exports = WebAssembly.Module.exports(module).map((x) => `export ${x.kind} ${x.name}`);
  return [`module of ${bytes.length} bytes, arena of ${arenaBytes} bytes`, ...imports, ...exports].join("\n");
}
