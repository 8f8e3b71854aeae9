/** The options of whatever makes an array from nothing. */
import type { NDArray } from "../core/array.ts";
import { type DeviceLike, deviceNamed } from "../core/device.ts";
import type { DType } from "../core/dtype.ts";
import { madeOn } from "../core/placement.ts";

export interface ArrayOptions {
  readonly dtype?: DType | undefined;
  /** The device that the array is made on and bound to (default: `defaultDevice()`). */
  readonly device?: DeviceLike | undefined;
}
export const ARRAY_OPTIONS: readonly (keyof ArrayOptions)[] = ["dtype", "device"];

/** What `make` gives, on the device that options ask for. @throws WeftValueError if it is not there */
export const placed = (caller: string, { device }: ArrayOptions, make: () => NDArray): NDArray =>
  device === undefined ? make() : madeOn(deviceNamed(caller, device), make);
