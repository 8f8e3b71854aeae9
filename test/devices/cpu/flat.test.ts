import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { DeviceArray } from "../../../src/core/array.ts";
import type { CpuDevice } from "../../../src/devices/cpu/cpu.ts";
import { i32, increment, ints, MIB, program, testDevice, UNLIMITED } from "./support.ts";

const BUDGET = 16 * MIB;
const type = i32(MIB / 4);
// Touches a page: allocation and eviction are what these tests are about.
const step = program(increment, [type], { touch: 1024 });
const small = program(increment, [i32(1)]);

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Wasm memory plus what arrays occupy outside of it. */
const footprint = (device: CpuDevice): number =>
  device.memoryStats().total + process.memoryUsage().arrayBuffers;

/** Carries an array through `steps` results that nobody disposes; returns the largest footprint above the start. */
function loop(device: CpuDevice, steps: number, start: DeviceArray): { last: DeviceArray; growth: number } {
  const before = process.memoryUsage().arrayBuffers;
  let last = start;
  let most = 0;
  for (let i = 0; i < steps; i++) {
    last = device.execute(step, [last])[0]!;
    if (i % 64 === 0) most = Math.max(most, footprint(device) - before);
  }
  return { last, growth: most };
}

describe("memory stays flat without dispose", () => {
  // A megabyte of fresh result per step: 20 000 steps would take 20 GB.
  test("in a synchronous loop, where no finalizer runs", () => {
    const { device } = testDevice({ memoryBudget: BUDGET });
    const { last, growth } = loop(device, 20_000, device.put(new Int32Array(type.size), type));
    expect(last.dataSync()[77]).toBe(20_000);
    expect(growth).toBeLessThan(250 * MIB);
    const { total, budget } = device.memoryStats();
    expect(total).toBeLessThan(budget + BUDGET);
    expect(budget).toBeLessThanOrEqual(8 * BUDGET);
  }, 120_000);

  test("but not without eviction: the same loop outgrows the bound", () => {
    const { device } = testDevice({ memoryBudget: UNLIMITED });
    const { growth } = loop(device, 400, device.put(new Int32Array(type.size), type));
    expect(growth).toBeGreaterThan(300 * MIB);
  });

  test("with awaits between", async () => {
    const { device } = testDevice({ memoryBudget: BUDGET });
    let last = device.put(new Int32Array(type.size), type);
    let most = 0;
    for (let i = 0; i < 40; i++) {
      const chunk = loop(device, 50, last);
      last = chunk.last;
      most = Math.max(most, chunk.growth);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(last.dataSync()[0]).toBe(2_000);
    expect(most).toBeLessThan(250 * MIB);
  });

  test("collected arrays return their blocks without a copy when the event loop turns", async () => {
    const { device } = testDevice({ memoryBudget: UNLIMITED });
    const { last } = loop(device, 100, device.put(new Int32Array(type.size), type));
    expect(device.memoryStats().resident).toBeGreaterThan(100 * MIB);
    for (let i = 0; i < 50 && device.memoryStats().resident > 2 * MIB; i++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(device.memoryStats().resident).toBeLessThanOrEqual(2 * MIB);
    expect(device.memoryStats().spilled).toBe(0);
    expect(last.dataSync()[0]).toBe(100);
  });

  test("many tiny results", () => {
    const { device } = testDevice({ memoryBudget: BUDGET });
    const before = process.memoryUsage().heapUsed;
    let x = ints(device, [0]);
    for (let i = 0; i < 200_000; i++) x = device.execute(small, [x])[0]!;
    expect(x.dataSync()[0]).toBe(200_000);
    expect(device.memoryStats().resident).toBeLessThan(2 * MIB);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(150 * MIB);
  });

  test("an array that keeps coming back stays: the budget rises until the working set fits", () => {
    const { device } = testDevice({ memoryBudget: 4 * MIB });
    const set = Array.from({ length: 10 }, () => device.put(new Int32Array(type.size), type));
    const round = (): number => {
      for (const x of set) device.execute(step, [x])[0]!.dispose();
      return device.memoryStats().spilled;
    };
    const spilled = Array.from({ length: 8 }, round);
    expect(spilled[0]).toBeGreaterThan(0);
    expect(spilled.at(-1)).toBe(spilled.at(-3));
    expect(device.memoryStats().budget).toBeLessThan(20 * MIB);
  });
});
