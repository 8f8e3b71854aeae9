import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import type { For, Program, Stmt } from "../../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import { forEachStmt } from "../../../src/compiler/ir/visit.ts";
import { parallel } from "../../../src/compiler/passes/parallel.ts";
import { planMemory } from "../../../src/compiler/passes/plan.ts";
import { iterationsAreSeparate } from "../../../src/compiler/passes/support/separate.ts";
import { Stopwatch } from "../../../src/compiler/passes/support/time.ts";
import { runPipeline } from "../../../src/compiler/pipeline.ts";
import { expectSameOutputs, randomArgs } from "../../support/same-meaning.ts";
import { dedent, expectMeaningKept, parsed, target } from "./check.ts";

const loopsOf = (p: Program): For[] => {
  const found: For[] = [];
  forEachStmt(p.body, (s) => {
    if (s.kind === "for") found.push(s);
  });
  return found;
};
/** Heads of the parallel loops that the pass makes. */
function spread(text: string): string[] {
  const before = parsed(text);
  verify(before, "parsing");
  const after = parallel(before, target);
  verify(after, "parallel");
  const args = randomArgs(before, 1);
  const want = interpret(before, args);
  expectSameOutputs(before, want, interpret(after, args, undefined, "backward"));
  return loopsOf(after)
    .filter((s) => s.mode === "parallel")
    .map((s) => `${s.v.name} < ${s.extent}`);
}

/** Matrix product of `rows` by 64 by 8·panels, as the contract pass leaves it. */
const product = (panels: number, rows: number): string => `
program(x: f32[${rows * 64}], w: f32[${panels * 512}]) -> (y: f32[${rows * panels * 8}]) {
  for jc < ${panels} independent {
    for i < ${rows} independent {
      for j < 8 independent lanes 8 {
        var c: f32 = f32(0)
        for k < 64 {
          set c = f32.fma(x[64*i + k], w[512*jc + 8*k + j], c)
        }
        y[${8 * panels}*i + 8*jc + j] = c
      }
    }
  }
}`;

describe("which loop", () => {
  test.each([
    ["the outermost one", product(32, 64), ["jc < 32"]],
    ["one that is shared out evenly", product(3, 512), ["i < 512"]],
    ["none when the nest is short", product(4, 8), []],
    ["none that has one iteration", product(1, 1), []],
  ])("%s", (_, text, heads) => {
    expect(spread(text)).toEqual(heads);
  });

  test("inside of serial loops, never inside of parallel ones", () => {
    const nest = product(16, 64).split("\n").slice(2, -1).join("\n");
    const text = product(16, 64).replace(nest, `for t < 2 {\n${nest}\n}`);
    expect(spread(text)).toEqual(["jc < 16"]);
  });

  test("what comes out of the whole pipeline for a product", () => {
    const program = parsed(`
      program(a: f32[16384], b: f32[16384]) -> (c: f32[16384]) {
        contract s: f32 = a[0 batch() free(128) reduced(1)] * b[0 batch() free(1) reduced(128)] over batch() rows(m < 128) cols(n < 128) depth(128) {
          c[128*m + n] = s
        }
      }`);
    const heads = loopsOf(runPipeline(program, target, { debug: true })).filter((s) => s.mode === "parallel");
    expect(heads.map((s) => s.extent)).toEqual([16]);
    expect(
      loopsOf(runPipeline(program, target, { off: ["parallel"] })).some((s) => s.mode === "parallel"),
    ).toBe(false);
  });
});

describe("chunks", () => {
  const map = (extent: number, lanes: string): string => `
program(x: f32[${extent}]) -> (y: f32[${extent}]) {
  for i < ${extent} independent${lanes} {
    y[i] = f32.sqrt(f32.add(f32.sqrt(f32.abs(x[i])), f32.sqrt(f32.abs(x[i]))))
  }
}`;
  test("of a vector loop, in whole cache lines, with the rest after them", () => {
    const after = parallel(parsed(map(40_008, " lanes 8")), target);
    const [chunks, inner, rest] = loopsOf(after);
    expect([chunks!.mode, chunks!.lanes, inner!.mode, inner!.lanes]).toEqual([
      "parallel",
      1,
      "independent",
      8,
    ]);
    expect(inner!.extent % 16).toBe(0);
    expect(chunks!.extent * inner!.extent + rest!.extent).toBe(40_008);
    expect(rest!.lanes).toBe(8);
    expect(spread(map(40_008, " lanes 8"))).toHaveLength(1);
  });

  test("without a rest where a chunk can divide the extent", () => {
    expect(loopsOf(parallel(parsed(map(65_536, " lanes 8")), target))).toHaveLength(2);
  });

  test("of a scalar loop", () => {
    expect(spread(map(100_003, ""))).toHaveLength(1);
  });
});

describe("what iterations share", () => {
  const loop = (body: string): For => {
    const text = `
program(x: f32[4096], n: i32[1]) -> (y: f32[4096]) {
  temp t: f32[4096]
  let p: i32 = n[0]
  for o < 2 {
    for i < 8 {
      ${body}
    }
  }
}`;
    const found = loopsOf(parseProgram(dedent(text))).find((s) => s.v.name === "i");
    return found!;
  };
  test.each([
    ["rows", "for j < 16 independent { y[16*i + j] = x[j] }", true],
    ["columns", "for j < 16 independent { y[8*j + i] = x[j] }", true],
    ["overlapping rows", "for j < 17 independent { y[16*i + j] = x[j] }", false],
    ["backwards", "for j < 16 independent { y[-16*i - j + 127] = x[j] }", true],
    ["rows at a place known later", "for j < 16 independent { y[16*i + j + 128*p] = x[j] }", true],
    [
      "blocks within rows",
      "for j < 16 independent { for k < 4 independent { y[4*i + 32*j + k] = x[j] } }",
      true,
    ],
    [
      "blocks that reach into the next",
      "for j < 16 independent { for k < 5 independent { y[4*i + 32*j + k] = x[j] } }",
      false,
    ],
    ["two stores side by side", "y[2*i] = x[i]\n y[2*i + 1] = x[i]", true],
    ["two stores that meet", "y[2*i] = x[i]\n y[2*i + 2] = x[i]", false],
    ["two stores with other strides", "y[2*i] = x[i]\n y[3*i + 1] = x[i]", false],
    [
      "a scratch",
      "for j < 16 independent { t[j] = x[16*i + j] }\n for j < 16 independent { y[16*i + j] = t[j] }",
      false,
    ],
    [
      "a scratch of its own",
      "for j < 16 independent { t[16*i + j] = x[j] }\n for j < 16 independent { y[16*i + j] = t[16*i + j] }",
      true,
    ],
    ["a neighbour's element", "t[i] = x[i]\n y[i] = t[i + 1]", false],
    ["the other of two rows", "for j < 8 independent { t[64*p + 8*i + j] = t[-64*p + 8*j + i + 64] }", true],
    [
      "a row that may be the same",
      "for j < 8 independent { t[32*p + 8*i + j] = t[-32*p + 8*j + i + 64] }",
      false,
    ],
    ["a place computed in the iteration", "let q: i32 = i32.convert(x[i])\n y[4*q + i] = x[i]", false],
    ["places in rows that are computed", "let q: i32 = i32.convert(x[i])\n y[8*q + i] = x[i]", true],
    [
      "two rows that take turns in each iteration",
      "for s < 9 { let q: i32 = i32.rem(index(s), i32(2))\n for j < 8 independent { t[64*q + 8*i + j] = t[-64*q + 8*i - j + 71] } }",
      true,
    ],
    [
      "rows that take turns, and what a neighbour stores",
      "for s < 9 { let q: i32 = i32.rem(index(s), i32(2))\n for j < 8 independent { t[64*q + 8*i + j] = t[-64*q + 8*i + j + 65] } }",
      false,
    ],
    ["one place", "y[3] = x[3]", false],
    ["the outer loop's place", "y[o] = x[i]", false],
    ["nothing", "let q: f32 = x[i]", true],
  ])("%s", (_, body, separate) => {
    expect(iterationsAreSeparate(loop(body))).toBe(separate);
  });

  test("the promise of the proof holds for all pairs of iterations", () => {
    for (let seed = 1; seed < 400; seed++) {
      let state = seed;
      const draw = (n: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * n);
      };
      const [a, b, c, extent, k] = [draw(12), draw(12) - 4, draw(9), 1 + draw(5), 1 + draw(4)];
      const text = `for j < ${extent} independent { for k < ${k} independent { y[${a}*i + ${b + 100}*j + ${c}*k] = x[0]\n y[${a}*i + ${b + 100}*j + ${c}*k + ${draw(20)}] = x[0] } }`;
      const s = loop(text);
      if (iterationsAreSeparate(s)) expect(meets(s)).toBe(false);
    }
  });

  /** Stores of two iterations to one element, by running them. */
  function meets(s: For): boolean {
    const owner = new Map<number, number>();
    let found = false;
    const [jLoop] = s.body as [For];
    const [kLoop] = jLoop.body as [For];
    for (let i = 0; i < s.extent; i++)
      for (let j = 0; j < jLoop.extent; j++)
        for (let k = 0; k < kLoop.extent; k++)
          for (const store of kLoop.body) {
            if (store.kind !== "store") continue;
            const value = (name: string): number => ({ i, j, k })[name]!;
            const at = store.index.terms.reduce(
              (sum, t) => sum + t.coeff * value(t.atom.name),
              store.index.offset,
            );
            if ((owner.get(at) ?? i) !== i) found = true;
            owner.set(at, i);
          }
    return found;
  }
});

describe("memory", () => {
  test("temps of a parallel body never share a place", () => {
    const text = (mode: string): string => `
program(x: f32[64]) -> (y: f32[64]) {
  temp a: f32[64]
  temp b: f32[64]
  for i < 4 ${mode} {
    for j < 16 independent { a[16*i + j] = x[16*i + j] }
    for j < 16 independent { b[16*i + j] = f32.neg(a[16*i + j]) }
    for j < 16 independent { y[16*i + j] = b[16*i + j] }
  }
}`;
    const plan = planMemory(parsed(text("parallel")));
    expect(plan.bytes).toBe(512);
  });
});

describe("validity", () => {
  const bad = (body: string): (() => void) => {
    const program = parsed(`
program(x: f32[64]) -> (y: f32[64]) {
  ${body}
}`);
    return () => verify(program, "a pass");
  };
  test.each([
    [
      "nested",
      "for i < 4 parallel { for j < 4 parallel { y[4*i + j] = x[0] } }",
      "a parallel loop inside of a parallel loop",
    ],
    ["with lanes", "for i < 4 parallel lanes 4 { y[i] = x[0] }", "lanes need independent iterations"],
    ["too long", "for i < 70000 parallel { let q: f32 = x[0] }", "a parallel loop over more than 65535"],
    [
      "with a variable from outside",
      "var a: f32 = x[0]\n for i < 4 parallel { set a = x[i] }",
      "set by iterations that have no order",
    ],
  ])("%s", (_, body, message) => {
    expect(bad(body)).toThrow(message);
  });

  test("text reads back", () => {
    const text = "program(x: f32[4]) -> (y: f32[4]) {\n  for i < 4 parallel {\n    y[i] = x[i]\n  }\n}\n";
    expect(printProgram(parseProgram(text))).toBe(text);
  });
});

test("random programs keep their meaning", () => {
  /** On a slow machine everything is worth threads. */
  class Slow extends Stopwatch {
    override statement(s: Stmt): number {
      return 1e4 * super.statement(s);
    }
  }
  expectMeaningKept((p, t) => parallel(p, t, new Slow(t)), { numRuns: 60 });
});
