import { describe, expect, test } from "vitest";
import { bytesOf, LinearMemory } from "../../../src/devices/cpu/memory.ts";

describe.each([
  ["shared", true],
  ["unshared", false],
])("%s memory", (_, share) => {
  test("keeps its contents when it grows, and renews the views", () => {
    const memory = new LinearMemory(1024, share);
    expect(memory.shared).toBe(share);
    const address = memory.heap.alloc(100);
    memory.u8.set([1, 2, 3], address);
    const before = memory.u8;
    expect(memory.heap.alloc(5_000_000)).toBeGreaterThan(0);
    expect(memory.u8 === before).toBe(false);
    expect(memory.u8.length).toBe(memory.memory.buffer.byteLength);
    expect(memory.i32[address / 4]).toBe(0x030201);
    const copy = memory.copyOut(address, 3);
    expect([copy.buffer instanceof ArrayBuffer, ...copy]).toEqual([true, 1, 2, 3]);
  });

  test.each([0, 1, 100, 40_000])("copies of %i bytes come back, wherever they go", (bytes) => {
    const memory = new LinearMemory(1024, share);
    const [from, to] = [memory.heap.alloc(bytes), memory.heap.alloc(bytes)];
    const contents = Uint8Array.from({ length: bytes }, (_, i) => (i * 7) % 256);
    memory.u8.set(contents, from);
    const copy = memory.save(from, bytes);
    expect(bytesOf(copy)).toEqual(contents);
    memory.u8.fill(0, from, from + bytes);
    memory.restore(copy, to);
    expect(memory.copyOut(to, bytes)).toEqual(contents);
  });

  test("stops at its maximum and stays usable", () => {
    const memory = new LinearMemory(16, share);
    expect(memory.grow(17 * 65_536)).toBe(false);
    expect(memory.heap.alloc(2_000_000)).toBe(0);
    const large = memory.heap.alloc(900_000);
    expect(large).toBeGreaterThan(0);
    memory.u8[large + 899_999] = 1;
    expect(memory.end).toBeLessThanOrEqual(memory.limit);
  });
});

test("addresses reach beyond 2 GiB", () => {
  const memory = new LinearMemory();
  memory.heap.alloc(2 ** 31);
  const high = memory.heap.alloc(100);
  expect(high).toBeGreaterThan(2 ** 31);
  memory.u8[high] = 7;
  memory.i32[0] = high;
  expect(memory.i32[0]! >>> 0).toBe(high);
  expect(memory.copyOut(high, 1)[0]).toBe(7);
  const copy = memory.save(high, 100);
  expect(bytesOf(copy)[0]).toBe(7);
  memory.u8[high] = 0;
  memory.restore(copy, high);
  expect(memory.u8[high]).toBe(7);
  memory.u8[high] = 0;
  memory.restore(String.fromCharCode(200), high);
  expect(memory.u8[high]).toBe(200);
});
