import type { Device, DeviceBuffer } from "../../core/device.ts";
import { DeletedArrayError } from "../../core/errors.ts";
import type { Bytes } from "../../util/bytes.ts";
import type { Fate, Residence } from "./residence.ts";

const DELETED: Readonly<Record<Fate, string>> = {
  disposed:
    "This array was disposed and its memory was reused; do not use an array after dispose() or the end of its `using` scope.",
  donated:
    "This array was donated to a jitted function (donateArgnums) and its memory was reused; use the function's result instead.",
};

/** Reaches the bytes of a cell wherever they are. */
export interface Keeper {
  readonly device: Device;
  read(cell: Residence): Bytes;
  drop(cell: Residence, reason: Fate): void;
}

/**
 * The contents of one array, as the array holds them. Nothing in the runtime refers to a Storage, so an array that
 * nobody holds is garbage at once, even while its bytes are still in linear memory: the runtime holds the
 * {@link Residence}, which never refers back.
 */
export class Storage implements DeviceBuffer {
  readonly cell: Residence;
  /** Private to the engine too: who compares or prints arrays deeply must not come from one to the memory of all. */
  readonly #keeper: Keeper;
  /** The contents came from the host, so looking at them never depends on what ran. */
  readonly #given: boolean;

  constructor(cell: Residence, keeper: Keeper, given: boolean) {
    this.cell = cell;
    this.#keeper = keeper;
    this.#given = given;
  }

  get device(): Device {
    return this.#keeper.device;
  }
  get byteLength(): number {
    return this.cell.byteLength;
  }
  get deleted(): boolean {
    return this.cell.fate !== undefined;
  }

  /** Programs have ended when they return. */
  async ready(): Promise<void> {
    this.assertUsable();
  }

  async read(): Promise<Bytes> {
    return this.readSync();
  }

  readSync(): Bytes {
    this.assertUsable();
    return this.#keeper.read(this.cell);
  }

  peek(): Uint8Array | undefined {
    const { host } = this.cell;
    return this.#given && typeof host !== "string" ? host : undefined;
  }

  free(reason: Fate): void {
    this.#keeper.drop(this.cell, reason);
  }

  /** Throws {@link DeletedArrayError} after `free`. */
  assertUsable(): void {
    if (this.cell.fate !== undefined) throw new DeletedArrayError(DELETED[this.cell.fate]);
  }
}
