import fc from "fast-check";
import { beforeAll, describe, expect, it, test } from "vitest";
import { emitC } from "../../src/backends/c/index.ts";
import { interpret } from "../../src/backends/interp/index.ts";
import type { Expr, Program } from "../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { planMemory } from "../../src/compiler/passes/plan.ts";
import { runPipeline } from "../../src/compiler/pipeline.ts";
import { CORE, type Target } from "../../src/compiler/target.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { config, grad, jit, lax, type NDArray, numpy as np } from "../../src/index.ts";
import { expectSameOutputs, programs, randomArgs } from "../support/random-ir.ts";
import { compileAll, compileShared, hasCompiler, hostTarget } from "./c-run.ts";
import { elementwise, OP_CASES, pairs, TRANSCENDENTAL } from "./op-table.ts";
import { PROGRAMS } from "./program-table.ts";

const target = (vectorBytes: number): Target => ({
  name: "native",
  vectorBytes,
  registers: 16,
  fma: true,
  roundsOnce: true,
  ...CORE,
  threads: 1,
});

const WEIGHTS = [
  [-0.628783, 1.17321, 0.550578, -0.659069],
  [0.238544, 0.098, -0.634354, 0.421549],
  [-1.75, -0.67309, 0.521399, 1.27888],
];
const PADDING = [
  [2, 3, 0],
  [1, 1, 0],
  [1, -1, 0],
] as const;

const emit = (program: Program, own: Target = target(32)): string =>
  emitC(program, planMemory(program), own).source;
const emitText = (text: string): string => emit(parseProgram(text));

describe.runIf(hasCompiler)("scalar functions", () => {
  const LANES = [1, 16];
  const all = OP_CASES.flatMap(({ from, to, make }) =>
    LANES.map((lanes) => elementwise(from, to, pairs(from)[0].length, lanes, make)),
  );
  let runs: ((args: readonly TypedArray[]) => TypedArray[])[] = [];
  beforeAll(() => void (runs = compileAll(all, target(32))), 120_000);

  it.each(OP_CASES.map((c, i) => ({ ...c, i })))("$title", ({ from, i }) => {
    const args = pairs(from);
    for (const [n, lanes] of LANES.entries()) {
      const k = i * LANES.length + n;
      expect(runs[k]!(args), `${lanes} lanes`).toEqual(interpret(all[k]!, args));
    }
  });
});

describe.runIf(hasCompiler).each([16, 64])("programs in vectors of %i bytes", (vectorBytes) => {
  const all = PROGRAMS.map(({ texts }) => texts.map((text) => parseProgram(text)));
  let runs: ((args: readonly TypedArray[]) => TypedArray[])[] = [];
  beforeAll(() => void (runs = compileAll(all.flat(), target(vectorBytes))), 120_000);

  it.each(PROGRAMS.map((c, i) => ({ ...c, i })))("$title", ({ i, tolerance }) => {
    const first = all.slice(0, i).flat().length;
    for (const [k, program] of all[i]!.entries()) {
      const args = randomArgs(program, 7);
      expectSameOutputs(program, interpret(program, args), runs[first + k]!(args), tolerance);
    }
  });
});

it.runIf(hasCompiler).each([false, true])(
  "random programs mean what the interpreter says (lanes: %s)",
  (lanes) => {
    const batch = fc.array(programs({ exact: true, lanes }), { minLength: 1, maxLength: 60, size: "max" });
    fc.assert(
      fc.property(batch, fc.nat(), (sources, seed) => {
        const own = target(32);
        const contracted = sources.map((source) => contract(source, own));
        const runs = compileAll(contracted, own);
        for (const [i, program] of contracted.entries()) {
          const args = randomArgs(program, seed);
          expectSameOutputs(program, interpret(program, args), runs[i]!(args));
        }
      }),
      { numRuns: 3, interruptAfterTimeLimit: 60_000 },
    );
  },
  120_000,
);

/** What a compiler makes with the flags in use is trusted because of these. */
describe.runIf(hasCompiler)("random programs after all passes", () => {
  const own = hostTarget();
  it.each([
    ["exact", true, 0, {}],
    ["of all functions", false, 1e-4, {}],
    ["exact, with a function for every loop that may be one", true, 0, { large: 1 }],
  ] as const)("%s", (_, exact, tolerance, division) => {
    const before = fc.sample(programs({ exact, stages: 8 }), { numRuns: 120, seed: 33 });
    const runs = compileAll(
      before.map((p) => runPipeline(p, own, { off: [] })),
      own,
      division,
    );
    for (const [i, program] of before.entries()) {
      const args = randomArgs(program, i);
      expectSameOutputs(program, interpret(program, args), runs[i]!(args), tolerance);
    }
  });
});

test.runIf(hasCompiler)("stores of one loop that the next one loads", () => {
  // GCC 12 with -O2 on AVX-512, before -fno-tree-slp-vectorize: wrong sums.
  const f = (x: NDArray): NDArray => {
    const product = np.matmul(x, np.array(WEIGHTS, { dtype: "float64" }));
    const [left] = np.arraySplit(product, 2, 1);
    return lax
      .pad(left!, np.array(0.5, { dtype: "float64" }), PADDING)
      .sum()
      .mul(0.7);
  };
  const x = np.array([[[-0.809, 1.771, -0.142]]], { dtype: "float64" });
  const on = (tier: typeof config.tier): number[] => {
    config.tier = tier;
    return [...jit(grad(f))(x).dataSync()];
  };
  const { tier } = config;
  try {
    const expected = on("interp");
    // Wider vectors add in another order.
    for (const [i, v] of on("native").entries()) expect(v).toBeCloseTo(expected[i]!, 13);
  } finally {
    config.tier = tier;
  }
});

/** Two loops that differ in their arrays alone, and one that does not. */
const TWINS = `program(x: f32[24], y: f32[24]) -> (a: f32[24], b: f32[24], c: f32[24]) {
  for i < 24 independent lanes 8 { a[i] = f32.fma(x[i], x[i], f32(0.1)) }
  for i < 24 independent lanes 8 { b[i] = f32.fma(y[i], y[i], f32(0.1)) }
  for i < 24 independent { c[i] = f32.div(a[i], b[i]) }
}`;
/** Every loop is a function. */
const FINE = { large: 1, long: 0 };

describe("functions", () => {
  it("that differ in nothing but their arrays are compiled once", () => {
    const program = parseProgram(TWINS);
    const { source, units } = emitC(program, planMemory(program), target(32), FINE);
    const bodies = (text: string): number => source.split(text).length - 1;
    expect([bodies("= fma_f32x8("), bodies(" weft_run_same0("), bodies(" / ")]).toEqual([1, 4, 1]);
    // The entry point, the division, and for the twins one function and two that call it.
    expect(units).toHaveLength(5);
  });

  it.runIf(hasCompiler).each([2, 3, 8])("give the same bits when %i compilers share them", (compilers) => {
    const program = parseProgram(TWINS);
    const own = hostTarget();
    const [x, y] = [3, 7].map((n) => Float32Array.from({ length: 24 }, (_, i) => Math.sin(n * i)));
    const args = [x!, y!];
    const want = compileAll([program], own)[0]!(args);
    expect(compileShared(program, own, compilers, FINE)(args)).toEqual(want);
  });
});

describe("the text", () => {
  it("is the same for equal programs, whatever was compiled before", () => {
    const text =
      "program(x: f32[8]) -> (y: f32[8]) { for i < 8 independent lanes 8 { y[i] = f32.neg(x[i]) } }";
    expect(emitText(text)).toBe(emitText(text));
  });

  it("is one function over the memory and a frame", () => {
    const text = emitText(`program(x: f32[20], s: f32[1]) -> (y: f32[20]) {
      temp t: f32[20]
      for i < 16 independent lanes 16 { t[i] = f32.fma(x[i], s[0], x[i + 4]) }
      for i < 20 { y[i] = f32.select(f32.lt(x[i], f32(0)), t[i], f32(-inf)) }
    }`);
    expect(text.slice(text.indexOf("EXPORT void"))).toMatchInlineSnapshot(`
      "EXPORT void weft_run(char *mem, const int *frame) {
        char *const arena = mem + (u32)frame[3];
        f32 *const p0 = (f32 *)(mem + (u32)frame[0]); // x
        f32 *const p1 = (f32 *)(mem + (u32)frame[1]); // s
        f32 *const p2 = (f32 *)(arena + 0); // t
        f32 *const p3 = (f32 *)(mem + (u32)frame[2]); // y
        for (i64 i_0 = 0; i_0 < 16; i_0 += 16) {
          const f32x8 t1 = *(f32x8_m *)(p0 + i_0);
          const f32x8 t2 = *(f32x8_m *)(p0 + i_0 + 8);
          const f32 t3 = p1[0];
          const f32x8 t4 = *(f32x8_m *)(p0 + i_0 + 4);
          const f32x8 t5 = *(f32x8_m *)(p0 + i_0 + 12);
          const f32x8 t6 = fma_f32x8(t1, splat_f32x8(t3), t4);
          const f32x8 t7 = fma_f32x8(t2, splat_f32x8(t3), t5);
          *(f32x8_m *)(p2 + i_0) = t6;
          *(f32x8_m *)(p2 + i_0 + 8) = t7;
        }
        for (i64 i_8 = 0; i_8 < 20; i_8 += 1) {
          const f32 t9 = p0[i_8];
          const i32 t10 = (t9 < 0.0f);
          const f32 t11 = p2[i_8];
          const f32 t12 = (t10 ? t11 : (-__builtin_inff()));
          p3[i_8] = t12;
        }
      }

      #endif
      "
    `);
  });

  it("has a function for each parallel loop, which others may call", () => {
    const program = parseProgram(`program(x: f32[64]) -> (y: f32[64]) {
      let a: f32 = x[3]
      for t < 2 { for i < 32 parallel { y[32*t + i] = f32.mul(a, x[32*t + i]) } }
    }`);
    const text = emit(program);
    const plain = text.slice(text.indexOf("PART void weft_run_part0")).replace(/^EXPORT int[\s\S]*/m, "");
    expect(plain).toMatchInlineSnapshot(`
      "PART void weft_run_part0(char *mem, const int *frame, i64 low, i64 high, i64 t_0, f32 a_1);
      #if UNITS >> 1 & 1
      PART void weft_run_part0(char *mem, const int *frame, i64 low, i64 high, i64 t_0, f32 a_1) {
        char *const arena = mem + (u32)frame[2];
        f32 *const p0 = (f32 *)(mem + (u32)frame[0]); // x
        f32 *const p1 = (f32 *)(mem + (u32)frame[1]); // y
        for (i64 i_2 = low; i_2 < high; i_2 += 1) {
          const f32 t3 = p0[32*t_0 + i_2];
          const f32 t4 = a_1 * t3;
          p1[32*t_0 + i_2] = t4;
        }
      }
      #endif
      #if UNITS >> 0 & 1
      EXPORT void weft_run(char *mem, const int *frame) {
        char *const arena = mem + (u32)frame[2];
        f32 *const p0 = (f32 *)(mem + (u32)frame[0]); // x
        const u32 crew = frame[3];
        char *const control = crew ? mem + crew : 0;
        const f32 t0 = p0[3];
        for (i64 t_1 = 0; t_1 < 2; t_1 += 1) {
          if (control) {
            *(volatile i64 *)(control + 192) = t_1;
            *(volatile f32 *)(control + 200) = t0;
            crew_publish(mem, control, 0, 32, 3333, weft_run_dispatch);
          } else weft_run_part0(mem, frame, 0, 32, t_1, t0);
        }
      }
      APART static void weft_run_dispatch(char *mem, char *control, i64 low, i64 high) {
        const int *const frame = (const int *)(mem + *(volatile u32 *)(control + 136));
        switch (*(volatile i32 *)(control + 128)) {
        case 0: weft_run_part0(mem, frame, low, high, *(volatile i64 *)(control + 192), *(volatile f32 *)(control + 200)); break;
        }
      }
      "
    `);
    expect(emitC(program, planMemory(program), target(32)).help).toBe("weft_run_help");
    const alone = parseProgram("program(x: f32[1]) -> (y: f32[1]) { y[0] = x[0] }");
    expect(emitC(alone, planMemory(alone), target(32)).help).toBeUndefined();
  });

  it("fuses multiply-adds only where the program and the machine have them", () => {
    const text = "program(x: f32[8]) -> (y: f32[8]) { for i < 8 { y[i] = f32.fma(x[i], x[i], x[i]) } }";
    expect(emitText(text)).toContain("__builtin_fmaf(");
    expect(emit(parseProgram(text), { ...target(32), fma: false, roundsOnce: false })).not.toContain(
      "__builtin_fmaf(",
    );
  });
});

describe("what should have been expanded is named", () => {
  it.each(TRANSCENDENTAL)("%s function %s", (op, fn) => {
    const make = (x: Expr, y: Expr): Expr => ({ op, dtype: "float32", fn, x, y }) as Expr;
    for (const lanes of [1, 4])
      expect(() => emit(elementwise("float32", "float32", 4, lanes, make))).toThrow(`${fn} on float32`);
  });

  it("host statements", () => {
    expect(() =>
      emit(parseProgram("program(x: f32[1]) -> (y: f32[1]) { host #0() y[0] = x[0] }", [() => {}])),
    ).toThrow("a host statement");
  });
});
