import { supports } from "../../backends/wasm/features.ts";
import { emitWasm } from "../../backends/wasm/index.ts";
import type { Program } from "../../compiler/ir/nodes.ts";
import { lowerJaxpr } from "../../compiler/lower/index.ts";
import { donations } from "../../compiler/passes/donate.ts";
import { runPipeline, verifyMemory } from "../../compiler/pipeline.ts";
import { type PrepareOptions, prepare } from "../../compiler/prepare.ts";
import { type Target, wasmTarget } from "../../compiler/target.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import type { Code } from "./executable.ts";
import { planWithin } from "./fit.ts";
import type { LinearMemory } from "./memory.ts";

/** What there is to see of a compiled program. */
export interface ProgramReport {
  /** After all passes. */
  readonly program: Program;
  /** What the module imports and exports, and its size. */
  readonly wasm: string;
  readonly cost: { readonly moduleBytes: number; readonly arenaBytes: number; readonly compileMs: number };
}

export const engineTarget = (threads: number): Target =>
  wasmTarget({ relaxedSimd: supports("relaxedSimd") }, threads);

/** A lowered program that is to be compiled, and what it will run under. */
export interface Unit {
  readonly jaxpr: Jaxpr;
  readonly lowered: Program;
  readonly memory: Pick<LinearMemory, "shared" | "limit">;
  readonly threads: number;
  /** Arguments that callers give away. */
  readonly donated: readonly boolean[];
}

/** Compiles for this engine. Throws {@link OutOfMemoryError} for what can never run. */
function generate({ jaxpr, lowered, memory, threads, donated }: Unit): { program: Program; code: Code } {
  const target = engineTarget(threads);
  const program = runPipeline(lowered, target);
  const plan = planWithin(memory.limit, jaxpr, lowered, program);
  const inPlace = donations(program, donated);
  verifyMemory(program, plan, inPlace);
  const { bytes, hosts, parallel } = emitWasm(program, plan, target, { shared: memory.shared });
  const code: Code = {
    bytes,
    hosts,
    threaded: parallel ? { kind: "wasm", bytes } : undefined,
    arenaBytes: plan.bytes,
    inPlace,
  };
  return { program, code };
}

/** From jaxpr to the loop IR, the same for all tiers. */
export const lower = (jaxpr: Jaxpr, options?: PrepareOptions): Program => lowerJaxpr(prepare(jaxpr, options));

/** To a WebAssembly module that imports a memory. Throws {@link OutOfMemoryError} for what can never run. */
export const compileWasm = (unit: Unit): Code => generate(unit).code;

/** Compiles `jaxpr` once more, to look at it. */
export function reportProgram(jaxpr: Jaxpr, memory: Unit["memory"], threads: number): ProgramReport {
  const start = performance.now();
  const { program, code } = generate({ jaxpr, lowered: lower(jaxpr), memory, threads, donated: [] });
  const module = new WebAssembly.Module(code.bytes);
  const compileMs = performance.now() - start;
  return {
    program,
    wasm: moduleSummary(module, code),
    cost: { moduleBytes: code.bytes.length, arenaBytes: code.arenaBytes, compileMs },
  };
}

function moduleSummary(module: WebAssembly.Module, { bytes, arenaBytes }: Code): string {
  const imports = WebAssembly.Module.imports(module).map((x) => `import ${x.kind} ${x.module}.${x.name}`);
  const exports = WebAssembly.Module.exports(module).map((x) => `export ${x.kind} ${x.name}`);
  return [`module of ${bytes.length} bytes, arena of ${arenaBytes} bytes`, ...imports, ...exports].join("\n");
}
