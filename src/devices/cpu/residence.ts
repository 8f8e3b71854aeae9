import type { Bytes } from "../../util/bytes.ts";
import type { HostCopy } from "./memory.ts";

/** Why an array cannot be used any more. */
export type Fate = "disposed" | "donated";

/**
 * Where the bytes of one array are: on the host (`host`), in linear memory (`address`), in both (small arrays that came
 * from the host keep their copy), or gone (`fate`).
 *
 * A cell is a link of a ring of resident cells, oldest use first. A cell that is alone in its ring is not listed:
 * it is not resident, or a running call has pinned it.
 */
export class Residence {
  readonly byteLength: number;
  host: HostCopy | undefined;
  /** The address of the block in linear memory; 0 when there is none. */
  address = 0;
  fate: Fate | undefined = undefined;
  /** How many running calls read or write the block. */
  pins = 0;
  /** The finalization registry knows about this block. */
  watched = false;
  /** The array, while the garbage collector may be asked whether somebody holds it. */
  holder: WeakRef<object> | undefined = undefined;
  /** Once evicted: the budget of that moment less all that had been evicted. */
  outlook: number | undefined = undefined;
  // As in Storage: one array must not lead to all others.
  #older: Residence = this;
  #newer: Residence = this;

  constructor(byteLength: number, host?: Bytes) {
    this.byteLength = byteLength;
    this.host = host;
  }

  get newer(): Residence {
    return this.#newer;
  }

  unlink(): void {
    this.#older.#newer = this.#newer;
    this.#newer.#older = this.#older;
    this.#older = this.#newer = this;
  }

  /** Lists this cell just before `next`, so just older. */
  linkBefore(next: Residence): void {
    this.#newer = next;
    this.#older = next.#older;
    this.#older.#newer = this;
    next.#older = this;
  }
}
