/** The memory of a program that is interpreted, with a shadow that knows for each element whether it was stored in this run. */
import type { Buffer, Program } from "../../compiler/ir/nodes.ts";
import { type MemoryPlan, neighbours } from "../../compiler/passes/plan.ts";
import { DTYPES, type DType, isFloat, type TypedArray } from "../../core/dtype.ts";
import { assert, InternalError } from "../../core/errors.ts";

type Load = (index: number) => number;
type Store = (index: number, value: number) => void;

/** Zeros. */
export const arrayOf = (dtype: DType, size: number): TypedArray =>
  new DTYPES[dtype].array(new ArrayBuffer(size * DTYPES[dtype].bytes));

export class ShadowMemory {
  readonly #data = new Map<Buffer, TypedArray>();
  /** For each element of an output or temp whether it holds what was stored to it. */
  readonly #stored = new Map<Buffer, Uint8Array>();
  readonly #plan: MemoryPlan | undefined;

  constructor(program: Program, args: readonly TypedArray[], plan?: MemoryPlan) {
    assert(
      args.length === program.args.length,
      `${args.length} arguments for ${program.args.length} buffers`,
    );
    program.args.forEach((b, i) => {
      this.#data.set(b, checkedArgument(b, args[i]!));
    });
    this.#plan = plan;
    const arena = new ArrayBuffer(plan?.bytes ?? 0);
    for (const b of program.outputs) this.#add(b, arrayOf(b.dtype, b.size));
    for (const b of program.temps) {
      const at = plan?.offsets.get(b);
      this.#add(
        b,
        at === undefined ? arrayOf(b.dtype, b.size) : new DTYPES[b.dtype].array(arena, at, b.size),
      );
    }
  }

  #add(b: Buffer, data: TypedArray): void {
    this.#data.set(b, poison(data, b.dtype));
    this.#stored.set(b, new Uint8Array(b.size));
  }

  data(b: Buffer): TypedArray {
    const data = this.#data.get(b);
    assert(data, `${b.name} is no buffer of the program`);
    return data;
  }

  load(b: Buffer): Load {
    const [data, stored] = [this.data(b), this.#stored.get(b)];
    return (i) => {
      checkRange(b, i, "a load");
      if (stored && !stored[i])
        throw new InternalError(`a load at ${i} of ${b.name}, where nothing is stored`);
      return data[i]!;
    };
  }

  store(b: Buffer): Store {
    const [data, stored] = [this.data(b), this.#stored.get(b)];
    assert(stored, `a store to argument ${b.name}`);
    const overwrite = this.#overwrite(b);
    return (i, value) => {
      checkRange(b, i, "a store");
      overwrite?.(i);
      stored[i] = 1;
      data[i] = value;
    };
  }

  /** What a store to one element ends: elements of other temps that lie in the same bytes. */
  #overwrite(b: Buffer): ((i: number) => void) | undefined {
    const size = DTYPES[b.dtype].bytes;
    const others = (this.#plan ? neighbours(this.#plan, b) : []).map(({ buffer, shift }) => ({
      stored: this.#stored.get(buffer)!,
      bytes: DTYPES[buffer.dtype].bytes,
      shift,
    }));
    if (others.length === 0) return undefined;
    return (i) => {
      for (const { stored, bytes, shift } of others) {
        const from = i * size + shift;
        stored.fill(0, Math.max(0, Math.floor(from / bytes)), Math.max(0, Math.ceil((from + size) / bytes)));
      }
    };
  }
}

function checkRange(b: Buffer, i: number, what: string): void {
  if (i >= 0 && i < b.size) return;
  throw new InternalError(`${what} at ${i} of ${b.name}, which has ${b.size} elements`);
}

function checkedArgument(b: Buffer, x: TypedArray): TypedArray {
  const fits = x.length === b.size && x instanceof DTYPES[b.dtype].array;
  assert(fits, `argument ${b.name} is ${b.dtype}[${b.size}], got ${x.constructor.name}(${x.length})`);
  return x;
}

/** Floats as NaN, integers as bytes of 0xa5, bool as 0xa5 (no bool at all). */
function poison(data: TypedArray, dtype: DType): TypedArray {
  if (isFloat(dtype)) return data.fill(Number.NaN);
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).fill(0xa5);
  return data;
}
