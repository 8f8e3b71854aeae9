import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import type { Program } from "../../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import type { TypedArray } from "../../../src/core/dtype.ts";
import { InternalError } from "../../../src/core/errors.ts";
import { LinearMemory } from "../../../src/devices/cpu/memory.ts";
import { Residency } from "../../../src/devices/cpu/residency.ts";
import { ThreadPool } from "../../../src/devices/cpu/threads/pool.ts";
import { config, debug, grad, jit, lax, type NDArray, numpy as np, tree } from "../../../src/index.ts";
import { bundle } from "../../support/bundle.ts";
import { expectSameOutputs, programs, randomArgs } from "../../support/random-ir.ts";
import { NOWHERE } from "./support.ts";
import { cache, everywhere, isPossible, KINDS, type Kind, threaded } from "./threads-support.ts";

const parsed = (text: string): Program => {
  const program = parseProgram(text);
  verify(program, "parsing");
  return program;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function thrownBy(f: () => unknown): unknown {
  try {
    f();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** y = 2 x, in pieces, `again` times over. */
const doubling = (again: number): Program =>
  parsed(`
program(x: i32[256]) -> (y: i32[256]) {
  for i < 64 parallel { for j < 4 independent { y[4*i + j] = x[4*i + j] } }
  for t < ${again} {
    for i < 64 parallel { for j < 4 independent { y[4*i + j] = i32.add(y[4*i + j], y[4*i + j]) } }
  }
}`);

/** Each iteration of its one parallel loop takes so many steps. */
const slow = (steps: number): Program =>
  parsed(`
program(x: i32[64]) -> (y: i32[64]) {
  for i < 64 parallel {
    var h: i32 = x[i]
    for k < ${steps} { set h = i32.add(i32.mul(h, i32(5)), index(k)) }
    y[i] = h
  }
}`);

describe.each(KINDS)("programs on threads as %s", (kind) => {
  const testKind = test.runIf(isPossible(kind));
  const own = threaded(kind);
  beforeAll(() => own.warm(3));

  // Each program costs a start of the compiler.
  const runs = kind === "wasm" ? 100 : 20;
  testKind(
    "random programs mean what the interpreter says, on one to three threads",
    () => {
      let spread = 0;
      fc.assert(
        fc.property(programs({ exact: true, stages: 6 }), fc.nat(), (source, seed) => {
          const program = everywhere(source);
          verify(program, "everywhere");
          const args = randomArgs(program, seed);
          const want = interpret(source, args);
          const run = own.compile(program);
          if (JSON.stringify(program.body, (k, v) => (k === "buffer" ? v.id : v)).includes('"parallel"'))
            spread++;
          for (const threads of [3, 1, 2]) {
            own.use(threads);
            expectSameOutputs(program, want, run(args));
          }
        }),
        { numRuns: runs },
      );
      expect(spread / runs).toBeGreaterThan(0.1);
    },
    60_000,
  );

  testKind("loops of one program that differ are told from each other", () => {
    // Compilers like to take the number of the first job for that of all.
    const program = parsed(`
program(x: i32[81]) -> (y: i32[9], z: i32[3]) {
  for m < 9 parallel { reduce s: i32 = add(i32(0)) over (k < 9) { yield i32.mul(x[9*m + k], x[k]) } y[m] = i32.abs(s) }
  for m < 3 parallel { reduce s: i32 = add(i32(0)) over (k < 4) { yield i32.mul(x[4*m + k], y[k]) } z[m] = s }
}`);
    own.use(3);
    const args = randomArgs(program, 22);
    expectSameOutputs(program, interpret(program, args), own.compile(program)(args));
  });

  testKind("thousands of runs of several programs in turn", () => {
    own.use(2);
    const runs = [1, 2, 5].map((again) => own.compile(doubling(again)));
    const x = Int32Array.from({ length: 256 }, (_, i) => i - 99);
    for (let i = 0; i < 3000; i++) {
      const [y] = runs[i % 3]!([x]);
      const factor = 2 ** [1, 2, 5][i % 3]!;
      expect(y![i % 256]).toBe(factor * x[i % 256]!);
    }
  });

  testKind("every iteration runs once, whoever runs it", () => {
    own.use(3);
    const run = own.compile(doubling(30));
    const x = new Int32Array(256).fill(1);
    for (let i = 0; i < 300; i++) expect(new Set(run([x])[0])).toEqual(new Set([2 ** 30]));
  });

  testKind("locals of every type reach the other threads", () => {
    const program = parsed(`
program(a: f32[1], b: f64[1], c: i32[1], d: u8[1], x: f64[64]) -> (y: f64[128]) {
  let p: f32 = a[0]
  let q: f64 = b[0]
  let r: i32 = c[0]
  let s: u8 = d[0]
  let t: bool = i32.lt(r, i32(0))
  for o < 2 {
    for i < 64 parallel {
      y[64*o + i] = f64.add(f64.mul(x[i], q), f64.add(f64.convert(p), f64.add(f64.convert(i32.add(r, index(o))), f64.add(f64.convert(s), f64.convert(t)))))
    }
  }
}`);
    const args = [
      Float32Array.of(0.1),
      Float64Array.of(1e-9),
      Int32Array.of(-7),
      Uint8Array.of(200),
      Float64Array.from({ length: 64 }, (_, i) => i),
    ] as TypedArray[];
    own.use(3);
    const run = own.compile(program);
    for (let i = 0; i < 50; i++) expectSameOutputs(program, interpret(program, args), run(args));
  });

  testKind.each([8, 60])("%i locals, be they too many to hand over", (count) => {
    const lets = Array.from({ length: count }, (_, k) => `let a${k}: i32 = x[${k}]`).join("\n");
    const sum = Array.from({ length: count }, (_, k) => `a${k}`).reduce((s, a) => `i32.add(${s}, ${a})`);
    const program = parsed(`
program(x: i32[64]) -> (y: i32[64]) {
  ${lets}
  for i < 64 parallel { y[i] = i32.mul(x[i], ${sum}) }
  for e < 0 parallel { y[e] = x[e] }
}`);
    const args = randomArgs(program, 5);
    own.use(3);
    const run = own.compile(program);
    for (let i = 0; i < 20; i++) expectSameOutputs(program, interpret(program, args), run(args));
  });

  testKind("the number of threads may change from run to run", () => {
    const run = own.compile(doubling(3));
    const x = Int32Array.from({ length: 256 }, (_, i) => i);
    for (let i = 0; i < 200; i++) {
      own.use(1 + (i % 3));
      expect(run([x])[0]).toEqual(x.map((v) => 8 * v));
    }
  });
});

describe("programs that trap", () => {
  const own = threaded("wasm");
  beforeAll(() => own.warm(3));

  test("a trap in a worker is an error here, and the next run is well", () => {
    // The first half keeps this thread busy while a worker runs into the second.
    const program = parsed(`
program(n: i32[64], at: i32[64], x: f32[64]) -> (y: f32[64]) {
  for i < 64 parallel {
    let p: i32 = at[i]
    var k: i32 = i32(0)
    while {
      test i32.lt(k, n[i])
    } do {
      set k = i32.add(k, i32(1))
    }
    y[i] = f32.add(x[p], f32.convert(k))
  }
}`);
    own.use(2);
    const run = own.compile(program);
    const x = Float32Array.from({ length: 64 }, (_, i) => i);
    const steps = new Int32Array(64).fill(100_000, 0, 32);
    const at = Int32Array.from({ length: 64 }, (_, i) => i);
    const good = x.map((v, i) => v + steps[i]!);
    expect(run([steps, at, x])[0]).toEqual(good);
    const outside = at.map((v, i) => (i < 32 ? v : 2 ** 29 - 1));
    // On a busy machine this thread may reach the second half first and trap itself.
    const errors = Array.from({ length: 20 }, () => thrownBy(() => run([steps, outside, x])));
    for (const error of errors) expect(String(error)).toContain("memory access out of bounds");
    expect(
      errors.some(
        (error) => error instanceof InternalError && error.message.includes("worker thread failed"),
      ),
    ).toBe(true);
    for (let i = 0; i < 20; i++) expect(run([steps, at, x])[0]).toEqual(good);
  });

  test("a trap of the caller waits for the workers and passes through", () => {
    const program = parsed(`
program(at: i32[1], x: f32[64]) -> (y: f32[64], z: f32[1]) {
  for i < 64 parallel { y[i] = x[i] }
  let p: i32 = at[0]
  z[0] = x[p]
}`);
    own.use(2);
    const run = own.compile(program);
    const x = new Float32Array(64).fill(3);
    for (let i = 0; i < 20; i++) {
      expect(() => run([Int32Array.of(2 ** 29 - 1), x])).toThrow(WebAssembly.RuntimeError);
      expect(run([Int32Array.of(5), x])[1]![0]).toBe(3);
    }
  });
});

describe.each(KINDS)("compiled functions as %s", (kind) => {
  const testKind = test.runIf(isPossible(kind));
  const before = { ...config };
  beforeAll(() => void Object.assign(config, isPossible(kind) && { tier: kind, cacheDir: cache }));
  afterAll(() => void Object.assign(config, before));
  const random = (...shape: number[]): NDArray => {
    let state = shape.length + 12345;
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32 - 0.5;
    });
    return np.array(data).reshape(shape);
  };
  const [time, batch, hidden] = [12, 16, 128];
  const weights = { wx: random(2, hidden, hidden), wh: random(2, hidden, hidden), b: random(2, hidden) };
  const [xs, h0] = [random(time, batch, hidden), random(2, batch, hidden)];
  type Weights = typeof weights;
  const forward = (p: Weights, h: NDArray, x: NDArray) =>
    lax.scan(
      (hs: NDArray, input: NDArray) => {
        const layer = (below: NDArray, [w, state]: [Weights, NDArray]): [NDArray, NDArray] => {
          const next = np.tanh(np.matmul(below, w.wx).add(np.matmul(state, w.wh)).add(w.b));
          return [next, next];
        };
        const [y, states] = lax.scan(layer, input, [p, hs] as [Weights, NDArray]);
        return [states, y] as [NDArray, NDArray];
      },
      h,
      x,
    );
  const loss = (p: Weights, h: NDArray, x: NDArray): NDArray => {
    const [last, ys] = forward(p, h, x);
    return np.sum(ys.mul(ys)).add(np.sum(last));
  };
  const step = (p: Weights, h: NDArray, x: NDArray): Weights =>
    tree.map((w: NDArray, g: NDArray) => w.sub(g.mul(1e-3)), p, grad(loss)(p, h, x)) as Weights;

  const counting = (p: Weights, h: NDArray, x: NDArray) =>
    lax.scan(
      ([state, count]: [NDArray, NDArray], input: NDArray) => {
        const next = np.tanh(np.matmul(state, p.wh.slice(0)).add(input).div(count));
        return [[next, count.add(1)], next] as [[NDArray, NDArray], NDArray];
      },
      [h, np.array(1)] as [NDArray, NDArray],
      x,
    );

  const bits = (result: unknown): unknown[] =>
    (tree.leaves(result as never) as NDArray[]).map((x) => Array.from(new Uint32Array(x.dataSync().buffer)));

  testKind.each<[string, () => unknown]>([
    ["a product", jit(() => np.matmul(random(200, 300), random(300, 250))) as () => unknown],
    ["a long map", jit(() => np.tanh(random(300_007))) as () => unknown],
    ["a recurrent network", () => jit(forward)(weights, h0, xs)],
    ["its training step", () => jit(step)(weights, h0, xs)],
    ["one that counts its steps", () => jit(counting)(weights, h0.slice(0), xs)],
  ])("%s has the same bits on one thread and on several", async (_, run) => {
    config.threads = 1;
    const want = bits(run());
    for (let i = 0; i < 6; i++) {
      config.threads = 1 + (i % 3);
      expect(bits(run())).toEqual(want);
      await pause(i < 3 ? 40 : 0);
    }
  });

  testKind("time loops run once per thread", () => {
    config.threads = 2;
    const loops = jit(forward).lower(weights, h0, xs).asText("loops");
    expect(loops).toMatch(/for \w+ < 2 parallel \{\n +for step\w* < 12 \{/);
  });

  const big = (): NDArray => random(256, 256);

  testKind("an error in a callback between parallel loops ends the run and nothing else", () => {
    config.threads = 2;
    let broken = true;
    const f = jit((x: NDArray) => {
      const y = np.matmul(x, x);
      debug.callback(() => {
        if (broken) throw new Error("stop here");
      }, y);
      return np.matmul(y, x);
    });
    const x = big();
    for (let i = 0; i < 5; i++) expect(() => f(x)).toThrow("stop here");
    broken = false;
    expect(bits(f(x))).toEqual(bits(np.matmul(np.matmul(x, x), x)));
  });

  testKind("compiled functions that a callback calls run alone beside the program around them", () => {
    config.threads = 2;
    const inner = jit((x: NDArray) => np.matmul(x, x));
    const x = big();
    const want = bits(inner(x));
    const seen: unknown[] = [];
    const outer = jit((a: NDArray) => {
      const y = np.matmul(a, a);
      debug.callback(() => seen.push(bits(inner(x))), y);
      return np.matmul(y, a);
    });
    for (let i = 0; i < 5; i++) outer(x);
    expect(seen).toEqual(Array(5).fill(want));
  });
});

describe("the pool", () => {
  describe.each(KINDS)("with %s code", (kind) => {
    const testKind = test.runIf(isPossible(kind));

    /** Share of one processor that the process uses during `work`. */
    const load = async (work: () => unknown): Promise<number> => {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      await work();
      const { user, system } = process.cpuUsage(cpu);
      return (user + system) / 1000 / (performance.now() - start);
    };

    test.runIf(isPossible(kind) && availableParallelism() > 1)(
      "workers help, also after code that they could not load",
      async () => {
        const own = threaded(kind);
        await own.warm(2);
        const run = own.compile(slow(400_000));
        const loadOn = (threads: number): Promise<number> => {
          own.use(threads);
          return load(() => {
            for (let i = 0; i < 10; i++) run([new Int32Array(64)]);
          });
        };
        // A busy machine gives every thread its share, and a processor each at times only.
        await vi.waitFor(async () => {
          const alone = await loadOn(1);
          expect(await loadOn(2)).toBeGreaterThan(1.3 * alone);
        }, 60_000);
      },
      120_000,
    );

    testKind(
      "idle workers use no processor time",
      async () => {
        const own = threaded(kind);
        await own.warm(3);
        own.use(3);
        const run = own.compile(doubling(3));
        for (let i = 0; i < 50; i++) run([new Int32Array(256)]);
        await pause(100);
        expect(await load(() => pause(300))).toBeLessThan(0.2);
      },
      30_000,
    );
  });

  test.runIf(isPossible("native"))(
    "it helps WebAssembly and native code in turn",
    async () => {
      const own = threaded("wasm");
      await own.warm(3);
      own.use(3);
      const runs = KINDS.flatMap((kind) => [1, 3].map((again) => own.compile(doubling(again), kind)));
      const x = Int32Array.from({ length: 256 }, (_, i) => i - 99);
      const want = [1, 3, 1, 3].map((again) => x.map((v) => 2 ** again * v));
      for (let i = 0; i < 2000; i++) expect(runs[i % 4]!([x])[0]).toEqual(want[i % 4]);
    },
    30_000,
  );

  test("says once that threads are impossible without shared memory, and only if they were asked for", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const limits = { memoryBudget: 1e6, threads: 1 };
    const memory = new LinearMemory(64, false);
    const pool = new ThreadPool(new Residency(NOWHERE, memory, limits), limits);
    const code = { kind: "wasm", bytes: new Uint8Array(8) } as const;
    expect(pool.enter(code, 0)).toBe(0);
    expect(warn).not.toHaveBeenCalled();
    limits.threads = 4;
    for (let i = 0; i < 3; i++) expect(pool.enter(code, 0)).toBe(0);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toContain("weft runs on one thread, although config.threads is 4");
    warn.mockRestore();
  });

  describe("in a process of its own", () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-threads-"));
    afterAll(() => rmSync(folder, { recursive: true }));
    beforeAll(() => bundle(folder));

    const run = (script: string, kind: Kind) => {
      const path = join(folder, "main.mjs");
      const start = `import { config, jit, numpy as np } from "./weft.mjs"; config.threads = 3;
        const f = jit((x) => np.matmul(x, x)); const x = np.ones([256, 256]); f(x);`;
      writeFileSync(path, `${start}\n${script}`);
      return spawnSync(process.execPath, [path], {
        encoding: "utf8",
        timeout: 20_000,
        env: { ...process.env, WEFT_TIER: kind, WEFT_CACHE_DIR: cache },
      });
    };
    const warm = "for (let i = 0; i < 60; i++) { f(x); await new Promise((r) => setTimeout(r, 5)); }";
    const ends: readonly [string, string, number][] = [
      ["at once, while workers start", "", 0],
      ["with sleeping workers", `${warm} await new Promise((r) => setTimeout(r, 20));`, 0],
      ["with workers that were just busy", `${warm} for (let i = 0; i < 20; i++) f(x);`, 0],
      ["by process.exit", `${warm} f(x); process.exit(3);`, 3],
      ["by an error", `${warm} f(x); throw new Error("the end");`, 1],
    ];
    describe.each(KINDS)("running %s code", (kind) => {
      test.runIf(isPossible(kind)).each(ends)("it ends %s", (_, script, status) => {
        // What workers do just then is up to the machine: several times, if it may be much.
        for (let left = script === "" ? 10 : 1; left > 0; left--) {
          const result = run(script, kind);
          expect([result.signal, result.status]).toEqual([null, status]);
          expect(result.stderr.includes("weft runs on one thread")).toBe(false);
        }
      });
    });
  });
});
