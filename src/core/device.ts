import type { Bytes } from "../util/bytes.ts";
import type { DeviceArray } from "./array.ts";
import type { ShapedArray } from "./aval.ts";
import type { TypedArray } from "./dtype.ts";
import { InternalError } from "./errors.ts";
import type { Jaxpr } from "./jaxpr.ts";

/** Bytes that a device holds. A handle, not a pointer: another device may keep them elsewhere. */
export interface Buffer {
  readonly byteLength: number;
  /** A copy of the contents. Throws {@link DeletedArrayError} when freed. */
  read(): Bytes;
  /** Contents that are known on the host without a copy; undefined when only the device has them. */
  peek(): Uint8Array | undefined;
  readonly deleted: boolean;
  /** Returns the bytes early; idempotent. `reason` is named when somebody uses the array afterwards. */
  free(reason: "disposed" | "donated"): void;
}

/** What a device offers to the layers above the runtime. */
export interface Device {
  readonly name: string;
  /** Bytes that all arrays in use at one time can take. */
  readonly limit: number;
  put(data: TypedArray, type: ShapedArray): DeviceArray;
  /** Compiles (cached by structure) and runs; `donated[i]` gives the buffer of argument i away. */
  execute(jaxpr: Jaxpr, args: readonly DeviceArray[], donated?: readonly boolean[]): DeviceArray[];
}

let current: Device | undefined;

/** The device on which eager operations and jitted calls run. */
export function device(): Device {
  if (!current) throw new InternalError("No device is installed: import weft through its index.");
  return current;
}

/** Called by the runtime when it is loaded. */
export function installDevice(d: Device): void {
  current = d;
}
