import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CacheEntry } from "../../../src/devices/cpu/native/disk-cache.ts";
import { createNativeHost, entryFor, loadSource } from "../../../src/devices/cpu/native/node.ts";
import { prune } from "../../../src/devices/cpu/native/prune.ts";
import { findToolchain } from "../../../src/devices/cpu/native/toolchain.ts";
import { SCRATCH } from "../../../src/platform/files.ts";

const HOUR = 3_600_000;
const now = Date.now();
/** Each file of a program takes up one block. */
const [block, files] = [4096, 3];

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weft-prune-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const entryOf = (name: string): CacheEntry => new CacheEntry(folder, [name]);

/** A program that was last used so many hours ago. */
function store(name: string, hours: number): CacheEntry {
  const entry = entryOf(name);
  entry.write(entry.source, name);
  entry.store((path) => writeFileSync(path, name));
  age(hours);
  return entry;
}

/** Lets so much time pass for files that are new. */
function age(hours: number): void {
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    if (aged.has(path)) continue;
    aged.add(path);
    utimesSync(path, new Date(now - hours * HOUR), new Date(now - hours * HOUR));
  }
}
const aged = new Set<string>();

const left = (names: readonly string[]): string[] => names.filter((name) => entryOf(name).isValid());

describe("the folder of compiled code", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const fill = (): void => {
    // From the oldest to the newest, but not in this order.
    for (const i of [3, 0, 6, 1, 7, 5, 2, 4]) store(names[i]!, 20 - i);
  };
  const limit = (programs: number): number => programs * files * block;

  test("is left alone while it is small enough", () => {
    fill();
    prune(folder, limit(8), now);
    expect(left(names)).toEqual(names);
  });

  test("loses what was used longest ago, and some more than it must", () => {
    fill();
    prune(folder, limit(8) - 1, now);
    expect(left(names)).toEqual(["d", "e", "f", "g", "h"]);
    expect(readdirSync(folder)).toHaveLength(5 * files);
  });

  test("what is used again counts as new", () => {
    fill();
    entryOf("a").touch();
    prune(folder, limit(4), now);
    expect(left(names)).toEqual(["a", "g", "h"]);
  });

  test("keeps what was used within the hour, however much that is", () => {
    for (const [i, name] of names.entries()) store(name, i < 2 ? 2 : 0.5);
    prune(folder, block, now);
    expect(left(names)).toEqual(names.slice(2));
  });

  test("what killed processes left goes, too; files of others stay", () => {
    const entry = store("a", 5);
    rmSync(entry.source);
    const strange = ["notes.txt", "0123.c", `${"x".repeat(32)}.so`];
    for (const name of [join(folder, `${SCRATCH}17abcd.tmp`), ...strange.map((s) => join(folder, s))])
      writeFileSync(name, "half");
    mkdirSync(join(folder, `${"0".repeat(32)}.so`));
    age(5);
    prune(folder, 0, now);
    expect(readdirSync(folder).sort()).toEqual([...strange, `${"0".repeat(32)}.so`].sort());
  });

  test("may vanish", () => {
    rmSync(folder, { recursive: true });
    expect(() => prune(folder, 0, now)).not.toThrow();
    expect(() => entryOf("a").touch()).not.toThrow();
  });
});

const tools = findToolchain();

describe.runIf(tools && createNativeHost().missing() === undefined)("compiling", () => {
  const source = "void weft_run(char *mem, const int *frame) { mem[0] += frame[0]; }";
  const count = (text: string): number => {
    const bytes = new Uint8Array(64);
    bytes.set([1, 0, 0, 0, 7]);
    const base = createNativeHost().addressOf(bytes);
    loadSource(tools!, { source: text, units: [], help: undefined }, folder).run(base, base + 4);
    return bytes[0]!;
  };

  test("brings back what was deleted, and a load is a use", () => {
    expect(count(source)).toBe(8);
    age(5);
    expect(count(source)).toBe(8);
    prune(folder, 0);
    expect(readdirSync(folder)).toHaveLength(files);
    prune(folder, 0, Date.now() + 2 * HOUR);
    expect(readdirSync(folder)).toEqual([]);
    expect(count(source)).toBe(8);
  });

  test("now and then is the time to prune", () => {
    const old = store("a", 5);
    truncateSync(old.library, 2 ** 30);
    utimesSync(old.library, new Date(0), new Date(0));
    const variant = (k: number): string => `${source}/* ${k} */`;
    const isMilestone = (k: number): boolean => entryFor(tools!, variant(k), folder).isMilestone;
    const numbers = Array.from({ length: 5000 }, (_, k) => k);
    count(variant(numbers.find((k) => !isMilestone(k))!));
    expect(existsSync(old.library)).toBe(true);
    count(variant(numbers.find(isMilestone)!));
    expect(existsSync(old.library)).toBe(false);
  });
});
