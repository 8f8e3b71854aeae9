import { afterEach, describe, expect, test, vi } from "vitest";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { forEachStmt } from "../../src/compiler/ir/visit.ts";
import { OPTIONAL_PASSES, type ProgramPass, runPipeline } from "../../src/compiler/pipeline.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { WeftValueError } from "../../src/core/errors.ts";
import { expectSameMeaning } from "../support/same-meaning.ts";
import { expectMeaningKept, parsed } from "./passes/check.ts";

const target = wasmTarget();
const STEP = `
program(x: f32[192], w: f32[64], u: f32[64], b: f32[8], h0: f32[32]) -> (ys: f32[192], last: f32[32]) {
  temp h: f32[64]
  temp wx: f32[32]
  temp uh: f32[32]
  temp z: f32[32]
  for i < 4 independent { for j < 8 independent { h[8*i + j] = h0[8*i + j] } }
  for t < 6 {
    let p: i32 = i32.rem(index(t), i32(2))
    contract a: f32 = x[32*t batch() free(8) reduced(1)] * w[0 batch() free(1) reduced(8)] over batch() rows(m < 4) cols(n < 8) depth(8) {
      wx[8*m + n] = a
    }
    contract a: f32 = h[32*p batch() free(8) reduced(1)] * u[0 batch() free(1) reduced(8)] over batch() rows(m < 4) cols(n < 8) depth(8) {
      uh[8*m + n] = a
    }
    for i < 4 independent { for j < 8 independent { z[8*i + j] = f32.add(f32.add(wx[8*i + j], uh[8*i + j]), b[j]) } }
    for i < 4 independent { for j < 8 independent { h[-32*p + 8*i + j + 32] = f32.tanh(z[8*i + j]) } }
    for i < 4 independent { for j < 8 independent { ys[32*t + 8*i + j] = h[-32*p + 8*i + j + 32] } }
  }
  for i < 32 independent { last[i] = h[i] }
}`;

const kinds = (p: Program): Set<string> => {
  const found = new Set<string>();
  forEachStmt(p.body, (s) => found.add(s.kind));
  return found;
};

test("a recurrent network keeps its meaning", () => {
  const before = parsed(STEP);
  const after = runPipeline(before, target, { debug: true });
  expect(kinds(after).has("contract")).toBe(false);
  expect(after.temps.map((b) => b.name)).not.toContain("z");
  expectSameMeaning(before, after, { tolerance: 1e-5 });
});

test.each(OPTIONAL_PASSES.map((name) => [name]))("without %s it means the same", (name) => {
  const before = parsed(STEP);
  const after = runPipeline(before, target, { debug: true, off: [name] });
  expectSameMeaning(before, after, { tolerance: 1e-5 });
});

test("all passes that may be left out, left out", () => {
  const before = parsed(STEP);
  const off: ProgramPass[] = [...OPTIONAL_PASSES, "contract", "math"];
  const after = runPipeline(before, target, { debug: true, off });
  expect(kinds(after).has("contract")).toBe(false);
  expect(printProgram(after)).not.toContain("tanh");
  expectSameMeaning(before, after, { tolerance: 1e-5 });
});

test("random programs mean the same after all passes", () => {
  expectMeaningKept((p, t) => runPipeline(p, t, { debug: true }), { numRuns: 60, tolerance: 1e-30 });
  expectMeaningKept((p, t) => runPipeline(p, t, { debug: true }), {
    exact: false,
    numRuns: 60,
    tolerance: 2e-4,
  });
});

describe("seeing inside", () => {
  afterEach(() => vi.unstubAllEnvs());
  const SUM = `program(x: f32[8]) -> (y: f32[8]) { for i < 2 independent { for j < 4 independent { y[4*i + j] = x[4*i + j] } } }`;
  const dumped = (options: { dump?: string; off?: ProgramPass[] }): string[] => {
    const texts: string[] = [];
    runPipeline(parsed(SUM), target, { ...options, log: (text) => texts.push(text) });
    return texts;
  };
  const heads = (texts: string[]): string[] => texts.map((text) => text.split("\n")[0]!);

  test("dumps name the pass and leave out passes that changed nothing", () => {
    expect(heads(dumped({ dump: "all" }))).toEqual([
      "// after lower",
      "// after collapse",
      "// after vectorize",
    ]);
    const [text] = dumped({ dump: "after:collapse" });
    expect(text).toContain("for ij < 8 independent {");
    expect(dumped({ dump: "after:fuse" })).toEqual([]);
    expect(() => dumped({ dump: "after:lower,after:fuze" })).toThrow(
      /expected names of all, after:inline,.* after:hoist,.* after:lower, after:fuse,.* got "after:fuze"; did you mean "after:fuse"/,
    );
    expect(() => dumped({ dump: "fuse" })).toThrow(WeftValueError);
    expect(heads(dumped({ dump: "after:lower,after:collapse", off: ["collapse"] }))).toEqual([
      "// after lower",
    ]);
  });

  test("the environment asks for dumps too", () => {
    vi.stubEnv("WEFT_DUMP", "after:collapse");
    expect(heads(dumped({}))).toEqual(["// after collapse"]);
    expect(dumped({ dump: "" })).toEqual([]);
  });

  test("the pass that made an invalid program is blamed", () => {
    const broken = parsed(`program(x: f32[8]) -> (y: f32[8]) { for i < 8 independent { y[i] = x[i + 1] } }`);
    expect(() => runPipeline(broken, target, { debug: true })).toThrow(/after lower/);
    vi.stubEnv("WEFT_DEBUG", "1");
    expect(() => runPipeline(broken, target)).toThrow(/after lower/);
  });
});
