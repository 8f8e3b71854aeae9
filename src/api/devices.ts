/** Where arrays are and programs run: `devices`, `defaultDevice`, `devicePut`, `init`, `blockUntilReady`. */
import { DeviceArray, NDArray } from "../core/array.ts";
import {
  type Device,
  type DeviceLike,
  deviceNamed,
  deviceNames,
  devicesOf,
  installedDevices,
  defaultDevice as presentDefault,
  setDefaultDevice,
} from "../core/device.ts";
import { WeftValueError } from "../core/errors.ts";
import { putOn } from "../core/placement.ts";
import * as tree from "../tree/index.ts";
import { suggestion } from "../util/options.ts";
import { show } from "../util/text.ts";
import { type Arrays, arrayLeaves } from "./functions.ts";

/** What may be asked for where it is not: programs name what they would like and look at what they get. */
const KINDS: readonly string[] = ["cpu", "wasm", "webgpu", "webgl", "xla"];

/**
 * The devices that are there, of all kinds or of one.
 * @throws WeftValueError for a kind of which there is none
 * Source: `jax.devices`.
 * @example devices().map(String) // => ["cpu:0"]
 */
export const devices = (kind?: string): readonly Device[] =>
  kind === undefined ? [...installedDevices()] : devicesOf("devices", kind);

/**
 * The device on which arrays are made, and on which programs run whose arguments are bound to none; after making `device` that one.
 * @throws WeftValueError for a device that is not there
 * Source: `jax.default_device`.
 * @example String(defaultDevice("cpu")) // => "cpu:0"
 */
export function defaultDevice(device?: DeviceLike): Device {
  if (device !== undefined) setDefaultDevice(deviceNamed("defaultDevice", device));
  return presentDefault();
}

/**
 * Prepares the devices, which otherwise happens at the first use, and starts the threads of `config.threads`. Resolves to the names
 * of the devices when these threads are ready for the next call, or when it is clear that there will be none: a warning says why,
 * and so does `explain`. To be awaited again where `config.threads` has become more.
 *
 * In a page threads begin when the page returns to its event loop: without this, the calls of a synchronous loop have none.
 * @param names devices that are wished for; what is not there is not among the names that come back
 * @throws WeftValueError for a name that no device has anywhere
 * @example await init(); // => ["cpu", "wasm"]
 */
export async function init(...names: readonly string[]): Promise<readonly string[]> {
  const known = [...new Set([...KINDS, ...deviceNames()])];
  for (const name of names)
    if (!known.includes(name))
      throw new WeftValueError(
        `init: no device is called ${show(name)}${suggestion(name, known)} Devices are called ${known.join(", ")}.`,
      );
  await Promise.all(installedDevices().map((device) => device.prepare()));
  return deviceNames();
}

/**
 * A tree of arrays on `device`, and bound to it: what is computed from them is computed there. Without `device`, plain values become
 * arrays on the default device, and arrays stay as they are.
 * @throws WeftValueError for a device that is not there, and for an array that is being traced, unless `device` is the default one;
 *   WeftTypeError for leaves that are no arrays
 * Source: `jax.device_put`.
 * @example devicePut({ w: np.ones(2) }, "cpu").w.device === devices("cpu")[0] // => true
 */
export function devicePut<T>(value: T, device?: DeviceLike): Arrays<T> {
  const [leaves, def] = arrayLeaves(value, "devicePut", "only arrays are on devices");
  const target = device === undefined ? undefined : deviceNamed("devicePut", device);
  const placed = target ? leaves.map((x) => placedOn(x, target)) : leaves;
  return tree.unflatten(def, placed) as Arrays<T>;
}

function placedOn(x: NDArray, device: Device): NDArray {
  if (x instanceof DeviceArray) return putOn(x, device);
  if (device === presentDefault()) return x;
  throw new WeftValueError(
    `devicePut: a traced array of type ${x.aval} cannot be brought to ${device}: a program runs on one device. ` +
      "Put the arguments of the outermost function there, or use jit's option device.",
  );
}

/**
 * Resolves to the tree itself when all its arrays have been computed; leaves that are no arrays do not matter.
 * Source: `jax.block_until_ready`.
 * @example (await blockUntilReady({ x: np.ones(2) })).x.js() // => [1, 1]
 */
export async function blockUntilReady<T>(value: T): Promise<T> {
  await Promise.all(tree.leaves(value).map((x) => (x instanceof NDArray ? x.blockUntilReady() : x)));
  return value;
}
