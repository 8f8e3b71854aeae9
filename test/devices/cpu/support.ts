import {
  type FuncBuilder,
  type FuncRef,
  type GlobalRef,
  ModuleBuilder,
} from "../../../src/backends/wasm/encoder/index.ts";
import type { Host } from "../../../src/compiler/ir/nodes.ts";
import type { DeviceArray } from "../../../src/core/array.ts";
import { aval, type ShapedArray } from "../../../src/core/aval.ts";
import type { Device } from "../../../src/core/device.ts";
import { Jaxpr, Var } from "../../../src/core/jaxpr.ts";
import type { HostFn } from "../../../src/core/lowering.ts";
import { type AnyPrimitive, definePrimitive, type Params } from "../../../src/core/primitive.ts";
import { guarded, settingsFrom } from "../../../src/devices/config.ts";
import { CpuDevice } from "../../../src/devices/cpu/cpu.ts";
import type { Executor } from "../../../src/devices/cpu/runtime.ts";
import { type Code, WasmExecutable } from "../../../src/devices/cpu/wasm.ts";
import { FakeDevice } from "../../support/fake-device.ts";

export const MIB: number = 2 ** 20;
export const UNLIMITED: number = Number.MAX_SAFE_INTEGER;
const never = (): never => {
  throw new Error("not used by these tests");
};

/** A primitive that only has a name: the executor below knows what to do. */
const named = (name: string): AnyPrimitive =>
  definePrimitive({
    name,
    kind: "map",
    abstractEval: (avals) => avals,
    jvp: "zero",
    transpose: "not linear",
    batch: never,
    partialEval: "default",
    dce: "default",
    lower: never,
  });

/** increment: y = x + 1 on int32 (the first `params.touch` elements). viaHost: stores x in the arena, calls `params.fn` with x, then copies arena to y. */
export const increment: AnyPrimitive = named("increment");
export const viaHost: AnyPrimitive = named("viaHost");

/** A jaxpr of one equation with one result of the first argument's type. */
export function program(primitive: AnyPrimitive, types: readonly ShapedArray[], params: Params = {}): Jaxpr {
  const inputs = types.map((type) => new Var(type));
  const outputs = [new Var(types[0]!)];
  return new Jaxpr(inputs, [{ primitive, inputs, params, outputs }], outputs);
}

const word = (f: FuncBuilder, index: number): void => {
  f.get(0);
  f.load("i32.load", 4 * index);
};

function copy(f: FuncBuilder, to: number, from: number, bytes: number): void {
  for (let at = 0; at < bytes; at += 4) {
    word(f, to);
    word(f, from);
    f.load("i32.load", at);
    f.store("i32.store", at);
  }
}

function incrementBody(f: FuncBuilder, numArgs: number, size: number): void {
  const offset = f.local("i32");
  const at = (index: number): void => {
    word(f, index);
    f.get(offset);
    f.op("i32.add");
  };
  f.loop((again) => {
    at(numArgs);
    at(0);
    f.load("i32.load");
    f.i32Const(1);
    f.op("i32.add");
    f.store("i32.store");
    f.get(offset);
    f.i32Const(4);
    f.op("i32.add");
    f.tee(offset);
    f.i32Const(4 * size);
    f.op("i32.lt_u");
    f.br_if(again);
  });
}

/** Keeps the frame in a global across the call, as compiled programs do with the addresses in it. */
function viaHostBody(f: FuncBuilder, frame: GlobalRef, host: FuncRef, bytes: number): void {
  f.get(0);
  f.globalSet(frame);
  copy(f, 2, 0, bytes);
  f.i32Const(0);
  word(f, 0);
  f.call(host);
  f.globalGet(frame);
  f.set(0);
  copy(f, 1, 2, bytes);
}

/** Hand-made modules in place of a compiler. */
export function assemble(jaxpr: Jaxpr, shared = true): Code {
  const { primitive, params } = jaxpr.eqns[0]!;
  const type = jaxpr.invars[0]!.aval;
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { min: 1, max: 65_536, shared });
  const host = primitive === viaHost ? module.importFunc("env", "host1", ["i32", "i32"], []) : -1;
  const frame = module.global();
  module.func(
    "run",
    ["i32"],
    [],
    (f) =>
      primitive === viaHost
        ? viaHostBody(f, frame, host, type.byteLength)
        : incrementBody(f, jaxpr.invars.length, params.touch ?? type.size),
    { export: true },
  );
  const hosts = primitive === viaHost ? [hostOf(params.fn as HostFn, type)] : [];
  return { bytes: module.finish(), hosts, arenaBytes: primitive === viaHost ? type.byteLength : 0 };
}

function hostOf(fn: HostFn, type: ShapedArray): Host {
  const buffer = { id: 0, name: "x", dtype: type.dtype, size: type.size, role: "argument" } as const;
  return { kind: "host", fn, args: [{ buffer, index: { offset: 0, terms: [] }, aval: type }] };
}

// Observed on V8 11.3: once a registry that has work to do is itself collected, no finalizer runs any more. The
// library has one device for good; here none may die.
const devices: CpuDevice[] = [];

/** A device of its own with the hand-made modules; `compiled` counts how many were made. */
export function testDevice(options: { memoryBudget?: number; maximumPages?: number } = {}): {
  device: CpuDevice;
  compiled: () => number;
} {
  let count = 0;
  const wasm: Executor = (jaxpr, runtime) => {
    count++;
    return new WasmExecutable(assemble(jaxpr, runtime.memory.shared), jaxpr, runtime);
  };
  const config = guarded(settingsFrom(() => undefined));
  if (options.memoryBudget !== undefined) config.memoryBudget = options.memoryBudget;
  const device = new CpuDevice(
    config,
    { wasm, native: wasm, auto: wasm, interp: wasm },
    options.maximumPages,
  );
  devices.push(device);
  return { device, compiled: () => count };
}

/** The device of arrays that no program is given. */
export const NOWHERE: Device = new FakeDevice({});

export const i32 = (size: number): ShapedArray => aval([size], "int32");
export const ints = (device: CpuDevice, values: readonly number[]): DeviceArray =>
  device.put(Int32Array.from(values), i32(values.length));
