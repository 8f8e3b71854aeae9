import { byteStrings, canShareMemory } from "#platform";
import { OutOfMemoryError } from "../../core/errors.ts";
import { allocating } from "../../core/host.ts";
import type { Bytes } from "../../util/bytes.ts";
import { Heap, type Space } from "./heap.ts";
import { ALIGN } from "./size-class.ts";

const PAGE = 1 << 16;
/** The largest memories that engines accept: 4 GiB where they can, less on small devices. */
const MAXIMA = [65_536, 32_768, 16_384, 8_192, 4_096] as const;
/** Growth adds at least this share of what is there, so that views are renewed rarely. */
const GROWTH = 1 / 8;

/** The contents of an array outside of linear memory; a string has one character per byte. */
export type HostCopy = Bytes | string;

export function bytesOf(copy: HostCopy): Bytes {
  if (typeof copy !== "string") return copy;
  const bytes = new Uint8Array(copy.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = copy.charCodeAt(i);
  return bytes;
}

/** Up to here a string is a cheaper copy than a typed array. */
const LARGEST_STRING = 1 << 15;

/** Grown at once: an engine may give a memory of which it could not reserve what is beyond its first pages. */
function create(maximum: number, shared: boolean): WebAssembly.Memory | undefined {
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum, shared });
    memory.grow(1);
    return memory;
  } catch {
    return undefined;
  }
}

/** Engines reserve the maximum at once, so they may refuse the larger ones. */
function largestMemory(
  limit: number,
  mayShare: boolean,
): { memory: WebAssembly.Memory; maximum: number; shared: boolean } {
  for (const shared of mayShare ? [true, false] : [false])
    for (const candidate of MAXIMA) {
      const maximum = Math.min(candidate, limit);
      const memory = create(maximum, shared);
      if (memory) return { memory, maximum, shared };
    }
  throw new OutOfMemoryError(
    "Out of memory: the JavaScript engine cannot reserve the addresses of one WebAssembly.Memory, not even of 256 MiB. For fast " +
      "checks of bounds it reserves 8 GiB and more, of which it uses little. If this process may have so many addresses only " +
      "(`ulimit -v`), raise the limit, or run `node --disable-wasm-trap-handler`.",
  );
}

/** What is used of a WebAssembly.Memory: declarations must not need the types of a browser. */
interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** The one WebAssembly.Memory that holds all arrays, with a heap in it. It grows on demand and never shrinks. */
export class LinearMemory implements Space {
  readonly memory: GrowingMemory;
  readonly shared: boolean;
  readonly heap: Heap;
  /** Address 0 is never handed out: it stands for "nowhere". */
  readonly start: number = ALIGN;
  /** Views of the whole memory. Growth replaces them: never keep one across an allocation. */
  u8!: Uint8Array;
  i32!: Int32Array;
  readonly #maximum: number;
  #strings: ReturnType<NonNullable<typeof byteStrings>> | undefined;

  constructor(maximumPages: number = MAXIMA[0], mayShare: boolean = canShareMemory()) {
    const { memory, maximum, shared } = largestMemory(maximumPages, mayShare);
    this.memory = memory;
    this.#maximum = maximum;
    this.shared = shared;
    this.#renewViews();
    this.heap = new Heap(this);
  }

  get end(): number {
    return this.u8.length;
  }
  get limit(): number {
    return this.#maximum * PAGE;
  }

  grow(bytes: number): boolean {
    const have = this.end / PAGE;
    const need = Math.ceil(bytes / PAGE);
    const wish = Math.min(this.#maximum - have, Math.max(need, Math.ceil(have * GROWTH)));
    return need <= wish && (this.#tryGrow(wish) || this.#tryGrow(need));
  }

  /** A copy of `bytes` bytes outside of the memory. */
  copyOut(address: number, bytes: number): Bytes {
    return allocating(bytes, () => this.u8.slice(address, address + bytes));
  }

  /** A copy for {@link restore}. */
  save(address: number, bytes: number): HostCopy {
    const strings = byteStrings && this.#strings;
    return strings && bytes <= LARGEST_STRING && address + bytes <= strings.end
      ? strings.take(address, bytes)
      : this.copyOut(address, bytes);
  }

  restore(copy: HostCopy, address: number): void {
    const strings = byteStrings && this.#strings;
    if (strings && typeof copy === "string" && address + copy.length <= strings.end)
      strings.put(copy, address);
    else this.u8.set(bytesOf(copy), address);
  }

  #tryGrow(pages: number): boolean {
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    this.#renewViews();
    return true;
  }

  #renewViews(): void {
    this.u8 = new Uint8Array(this.memory.buffer);
    this.i32 = new Int32Array(this.memory.buffer);
    this.#strings = byteStrings?.(this.memory.buffer);
  }
}
