import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import { scaledAtom } from "../../../src/compiler/ir/affine.ts";
import { loadExpr } from "../../../src/compiler/ir/build.ts";
import type { Buffer, Program, Stmt } from "../../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { newBuffer, newLoopVar, replaceBuffers } from "../../../src/compiler/ir/visit.ts";
import { donations } from "../../../src/compiler/passes/donate.ts";
import { planMemory } from "../../../src/compiler/passes/plan.ts";
import { runPipeline, verifyMemory } from "../../../src/compiler/pipeline.ts";
import { expectSameOutputs, programs, randomArgs } from "../../support/random-ir.ts";
import { timed } from "../../support/times.ts";
import { parsed, target } from "./check.ts";

const all = (program: Program): boolean[] => program.args.map(() => true);
const found = (text: string, mask?: readonly boolean[]): Record<number, number> => {
  const program = parsed(text);
  return Object.fromEntries(donations(program, mask ?? all(program)));
};
const program = (body: string): string =>
  `program(x: f32[8], g: f32[8]) -> (y: f32[8]) { temp t: f32[8]\n ${body} }`;

describe("one argument, one output", () => {
  const only = [true, false];
  test.each<[string, string]>([
    ["element to element", "for i < 8 independent { y[i] = f32.add(x[i], g[i]) }"],
    [
      "through a value bound before",
      "for i < 8 { let a: f32 = x[i]\n let b: f32 = f32.neg(a)\n y[i] = f32.add(a, b) }",
    ],
    [
      "in lanes, with a remainder",
      "for i < 4 independent lanes 4 { y[i] = x[i] }\n for i < 4 { y[i + 4] = x[i + 4] }",
    ],
    ["in a nest", "for i < 2 independent { for j < 4 independent { y[4*i + j] = x[4*i + j] } }"],
    [
      "in a nest, innermost first",
      "for j < 4 independent { for i < 2 independent { y[4*i + j] = x[4*i + j] } }",
    ],
    ["rows in two parts", "for i < 2 { for j < 3 { y[4*i + j] = x[4*i + j] }\n y[4*i + 3] = x[4*i + 3] }"],
    ["all loads first", "for i < 8 { t[i] = x[-i + 7] }\n for i < 8 { y[i] = t[i] }"],
    ["never loaded", "for i < 8 { y[i] = g[-i + 7] }"],
    [
      "halves that do not meet",
      "for i < 4 { y[i] = x[i] }\n for i < 4 { t[i] = x[i + 4] }\n for i < 4 { y[i + 4] = t[-i + 3] }",
    ],
    [
      "in branches",
      "for i < 8 { switch i32.min(index(i), i32(1)) { case { y[i] = x[i] } case { y[i] = g[i] } } }",
    ],
  ])("%s: in place", (_, body) => {
    expect(found(program(body), only)).toEqual({ 0: 0 });
  });

  test.each<[string, string]>([
    ["backwards", "for i < 8 independent { y[i] = x[-i + 7] }"],
    ["one ahead", "for i < 7 { y[i + 1] = x[i] }\n y[0] = x[7]"],
    ["one element for all", "for i < 8 { y[i] = f32.add(x[i], x[3]) }"],
    ["read again after it was stored", "for i < 8 { y[i] = x[i]\n t[i] = x[i] }"],
    ["read by a later statement", "for i < 8 { y[i] = g[i] }\n for i < 8 { t[i] = x[i] }"],
    ["stored more than once", "for i < 8 { for j < 2 { y[i] = f32.add(x[i], f32.convert(index(j))) } }"],
    ["in every step of a loop", "for s < 3 { for i < 8 { y[i] = f32.add(x[i], g[i]) } }"],
    ["transposed", "for i < 2 { for j < 4 { y[4*i + j] = x[2*j + i] } }"],
    ["at a computed place", "for i < 8 { let k: i32 = i32.convert(g[i])\n y[i] = x[k] }"],
    ["stored at a computed place", "for i < 8 { let k: i32 = i32.convert(g[i])\n y[k] = x[k] }"],
    ["at a place that moves", "var k: i32 = i32(0)\n y[k] = x[k]\n set k = i32(1)\n y[k] = x[-k + 1]"],
    [
      "in a while loop",
      `var k: i32 = i32(0)
       while { test bool.lt(k, i32(2)) } do { for i < 8 { y[i] = f32.add(x[i], g[i]) } set k = i32.add(k, i32(1)) }`,
    ],
  ])("%s: not in place", (_, body) => {
    expect(found(program(body), only)).toEqual({});
  });

  test("of another dtype or size: not in place", () => {
    expect(
      found("program(x: i32[8], z: f32[4]) -> (y: f32[8]) { for i < 8 { y[i] = f32.convert(x[i]) } }"),
    ).toEqual({});
  });
});

describe("calls of JavaScript", () => {
  const host = (body: string): string => program(body).replaceAll("print", "host #0(g[0]: f32[8])");
  const store = "for i < 8 { y[i] = x[i] }";
  test.each<[string, string, object]>([
    ["before the first store", `print\n ${store}`, { 0: 0 }],
    ["after a store", `${store}\n print`, {}],
    ["between stores", "for i < 8 { y[i] = x[i]\n print }", {}],
  ])("%s", (_, body, expected) => {
    expect(Object.fromEntries(donations(parseProgram(host(body), [() => {}]), [true, false]))).toEqual(
      expected,
    );
  });
});

describe("several", () => {
  const STEP = `program(p: f32[8], m: f32[8], g: f32[8]) -> (p1: f32[8], m1: f32[8]) {
    for i < 8 independent {
      let v: f32 = f32.add(f32.mul(m[i], f32(0.5)), g[i])
      m1[i] = v
      p1[i] = f32.sub(p[i], v)
    }
  }`;
  test("each output has an argument of its own, and only of those that are given", () => {
    expect(found(STEP, [true, true, false])).toEqual({ 0: 0, 1: 1 });
    expect(found(STEP, [false, true, false])).toEqual({ 0: 1 });
    expect(found(STEP, [false, false, false])).toEqual({});
    expect(found(STEP, [])).toEqual({});
  });

  test("an output makes room for one that has no other choice", () => {
    // x may become either output, z only the first one: the first must not keep x.
    const text = `program(x: f32[8], z: f32[8]) -> (a: f32[8], b: f32[8]) {
      for i < 8 { a[i] = f32.add(x[i], z[i]) }
      for i < 8 { b[i] = a[-i + 7] }
    }`;
    expect(Object.keys(found(text))).toEqual(["0", "1"]);
    const chain = `program(x: f32[8], z: f32[8]) -> (a: f32[8], b: f32[8]) {
      for i < 8 { b[i] = f32.add(x[i], z[-i + 7]) }
      for i < 8 { a[i] = z[i] }
    }`;
    expect(found(chain)).toEqual({ 0: 1, 1: 0 });
  });
});

/** The program with each output in the memory of its argument, written as a program: that memory is a temp. */
function sharing(p: Program, inPlace: ReadonlyMap<number, number>): Program {
  const copy = (to: Buffer, from: Buffer): Stmt => {
    const v = newLoopVar("c");
    const value = loadExpr(from, scaledAtom(v));
    const body: Stmt[] = [{ kind: "store", buffer: to, index: scaledAtom(v), value }];
    return { kind: "for", v, extent: to.size, mode: "serial", lanes: 1, body };
  };
  const pairs = [...inPlace].map(([o, a]) => ({ output: p.outputs[o]!, argument: p.args[a]! }));
  const shared = pairs.map(({ argument: { dtype, size } }) => newBuffer("shared", dtype, size));
  const map = new Map(
    pairs.flatMap(({ output, argument }, i) => [
      [output, shared[i]!] as const,
      [argument, shared[i]!] as const,
    ]),
  );
  const before = pairs.map((x, i) => copy(shared[i]!, x.argument));
  const after = pairs.map((x, i) => copy(x.output, shared[i]!));
  return {
    ...p,
    temps: [...p.temps, ...shared],
    body: [...before, ...replaceBuffers(p.body, map), ...after],
  };
}

describe("random programs", () => {
  /** How many outputs were in place, over programs in which `choose` decides which ones are. */
  function tried(choose: (p: Program) => ReadonlyMap<number, number>): number {
    let count = 0;
    fc.assert(
      fc.property(
        programs({ exact: true, stages: 6, dtypes: ["float32"] }),
        fc.nat(1000),
        fc.constantFrom("forward" as const, "backward" as const),
        fc.boolean(),
        (p, seed, order, compiled) => {
          const final = compiled ? runPipeline(timed(p), target) : timed(p);
          const inPlace = choose(final);
          count += inPlace.size;
          const args = randomArgs(p, seed);
          const got = interpret(sharing(final, inPlace), args, undefined, order);
          expectSameOutputs(p, interpret(final, args), got);
        },
      ),
      { numRuns: 400, seed: 7, endOnFailure: true },
    );
    return count;
  }

  test("mean the same in place", () => {
    expect(tried((p) => donations(p, all(p)))).toBeGreaterThan(10);
  });

  const anywhere = (p: Program): Map<number, number> => {
    const at = p.outputs.map((o) => p.args.findIndex((a) => a.dtype === o.dtype && a.size === o.size));
    return new Map(at.flatMap((a, o) => (a < 0 || at.indexOf(a) < o ? [] : [[o, a]])));
  };
  test("do not when outputs lie anywhere: the property can fail", () => {
    expect(() => tried(anywhere)).toThrow(/Counterexample/);
  });

  const isVerified = (p: Program, inPlace: ReadonlyMap<number, number>): boolean => {
    try {
      verifyMemory(p, planMemory(p), inPlace, true);
      return true;
    } catch {
      return false;
    }
  };
  test("are verified, and what is verified means the same", () => {
    tried((p) => {
      expect(isVerified(p, donations(p, all(p)))).toBe(true);
      return new Map();
    });
    expect(tried((p) => (isVerified(p, anywhere(p)) ? anywhere(p) : new Map()))).toBeGreaterThan(10);
  });
});
