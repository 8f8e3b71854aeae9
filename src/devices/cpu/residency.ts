import { garbageCollector } from "#tiers";
import type { Device } from "../../core/device.ts";
import { OutOfMemoryError } from "../../core/errors.ts";
import { allocating } from "../../core/host.ts";
import type { Bytes } from "../../util/bytes.ts";
import { formatBytes } from "../../util/units.ts";
import { bytesOf, type LinearMemory } from "./memory.ts";
import type { Collector } from "./node/collector.ts";
import { type Fate, Residence } from "./residence.ts";
import { blockSize } from "./size-class.ts";
import { type Keeper, Storage } from "./storage.ts";

/**
 * Charged for every array besides its block: tiny arrays cost objects, and few enough of them must wait that they die
 * young for the collector (measured: 64 000 waiting arrays make a call of 20 tiny results three times slower).
 */
const OVERHEAD = 8192;
/** Given arrays up to this size keep their host copy: they stay known constants and leave memory for free. */
const KEEP = 1024;
/** Smaller blocks wait for eviction; telling the finalization registry would cost more than their copy. */
const WATCH: number = 1 << 17;
/** An array that comes back would have stayed under a larger budget; up to this factor the budget is raised to it. */
const PATIENCE = 4;
/** The budget rises by at most this much. */
const RAISE_LIMIT: number = 1 << 30;
/** What it takes to move a byte out of linear memory, in ms (measured, blocks of 4 MiB): collecting must be faster. */
const MOVE_MS = 0.7 / 2 ** 20;
/** Where collecting takes more than this part of the time, the budget doubles, up to so many times what was configured. */
const COLLECTING = 0.1;
const COLLECT_LIMIT = 8;

const charge = (cell: Residence): number => blockSize(cell.byteLength) + OVERHEAD;

export interface ResidencyLimits {
  /** Bytes of arrays that may stay in linear memory before the least recently used ones leave it. */
  readonly memoryBudget: number;
}

/**
 * Decides which arrays are in linear memory.
 *
 * Why arrays leave it: in a synchronous loop no finalizer ever runs, so blocks of forgotten arrays would pile up. Beyond a
 * budget, large ones are looked through: where the platform has the garbage {@link Collector} say who is dead, the
 * blocks of those are free. Where it cannot, or while that takes longer than it saves (many objects live, few arrays are dead), the
 * oldest by last use are *evicted*: their bytes move to a Uint8Array or a string that only the array's own
 * {@link Storage} reaches (through its cell). If the array is dead, that is garbage like any other, which the collector
 * accounts and reclaims; if it is alive, its next use brings it back. When the event loop turns, the registry frees the
 * blocks of collected arrays without the copy.
 *
 * The budget learns: an array that comes back soon after its eviction raises it.
 */
export class Residency implements Keeper {
  readonly device: Device;
  readonly memory: LinearMemory;
  /** Charged bytes of all resident arrays. */
  charged = 0;
  /** Bytes and arrays in linear memory now. */
  residentBytes = 0;
  residentArrays = 0;
  /** Bytes that evictions have copied to the host so far. */
  spilledBytes = 0;
  /** Charged bytes that were evicted so far. */
  #evicted = 0;
  #raised = 0;
  readonly #limits: ResidencyLimits;
  /** The head of the ring: `ring.newer` is the oldest cell, `ring.older` the newest. */
  readonly #ring: Residence = new Residence(0);
  // The held value must not reach the Storage, and must not keep spilled bytes: hence `vacate` unregisters.
  readonly #finalizer: FinalizationRegistry<Residence> = new FinalizationRegistry((cell) =>
    this.#vacate(cell),
  );
  /** Frees memory that is not an array's; set by whoever has some. */
  reclaim: () => void = () => {};
  readonly #findCollector: (() => Collector | undefined) | undefined;
  #found: { readonly collector: Collector | undefined } | undefined;
  /** The collector is asked once so many bytes were evicted; what it shall wait longer, should it take too long again. */
  #nextSweep = 0;
  #pause = 0;
  #sweptAt = 0;

  constructor(
    device: Device,
    memory: LinearMemory,
    limits: ResidencyLimits,
    findCollector: (() => Collector | undefined) | undefined = garbageCollector,
  ) {
    this.device = device;
    this.memory = memory;
    this.#limits = limits;
    this.#findCollector = findCollector;
  }

  get budget(): number {
    return this.#limits.memoryBudget + this.#raised;
  }

  /** An array whose bytes are on the host; they move at its first use. The storage owns `bytes`. */
  adopt(bytes: Bytes, given: boolean): Storage {
    return new Storage(new Residence(bytes.length, bytes), this, given);
  }

  /** A new array of undefined contents: resident, and pinned once. */
  create(byteLength: number): Storage {
    const storage = this.vacant(byteLength);
    this.#place(storage);
    return storage;
  }

  /** A new array without memory, pinned once: {@link move} gives it some. */
  vacant(byteLength: number): Storage {
    const storage = new Storage(new Residence(byteLength), this, false);
    storage.cell.pins = 1;
    return storage;
  }

  /** Gives the block of a pinned array to a vacant one of its size and ends the array as donated. */
  move({ cell: from }: Storage, to: Storage): void {
    this.#forget(from);
    to.cell.address = from.address;
    from.address = 0;
    if (to.byteLength >= WATCH) this.#watch(to);
    this.drop(from, "donated");
  }

  /** Until {@link unpin}, the array stays where it is. Throws {@link DeletedArrayError}. */
  pin(storage: Storage): void {
    storage.assertUsable();
    if (storage.cell.pins++ === 0) storage.cell.unlink();
  }

  /** The last unpin makes the array the most recently used one. */
  unpin({ cell }: Storage): void {
    if (--cell.pins > 0) return;
    if (cell.fate !== undefined) this.#vacate(cell);
    else if (cell.address !== 0) cell.linkBefore(this.#ring);
  }

  /** The address of a pinned array, which is brought into memory if it is not there. */
  load(storage: Storage): number {
    if (storage.cell.address === 0) this.#upload(storage);
    return storage.cell.address;
  }

  read(cell: Residence): Bytes {
    const { host } = cell;
    if (host === undefined) return this.memory.copyOut(cell.address, cell.byteLength);
    return typeof host === "string" ? bytesOf(host) : allocating(host.length, () => host.slice());
  }

  /** Ends an array. A block that a running call uses is freed when that call returns. */
  drop(cell: Residence, reason: Fate): void {
    cell.fate ??= reason;
    cell.host = undefined;
    if (cell.pins === 0) this.#vacate(cell);
  }

  /** A block for something that is not an array and never leaves. Throws {@link OutOfMemoryError}. */
  allocate(byteLength: number): number {
    const { heap } = this.memory;
    let address = heap.alloc(byteLength);
    if (address !== 0) return address;
    this.reclaim();
    while ((address = heap.alloc(byteLength)) === 0)
      if (!this.#sweep() && !this.#evictOldest()) throw this.#exhausted(byteLength);
    return address;
  }

  #upload(storage: Storage): void {
    const { cell } = storage;
    if (cell.outlook !== undefined) this.#learn(cell);
    this.#place(storage);
    this.memory.restore(cell.host!, cell.address);
    if (cell.byteLength > KEEP || storage.peek() === undefined) cell.host = undefined;
  }

  #place(storage: Storage): void {
    const { cell } = storage;
    const cost = charge(cell);
    while (this.charged + cost > this.budget && (this.#sweep() || this.#evictOldest()));
    cell.address = this.allocate(cell.byteLength);
    this.#account(cell, 1);
    if (cell.byteLength >= WATCH) this.#watch(storage);
  }

  #watch(storage: Storage): void {
    const { cell } = storage;
    cell.watched = true;
    this.#finalizer.register(storage, cell, cell);
    // The engine keeps weakly held objects longer: not for nothing.
    if (this.#evicted + this.budget >= this.#nextSweep && this.#collector) cell.holder = new WeakRef(storage);
  }

  /** Looked for when the first large array is there. */
  get #collector(): Collector | undefined {
    return garbageCollector && (this.#found ??= { collector: this.#findCollector?.() }).collector;
  }

  /** Frees the blocks of large arrays that are dead, if it is time to ask; whether there were any. */
  #sweep(): boolean {
    const collector = garbageCollector && this.#found?.collector;
    if (!collector || this.#evicted < this.#nextSweep) return false;
    const [before, start] = [this.charged, performance.now()];
    collector.release();
    collector.collect();
    for (let cell = this.#ring.newer; cell !== this.#ring; ) {
      const { newer, holder } = cell;
      if (holder && holder.deref() === undefined) this.#vacate(cell);
      cell = newer;
    }
    collector.release();
    const freed = before - this.charged;
    const between = start - this.#sweptAt;
    this.#sweptAt = performance.now();
    this.#plan(this.#sweptAt - start, between, freed);
    return freed > 0;
  }

  /** When to collect again, after it took `ms` and freed so many bytes. */
  #plan(ms: number, between: number, freed: number): void {
    const { memoryBudget } = this.#limits;
    const most = COLLECT_LIMIT * memoryBudget;
    const isWorthIt = ms < freed * MOVE_MS * Math.max(1, most / this.budget);
    if (isWorthIt && ms > COLLECTING * between) this.#raise(Math.min(2 * this.budget, most) - memoryBudget);
    this.#pause = isWorthIt ? 0 : Math.max(this.budget, 2 * this.#pause);
    this.#nextSweep = this.#evicted + this.#pause;
  }

  /** Raises the budget to what would have kept a cell that comes back, if it comes back soon. */
  #learn(cell: Residence): void {
    const wanted = cell.outlook! + this.#evicted + charge(cell);
    if (wanted <= PATIENCE * this.budget) this.#raise(wanted - this.#limits.memoryBudget);
  }

  #raise(by: number): void {
    this.#raised = Math.min(RAISE_LIMIT, Math.max(this.#raised, by));
  }

  #evictOldest(): boolean {
    const cell = this.#ring.newer;
    if (cell === this.#ring) return false;
    if (cell.host === undefined) {
      cell.host = this.memory.save(cell.address, cell.byteLength);
      this.spilledBytes += cell.byteLength;
    }
    this.#evicted += charge(cell);
    if (cell.holder) this.#collector?.release();
    cell.outlook = this.budget - this.#evicted;
    this.#vacate(cell);
    return true;
  }

  /** Frees the block of a cell, if there is one. */
  #vacate(cell: Residence): void {
    if (cell.address === 0) return;
    cell.unlink();
    this.#forget(cell);
    this.memory.heap.free(cell.address, cell.byteLength);
    cell.address = 0;
    this.#account(cell, -1);
  }

  /** The block is no longer the array's. */
  #forget(cell: Residence): void {
    if (cell.watched) this.#finalizer.unregister(cell);
    cell.watched = false;
    cell.holder = undefined;
  }

  #account(cell: Residence, sign: 1 | -1): void {
    this.charged += sign * charge(cell);
    this.residentBytes += sign * blockSize(cell.byteLength);
    this.residentArrays += sign;
  }

  #exhausted(byteLength: number): OutOfMemoryError {
    const { heap, limit } = this.memory;
    return new OutOfMemoryError(
      `Out of memory: a block of ${formatBytes(byteLength)} was asked for, and ${formatBytes(heap.used)} of the ${formatBytes(limit)} ` +
        `that WebAssembly can address are in use, ${formatBytes(this.residentBytes)} of them by ${this.residentArrays} arrays ` +
        "of the running call. Process the data in smaller batches, use checkpoint to keep fewer residuals, " +
        "or donate arguments that are replaced by results.",
    );
  }
}
