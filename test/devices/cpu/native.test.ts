import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type CText, emitC } from "../../../src/backends/c/index.ts";
import type { Program } from "../../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { nativeTarget } from "../../../src/compiler/target.ts";
import { workOf } from "../../../src/compiler/work.ts";
import { compile as compileBy, lower } from "../../../src/devices/cpu/backend.ts";
import { AUTO_WORK, chooseTier } from "../../../src/devices/cpu/native/choice.ts";
import { compile, divide } from "../../../src/devices/cpu/native/compile.ts";
import { CacheEntry, cacheFolder } from "../../../src/devices/cpu/native/disk-cache.ts";
import { NativeFailure, type NativeFunction, type NativeHost } from "../../../src/devices/cpu/native/host.ts";
import {
  type Fallback,
  nativeBackend,
  nativeExecutors,
  withoutNative,
} from "../../../src/devices/cpu/native/index.ts";
import { createNativeHost, loadSource } from "../../../src/devices/cpu/native/node.ts";
import { cpuFlagsOf, findToolchain } from "../../../src/devices/cpu/native/toolchain.ts";
import { wasmBackend } from "../../../src/devices/cpu/wasm.ts";
import { clearCaches, memoryStats, setExecutor, type Tier } from "../../../src/devices/index.ts";
import { debug, grad, jit, lax, makeJaxpr, type NDArray, numpy as np } from "../../../src/index.ts";
import { expectClose } from "../../support/close.ts";

const tools = findToolchain();
const whereCompiler = describe.runIf(tools);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weft-test-"));
});
afterEach(() => {
  setExecutor(undefined);
  clearCaches();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Cuts a file short without touching what a process has loaded of it. */
function damage(path: string): void {
  const bytes = readFileSync(path);
  rmSync(path);
  writeFileSync(path, bytes.subarray(0, bytes.length / 2));
}

/** A stand-in for a compiler, which answers the question for macros as the real one does. */
function fakeCompiler(compileScript: string): string {
  const path = join(folder, "fake-cc");
  const probe = `case " $* " in *" -dM "*) exec ${tools!.path} "$@";; esac`;
  writeFileSync(path, `#!/bin/sh\n${probe}\n${compileScript}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Runs programs by these executors, with warnings collected. */
function withHost(host: NativeHost | undefined, tier: "native" | "auto" = "native"): string[] {
  const warnings: string[] = [];
  const fallback: Fallback = (source, runtime) => compileBy(wasmBackend, source, runtime);
  const warn = (text: string): void => void warnings.push(text);
  const backend = host && nativeBackend(host, () => join(folder, "cache"));
  const made = host && backend ? nativeExecutors({ host, backend, fallback, warn }) : withoutNative(fallback);
  setExecutor(made[tier]);
  return warnings;
}

/** A host that only counts. */
function pretender(missing?: string): NativeHost & { readonly programs: CText[] } {
  const programs: CText[] = [];
  const idle: NativeFunction = () => {};
  return {
    programs,
    missing: () => missing,
    compiler: () => "/usr/bin/pretender",
    emit: emitC,
    target: () => nativeTarget(new Set(["avx2", "fma"])),
    load: (program) => {
      programs.push(program);
      return { run: idle, threaded: undefined, bytes: 0, unload: () => {} };
    },
    addressOf: () => 0,
  };
}

const iota = (n: number): NDArray => np.arange(0, n, 1, { dtype: "float32" });

whereCompiler("programs", () => {
  /** Loss of a small recurrent network and its gradient: products, a scan forwards and backwards, tanh. */
  const train = (): unknown => {
    const w = np.reshape(np.sin(iota(24 * 24)), [24, 24]).mul(0.2);
    const xs = np.reshape(np.cos(iota(9 * 5 * 24)), [9, 5, 24]);
    const loss = (w: NDArray): NDArray => {
      const step = (h: NDArray, x: NDArray): [NDArray, NDArray] => {
        const next = np.tanh(np.matmul(h, w).add(x));
        return [next, next];
      };
      const [, ys] = lax.scan(step, np.zeros([5, 24]), xs);
      return np.sum(np.square(ys));
    };
    return jit((w: NDArray) => [loss(w), grad(loss)(w)])(w);
  };

  test("give what WebAssembly gives", () => {
    const want = train();
    withHost(createNativeHost());
    expectClose(train(), want, 1e-5);
    expect(readdirSync(join(folder, "cache")).filter((f) => f.endsWith(".c")).length).toBeGreaterThan(0);
  });

  test("find their memory after it has grown", () => {
    withHost(createNativeHost());
    const double = jit((x: NDArray) => x.add(x));
    expect(Array.from(double(iota(3)).dataSync())).toEqual([0, 2, 4]);
    const { total } = memoryStats();
    const large = np.ones([total / 4]);
    large.dataSync();
    expect(memoryStats().total).toBeGreaterThan(total);
    expect(double(large).dataSync().at(-1)).toBe(2);
    expect(Array.from(double(iota(3)).dataSync())).toEqual([0, 2, 4]);
  });

  test("that call JavaScript run all the same", () => {
    const host = pretender();
    withHost(host);
    const seen: number[] = [];
    const f = jit((x: NDArray) => {
      debug.callback((value) => seen.push(value.dataSync()[0]!), x);
      return x.add(1);
    });
    const x = np.array([41]);
    host.programs.length = 0;
    expect(f(x).dataSync()[0]).toBe(42);
    expect(seen).toEqual([41]);
    expect(host.programs).toEqual([]);
  });
});

describe("which tier", () => {
  const big = 512;
  const product = jit((x: NDArray) => np.matmul(x, x));

  test("explicit native without what it needs says what to install", () => {
    vi.stubEnv("PATH", folder);
    vi.stubEnv("WEFT_CC", "");
    withHost(createNativeHost());
    expect(() => np.ones([2]).add(1)).toThrow(
      'config.tier is "native", which needs a C compiler (GCC or Clang as cc, gcc or clang in the PATH, or the path of one in WEFT_CC). Or set config.tier to "auto"',
    );
    withHost(pretender("the package koffi"));
    expect(() => np.ones([2]).add(1)).toThrow('which needs the package koffi. Or set config.tier to "auto"');
    withHost(undefined);
    expect(() => np.ones([2]).add(1)).toThrow("which needs an engine that can start processes (Node)");
  });

  test("auto compiles what computes much, and nothing where something is missing", () => {
    const x = np.ones([big, big]);
    x.dataSync();
    const host = pretender();
    const warnings = withHost(host, "auto");
    np.ones([3]).add(2).dataSync();
    expect(host.programs).toHaveLength(0);
    product(x);
    expect(host.programs).toHaveLength(1);
    for (const poor of [undefined, pretender("a compiler")]) {
      withHost(poor, "auto");
      expect(product(x).dataSync()[0]).toBe(big);
      expect(poor?.programs ?? []).toEqual([]);
    }
    expect(warnings).toEqual([]);
  });

  test("the choice says why", () => {
    const lowered = (f: (x: NDArray) => NDArray, n: number) => lower(makeJaxpr(f)(np.ones([n, n])).jaxpr);
    const [small, large] = [3, big].map((n) => lowered((x) => np.matmul(x, x), n)) as [Program, Program];
    const calling = lowered((x) => {
      debug.callback(() => {}, x);
      return np.matmul(x, x);
    }, big);
    const why = (tier: Tier, program: Program, host?: NativeHost): string => {
      const choice = chooseTier(tier, program, host);
      return `${choice.tier}: ${choice.why}`;
    };
    const calls = "but the program calls JavaScript, which only WebAssembly does";
    expect([
      why("wasm", large, pretender()),
      why("interp", large),
      why("native", small, pretender()),
      why("native", calling, pretender()),
      why("auto", large, pretender()),
      why("auto", calling, pretender()),
      why("auto", small, pretender()),
      why("auto", large, pretender("koffi")),
      why("auto", large),
    ]).toEqual([
      'wasm: config.tier is "wasm"',
      'interp: config.tier is "interp"',
      'native: config.tier is "native"; compiled by /usr/bin/pretender',
      `wasm: config.tier is "native", ${calls}`,
      'native: config.tier is "auto" and 268.70 Mop pay for it; compiled by /usr/bin/pretender',
      `wasm: config.tier is "auto", ${calls}`,
      'wasm: config.tier is "auto", but 63 op are fewer than the 10.00 Mop from which compiling C pays',
      'wasm: config.tier is "auto", but C needs koffi',
      'wasm: config.tier is "auto", but C needs an engine that can start processes (Node)',
    ]);
  });

  test("work is counted with the iterations of all loops", () => {
    const n = 10;
    const text = `program(a: f32[100], n: i32[1]) -> (y: f32[100]) {
      for t < 7 {
        contract acc: f32 = a[0 batch () free (${n}) reduced (1)] * a[0 batch () free (1) reduced (${n})] over batch () rows (i < ${n}) cols (j < ${n}) depth (${n}) {
          y[${n}*i + j] = f32.neg(acc)
        }
      }
      for i < 50 { reduce s: f32 = add(f32(0)) over (k < 20) { yield a[k] } y[i] = s }
    }`;
    expect(workOf(parseProgram(text))).toBe(7 * 100 * (2 * 10 + 2) + 50 * (20 * 2 + 1));
    const loop = (text: string): number =>
      workOf(parseProgram(`program(n: i32[1]) -> (y: i32[1]) { ${text} }`));
    const once = loop("y[0] = i32.neg(n[0])");
    expect(loop("while { test i32.gt(n[0], i32(0)) } do { y[0] = i32.neg(n[0]) }")).toBe(16 * (once + 2));
    expect(AUTO_WORK).toBeGreaterThan(1e6);
  });

  test.each([
    [["avx2", "fma"], { vectorBytes: 32, registers: 16, fma: true }],
    [
      ["avx2", "fma", "avx512f", "avx512vl", "avx512bw", "avx512dq"],
      { vectorBytes: 64, registers: 32, fma: true },
    ],
    [["avx2", "fma", "avx512f"], { vectorBytes: 32, registers: 16, fma: true }],
    [["sse2"], { vectorBytes: 16, registers: 16, fma: false }],
    [["aarch64"], { vectorBytes: 16, registers: 32, fma: true }],
  ])("%j", (flags, want) => {
    expect(nativeTarget(new Set(flags))).toMatchObject({ name: "native", ...want });
  });

  test("the compiler's macros name the extensions", () => {
    const macros =
      '#define __AVX2__ 1\n#define __FMA__ 1\n#define __ARM_NEON__ 1\n#define __VERSION__ "12"\n#define __aarch64__ 1\n';
    expect([...cpuFlagsOf(macros)]).toEqual(["avx2", "fma", "neon", "aarch64"]);
  });
});

whereCompiler("the compiler", () => {
  const run = (): number => np.ones([4]).add(2).dataSync()[0]!;

  test.each([
    ["refuses", "echo unhappy >&2; exit 3", /exited with status 3/],
    ["crashes", "kill -SEGV $$", /ended by SIGSEGV/],
  ])("%s: programs run as WebAssembly after one warning that names the log", (_, script, reason) => {
    vi.stubEnv("WEFT_CC", fakeCompiler(script));
    const warnings = withHost(createNativeHost());
    expect(run()).toBe(3);
    expect(np.ones([5]).mul(4).dataSync()[0]).toBe(4);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(reason);
    const log = /; see (\S+)\. Such programs run as WebAssembly\.$/.exec(warnings[0]!)![1]!;
    expect(readFileSync(log, "utf8")).toMatch(script.startsWith("echo") ? /unhappy/ : reason);
    expect(readdirSync(join(folder, "cache")).filter((f) => !/\.(c|log)$/.test(f))).toEqual([]);
  });

  test.each([
    ["a small program", [9_000, 8_000], 4, ["0x3"]],
    ["a program without units", [], 4, ["0x0"]],
    ["one core", [90_000, 80_000], 1, ["0x3"]],
    ["two cores", [90_000, 20_000, 50_000, 30_000], 2, ["0x1", "0xe"]],
    ["one long unit", [90_000, 1_000, 1_000], 8, ["0x1", "0x6"]],
    ["many cores", Array<number>(62).fill(50_000), 64, null],
  ])("shares %s fairly", (_, units, cores, want) => {
    const masks = divide(units, cores);
    if (want) expect(masks).toEqual(want);
    const union = masks.map(BigInt).reduce((a, b) => a + b);
    expect([union, masks.length <= 8]).toEqual([2n ** BigInt(units.length) - 1n, true]);
  });

  test("is stopped when it takes too long", () => {
    const slow = { ...tools!, path: fakeCompiler("exec sleep 60") };
    expect(compile(slow, { source: "", units: [] }, join(folder, "x.so"), 200)).toMatchObject({
      failure: "it took longer than 0.2 s",
      timedOut: true,
    });
  });

  test("is asked once per program: the next process finds the result", () => {
    const count = join(folder, "count");
    vi.stubEnv("WEFT_CC", fakeCompiler(`echo x >> ${count}; exec ${tools!.path} "$@"`));
    const times = (): number => readFileSync(count, "utf8").length / 2;
    const source = "void weft_run(char *mem, const int *frame) { mem[0] += frame[0]; }";
    const once = (text = source): number => {
      const bytes = new Uint8Array(64);
      bytes.set([1, 0, 0, 0, 7]);
      const base = createNativeHost().addressOf(bytes);
      const unit = { source: text, units: [], help: undefined };
      loadSource(findToolchain()!, unit, join(folder, "cache")).run(base, base + 4);
      return bytes[0]!;
    };
    expect([once(), once(), times()]).toEqual([8, 8, 1]);
    expect([once(source.replace("+=", "-=")), times()]).toEqual([250, 2]);
    const library = readdirSync(join(folder, "cache")).find((f) => f.endsWith(".so"))!;
    damage(join(folder, "cache", library));
    once();
    once(source.replace("+=", "-="));
    expect(times()).toBe(3);
    expect(readdirSync(join(folder, "cache")).filter((f) => f.endsWith(".tmp"))).toEqual([]);
  });

  test("other failures are not swallowed", () => {
    const load = (source: string) => () =>
      loadSource(tools!, { source, units: [], help: undefined }, join(folder, "cache"));
    expect(load("not C")).toThrow(NativeFailure);
    expect(load("int other;")).toThrow(/cannot be loaded: .*weft_run/);
  });
});

describe("the cache folder", () => {
  const entry = (): CacheEntry => new CacheEntry(cacheFolder(join(folder, "c")), ["key", "flags"]);

  const openTo = (mode: number) => (path: string) => {
    mkdirSync(path);
    chmodSync(path, mode);
  };
  /** Made by the first folder that is refused; the process that runs tests is ended without notice. */
  let fallback = join(tmpdir(), "none");
  afterAll(() => rmSync(fallback, { recursive: true, force: true }));

  test("is made for its owner alone", () => {
    const made = cacheFolder(join(folder, "deep", "er"));
    expect(made).toBe(join(folder, "deep", "er"));
    expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  test.each([
    ["can be written by others", openTo(0o777)],
    ["can be written by others", openTo(0o720)],
    ["is not a folder", (path: string) => mkdirSync(`${path}-target`)],
    ["cannot be made", (path: string) => writeFileSync(path, "")],
  ])("that %s is not used", (objection, spoil) => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const path = join(folder, `bad${Math.random()}`);
    spoil(path);
    if (objection === "is not a folder") symlinkSync(`${path}-target`, path);
    const used = cacheFolder(path);
    fallback = used;
    expect(used.startsWith(folder)).toBe(false);
    expect(statSync(used).mode & 0o777).toBe(0o700);
    expect(cacheFolder(path)).toBe(used);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toContain(objection);
  });

  test("has an entry as a whole or not at all", () => {
    expect(entry().isValid()).toBe(false);
    expect(() =>
      entry().store((path) => {
        writeFileSync(path, "half");
        throw new Error("killed");
      }),
    ).toThrow("killed");
    expect(entry().isValid()).toBe(false);
    entry().store((path) => {
      writeFileSync(path, "first");
      entry().store((other) => writeFileSync(other, "second"));
      expect(entry().isValid()).toBe(true);
    });
    expect(entry().isValid()).toBe(true);
    expect(readFileSync(entry().library, "utf8")).toBe("first");
    damage(entry().library);
    expect(entry().isValid()).toBe(false);
    expect(readdirSync(join(folder, "c")).some((f) => f.endsWith(".tmp"))).toBe(false);
  });

  test.each([
    [["key"], ["flags", "key"]],
    [
      ["ab", "c"],
      ["a", "bc"],
    ],
  ])("tells %j from %j", (a, b) => {
    expect(new CacheEntry(folder, a).library).not.toBe(new CacheEntry(folder, b).library);
  });
});
