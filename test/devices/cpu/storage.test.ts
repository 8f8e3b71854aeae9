import { describe, expect, test } from "vitest";
import { scalar } from "../../../src/core/array.ts";
import { aval } from "../../../src/core/aval.ts";
import { setDefaultDevice } from "../../../src/core/device.ts";
import { DeletedArrayError, OutOfMemoryError } from "../../../src/core/errors.ts";
import { i32, increment, ints, MIB, program, testDevice, UNLIMITED } from "./support.ts";

const step = program(increment, [i32(4)]);

describe("contents", () => {
  test("survive the host, linear memory and eviction", () => {
    const { device } = testDevice({ memoryBudget: 0 });
    const x = ints(device, [1, 2, 3, 4]);
    const [y] = device.execute(step, [x]);
    const [z] = device.execute(step, [y!]);
    for (let i = 0; i < 10; i++) device.execute(step, [x]);
    expect([x, y!, z!].map((a) => Array.from(a.dataSync()))).toEqual([
      [1, 2, 3, 4],
      [2, 3, 4, 5],
      [3, 4, 5, 6],
    ]);
    expect(device.memoryStats().spilled).toBeGreaterThan(0);
  });

  test("are copied by put and by read", () => {
    const { device } = testDevice();
    const data = Int32Array.of(1, 2);
    const x = device.put(data, i32(2));
    data[0] = 9;
    x.dataSync()[1] = 9;
    expect(Array.from(x.dataSync())).toEqual([1, 2]);
  });

  test.each([0, 3])("an array of %i elements has its dtype's typed array", (size) => {
    const { device } = testDevice();
    const x = device.put(new Float64Array(size), aval([size], "float64"));
    expect(x.dataSync()).toEqual(new Float64Array(size));
  });

  test("known scalars stay known after use; results never are, even after eviction", () => {
    const { device } = testDevice({ memoryBudget: 0 });
    setDefaultDevice(device);
    const x = scalar(7, "int32");
    const add = program(increment, [x.aval]);
    const [y] = device.execute(add, [x]);
    device.execute(add, [x]);
    expect(x.buffer.peek()).toEqual(new Uint8Array([7, 0, 0, 0]));
    expect(y!.buffer.peek()).toBeUndefined();
  });

  test("large given arrays leave the host when a program uses them", () => {
    const { device } = testDevice();
    const type = i32(10_000);
    const x = device.put(new Int32Array(10_000), type);
    expect(x.buffer.peek()?.length).toBe(40_000);
    device.execute(program(increment, [type]), [x]);
    expect(x.buffer.peek()).toBeUndefined();
  });
});

describe("freed arrays", () => {
  test.each([
    ["disposed", /This array was disposed/],
    ["donated", /donated to a jitted function \(donateArgnums\).*use the function's result instead/],
  ] as const)("%s: every use throws and says why", (reason, message) => {
    const { device } = testDevice();
    const x = ints(device, [1, 2, 3, 4]);
    device.execute(step, [x]);
    x.buffer.free(reason);
    x.dispose();
    expect(x.buffer.deleted).toBe(true);
    expect(x.buffer.peek()).toBeUndefined();
    expect(() => x.dataSync()).toThrow(DeletedArrayError);
    expect(() => x.dataSync()).toThrow(message);
    expect(() => device.execute(step, [ints(device, [0, 0, 0, 0]), x].slice(1))).toThrow(message);
  });

  test("the block returns at once and the next result takes it", () => {
    const { device } = testDevice();
    const x = ints(device, [1, 2, 3, 4]);
    const [y] = device.execute(step, [x]);
    const { live } = device.memoryStats();
    y!.dispose();
    expect(device.memoryStats().live).toBe(live - 64);
    device.execute(step, [x]);
    expect(device.memoryStats().live).toBe(live);
  });
});

describe("exhaustion", () => {
  const pages = 64; // 4 MiB
  const type = i32(MIB / 4);
  const add = program(increment, [type]);

  test("arrays that wait leave before memory runs out, whatever the budget", () => {
    const { device } = testDevice({ maximumPages: pages, memoryBudget: UNLIMITED });
    const kept = [device.put(new Int32Array(type.size), type)];
    for (let i = 0; i < 12; i++) kept.push(device.execute(add, [kept.at(-1)!])[0]!);
    expect(kept.map((x) => x.dataSync()[5])).toEqual(Array.from({ length: 13 }, (_, i) => i));
  });

  test("the error names the sizes, and the device goes on", () => {
    const { device } = testDevice({ maximumPages: pages });
    const huge = i32(MIB);
    const x = device.put(new Int32Array(huge.size), huge);
    const call = (): unknown => device.execute(program(increment, [huge]), [x]);
    expect(call).toThrow(OutOfMemoryError);
    expect(call).toThrow(/a block of 4\.0 MiB was asked for, and .* of the 4\.0 MiB/);
    expect(x.dataSync().length).toBe(MIB);
    expect(device.execute(step, [ints(device, [1, 2, 3, 4])])[0]!.dataSync()[0]).toBe(2);
    expect(device.memoryStats().resident).toBeLessThan(1024);
  });
});
