import { describe, expect, test } from "vitest";
import type { DeviceArray } from "../../../src/core/array.ts";
import { aval } from "../../../src/core/aval.ts";
import { InternalError } from "../../../src/core/errors.ts";
import type { HostFn } from "../../../src/core/lowering.ts";
import { i32, increment, ints, program, testDevice, viaHost } from "./support.ts";

const values = (x: DeviceArray): number[] => Array.from(x.dataSync());

describe("cache", () => {
  test("equal programs compile once, whatever jaxpr object they come in", () => {
    const { device, compiled } = testDevice();
    const x = ints(device, [1, 2]);
    for (let i = 0; i < 3; i++) device.execute(program(increment, [i32(2)], { axis: [0, 1] }), [x]);
    expect(compiled()).toBe(1);
  });

  test.each([
    ["shape", program(increment, [i32(2)]), program(increment, [aval([2, 1], "int32")])],
    ["params", program(increment, [i32(2)], { k: 0 }), program(increment, [i32(2)], { k: -0 })],
    ["functions", program(increment, [i32(2)], { f: () => 1 }), program(increment, [i32(2)], { f: () => 1 })],
  ])("%s tell programs apart", (_, first, second) => {
    const { device, compiled } = testDevice();
    const x = ints(device, [1, 2]);
    for (const p of [first, second, first, second]) device.execute(p, [x]);
    expect(compiled()).toBe(2);
  });

  test("weak types share code but not the type of the result", () => {
    const { device, compiled } = testDevice();
    const x = ints(device, [1, 2]);
    const weak = aval([2], "int32", true);
    const results = [i32(2), weak].map((type) => device.execute(program(increment, [type]), [x])[0]!);
    expect(compiled()).toBe(1);
    expect(results.map((y) => y.weakType)).toEqual([false, true]);
  });

  test("clearCaches and another executor compile again", () => {
    const { device, compiled } = testDevice();
    const p = program(increment, [i32(1)]);
    const x = ints(device, [1]);
    device.execute(p, [x]);
    device.clearCaches();
    device.execute(p, [x]);
    expect(compiled()).toBe(2);
    device.setExecutor(() => ({ run: () => [x] }));
    expect(device.execute(p, [x])).toEqual([x]);
    device.setExecutor(undefined);
    expect(values(device.execute(p, [x])[0]!)).toEqual([2]);
    expect(compiled()).toBe(2);
  });
});

describe("donation", () => {
  test("frees the arguments after the call", () => {
    const { device } = testDevice();
    const p = program(increment, [i32(2), i32(2)]);
    const x = ints(device, [1, 2]);
    const y = ints(device, [3, 4]);
    const [z] = device.execute(p, [x, y], [true, false]);
    expect(values(z!)).toEqual([2, 3]);
    expect([x.buffer.deleted, y.buffer.deleted]).toEqual([true, false]);
    expect(() => device.execute(p, [y, x])).toThrow(/donated to a jitted function/);
    expect(values(y)).toEqual([3, 4]);
  });

  test("a donating loop runs in constant memory without eviction", () => {
    const { device } = testDevice();
    const p = program(increment, [i32(1000)]);
    let x = device.put(new Int32Array(1000), i32(1000));
    x = device.execute(p, [x], [true])[0]!;
    const { peak } = device.memoryStats();
    for (let i = 0; i < 500; i++) x = device.execute(p, [x], [true])[0]!;
    expect(x.dataSync()[999]).toBe(501);
    expect(device.memoryStats()).toMatchObject({ peak, spilled: 0 });
  });
});

describe("host functions", () => {
  const call = (fn: HostFn, size = 3) => program(viaHost, [i32(size)], { fn });

  test("receive copies with types", () => {
    const { device } = testDevice();
    const seen: Parameters<HostFn>[0][] = [];
    const [y] = device.execute(
      call((v) => seen.push(v)),
      [ints(device, [1, 2, 3])],
    );
    (seen[0]![0]!.data as Int32Array)[0] = 99;
    expect(seen).toEqual([[{ aval: i32(3), data: Int32Array.of(99, 2, 3) }]]);
    expect(values(y!)).toEqual([1, 2, 3]);
  });

  test("may run programs: nested calls have frames and arenas of their own", () => {
    const { device } = testDevice({ memoryBudget: 0 });
    const inner = call(() => {}, 5000);
    const big = device.put(new Int32Array(5000).fill(-1), i32(5000));
    const outer = call(() => {
      for (let i = 0; i < 3; i++) device.execute(inner, [big]);
    });
    for (let i = 0; i < 3; i++)
      expect(values(device.execute(outer, [ints(device, [4, 5, 6])])[0]!)).toEqual([4, 5, 6]);
  });

  test("may run the very program that called them", () => {
    const { device, compiled } = testDevice();
    let depth = 0;
    const inner: number[][] = [];
    const p = call(() => {
      if (++depth > 3) return;
      inner.push(values(device.execute(p, [ints(device, [depth, depth, depth])])[0]!));
    });
    expect(values(device.execute(p, [ints(device, [7, 8, 9])])[0]!)).toEqual([7, 8, 9]);
    expect(inner).toEqual([3, 2, 1].map((d) => [d, d, d]));
    expect(compiled()).toBe(1);
  });

  test("may dispose an argument of the running call: it is freed when the call returns", () => {
    const { device } = testDevice();
    const x = ints(device, [1, 2, 3]);
    const [y] = device.execute(
      call(() => {
        x.dispose();
        device.execute(program(increment, [i32(3)]), [ints(device, [7, 7, 7])]);
      }),
      [x],
    );
    expect(values(y!)).toEqual([1, 2, 3]);
    expect(x.buffer.deleted).toBe(true);
  });

  test("an exception comes out as itself and leaves everything usable", () => {
    const { device } = testDevice();
    const failure = new Error("from the callback");
    let fail = true;
    const p = call(() => {
      if (fail) throw failure;
    });
    const x = ints(device, [1, 2, 3]);
    device.execute(program(increment, [i32(3)]), [x]);
    const { resident } = device.memoryStats();
    for (let i = 0; i < 20; i++) expect(() => device.execute(p, [x], [true])).toThrow(failure);
    expect(device.memoryStats().resident).toBe(resident);
    expect(x.buffer.deleted).toBe(false);
    fail = false;
    expect(values(device.execute(p, [x])[0]!)).toEqual([1, 2, 3]);
  });
});

test("wrong arguments are caught before memory is touched", () => {
  const { device } = testDevice();
  const p = program(increment, [i32(4)]);
  expect(() => device.execute(p, [])).toThrow(InternalError);
  expect(() => device.execute(p, [ints(device, [1])])).toThrow(/size differs/);
  expect(() => device.put(new Int32Array(3), i32(4))).toThrow(/12 bytes were put as a int32\[4\]/);
});
