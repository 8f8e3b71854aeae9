import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Heap } from "../../../src/devices/cpu/heap.ts";
import {
  blockSize,
  CLASSES,
  classOf,
  LARGEST_CLASS,
  sizeOfClass,
} from "../../../src/devices/cpu/size-class.ts";

class Addresses {
  readonly start = 64;
  end = 65_536;
  readonly limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  grow(bytes: number): boolean {
    if (this.end + bytes > this.limit) return false;
    this.end += Math.ceil(bytes / 65_536) * 65_536;
    return true;
  }
}

describe("size classes", () => {
  test("a class holds its requests and wastes little", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LARGEST_CLASS }), (bytes) => {
        const size = blockSize(bytes);
        expect(size).toBeGreaterThanOrEqual(bytes);
        expect(size % 64).toBe(0);
        expect(size).toBeLessThanOrEqual(Math.max(64, bytes * 1.25 + 64));
        expect(classOf(size)).toBe(classOf(bytes));
      }),
    );
  });

  test("sizes grow strictly from class to class, up to the largest", () => {
    const sizes = Array.from({ length: CLASSES }, (_, i) => sizeOfClass(i));
    expect(sizes.slice(0, 10)).toEqual([64, 128, 192, 256, 320, 384, 448, 512, 640, 768]);
    expect(sizes.every((size, i) => i === 0 || size > sizes[i - 1]!)).toBe(true);
    expect(sizes.map(classOf)).toEqual(sizes.map((_, i) => i));
    expect(sizes.at(-1)).toBe(LARGEST_CLASS);
  });
});

describe("heap", () => {
  const request = fc.oneof(
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: 0, max: 300_000 }),
    fc.integer({ min: 2 ** 20, max: 3 * 2 ** 20 }),
  );

  test("blocks are aligned and never overlap, whatever is freed between", () => {
    const action = fc.record({ bytes: request, victim: fc.nat(), free: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const heap = new Heap(new Addresses(2 ** 30));
        const live: { address: number; bytes: number }[] = [];
        for (const { bytes, victim, free } of actions) {
          const address = heap.alloc(bytes);
          expect(address % 64).toBe(0);
          for (const other of live)
            expect(address >= other.address + other.bytes || address + bytes <= other.address).toBe(true);
          live.push({ address, bytes });
          if (!free) continue;
          const [gone] = live.splice(victim % live.length, 1);
          heap.free(gone!.address, gone!.bytes);
        }
        expect(heap.used).toBe(live.reduce((sum, { bytes }) => sum + blockSize(bytes), 0));
      }),
      { numRuns: 60 },
    );
  });

  test.each([100, 20_000, 900_000, 5_000_000])("blocks of %i bytes are used again", (bytes) => {
    const space = new Addresses(2 ** 30);
    const heap = new Heap(space);
    for (let i = 0; i < 100; i++) heap.free(heap.alloc(bytes), bytes);
    expect(space.end).toBeLessThan(65_536 * 2 + bytes * 1.3);
    expect(heap.used).toBe(0);
    expect(heap.peak).toBe(blockSize(bytes));
  });

  test("free blocks of middle size merge into room for a large one", () => {
    const space = new Addresses(20 * 2 ** 20);
    const heap = new Heap(space);
    const blocks = Array.from({ length: 30 }, () => heap.alloc(500_000));
    expect(blocks.every((a) => a > 0)).toBe(true);
    expect(heap.alloc(10_000_000)).toBe(0);
    for (const address of blocks) heap.free(address, 500_000);
    expect(heap.alloc(10_000_000)).toBeGreaterThan(0);
  });

  test("an exhausted heap answers 0 and goes on", () => {
    const heap = new Heap(new Addresses(65_536));
    expect(heap.alloc(2 ** 20)).toBe(0);
    expect(heap.alloc(70_000)).toBe(0);
    expect(heap.used).toBe(0);
    expect(heap.alloc(20_000)).toBeGreaterThan(0);
  });
});
