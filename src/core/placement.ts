/**
 * Where programs run. An array that somebody put on a device, or that was computed from such arrays, is *committed* to it; all others
 * are where they happened to be made. A program runs where its committed arguments are, or else on the default device, and the others
 * are copied there. Source: the rules of `jax.device_put` and `jax.jit`.
 */
import { DeviceArray, type NDArray } from "./array.ts";
import { type Device, defaultDevice, withDefaultDevice } from "./device.ts";
import { WeftValueError } from "./errors.ts";
import type { Jaxpr } from "./jaxpr.ts";

/** How errors name a call and its arguments. */
interface Names {
  /** The call itself: "add". */
  readonly name: string;
  /** Argument `i` as its user knows it. */
  readonly argument?: (i: number) => string;
}

/** The usual case, for what runs often: a program whose arguments are all on the default device and free; else undefined. */
export function executeHere(
  jaxpr: Jaxpr,
  args: readonly NDArray[],
  donated?: readonly boolean[],
): DeviceArray[] | undefined {
  const device = defaultDevice();
  for (let i = 0; i < args.length; i++) {
    const x = args[i]!;
    if (!(x instanceof DeviceArray) || x.committed || x.buffer.device !== device) return undefined;
  }
  return device.execute(jaxpr, args as readonly DeviceArray[], donated);
}

/**
 * Runs a program on the device that its arguments ask for.
 * @param device where it shall run, as far as the arguments do not ask for another one
 * @throws WeftValueError if two devices are asked for
 */
export function execute(
  jaxpr: Jaxpr,
  args: readonly DeviceArray[],
  names: Names,
  donated?: readonly boolean[],
  device?: Device,
): DeviceArray[] {
  const asked = askedFor(args, names, device);
  const outs = executeOn(asked ?? defaultDevice(), jaxpr, args, donated);
  if (asked) for (const out of outs) out.committed = true;
  return outs;
}

function askedFor(args: readonly DeviceArray[], names: Names, wanted?: Device): Device | undefined {
  let device = wanted;
  for (let i = 0; i < args.length; i++) {
    if (!args[i]!.committed) continue;
    device ??= args[i]!.buffer.device;
    if (device !== args[i]!.buffer.device) throw mixed(args, i, names, wanted);
  }
  return device;
}

function mixed(args: readonly DeviceArray[], i: number, names: Names, wanted?: Device): WeftValueError {
  const at = (k: number): string =>
    `${names.argument?.(k) ?? `operand ${k} (${args[k]!.aval})`} is on ${args[k]!.buffer.device}`;
  const first = args.findIndex((x) => x.committed);
  const other = wanted ? `its option device asks for ${wanted}` : at(first);
  return new WeftValueError(
    `${names.name}: ${other}, and ${at(i)}; a program runs on one device. ` +
      `Copy one of them first: devicePut(x, "${wanted ?? args[first]!.buffer.device}").`,
  );
}

/** Copies arguments that are elsewhere. What was given away is gone once the program has run, also there. */
function executeOn(
  device: Device,
  jaxpr: Jaxpr,
  args: readonly DeviceArray[],
  donated: readonly boolean[] | undefined,
): DeviceArray[] {
  const here = args.map((x) => (x.buffer.device === device ? x : x.buffer.device.copyTo(x, device)));
  const outs = device.execute(jaxpr, here, donated);
  args.forEach((x, i) => {
    if (donated?.[i]) x.buffer.free("donated");
  });
  return outs;
}

/** What `make` gives, made on `device` and bound to it. Where it is traced, the program that it becomes part of decides. */
export function madeOn<T extends NDArray>(device: Device, make: () => T): T {
  const x = withDefaultDevice(device, make);
  return x instanceof DeviceArray ? (putOn(x, device) as DeviceArray & T) : x;
}

/** What `make` gives, on the device of `like` if that is bound to one. */
export const madeLike = (like: unknown, make: () => NDArray): NDArray =>
  like instanceof DeviceArray && like.committed ? madeOn(like.buffer.device, make) : make();

/** The array on `device` and bound to it; the bytes are shared where they are there already. */
export function putOn(x: DeviceArray, device: Device): DeviceArray {
  if (x.committed && x.buffer.device === device) return x;
  const placed =
    x.buffer.device === device ? new DeviceArray(x.aval, x.buffer) : x.buffer.device.copyTo(x, device);
  placed.committed = true;
  return placed;
}
