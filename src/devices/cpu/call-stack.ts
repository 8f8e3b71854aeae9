import type { Residency } from "./residency.ts";

interface Level {
  readonly address: number;
  readonly bytes: number;
}

/**
 * Memory for the frame and the temporaries of running calls. All calls of one depth share a block that has grown to the
 * largest need; a call from inside of a host callback runs one level deeper, beside its caller's block.
 */
export class CallStack {
  readonly #residency: Residency;
  readonly #levels: Level[] = [];
  #depth = 0;

  constructor(residency: Residency) {
    this.#residency = residency;
    residency.reclaim = () => this.#releaseIdle();
  }

  /** Bytes in all levels. */
  get bytes(): number {
    return this.#levels.reduce((sum, level) => sum + level.bytes, 0);
  }

  /** The address of `bytes` bytes that belong to the caller until {@link leave}. */
  enter(bytes: number): number {
    const level = this.#levels[this.#depth];
    const { address } = level && level.bytes >= bytes ? level : this.#replace(bytes);
    this.#depth++;
    return address;
  }

  leave(): void {
    this.#depth--;
  }

  /** A new block for the present depth. */
  #replace(bytes: number): Level {
    this.#releaseIdle();
    const level = { address: this.#residency.allocate(bytes), bytes };
    this.#levels.push(level);
    return level;
  }

  /** Frees the levels that no running call uses. */
  #releaseIdle(): void {
    for (const { address, bytes } of this.#levels.splice(this.#depth))
      this.#residency.memory.heap.free(address, bytes);
  }
}
