import v8 from "node:v8";
import vm from "node:vm";
import { describe, expect, test } from "vitest";
import { aval } from "../../../src/core/aval.ts";
import { Jaxpr, Var } from "../../../src/core/jaxpr.ts";
import { CACHE_LIMITS, type Cached, ProgramCache } from "../../../src/devices/cpu/cache.ts";
import { jit, type NDArray, numpy as np } from "../../../src/index.ts";

/** The identity on so many numbers. */
function program(n: number): Jaxpr {
  const x = new Var(aval([n], "float32"));
  return new Jaxpr([x], [], [x]);
}

interface Fake extends Cached {
  readonly n: number;
  busy: boolean;
  released: number;
}

function fakes(limits = { programs: 8, bytes: 1000 }, codeBytes = 10) {
  const cache = new ProgramCache<Fake>(limits);
  const made: Fake[] = [];
  const none: readonly boolean[] = [];
  const run = (jaxpr: Jaxpr): Fake =>
    cache.get(jaxpr, none, () => {
      const fake: Fake = {
        n: jaxpr.invars[0]!.aval.size,
        codeBytes,
        busy: false,
        released: 0,
        release: () => fake.released++,
      };
      made.push(fake);
      return fake;
    });
  return { cache, made, run };
}

describe("the programs that are kept", () => {
  test("are those used last, and what leaves gives back what it holds, once", () => {
    const { cache, made, run } = fakes();
    const first = program(1);
    for (let n = 2; n < 100; n++) {
      run(first);
      run(program(n));
      expect(cache.size).toBeLessThanOrEqual(8);
    }
    expect(made.filter(({ n }) => n === 1)).toHaveLength(1);
    expect(made.map(({ released }) => released).filter((n) => n > 1)).toEqual([]);
    expect(made.filter(({ released }) => released === 0)).toHaveLength(cache.size);
  });

  test("a program that has left is made again, although its jaxpr lives", () => {
    const { made, run } = fakes();
    const first = program(1);
    run(first);
    for (let n = 2; n < 20; n++) run(program(n));
    run(first);
    run(first);
    expect(made.filter(({ n }) => n === 1)).toHaveLength(2);
  });

  test("a program that runs stays", () => {
    const { cache, made, run } = fakes();
    const running = program(1);
    run(running).busy = true;
    for (let n = 2; n < 50; n++) run(program(n));
    run(running);
    expect(made.filter(({ n }) => n === 1)).toHaveLength(1);
    cache.clear();
    expect(cache.size).toBe(1);
  });

  test("their code takes so many bytes at most, however few they are", () => {
    const { cache, run } = fakes({ programs: 100, bytes: 1000 }, 300);
    for (let n = 1; n < 20; n++) {
      run(program(n));
      expect(cache.size).toBeLessThanOrEqual(3);
    }
    const large = fakes({ programs: 100, bytes: 1000 }, 5000);
    for (let n = 1; n < 5; n++) large.run(program(n));
    expect(large.cache.size).toBe(1);
  });

  test("ten thousand leave the documented number", () => {
    const { cache, made, run } = fakes(CACHE_LIMITS);
    for (let n = 1; n <= 10_000; n++) run(program(n));
    expect(cache.size).toBeLessThanOrEqual(CACHE_LIMITS.programs);
    expect(made.filter(({ released }) => released === 0)).toHaveLength(cache.size);
  });
});

test("a jitted function keeps its latest 1024 traces", () => {
  let traced = 0;
  const f = jit((x: NDArray) => {
    traced++;
    return x;
  });
  const run = (n: number): number => {
    const before = traced;
    f.lower(np.array(new Float32Array(n)));
    return traced - before;
  };
  for (let n = 0; n < 1024; n++) run(n);
  expect([run(0), run(1), run(1024), run(0), run(2)]).toEqual([0, 0, 1, 0, 1]);
});

test("of more signatures than are kept, the engine keeps no code", async () => {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  const made: WeakRef<WebAssembly.Module>[] = [];
  const { Module } = WebAssembly;
  WebAssembly.Module = new Proxy(Module, {
    construct(target, args) {
      const module = Reflect.construct(target, args);
      made.push(new WeakRef(module));
      return module;
    },
  });
  const f = jit((x: NDArray) => x.add(1));
  try {
    for (let n = 1; n <= CACHE_LIMITS.programs + 200; n++) f(np.array(new Float32Array(n)));
  } finally {
    WebAssembly.Module = Module;
  }
  await new Promise((next) => setTimeout(next));
  collect();
  const kept = made.filter((module) => module.deref()).length;
  expect(made.length).toBeGreaterThanOrEqual(CACHE_LIMITS.programs + 200);
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThanOrEqual(CACHE_LIMITS.programs);
}, 120_000);
