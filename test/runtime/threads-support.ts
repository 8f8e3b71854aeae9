/** Programs with parallel loops on threads of their own device. */
import { emitWasm } from "../../src/backends/wasm/index.ts";
import { WORK_LIMITS, type WorkLimits } from "../../src/backends/wasm/work.ts";
import type { Buffer, Program, Stmt } from "../../src/compiler/ir/nodes.ts";
import { type Block, mapParts } from "../../src/compiler/ir/visit.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { planMemory } from "../../src/compiler/passes/plan.ts";
import { iterationsAreSeparate } from "../../src/compiler/passes/support/separate.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { aval, type ShapedArray } from "../../src/core/aval.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { Jaxpr, Var } from "../../src/core/jaxpr.ts";
import { createConfig } from "../../src/runtime/config.ts";
import { CpuDevice } from "../../src/runtime/cpu.ts";
import { WasmExecutable } from "../../src/runtime/executable.ts";
import type { Executor, Runtime } from "../../src/runtime/runtime.ts";

const target = wasmTarget();
const limits: WorkLimits = { ...WORK_LIMITS, piece: 1 };
const never: Executor = () => {
  throw new Error("the test brings its own executables");
};

/** Contractions expanded, and every loop parallel that can be, whether it pays or not. */
export function everywhere(program: Program): Program {
  const expanded = contract(program, target);
  const block = (b: Block): Block => b.map(spread);
  const spread = (s: Stmt): Stmt =>
    s.kind === "for" && s.mode === "independent" && s.lanes === 1 && s.extent > 0 && iterationsAreSeparate(s)
      ? { ...s, mode: "parallel" }
      : s.kind === "reduce" || (s.kind === "for" && s.lanes > 1)
        ? s
        : mapParts(s, { block });
  return { ...expanded, body: block(expanded.body) };
}

export interface Threaded {
  readonly runtime: Runtime;
  /** How many threads the next runs may use. */
  use(threads: number): void;
  /** Resolves when all workers for so many threads have started. */
  warm(threads: number): Promise<void>;
  compile(program: Program): (args: readonly TypedArray[]) => TypedArray[];
}

// A registry of finalizers that dies ends all others on some engines (see support.ts): devices are kept.
const kept: CpuDevice[] = [];

/** A device with threads of its own. */
export function threaded(): Threaded {
  const config = createConfig(() => undefined);
  const device = new CpuDevice(config, { wasm: never, native: never, auto: never, interp: never });
  kept.push(device);
  const { runtime } = device;
  const use = (threads: number): void => {
    config.threads = threads;
  };
  const typeOf = (b: Buffer): ShapedArray => aval([b.size], b.dtype);
  const compile: Threaded["compile"] = (program) => {
    const plan = planMemory(program);
    const { bytes, hosts, parallel } = emitWasm(program, plan, target, { shared: true, limits });
    const inputs = program.args.map((b) => new Var(typeOf(b)));
    const jaxpr = new Jaxpr(
      inputs,
      [],
      program.outputs.map((b) => new Var(typeOf(b))),
    );
    const threadedCode = parallel ? { bytes } : undefined;
    const code = { bytes, hosts, arenaBytes: plan.bytes, threaded: threadedCode };
    const executable = new WasmExecutable(code, jaxpr, runtime);
    return (args) => {
      const arrays = args.map((x, i) => device.put(x, inputs[i]!.aval));
      return executable.run(jaxpr, arrays).map((x) => x.dataSync() as TypedArray);
    };
  };
  const warm = async (threads: number): Promise<void> => {
    use(threads);
    const start = performance.now();
    do {
      runtime.threads.enter({ bytes: new Uint8Array(8) }, 0) && runtime.threads.leave();
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (performance.now() - start > 20_000) throw new Error("the workers did not start in 20 s");
    } while (runtime.threads.ready < threads - 1);
  };
  return { runtime, use, warm, compile };
}
