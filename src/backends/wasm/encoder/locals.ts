import { type ByteWriter, EncodeError } from "./bytes.ts";
import { VAL_TYPE_BYTE, type ValType } from "./types.ts";

/** Engines refuse functions with more locals (WebAssembly JavaScript interface, implementation limits). */
const MAX_LOCALS = 50_000;

/** The locals of one function: parameters first, then in order of creation, with a pool of freed ones per type. */
export class LocalTable {
  readonly #types: ValType[];
  readonly #paramCount: number;
  readonly #free: Map<ValType, number[]> = new Map();
  readonly #isFree: Set<number> = new Set();

  constructor(params: readonly ValType[]) {
    this.#types = [...params];
    this.#paramCount = params.length;
  }

  /** A freed local of this type when there is one, else a new one. A reused local still holds its old value. */
  take(type: ValType): number {
    const reused = this.#free.get(type)?.pop();
    if (reused !== undefined) {
      this.#isFree.delete(reused);
      return reused;
    }
    if (this.#types.length >= MAX_LOCALS) throw new EncodeError(`more than ${MAX_LOCALS} locals`);
    return this.#types.push(type) - 1;
  }

  /** Gives a local back to the pool of its type. Throws EncodeError when it is unknown or free already. */
  release(index: number): void {
    const type = this.type(index);
    this.#isFree.add(index);
    const pool = this.#free.get(type);
    if (pool) pool.push(index);
    else this.#free.set(type, [index]);
  }

  /** Type of a live local. Throws EncodeError when it is unknown or freed. */
  type(index: number): ValType {
    const type = this.#types[index];
    if (type === undefined) throw new EncodeError(`unknown local ${index}; there are ${this.#types.length}`);
    if (this.#isFree.has(index)) throw new EncodeError(`local ${index} is used after it was freed`);
    return type;
  }

  /** Writes the declarations: runs of equal type as (count, type). */
  write(out: ByteWriter): void {
    const runs: [count: number, type: ValType][] = [];
    for (const type of this.#types.slice(this.#paramCount)) {
      const last = runs.at(-1);
      if (last?.[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    out.u32(runs.length);
    for (const [count, type] of runs) {
      out.u32(count);
      out.u8(VAL_TYPE_BYTE[type]);
    }
  }
}
