/** Programs with parallel loops on threads of their own device. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { emitC } from "../../../src/backends/c/index.ts";
import { emitWasm } from "../../../src/backends/wasm/index.ts";
import { WORK_LIMITS, type WorkLimits } from "../../../src/backends/wasm/work.ts";
import type { Buffer, Program, Stmt } from "../../../src/compiler/ir/nodes.ts";
import { type Block, mapParts } from "../../../src/compiler/ir/visit.ts";
import { contract } from "../../../src/compiler/passes/contract.ts";
import { planMemory } from "../../../src/compiler/passes/plan.ts";
import { iterationsAreSeparate } from "../../../src/compiler/passes/support/separate.ts";
import { wasmTarget } from "../../../src/compiler/target.ts";
import { aval, type ShapedArray } from "../../../src/core/aval.ts";
import type { TypedArray } from "../../../src/core/dtype.ts";
import { Jaxpr, Var } from "../../../src/core/jaxpr.ts";
import { guarded, settingsFrom } from "../../../src/devices/config.ts";
import { CpuDevice } from "../../../src/devices/cpu/cpu.ts";
import { NativeExecutable } from "../../../src/devices/cpu/native/executable.ts";
import { createNativeHost, loadSource } from "../../../src/devices/cpu/native/node.ts";
import { findToolchain } from "../../../src/devices/cpu/native/toolchain.ts";
import type { Executable, Executor, Runtime } from "../../../src/devices/cpu/runtime.ts";
import { startThreads } from "../../../src/devices/cpu/threads/start.ts";
import { WasmExecutable } from "../../../src/devices/cpu/wasm.ts";

export type Kind = "wasm" | "native";
export const KINDS: readonly Kind[] = ["wasm", "native"];
const host = createNativeHost();
const tools = findToolchain();
/** Without a compiler or koffi, native code is left out. */
export const isPossible = (kind: Kind): boolean => kind === "wasm" || host.missing() === undefined;

/** Compiled libraries of this test file. */
export const cache: string = mkdtempSync(join(tmpdir(), "weft-threads-cache-"));
process.on("exit", () => rmSync(cache, { recursive: true, force: true }));

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
  compile(program: Program, kind?: Kind): (args: readonly TypedArray[]) => TypedArray[];
}

// A registry of finalizers that dies ends all others on some engines (see support.ts): devices are kept.
const kept: CpuDevice[] = [];

/** Each piece is one iteration. */
const EXECUTABLES: Readonly<Record<Kind, (program: Program, jaxpr: Jaxpr, runtime: Runtime) => Executable>> =
  {
    wasm: (program, jaxpr, runtime) => {
      const plan = planMemory(program);
      const { bytes, hosts, parallel } = emitWasm(program, plan, target, { shared: true, limits });
      const threaded = parallel ? ({ kind: "wasm", bytes } as const) : undefined;
      return new WasmExecutable({ bytes, hosts, arenaBytes: plan.bytes, threaded }, jaxpr, runtime);
    },
    native: (program, jaxpr, runtime) => {
      const plan = planMemory(program);
      const code = loadSource(tools!, emitC(program, plan, host.target(), { pieceNs: 0 }), cache);
      return new NativeExecutable(host, code, { arenaBytes: plan.bytes }, jaxpr, runtime);
    },
  };

/** A device with threads of its own, for code of this kind if nothing else is said. */
export function threaded(kind: Kind): Threaded {
  const config = guarded(settingsFrom(() => undefined));
  const device = new CpuDevice(config, { wasm: never, native: never, auto: never, interp: never });
  kept.push(device);
  const { runtime } = device;
  const use = (threads: number): void => {
    config.threads = threads;
  };
  const typeOf = (b: Buffer): ShapedArray => aval([b.size], b.dtype);
  const compile: Threaded["compile"] = (program, as = kind) => {
    const inputs = program.args.map((b) => new Var(typeOf(b)));
    const jaxpr = new Jaxpr(
      inputs,
      [],
      program.outputs.map((b) => new Var(typeOf(b))),
    );
    const executable = EXECUTABLES[as](program, jaxpr, runtime);
    return (args) => {
      const arrays = args.map((x, i) => device.put(x, inputs[i]!.aval));
      return executable.run(jaxpr, arrays).map((x) => x.dataSync() as TypedArray);
    };
  };
  const warm = async (threads: number): Promise<void> => {
    use(threads);
    await startThreads(runtime.threads);
    if (runtime.threads.ready < threads) throw new Error("the workers did not start in time");
    // Code that they cannot load.
    if (runtime.threads.enter({ kind, bytes: new Uint8Array(8) }, 0)) runtime.threads.leave();
  };
  return { runtime, use, warm, compile };
}
