import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { PASS_NAMES } from "../../src/compiler/switches.ts";
import { WeftValueError } from "../../src/core/errors.ts";
import { guarded, settingsFrom } from "../../src/devices/config.ts";
import * as browserTiers from "../../src/devices/cpu/tiers-browser.ts";
import * as nodeTiers from "../../src/devices/cpu/tiers-node.ts";
import * as browser from "../../src/platform/browser.ts";
import * as node from "../../src/platform/node.ts";

const withEnv = (values: Record<string, string>) => guarded(settingsFrom((name) => values[name]));

describe("config", () => {
  test("defaults, environment, assignment", () => {
    const threads = Math.min(8, availableParallelism());
    expect({ ...withEnv({}) }).toEqual({
      tier: "wasm",
      memoryBudget: 64 * 2 ** 20,
      threads,
      cacheDir: "",
      disable: [],
    });
    const config = withEnv({
      WEFT_TIER: "interp",
      WEFT_MEMORY_BUDGET: "1e6",
      WEFT_THREADS: "3",
      WEFT_CACHE_DIR: "/c",
      WEFT_DISABLE: "defer, sink,",
    });
    expect({ ...config }).toEqual({
      tier: "interp",
      memoryBudget: 1e6,
      threads: 3,
      cacheDir: "/c",
      disable: PASS_NAMES.filter((name) => name === "sink" || name === "defer"),
    });
    config.tier = "wasm";
    expect(config.tier).toBe("wasm");
  });

  test("what is switched off is a set of names", () => {
    const config = withEnv({});
    config.disable = ["fuse", "sink", "fuse"];
    expect(config.disable).toEqual(["sink", "fuse"]);
    expect(() => (config.disable as string[]).push("cse")).toThrow(TypeError);
    config.disable = [];
    expect(config.disable).toEqual([]);
  });

  test.each([
    [
      () => withEnv({ WEFT_TIER: "gpu" }),
      'Environment WEFT_TIER: expected "wasm" or "native" or "auto" or "interp", got "gpu".',
    ],
    [
      () => withEnv({ WEFT_MEMORY_BUDGET: "lots" }),
      'Environment WEFT_MEMORY_BUDGET: expected a finite number of bytes, at least 0, got "lots".',
    ],
    [
      () => Object.assign(withEnv({}), { memoryBudget: Number.POSITIVE_INFINITY }),
      "config.memoryBudget: expected a finite number of bytes, at least 0, got Infinity.",
    ],
    [
      () => Object.assign(withEnv({}), { memoryBudget: -1 }),
      "config.memoryBudget: expected a finite number of bytes, at least 0, got -1.",
    ],
    [
      () => withEnv({ WEFT_THREADS: "many" }),
      'Environment WEFT_THREADS: expected a whole number from 1 to 16, got "many".',
    ],
    [
      () => Object.assign(withEnv({}), { threads: 0 }),
      "config.threads: expected a whole number from 1 to 16, got 0.",
    ],
    [
      () => withEnv({ WEFT_DISABLE: "sink,snik" }),
      `Environment WEFT_DISABLE: expected names out of ${PASS_NAMES.join(", ")}, got "sink,snik".`,
    ],
    [
      () => Object.assign(withEnv({}), { disable: ["contract"] }),
      `config.disable: expected names out of ${PASS_NAMES.join(", ")}, got ["contract"].`,
    ],
    [() => Object.assign(withEnv({}), { disable: true }), "got true."],
  ])("impossible values say what is possible", (act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(WeftValueError);
  });

  test("misspelt options throw", () => {
    expect(() => Object.assign(withEnv({}), { teir: "wasm" })).toThrow(TypeError);
  });
});

test("both platforms offer the same", () => {
  const same: typeof node = browser;
  const tiers: typeof nodeTiers = browserTiers;
  expect(Object.keys(tiers).sort()).toEqual(Object.keys(nodeTiers).sort());
  expect(Object.keys(same).sort()).toEqual(Object.keys(node).sort());
  expect(node.env("PATH")).toBe(process.env.PATH);
  expect(browser.canShareMemory()).toBe(false);
});

test("an environment that may not be read, as in Deno, is empty", () => {
  const { env } = process;
  const refuse = (): never => {
    throw new Error("Requires env access");
  };
  process.env = new Proxy({}, { get: refuse });
  try {
    expect(node.env("WEFT_TIER")).toBeUndefined();
    expect(settingsFrom(node.env).tier).toBe("wasm");
  } finally {
    process.env = env;
  }
});
