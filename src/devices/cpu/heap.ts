import { Ranges } from "./ranges.ts";
import { blockSize, CLASSES, classOf, LARGEST_CLASS, sizeOfClass } from "./size-class.ts";

/** Small blocks are carved from slabs of this size; larger classes get one block at a time. */
const SLAB = 1 << 16;
const SMALL: number = SLAB / 4;

/** The address space that a heap hands out: [start, end), and a way to move `end`. */
export interface Space {
  readonly start: number;
  readonly end: number;
  /** Moves `end` up by at least `bytes`; false when that is impossible. */
  grow(bytes: number): boolean;
}

/**
 * A size-class allocator over an address space that it never reads or writes. Blocks carry no header: `free` is told
 * the size that was asked for.
 */
export class Heap {
  /** Bytes in blocks that are handed out (their sizes, not the requests). */
  used = 0;
  peak = 0;
  readonly #space: Space;
  readonly #ranges: Ranges = new Ranges();
  /** Free blocks of each class: a stack, because the block freed last is warm in the cache. */
  readonly #stacks: number[][] = Array.from({ length: CLASSES }, () => []);

  constructor(space: Space) {
    this.#space = space;
    if (space.end > space.start) this.#ranges.put(space.start, space.end - space.start);
  }

  /** The address of a block of at least `bytes`, a multiple of 64; 0 when memory is exhausted. */
  alloc(bytes: number): number {
    const size = blockSize(bytes);
    const address = size > LARGEST_CLASS ? this.#takeRange(size) : this.#takeClass(classOf(bytes), size);
    if (address === 0) return 0;
    this.used += size;
    if (this.used > this.peak) this.peak = this.used;
    return address;
  }

  free(address: number, bytes: number): void {
    const size = blockSize(bytes);
    this.used -= size;
    if (size > LARGEST_CLASS) this.#ranges.put(address, size);
    else this.#stacks[classOf(bytes)]!.push(address);
  }

  #takeClass(index: number, size: number): number {
    const stack = this.#stacks[index]!;
    return stack.pop() ?? (size <= SMALL ? this.#carve(stack, size) : this.#takeRange(size));
  }

  /** Cuts a slab into blocks: the first is the answer, the others wait on the stack, lowest on top. */
  #carve(stack: number[], size: number): number {
    const slab = this.#takeRange(SLAB);
    if (slab === 0) return 0;
    for (let at = SLAB - (SLAB % size) - size; at > 0; at -= size) stack.push(slab + at);
    return slab;
  }

  #takeRange(size: number): number {
    return this.#ranges.take(size) || (this.#collect() && this.#ranges.take(size)) || this.#growFor(size);
  }

  /** Returns the free blocks of middle size to the ranges, where neighbours merge. */
  #collect(): boolean {
    let any = false;
    for (let index = classOf(SMALL) + 1; index < CLASSES; index++) any = this.#collectClass(index) || any;
    return any;
  }

  #collectClass(index: number): boolean {
    const stack = this.#stacks[index]!;
    const size = sizeOfClass(index);
    for (const address of stack) this.#ranges.put(address, size);
    return stack.splice(0).length > 0;
  }

  #growFor(size: number): number {
    const { end } = this.#space;
    const missing = size - this.#ranges.tail(end);
    if (!this.#space.grow(missing)) return 0;
    this.#ranges.put(end, this.#space.end - end);
    return this.#ranges.take(size);
  }
}
