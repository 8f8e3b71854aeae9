/** `init` starts threads, `explain` tells how many there are. A file of its own: threads that have started stay. */
import process from "node:process";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { WeftError } from "../../../src/core/errors.ts";
import { LinearMemory } from "../../../src/devices/cpu/memory.ts";
import { Residency } from "../../../src/devices/cpu/residency.ts";
import { ThreadPool } from "../../../src/devices/cpu/threads/pool.ts";
import { startThreads } from "../../../src/devices/cpu/threads/start.ts";
import { config, explain, init, jit, type NDArray, numpy as np } from "../../../src/index.ts";
import { NOWHERE } from "./support.ts";

beforeAll(() => {
  config.tier = "wasm";
});
afterEach(() => vi.restoreAllMocks());

/** Put there, not computed: a program with long loops starts threads, which are ready whenever they like. */
const x = np.array(new Float32Array(1 << 16).fill(1));
const long = (a: NDArray): NDArray => np.sin(a);
const short = (a: NDArray): NDArray => np.sum(a.slice([4]));
const threadsLine = (f: typeof long): string =>
  String(explain(f)(x))
    .split("\n")[1]!
    .replace(/, [^,]*$/, "");

const NOT_YET = "the others have not started: `await init()` starts them and waits for them";

describe("threads that are ready", () => {
  // Each row goes on where the last one ended.
  test.each<[what: string, threads: number, start: boolean, ready: number, line: string]>([
    ["none is there at first", 2, false, 1, `1 of 2 threads (${NOT_YET})`],
    ["init() waits for them", 2, true, 2, "2 threads"],
    ["more are wanted", 4, false, 2, `2 of 4 threads (${NOT_YET})`],
    ["the rest is started", 4, true, 4, "4 threads"],
    ["fewer are wanted", 3, false, 3, "3 threads"],
    ["one is wanted", 1, true, 1, "one thread"],
  ])("%s", async (_, threads, start, ready, line) => {
    config.threads = threads;
    if (start) expect(await init()).toEqual(["cpu", "wasm"]);
    expect(explain(long)(x).readyThreads).toBe(ready);
    expect(threadsLine(long)).toBe(line);
  });

  test("a program without long loops has one", () => {
    config.threads = 4;
    expect(threadsLine(short)).toBe("one thread (none of its loops is split)");
  });
});

test("without shared memory there is a reason, told once, and nothing to wait for", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const limits = { memoryBudget: 1e6, threads: 4 };
  const pool = new ThreadPool(new Residency(NOWHERE, new LinearMemory(64, false), limits), limits);
  expect(pool.impossible).toContain("not cross-origin isolated");
  for (let i = 0; i < 2; i++) await startThreads(pool);
  expect([pool.limit, pool.ready]).toEqual([1, 1]);
  expect(warn).toHaveBeenCalledTimes(1);
});

describe("a module that does not compile", () => {
  const { Module } = WebAssembly;
  afterEach(() => {
    WebAssembly.Module = Module;
  });
  const failing = (fails: (bytes: BufferSource) => boolean): void => {
    WebAssembly.Module = class extends Module {
      constructor(bytes: BufferSource) {
        if (fails(bytes)) throw new WebAssembly.CompileError("not this one");
        super(bytes);
      }
    };
  };

  test("names the policy where none does", () => {
    failing(() => true);
    const f = jit((a: NDArray) => np.cos(a).add(1));
    expect(() => f(x)).toThrow(WeftError);
    expect(() => f(x)).toThrow("it needs `script-src 'wasm-unsafe-eval'`");
  });

  test("says what the engine says where others do", () => {
    failing((bytes) => bytes.byteLength > 8);
    expect(() => jit((a: NDArray) => np.cos(a).add(2))(x)).toThrow(/^not this one$/);
  });
});
