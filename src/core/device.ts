/** What holds arrays and runs programs, and the one registry of what there is. */

import type { Bytes } from "../util/bytes.ts";
import { suggestion } from "../util/options.ts";
import { show } from "../util/text.ts";
import type { DeviceArray } from "./array.ts";
import type { ShapedArray } from "./aval.ts";
import type { TypedArray } from "./dtype.ts";
import { InternalError, WeftValueError } from "./errors.ts";
import type { Jaxpr } from "./jaxpr.ts";
import { Scope } from "./scope.ts";

/** Bytes that a device holds. A handle, not a pointer: only its device knows where they are. */
export interface DeviceBuffer {
  readonly device: Device;
  readonly byteLength: number;
  /** Resolves when the contents have been computed. */
  ready(): Promise<void>;
  /** A copy of the contents. Rejects with {@link DeletedArrayError} when freed before the call. */
  read(): Promise<Bytes>;
  /** {@link read}, at once. Throws where the device cannot wait, and names {@link read} as the remedy. */
  readSync(): Bytes;
  /** Contents that are known on the host without a copy; undefined when only the device has them. */
  peek(): Uint8Array | undefined;
  readonly deleted: boolean;
  /** Returns the bytes early; idempotent. `reason` is named when somebody uses the array afterwards. */
  free(reason: "disposed" | "donated"): void;
}

/** What a device is to the layers above. Arrays that it is given were made by it: `core/placement.ts` sees to that. */
export interface Device {
  /** What it is: "cpu". All devices of a kind run the same programs. */
  readonly kind: string;
  /** Its number among those of its kind. */
  readonly id: number;
  /** Other names of its kind. */
  readonly aliases: readonly string[];
  /** Bytes that all arrays in use at one time can take. */
  readonly limit: number;
  /** Gets ready what otherwise begins at the first use. */
  prepare(): Promise<void>;
  /** Copies `data`, so that it may change afterwards. */
  put(data: TypedArray, type: ShapedArray): DeviceArray;
  /** The same contents on another device. */
  copyTo(x: DeviceArray, device: Device): DeviceArray;
  /** Compiles (cached by structure) and runs; `donated[i]` gives the buffer of argument i away. */
  execute(jaxpr: Jaxpr, args: readonly DeviceArray[], donated?: readonly boolean[]): DeviceArray[];
  /** Kind and number: "cpu:0". */
  toString(): string;
}

const installed: Device[] = [];
let preferred: Device | undefined;
/** The default of a function that is told where to compute. */
const scoped = new Scope<Device | undefined>(undefined);

/** Called by a device when it is there; the first one is the default. */
export function installDevice(device: Device): void {
  installed.push(device);
  preferred ??= device;
}

/** A device, or its name: a kind ("cpu", and "wasm" for the same), which means the first of that kind, or one in full ("cpu:0"). */
export type DeviceLike = Device | string;

export const installedDevices = (): readonly Device[] => installed;

/** Where arrays are made, and where programs run whose arguments are not bound to a device. */
export function defaultDevice(): Device {
  const device = scoped.current ?? preferred;
  if (!device) throw new InternalError("No device is installed: import weft through its index.");
  return device;
}

export function setDefaultDevice(device: Device): void {
  preferred = device;
}

/** Runs `body` with another default. */
export const withDefaultDevice = <T>(device: Device, body: () => T): T => scoped.with(device, body);

const namesOf = ({ kind, aliases }: Device): readonly string[] => [kind, ...aliases];

/** The kinds of all devices under all their names. */
export const deviceNames = (): readonly string[] => [...new Set(installed.flatMap(namesOf))];

/** The devices of a kind. @throws WeftValueError for a kind of which there is none */
export function devicesOf(caller: string, kind: string): readonly Device[] {
  const found = installed.filter((device) => namesOf(device).includes(kind));
  if (found.length === 0) throw noDevice(caller, kind);
  return found;
}

/** A device by itself, by its kind ("cpu": the first one) or in full ("cpu:0"). @throws WeftValueError if there is none */
export function deviceNamed(caller: string, device: DeviceLike): Device {
  const found =
    typeof device === "string"
      ? installed.find((d) => namesOf(d).some((name) => name === device || `${name}:${d.id}` === device))
      : installed.find((d) => d === device);
  if (!found) throw noDevice(caller, device);
  return found;
}

function noDevice(caller: string, device: unknown): WeftValueError {
  const names = deviceNames();
  return new WeftValueError(
    `${caller}: There is no device ${show(device)}${suggestion(device, names)} There is ${names.join(", ")}.`,
  );
}
