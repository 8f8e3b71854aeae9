import { canBlock, onProcessEnd, startWorker, threadExists, warn } from "#platform";
import {
  CODE_HEADER,
  CODE_KINDS,
  CONTROL,
  CONTROL_BYTES,
  FAILED,
  MAX_THREADS,
  MESSAGE_BYTES,
  QUEUE_STRIDE,
  type ThreadedCode,
} from "../../../backends/common/handover.ts";
import { InternalError, WeftError } from "../../../core/errors.ts";
import { reasonOf } from "../../../util/reason.ts";
import type { Residency } from "../residency.ts";
import { WORKER, type WorkerData } from "./worker.ts";

const WORD = 4;
const at = (name: keyof typeof CONTROL): number => CONTROL[name] / WORD;
const idAt = (worker: number): number => at("threadIds") + worker - 1;
/** Workers that end over and over again are not worth starting. */
const MOST_REPLACED = 64;
const WATCH_SPINS = 1 << 16;
/** A library that takes longer does not keep a process that ends, and so often is looked whether its thread still exists. */
const LONGEST_LOAD_MS = 5000;
const LOAD_WATCH_MS = 50;
const NOT_SHARED = "this page may not share memory (it is not cross-origin isolated)";

export interface ThreadLimits {
  /** Threads that a program may use, the calling one included. */
  readonly threads: number;
}

/** One of the threads that have been worker `me`, one after the other. */
interface Worker {
  readonly me: number;
  ended: boolean;
}

/** The code of a module where workers find it, in a block of `bytes` bytes. */
interface Published {
  readonly id: number;
  readonly address: number;
  readonly bytes: number;
}

/**
 * The threads that help programs over one shared memory; see `backends/common/handover.ts` for how. Workers start at the first
 * program that could use them, or before (`start.ts`), and no program waits for them: until they are ready, and inside of a running
 * program, programs run alone. Idle workers sleep.
 */
export class ThreadPool {
  readonly #residency: Residency;
  readonly #limits: ThreadLimits;
  readonly #published: WeakMap<ThreadedCode, Published> = new WeakMap();
  readonly #finalizer: FinalizationRegistry<Published> = new FinalizationRegistry((p) => this.#free(p));
  /** The control block as words, once there is one. */
  #words: Int32Array = new Int32Array(0);
  #control = 0;
  /** By number, from 1 on. */
  readonly #workers: Worker[] = [];
  #modules = 0;
  #replaced = 0;
  #active = false;
  #impossible: string | undefined;

  constructor(residency: Residency, limits: ThreadLimits) {
    this.#residency = residency;
    this.#limits = limits;
  }

  /** Threads that a program may count on, the calling one included. */
  get limit(): number {
    return this.impossible ? 1 : this.#wanted;
  }

  /** Threads that can take part now, the calling one included. */
  get ready(): number {
    return this.#control === 0 || this.#impossible ? 1 : 1 + Atomics.load(this.#words, at("ready"));
  }

  /** Why there are no other threads, if there can be none. */
  get impossible(): string | undefined {
    return this.#impossible ?? (this.#residency.memory.shared ? undefined : NOT_SHARED);
  }

  get #wanted(): number {
    return Math.min(this.#limits.threads, MAX_THREADS);
  }

  /**
   * Begins a run of a program with parallel loops whose frame is at `frame`. Returns the address of the control block, to be
   * ended by {@link leave}, or 0 when the program runs alone.
   */
  enter(code: ThreadedCode, frame: number): number {
    const threads = this.#wanted;
    if (this.#active) this.#recover();
    if (threads < 2 || this.#active) return 0;
    this.start();
    if (this.ready === 1) return 0;
    const { id, address } = this.#publish(code);
    const words = this.#words;
    words[at("code")] = address;
    words[at("threads")] = threads;
    words[at("frame")] = frame;
    Atomics.store(words, at("module"), id);
    Atomics.store(words, at("running"), 1);
    Atomics.add(words, at("tag"), 1);
    if (Atomics.load(words, at("sleepers")) > 0) Atomics.notify(words, at("tag"));
    this.#active = true;
    return this.#control;
  }

  /**
   * Ends a run; to be called also when it threw. Throws {@link InternalError} when that was because a worker failed, WeftError
   * when one has ended.
   */
  leave(): void {
    this.#active = false;
    Atomics.store(this.#words, at("running"), 0);
    const failed = Atomics.load(this.#words, at("failed"));
    if (failed === 0) return;
    this.settle();
    this.#words[at("failed")] = 0;
    if (!threadExists || failed !== FAILED.ended)
      throw new InternalError(`A worker thread failed: ${this.#message()}`);
    for (const worker of [...this.#workers])
      if (this.#isGone(worker.me)) this.#replace(worker, "its thread is gone");
    throw new WeftError(
      "A worker thread was ended in the middle of a call, whose results are lost. Call again: another thread takes its place.",
    );
  }

  /**
   * What ends JavaScript from outside (the timeout of Node's `vm`) leaves no run, since it passes over `finally`. No program runs
   * when a microtask does, so that a run which is still under way then was ended so.
   */
  #recover(): void {
    queueMicrotask(() => {
      if (!this.#active) return;
      this.#active = false;
      Atomics.store(this.#words, at("running"), 0);
      this.settle();
      Atomics.store(this.#words, at("failed"), 0);
    });
  }

  /** Returns when no worker touches the memory of the current run, whose caller has failed. */
  settle(): void {
    const queue = (q: number): number => (CONTROL.queues + q * QUEUE_STRIDE) / WORD;
    // The low half holds `next` and `end`: both 0 is an empty queue.
    for (let q = 0; q < MAX_THREADS; q++) Atomics.store(this.#words, queue(q), 0);
    for (let i = 1; Atomics.load(this.#words, at("busy")) !== 0; i++) if (i % WATCH_SPINS === 0) this.watch();
  }

  /** Lets the current run fail when a worker has ended that may hold a piece of it. */
  watch(): void {
    if (this.#release("busy")) Atomics.store(this.#words, at("failed"), FAILED.ended);
  }

  #isGone(me: number): boolean {
    if (!threadExists) return false;
    const id = Atomics.load(this.#words, idAt(me));
    return id > 0 && !threadExists(id);
  }

  /** Starts the workers that programs may use and that are not there. A page must return to its event loop before they run. */
  start(): void {
    const workers = this.#wanted - 1;
    if (this.#workers.length >= workers) return;
    if (this.impossible) this.#giveUp(this.impossible);
    else if (this.#control === 0) this.#createControl();
    while (this.#workers.length < workers && !this.#impossible) this.#startOne(this.#workers.length + 1);
  }

  #createControl(): void {
    this.#control = this.#residency.allocate(CONTROL_BYTES);
    this.#words = new Int32Array(this.#residency.memory.memory.buffer, this.#control, CONTROL_BYTES / WORD);
    this.#words.fill(0);
    this.#words[at("mayBlock")] = canBlock() ? 1 : 0;
    onProcessEnd?.(() => this.#end());
  }

  /** Waits until workers can be stopped. */
  #end(): void {
    const words = this.#words;
    Atomics.store(words, at("ending"), 1);
    const loading = (): number => Atomics.load(words, at("loading"));
    for (let ms = 0; loading() !== 0 && ms < LONGEST_LOAD_MS; ms += LOAD_WATCH_MS)
      if (Atomics.wait(words, at("loading"), loading(), LOAD_WATCH_MS) === "timed-out")
        this.#release("loading");
  }

  /** Lowers the bits of workers that are gone; whether there were any. */
  #release(name: "busy" | "loading"): boolean {
    if (!threadExists) return false;
    let found = false;
    for (let me = 1; me < MAX_THREADS; me++) {
      if (!(Atomics.load(this.#words, at(name)) & (1 << me)) || !this.#isGone(me)) continue;
      found = true;
      Atomics.and(this.#words, at(name), ~(1 << me));
    }
    return found;
  }

  #startOne(me: number): void {
    const memory = this.#residency.memory.memory as WebAssembly.Memory;
    const data: WorkerData = { memory, control: this.#control, me };
    const worker: Worker = { me, ended: false };
    this.#workers[me - 1] = worker;
    try {
      startWorker(WORKER, data, (reason) => this.#replace(worker, reason));
    } catch (error) {
      this.#giveUp(`no worker could be started: ${reasonOf(error)}`);
    }
  }

  /** Starts another worker in place of one that has ended. One that never began would not the next time either. */
  #replace(worker: Worker, reason: string): void {
    // A run may have found it gone before its end was reported.
    if (worker.ended) return;
    worker.ended = true;
    const { me } = worker;
    const began = Atomics.exchange(this.#words, idAt(me), 0) !== 0;
    if (began) Atomics.sub(this.#words, at("ready"), 1);
    if (began && ++this.#replaced <= MOST_REPLACED) this.#startOne(me);
    else this.#giveUp(`a worker ended: ${reason}`);
  }

  #giveUp(reason: string): void {
    if (this.#impossible) return;
    this.#impossible = reason;
    warn(`weft runs on one thread, although config.threads is ${this.#limits.threads}: ${reason}.`);
  }

  #publish(code: ThreadedCode): Published {
    const known = this.#published.get(code);
    if (known) return known;
    const { memory } = this.#residency;
    const made: Published = {
      id: ++this.#modules,
      bytes: CODE_HEADER + code.bytes.length,
      address: this.#residency.allocate(CODE_HEADER + code.bytes.length),
    };
    memory.i32.set([made.id, code.bytes.length, CODE_KINDS[code.kind]], made.address / WORD);
    memory.u8.set(code.bytes, made.address + CODE_HEADER);
    this.#published.set(code, made);
    this.#finalizer.register(code, made, code);
    return made;
  }

  /** Frees the copy of code that is not to be run again soon. */
  forget(code: ThreadedCode): void {
    const known = this.#published.get(code);
    if (known === undefined) return;
    this.#published.delete(code);
    this.#finalizer.unregister(code);
    this.#free(known);
  }

  #free({ id, address, bytes }: Published): void {
    Atomics.compareExchange(this.#words, at("module"), id, 0);
    this.#residency.memory.heap.free(address, bytes);
  }

  #message(): string {
    const bytes = this.#residency.memory.copyOut(this.#control + CONTROL.message, MESSAGE_BYTES);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}
