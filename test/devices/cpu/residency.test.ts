import { afterEach, describe, expect, test, vi } from "vitest";
import { LinearMemory } from "../../../src/devices/cpu/memory.ts";
import { type Collector, findCollector } from "../../../src/devices/cpu/node/collector.ts";
import { Residency } from "../../../src/devices/cpu/residency.ts";
import type { Storage } from "../../../src/devices/cpu/storage.ts";
import { MIB, NOWHERE } from "./support.ts";

const BUDGET = 8 * MIB;

afterEach(() => vi.restoreAllMocks());

/** A clock that jumps by so many milliseconds whenever somebody looks. */
function clock(step: number): void {
  let time = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (time += step));
}

/** Makes an array of one mebibyte whose first byte is `mark`. */
function make(residency: Residency, mark: number): Storage {
  const storage = residency.create(MIB);
  residency.memory.restore(Uint8Array.of(mark), residency.load(storage));
  residency.unpin(storage);
  return storage;
}

/** Makes arrays of which every tenth is kept, and reads those. */
function fill(residency: Residency, count: number): number[] {
  const kept: Storage[] = [];
  for (let i = 0; i < count; i++) {
    const storage = make(residency, i);
    if (i % 10 === 0) kept.push(storage);
  }
  return kept.map((s) => s.readSync()[0]!);
}

const tens = (count: number): number[] => Array.from({ length: count / 10 }, (_, i) => 10 * i);

/** Counts how often it is asked, and says of all arrays that they live. */
function idle(): Collector & { asked: number } {
  return {
    asked: 0,
    release: () => {},
    collect() {
      this.asked++;
    },
  };
}

describe("large arrays that nobody holds, in a synchronous loop", () => {
  test("leave without a copy where the collector tells who they are", () => {
    clock(0);
    const real = findCollector();
    expect(real, "Node's collector").toBeDefined();
    const residency = new Residency(NOWHERE, new LinearMemory(), { memoryBudget: BUDGET });
    expect(fill(residency, 50)).toEqual(tens(50));
    expect(residency.spilledBytes).toBe(0);
    expect(residency.residentBytes).toBeLessThanOrEqual(BUDGET);
  });

  test("leave by a copy where there is none", () => {
    const residency = new Residency(NOWHERE, new LinearMemory(), { memoryBudget: BUDGET }, () => undefined);
    expect(fill(residency, 50)).toEqual(tens(50));
    expect(residency.spilledBytes).toBeGreaterThan(30 * MIB);
  });

  test("are not asked for again and again where nobody is dead", () => {
    clock(1);
    const collector = idle();
    const residency = new Residency(NOWHERE, new LinearMemory(), { memoryBudget: BUDGET }, () => collector);
    const all = Array.from({ length: 200 }, (_, i) => make(residency, i));
    expect(all.map((s) => s.readSync()[0])).toEqual(all.map((_, i) => i));
    expect(collector.asked).toBeGreaterThan(0);
    expect(collector.asked).toBeLessThan(7);
  });

  test("nor where collecting takes longer than moving them", () => {
    clock(10_000);
    const residency = new Residency(NOWHERE, new LinearMemory(), { memoryBudget: BUDGET });
    expect(fill(residency, 200)).toEqual(tens(200));
    expect(residency.spilledBytes).toBeGreaterThan(100 * MIB);
    expect(residency.budget).toBe(BUDGET);
  });

  test("have a larger budget where collecting is most of what happens", () => {
    clock(1);
    const residency = new Residency(NOWHERE, new LinearMemory(), { memoryBudget: BUDGET });
    expect(fill(residency, 50)).toEqual(tens(50));
    expect(residency.budget).toBeGreaterThan(BUDGET);
    expect(residency.budget).toBeLessThanOrEqual(8 * BUDGET);
  });
});

test("weak references of a job live to its end, but where the collector is asked", () => {
  const collector = findCollector()!;
  const refs = Array.from({ length: 10 }, (_, i) => new WeakRef({ i }));
  collector.collect();
  expect(refs.filter((r) => r.deref()).length).toBe(10);
  collector.release();
  collector.collect();
  expect(refs.filter((r) => r.deref()).length).toBeLessThan(2);
});
