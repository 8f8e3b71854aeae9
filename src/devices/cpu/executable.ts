import { MATH_IMPORTS } from "../../backends/wasm/far.ts";
import type { Host } from "../../compiler/ir/nodes.ts";
import { DeviceArray } from "../../core/array.ts";
import type { ShapedArray } from "../../core/aval.ts";
import { DTYPES, type TypedArray } from "../../core/dtype.ts";
import { assert, WeftError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import type { Bytes } from "../../util/bytes.ts";
import type { LinearMemory } from "./memory.ts";
import { type Executable, freeDonated, type Runtime, storageOf } from "./runtime.ts";
import { ALIGN } from "./size-class.ts";
import type { Storage } from "./storage.ts";
import type { ThreadedCode } from "./threads/pool.ts";

/** What memory a program needs besides that of its arguments. */
export interface MemoryNeeds {
  /** Size of the block for temporaries. */
  readonly arenaBytes: number;
  /** What other threads need to help; undefined when there are no parallel loops. */
  readonly threaded?: ThreadedCode | undefined;
  /** For each result that may lie in the memory of a donated argument, the number of that argument. */
  readonly inPlace?: ReadonlyMap<number, number>;
}

/** A compiled program: a module that exports `run(frame)` and what it needs to run. */
export interface Code extends MemoryNeeds {
  readonly bytes: Bytes;
  /** What `env.host<k>` calls, by id. */
  readonly hosts: readonly Host[];
}

const WORD = 4;
/** A caller that waits for workers naps so many times (some ms) before it looks whether they still live. */
const WATCH_NAPS = 64;

/** Machine code over the linear memory, of whatever tier, that finds the addresses of a call in a frame. */
export abstract class FrameExecutable implements Executable {
  protected readonly runtime: Runtime;
  readonly #code: MemoryNeeds;
  /** Calls that are under way. */
  #calls = 0;
  readonly #argBytes: readonly number[];
  readonly #outBytes: readonly number[];
  readonly #frameBytes: number;
  readonly #stackBytes: number;

  constructor(code: MemoryNeeds, jaxpr: Jaxpr, runtime: Runtime) {
    this.runtime = runtime;
    this.#code = code;
    this.#argBytes = jaxpr.inAvals.map((type) => type.byteLength);
    this.#outBytes = jaxpr.outAvals.map((type) => type.byteLength);
    const words = this.#argBytes.length + this.#outBytes.length + 2;
    this.#frameBytes = Math.ceil((words * WORD) / ALIGN) * ALIGN;
    this.#stackBytes = this.#frameBytes + code.arenaBytes;
  }

  /** The size of the machine code, or of what it is made from. */
  abstract get codeBytes(): number;

  get busy(): boolean {
    return this.#calls > 0;
  }

  /** Gives back what other threads have of it. It is not run again. */
  release(): void {
    if (this.#code.threaded) this.runtime.threads.forget(this.#code.threaded);
  }

  /** Results come back as new arrays. When the program throws, results are freed and no argument is given away. */
  run(jaxpr: Jaxpr, args: readonly DeviceArray[], donated?: readonly boolean[]): DeviceArray[] {
    const { residency } = this.runtime;
    const outs: Storage[] = [];
    let pinned = 0;
    try {
      for (; pinned < args.length; pinned++) residency.pin(storageOf(args[pinned]!));
      for (let i = 0; i < this.#outBytes.length; i++) outs.push(this.#result(i, args));
      this.#call(args, outs);
      for (let i = 0; i < outs.length; i++)
        if (outs[i]!.cell.address === 0) residency.move(this.#source(i, args)!, outs[i]!);
    } catch (error) {
      for (const out of outs) out.free("disposed");
      throw error;
    } finally {
      for (let i = 0; i < outs.length; i++) residency.unpin(outs[i]!);
      while (pinned > 0) residency.unpin(storageOf(args[--pinned]!));
    }
    freeDonated(args, donated);
    return wrap(jaxpr, outs);
  }

  /** The array whose memory result `i` may take. */
  #source(i: number, args: readonly DeviceArray[]): Storage | undefined {
    const from = this.#code.inPlace?.get(i);
    return from === undefined ? undefined : storageOf(args[from]!);
  }

  /**
   * A new array for result `i`: without memory of its own when it takes that of an argument after the call. An array that
   * is pinned more than once is another argument, too, or in use by a call that has not ended: its memory is not taken.
   */
  #result(i: number, args: readonly DeviceArray[]): Storage {
    const { residency } = this.runtime;
    const reused = this.#source(i, args)?.cell.pins === 1;
    return reused ? residency.vacant(this.#outBytes[i]!) : residency.create(this.#outBytes[i]!);
  }

  /** Lays the addresses out in a frame (arguments, results, arena, control block of the threads) and runs the code. */
  #call(args: readonly DeviceArray[], outs: readonly Storage[]): void {
    const { memory, residency, stack } = this.runtime;
    const frame = stack.enter(this.#stackBytes);
    this.#calls++;
    try {
      let word = frame / WORD;
      for (let i = 0; i < this.#argBytes.length; i++) {
        const storage = storageOf(args[i]!);
        assert(storage.byteLength === this.#argBytes[i], "An argument's size differs from its type's.");
        const address = residency.load(storage);
        memory.i32[word++] = address;
      }
      for (let i = 0; i < outs.length; i++)
        memory.i32[word++] = outs[i]!.cell.address || this.#source(i, args)!.cell.address;
      memory.i32[word++] = frame + this.#frameBytes;
      this.#enterThreads(frame, word);
    } finally {
      this.#calls--;
      stack.leave();
    }
  }

  /** Runs the code, with the help of other threads if they can: their control block goes into `word` of the memory. */
  #enterThreads(frame: number, word: number): void {
    const { memory, threads } = this.runtime;
    const control = this.#code.threaded ? threads.enter(this.#code.threaded, frame) : 0;
    memory.i32[word] = control;
    if (control === 0) {
      this.enter(frame);
      return;
    }
    try {
      this.enter(frame);
    } catch (error) {
      threads.settle();
      throw error;
    } finally {
      threads.leave();
    }
  }

  /** Runs the code on the frame at this address. */
  protected abstract enter(frame: number): void;
}

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

function wrap(jaxpr: Jaxpr, outs: readonly Storage[]): DeviceArray[] {
  const arrays: DeviceArray[] = [];
  for (let i = 0; i < outs.length; i++) arrays.push(new DeviceArray(jaxpr.outs[i]!.aval, outs[i]!));
  return arrays;
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
