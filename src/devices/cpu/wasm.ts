/** Programs as WebAssembly modules. */
import { MATH_IMPORTS } from "../../backends/wasm/far.ts";
import { supports } from "../../backends/wasm/features.ts";
import { emitWasm, type WasmCode } from "../../backends/wasm/index.ts";
import type { Host } from "../../compiler/ir/nodes.ts";
import { PROGRAM_PASSES } from "../../compiler/pipeline.ts";
import { wasmTarget } from "../../compiler/target.ts";
import type { ShapedArray } from "../../core/aval.ts";
import { DTYPES, type TypedArray } from "../../core/dtype.ts";
import { WeftError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import type { Bytes } from "../../util/bytes.ts";
import type { Backend } from "./backend.ts";
import { FrameExecutable, type MemoryNeeds } from "./executable.ts";
import type { LinearMemory } from "./memory.ts";
import type { Runtime } from "./runtime.ts";

/** A module that exports `run(frame)`, and what it needs to run. */
export interface Code extends MemoryNeeds {
  readonly bytes: Bytes;
  /** What `env.host<k>` calls, by id. */
  readonly hosts: readonly Host[];
}

/** WebAssembly for this engine. */
export const wasmBackend: Backend<WasmCode> = {
  name: "wasm",
  target: (threads) => wasmTarget({ relaxedSimd: supports("relaxedSimd") }, threads),
  pipeline: PROGRAM_PASSES,
  emit: ({ program, plan, target, shared }) => emitWasm(program, plan, target, { shared }),
  sizeOf: ({ bytes }) => bytes.length,
  load: ({ bytes, hosts, parallel }, { jaxpr, plan, inPlace }, runtime) => {
    const threaded = parallel ? ({ kind: "wasm", bytes } as const) : undefined;
    return new WasmExecutable({ bytes, hosts, threaded, arenaBytes: plan.bytes, inPlace }, jaxpr, runtime);
  },
};

/** What a module imports and exports, and its size. */
export function moduleSummary(bytes: Bytes, arenaBytes: number): string {
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map((x) => `import ${x.kind} ${x.module}.${x.name}`);
  const exports = WebAssembly.Module.exports(module).map((x) => `export ${x.kind} ${x.name}`);
  return [`module of ${bytes.length} bytes, arena of ${arenaBytes} bytes`, ...imports, ...exports].join("\n");
}

/** A caller that waits for workers naps so many times (some ms) before it looks whether they still live. */
const WATCH_NAPS = 64;

/** The smallest module. */
const NOTHING = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

/** Whether modules may be compiled at all; `WebAssembly.validate` says nothing of that. */
function mayCompile(): boolean {
  try {
    return new WebAssembly.Module(NOTHING) !== undefined;
  } catch {
    return false;
  }
}

/** @throws WeftError where a page's policy forbids it */
function compileModule(bytes: Bytes): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    if (mayCompile()) throw cause;
    throw new WeftError(
      "WebAssembly, without which nothing can be computed, is blocked by the page's Content-Security-Policy (it needs " +
        "`script-src 'wasm-unsafe-eval'`).",
      { cause },
    );
  }
}

/**
 * {@link Code} as WebAssembly. Instances keep the addresses of a call, so a call from inside of a host function of the same
 * program runs in an instance of its own.
 */
export class WasmExecutable extends FrameExecutable {
  override readonly codeBytes: number;
  readonly #module: WebAssembly.Module;
  readonly #hosts: readonly Host[];
  /** The entry points of the instances, by how many calls of this program are under way. */
  readonly #entries: ((frame: number) => void)[] = [];
  #running = 0;

  constructor(code: Code, jaxpr: Jaxpr, runtime: Runtime) {
    super(code, jaxpr, runtime);
    this.codeBytes = code.bytes.length;
    this.#module = compileModule(code.bytes);
    this.#hosts = code.hosts;
  }

  protected override enter(frame: number): void {
    const entry = (this.#entries[this.#running] ??= this.#instantiate());
    this.#running++;
    try {
      entry(frame);
    } finally {
      this.#running--;
    }
  }

  #instantiate(): (frame: number) => void {
    const { memory, threads } = this.runtime;
    // Called at every nap of the caller.
    let naps = 0;
    const watch = (): void => void (++naps % WATCH_NAPS === 0 && threads.watch());
    const env = { memory: memory.memory as WebAssembly.Memory, watch, ...hostImports(this.#hosts, memory) };
    return new WebAssembly.Instance(this.#module, { env, Math: MATH_IMPORTS }).exports.run as (
      frame: number,
    ) => void;
  }
}

/** One function per number of operands, so that every import has a fixed type. */
function hostImports(hosts: readonly Host[], memory: LinearMemory): Record<string, WebAssembly.ImportValue> {
  const call = (id: number, ...addresses: number[]): void => {
    const { fn, args } = hosts[id]!;
    fn(args.map(({ aval }, i) => ({ aval, data: readValue(memory, addresses[i]! >>> 0, aval) })));
  };
  return Object.fromEntries(hosts.map(({ args }) => [`host${args.length}`, call]));
}

/** A copy, because the callee may keep it. */
function readValue(
  memory: LinearMemory,
  address: number,
  { dtype, size, byteLength }: ShapedArray,
): TypedArray {
  return new DTYPES[dtype].array(memory.copyOut(address, byteLength).buffer, 0, size);
}
