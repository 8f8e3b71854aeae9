/** A request that has no encoding: the program that drives the encoder is at fault, never the user of weft. */
import type { Bytes } from "../../../util/bytes.ts";
export class EncodeError extends Error {
  override readonly name: string = "EncodeError";
}

const utf8 = new TextEncoder();

function requireInteger(value: number, min: number, max: number, what: string): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new EncodeError(`${what}: ${value} is not an integer in [${min}, ${max}]`);
}

/** Growable byte buffer with the number formats of the WebAssembly binary format. */
export class ByteWriter {
  #bytes: Bytes;
  #view: DataView;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far. Shares storage: stale after the next write. */
  view(): Bytes {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Claims `count` bytes and returns the offset of the first. */
  #claim(count: number): number {
    const start = this.#length;
    this.#length = start + count;
    if (this.#length > this.#bytes.length) this.#grow();
    return start;
  }

  #grow(): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** One byte; the caller guarantees 0 to 255. */
  u8(value: number): void {
    const at = this.#claim(1);
    this.#bytes[at] = value;
  }

  /** Unsigned LEB128 of a 32-bit value. Throws EncodeError outside [0, 2^32 - 1]. */
  u32(value: number): void {
    requireInteger(value, 0, 0xffff_ffff, "u32");
    let rest = value;
    while (rest > 0x7f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** Signed LEB128 of a 32-bit value. Throws EncodeError outside [-2^31, 2^31 - 1]. */
  s32(value: number): void {
    requireInteger(value, -0x8000_0000, 0x7fff_ffff, "s32");
    let rest = value;
    // The last byte is the first whose bit 6 already is the sign of everything above it.
    while (rest < -0x40 || rest > 0x3f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.u8(rest & 0x7f);
  }

  /** Operand of `i32.const` in either reading of its bits. Throws EncodeError outside [-2^31, 2^32 - 1]. */
  i32(value: number): void {
    requireInteger(value, -0x8000_0000, 0xffff_ffff, "i32");
    this.s32(value | 0);
  }

  /** Operand of `i64.const` in either reading of its bits. Throws EncodeError outside [-2^63, 2^64 - 1]. */
  i64(value: bigint): void {
    this.s64(BigInt.asUintN(64, value) === value ? BigInt.asIntN(64, value) : value);
  }

  /** Signed LEB128 of a 64-bit value. Throws EncodeError outside [-2^63, 2^63 - 1]. */
  s64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) {
      throw new EncodeError(`s64: ${value} is not an integer in [-2^63, 2^63 - 1]`);
    }
    let rest = value;
    while (rest < -0x40n || rest > 0x3fn) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.u8(Number(rest & 0x7fn));
  }

  f32(value: number): void {
    const at = this.#claim(4);
    this.#view.setFloat32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#claim(8);
    this.#view.setFloat64(at, value, true);
  }

  bytes(source: Uint8Array): void {
    const at = this.#claim(source.length);
    this.#bytes.set(source, at);
  }

  /** A byte vector: length in LEB128, then the bytes. */
  sized(source: Uint8Array): void {
    this.u32(source.length);
    this.bytes(source);
  }

  /** A name: UTF-8 with its byte length in front. */
  name(text: string): void {
    this.sized(utf8.encode(text));
  }
}
