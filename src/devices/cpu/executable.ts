import type { ThreadedCode } from "../../backends/common/handover.ts";
import { DeviceArray } from "../../core/array.ts";
import { assert } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { type Executable, freeDonated, type Runtime, storageOf } from "./runtime.ts";
import { ALIGN } from "./size-class.ts";
import type { Storage } from "./storage.ts";

/** What memory a program needs besides that of its arguments. */
export interface MemoryNeeds {
  /** Size of the block for temporaries. */
  readonly arenaBytes: number;
  /** What other threads need to help; undefined when there are no parallel loops. */
  readonly threaded?: ThreadedCode | undefined;
  /** For each result that may lie in the memory of a donated argument, the number of that argument. */
  readonly inPlace?: ReadonlyMap<number, number>;
}

const WORD = 4;

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

function wrap(jaxpr: Jaxpr, outs: readonly Storage[]): DeviceArray[] {
  const arrays: DeviceArray[] = [];
  for (let i = 0; i < outs.length; i++) arrays.push(new DeviceArray(jaxpr.outs[i]!.aval, outs[i]!));
  return arrays;
}
