import { DeviceArray } from "../../core/array.ts";
import type { ShapedArray } from "../../core/aval.ts";
import type { Device } from "../../core/device.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { assert } from "../../core/errors.ts";
import { allocating, checkedBytes } from "../../core/host.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { switchedOff } from "../../core/switches.ts";
import { structuralKey } from "../../util/key.ts";
import type { Config, Tier } from "../config.ts";
import { ProgramCache } from "./cache.ts";
import { checkResults } from "./fit.ts";
import { createRuntime, type Executable, type Executor, type Runtime } from "./runtime.ts";
import { startThreads } from "./threads/start.ts";

/** Where the bytes of the library's arrays are. All sizes in bytes. */
export interface MemoryStats {
  /** Size of the WebAssembly memory: it never shrinks. */
  readonly total: number;
  /** Handed out by the heap now: resident arrays, arena and bookkeeping. */
  readonly live: number;
  /** The largest `live` so far. */
  readonly peak: number;
  /** In arrays that are in WebAssembly memory, including arrays that nobody holds any more. */
  readonly resident: number;
  /** In blocks for the temporaries of running programs. */
  readonly arena: number;
  /** Copied to JavaScript memory so far because the budget was used up. */
  readonly spilled: number;
  /** How much may stay resident at present. */
  readonly budget: number;
}

/** Tiers, numbers of threads and switches that programs are kept for. */
const MOST_CONDITIONS = 16;

/** One object, because programs are looked up by it. */
const NONE: readonly boolean[] = [];

/** Programs that were compiled under the same conditions. */
interface Compiled {
  readonly conditions: readonly unknown[];
  readonly programs: ProgramCache<Executable>;
}

/** The CPU: arrays in one WebAssembly memory, programs compiled when they are first run. */
export class CpuDevice implements Device {
  readonly kind = "cpu";
  readonly id = 0;
  /** The name of programs that were written for jax-js. */
  readonly aliases: readonly string[] = ["wasm"];
  readonly #config: Config;
  readonly #executors: Readonly<Record<Tier, Executor>>;
  readonly #caches = new Map<string, ProgramCache<Executable>>();
  #latest: Compiled | undefined;
  readonly #maximumPages: number | undefined;
  #override: Executor | undefined;
  #created: Runtime | undefined;

  constructor(config: Config, executors: Readonly<Record<Tier, Executor>>, maximumPages?: number) {
    this.#config = config;
    this.#executors = executors;
    this.#maximumPages = maximumPages;
  }

  put(data: TypedArray, type: ShapedArray): DeviceArray {
    assert(data.byteLength === type.byteLength, `${data.byteLength} bytes were put as a ${type}.`);
    checkedBytes(type.shape, type.dtype, this.limit);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const copy = allocating(bytes.length, () => bytes.slice());
    return new DeviceArray(type, this.runtime.residency.adopt(copy, true));
  }

  copyTo(x: DeviceArray, device: Device): DeviceArray {
    return device.put(x.dataSync(), x.aval);
  }

  /** Starts the threads that programs may use. */
  prepare(): Promise<void> {
    return startThreads(this.runtime.threads);
  }

  toString(): string {
    return `${this.kind}:${this.id}`;
  }

  execute(jaxpr: Jaxpr, args: readonly DeviceArray[], donated: readonly boolean[] = NONE): DeviceArray[] {
    assert(
      args.length === jaxpr.invars.length,
      `${args.length} arguments for ${jaxpr.invars.length} variables.`,
    );
    return this.#executable(jaxpr, donated).run(jaxpr, args, donated);
  }

  /** Runs programs by `executor` from now on; undefined goes back to what `config.tier` says. */
  setExecutor(executor: Executor | undefined): void {
    this.#override = executor;
  }

  /** Forgets all compiled programs. */
  clearCaches(): void {
    for (const programs of this.#caches.values()) programs.clear();
    this.#caches.clear();
    this.#latest = undefined;
  }

  /** Created at first use, so that loading the library reserves nothing. */
  get runtime(): Runtime {
    return (this.#created ??= createRuntime(this, this.#config, this.#maximumPages));
  }

  get limit(): number {
    return this.runtime.memory.limit;
  }

  memoryStats(): MemoryStats {
    const { memory, residency, stack } = this.runtime;
    return {
      total: memory.end,
      live: memory.heap.used,
      peak: memory.heap.peak,
      resident: residency.residentBytes,
      arena: stack.bytes,
      spilled: residency.spilledBytes,
      budget: residency.budget,
    };
  }

  #executable(jaxpr: Jaxpr, donated: readonly boolean[]): Executable {
    const executor = this.#override ?? this.#executors[this.#config.tier];
    const programs = this.#programs([executor, switchedOff(), this.#config.threads]);
    return programs.get(jaxpr, donated, () => {
      checkResults(jaxpr, this.limit);
      return executor(jaxpr, this.runtime, donated);
    });
  }

  /** The cache for these conditions: all that a compiled program depends on besides its jaxpr and what is donated. */
  #programs(conditions: readonly unknown[]): ProgramCache<Executable> {
    if (this.#latest && conditions.every((x, i) => x === this.#latest!.conditions[i]))
      return this.#latest.programs;
    const key = structuralKey(conditions);
    let programs = this.#caches.get(key);
    if (!programs) {
      if (this.#caches.size >= MOST_CONDITIONS) this.clearCaches();
      this.#caches.set(key, (programs = new ProgramCache()));
    }
    this.#latest = { conditions, programs };
    return programs;
  }
}
