import { prepareEngine } from "#platform";
import type { DeviceArray } from "../../core/array.ts";
import type { Device } from "../../core/device.ts";
import { assert } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import type { Cached } from "./cache.ts";
import { CallStack } from "./call-stack.ts";
import { LinearMemory } from "./memory.ts";
import { Residency, type ResidencyLimits } from "./residency.ts";
import { Storage } from "./storage.ts";
import { type ThreadLimits, ThreadPool } from "./threads/pool.ts";

/** What running programs share. */
export interface Runtime {
  readonly memory: LinearMemory;
  readonly residency: Residency;
  readonly stack: CallStack;
  readonly threads: ThreadPool;
}

export function createRuntime(
  device: Device,
  limits: ResidencyLimits & ThreadLimits,
  maximumPages?: number,
): Runtime {
  prepareEngine();
  const memory = new LinearMemory(maximumPages);
  const residency = new Residency(device, memory, limits);
  const threads = new ThreadPool(residency, limits);
  return { memory, residency, stack: new CallStack(residency), threads };
}

/** A program that is ready to run. Types of results are the jaxpr's, which may differ in weakness between calls. */
export interface Executable extends Cached {
  run(jaxpr: Jaxpr, args: readonly DeviceArray[], donated?: readonly boolean[]): DeviceArray[];
}

/** A way to make programs run. Callers will give away the arguments `donated`: results may take their memory. */
export type Executor = (jaxpr: Jaxpr, runtime: Runtime, donated: readonly boolean[]) => Executable;

/** A device is given its own arrays only (`core/placement.ts`), and those of this one are in Storages. */
export function storageOf({ buffer }: DeviceArray): Storage {
  assert(buffer instanceof Storage, "An array of another device came to the CPU.");
  return buffer;
}

/**
 * Frees the arguments that were given away. Blocks that no result took over return to the heap, where the next call of
 * the same program finds them for its results.
 */
export function freeDonated(args: readonly DeviceArray[], donated: readonly boolean[] | undefined): void {
  if (!donated) return;
  for (let i = 0; i < args.length; i++) if (donated[i]) args[i]!.buffer.free("donated");
}
