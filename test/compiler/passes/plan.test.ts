import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import { verifyDefined } from "../../../src/compiler/ir/defined.ts";
import type { Program } from "../../../src/compiler/ir/nodes.ts";
import { type Block, newLoopVar } from "../../../src/compiler/ir/visit.ts";
import { type MemoryPlan, neighbours, planMemory } from "../../../src/compiler/passes/plan.ts";
import type { TypedArray } from "../../../src/core/dtype.ts";
import { programs } from "../../support/random-ir.ts";
import { expectSameOutputs, randomArgs } from "../../support/same-meaning.ts";
import { parsed } from "./check.ts";

function offsets(text: string): Record<string, number> {
  const { offsets: found } = planMemory(parsed(text));
  return Object.fromEntries([...found].map(([b, at]) => [b.name, at]));
}

const nest = (to: string, from: string): string => `for i < 4 independent { ${to}[i] = f32.neg(${from}[i]) }`;
const TEMPS = `temp a: f32[4]\ntemp b: f32[4]\ntemp c: f32[4]`;
const program = (body: string): string => `program(x: f32[4]) -> (y: f32[4]) { ${TEMPS}\n ${body} }`;

describe("liveness", () => {
  test("temps of which one ends before the other begins share memory", () => {
    const body = [nest("a", "x"), nest("b", "a"), nest("c", "b"), nest("y", "c")].join("\n");
    expect(offsets(program(body))).toEqual({ a: 0, b: 16, c: 0 });
  });

  test("in a loop body as well, when each iteration defines them first", () => {
    const body = `for t < 3 { ${[nest("a", "x"), nest("b", "a"), nest("c", "b"), nest("y", "c")].join("\n")} }`;
    expect(offsets(program(body))).toEqual({ a: 0, b: 16, c: 0 });
  });

  test("a temp carried through a loop lives as long as the loop", () => {
    const body = `${nest("a", "x")}
      for t < 3 { ${[nest("b", "a"), nest("a", "b"), nest("c", "x"), nest("y", "c")].join("\n")} }`;
    const { a, b, c } = offsets(program(body));
    expect(new Set([a, b])).toEqual(new Set([0, 16]));
    expect(c).toBe(b); // b is over when c begins
  });

  test("a temp that is only partly defined before it is read is carried", () => {
    const body = `for t < 3 {
        switch i32.min(index(t), i32(1)) { case { a[3] = x[0] } case { } }
        for i < 3 independent { a[i] = x[i] }
        ${[nest("b", "a"), nest("c", "b"), nest("y", "c")].join("\n")}
      }`;
    const { a, b, c } = offsets(program(body));
    expect(new Set([a, b, c]).size).toBe(3);
  });

  test("several stores define a temp together", () => {
    const body = `for t < 3 {
        for i < 2 independent { a[2*i] = x[i] }
        for i < 2 independent { a[2*i + 1] = x[i] }
        ${[nest("b", "a"), nest("c", "b"), nest("y", "c")].join("\n")}
      }`;
    const found = offsets(program(body));
    expect(found.c).toBe(found.a);
  });

  test("a temp that is read in a loop outlives what only the loop uses", () => {
    const body = `${nest("a", "x")}
      for t < 3 { ${[nest("b", "a"), nest("c", "b"), nest("y", "c")].join("\n")} }`;
    const found = offsets(program(body));
    expect(new Set(Object.values(found)).size).toBe(3);
  });

  test("while and branches", () => {
    const counted = (body: string): string => `var n: i32 = i32(0)
      while { test bool.lt(n, i32(3)) } do { ${body}\n set n = i32.add(n, i32(1)) }`;
    const chain = [nest("a", "x"), nest("b", "a"), nest("c", "b"), nest("y", "c")].join("\n");
    expect(offsets(program(counted(chain)))).toEqual({ a: 0, b: 16, c: 0 });
    const branches = `switch i32(0) {
      case { ${nest("a", "x")}\n ${nest("y", "a")} }
      case { ${nest("b", "x")}\n ${nest("y", "b")} } }`;
    expect(offsets(program(branches))).toEqual({ a: 0, b: 0 });
  });
});

test("buffers above 1 KiB lie at multiples of 64, unused ones nowhere, the largest first", () => {
  const plan = planMemory(
    parsed(`program(x: f32[500]) -> (y: f32[500]) {
      temp s: u8[3]
      temp l: f32[300]
      temp m: f32[300]
      temp unused: f32[8]
      s[0] = u8(1)
      for i < 300 independent { l[i] = x[i] }
      for i < 300 independent { m[i] = x[i] }
      for i < 300 independent { y[i] = f32.add(f32.add(l[i], m[i]), f32.convert(s[0])) }
    }`),
  );
  expect([...plan.offsets].map(([b, at]) => [b.name, at])).toEqual([
    ["l", 0],
    ["m", 1216],
    ["s", 1200],
  ]);
  expect(plan.bytes).toBe(2432);
});

test("temps that no memory holds have a place and are not looked into", () => {
  const huge = parsed(`program(x: f32[4]) -> (y: f32[4]) {
    temp a: f32[10000000000]
    temp b: f32[4]
    for t < 3 {
      for i < 10000000000 independent { a[i] = x[0] }
      for i < 4 independent { b[i] = a[i + 8000000000] }
      for i < 4 independent { y[i] = b[i] }
    }
  }`);
  expect(planMemory(huge).bytes).toBe(40_000_000_064);
  expect(verifyDefined(huge, "parsing")).toBe("unknown");
});

const planned = (p: Program, args: readonly TypedArray[], plan: MemoryPlan = planMemory(p)): TypedArray[] =>
  interpret(p, args, undefined, "forward", plan);
const verdictOf = (p: Program, plan: MemoryPlan): string => {
  try {
    return verifyDefined(p, "planning memory", (b) => neighbours(plan, b));
  } catch (error) {
    return (error as Error).message;
  }
};
const twice = (body: Block): Block => [
  { kind: "for", v: newLoopVar("again"), extent: 2, mode: "serial", lanes: 1, body },
];

test("random programs mean the same in the arena, also when they run twice", () => {
  fc.assert(
    fc.property(programs({ stages: 10 }), fc.nat(1000), fc.boolean(), (p, seed, again) => {
      const run = again ? { ...p, body: twice(p.body) } : p;
      const args = randomArgs(p, seed);
      expectSameOutputs(p, interpret(run, args), planned(run, args));
      expect(verdictOf(run, planMemory(run))).not.toContain("invalid");
    }),
    { numRuns: 200 },
  );
});

describe("a plan that puts two temps in one place", () => {
  const shared = (p: Program, ...names: string[]): MemoryPlan => {
    const { offsets, bytes } = planMemory(p);
    const at = offsets.get(p.temps.find((t) => t.name === names[0])!)!;
    return {
      bytes,
      offsets: new Map([...offsets].map(([b, from]) => [b, names.includes(b.name) ? at : from])),
    };
  };
  const turned = (to: string, from: string): string => `for i < 4 independent { ${to}[i] = ${from}[-i + 3] }`;
  const IN_ORDER = [nest("a", "x"), turned("b", "a"), turned("c", "b"), nest("y", "c")].join("\n");
  test.each([
    ["in a row", IN_ORDER, ["a", "b"], "a is read where nothing is stored, or b"],
    [
      "in a loop",
      `for t < 3 { ${IN_ORDER} }`,
      ["b", "c"],
      "b is read where nothing is stored, or c is stored over it",
    ],
    [
      "of which a loop carries one",
      `${nest("a", "x")} for t < 3 { ${[nest("y", "a"), nest("b", "x"), nest("y", "b")].join("\n")} }`,
      ["a", "b"],
      "a is read where nothing is stored, or b is stored over it",
    ],
    [
      "of which one is made of the other by a contraction",
      `${nest("a", "x")} contract c: f32 = a[0 batch() free(2) reduced(1)] * x[0 batch() free(2) reduced(1)]
         over batch() rows(p < 2) cols(q < 2) depth(2) { b[2*p + q] = c } ${nest("y", "b")}`,
      ["a", "b"],
      "a is read where nothing is stored, or b is stored over it",
    ],
    [
      "of which a while carries one",
      `${nest("a", "x")} var n: f32 = x[0] while { test bool.lt(n, f32(3)) } do { set n = a[0] b[0] = n set n = b[0] } ${nest("y", "x")}`,
      ["a", "b"],
      "a is read where nothing is stored, or b is stored over it",
    ],
    [
      "of which a branch stores one",
      `${nest("a", "x")} switch i32.convert(bool.lt(x[0], f32(0))) { case { } case { ${nest("b", "x")} y[0] = b[0] } } ${nest("y", "a")}`,
      ["a", "b"],
      "a is read where nothing is stored, or b is stored over it",
    ],
    ["of which one is over", IN_ORDER, ["a", "c"], "proved"],
    ["element by element", `${nest("a", "x")} ${nest("b", "a")} ${nest("y", "b")}`, ["a", "b"], "proved"],
    [
      "of which one is over in each iteration",
      `for t < 3 { ${[nest("a", "x"), nest("y", "a"), nest("b", "x"), nest("y", "b")].join("\n")} }`,
      ["a", "b"],
      "proved",
    ],
  ])("%s", (_, body, names, message) => {
    const p = parsed(program(body));
    expect(verdictOf(p, shared(p, ...names))).toContain(message);
  });

  test("at random: it is refused, or nothing is lost", () => {
    const found = { refused: 0, proved: 0 };
    const property = fc.property(programs({ stages: 10 }), fc.nat(100), fc.nat(100), (p, i, j) => {
      const [a, b] = [i, j].map((k) => p.temps[k % Math.max(1, p.temps.length)]?.name);
      if (!a || !b || a === b) return;
      const plan = shared(p, a, b);
      const bytes = Math.max(...[...plan.offsets].map(([t, at]) => at + 8 * t.size));
      const verdict = verdictOf(p, { ...plan, bytes });
      if (verdict.includes("invalid")) found.refused++;
      if (verdict !== "proved") return;
      found.proved++;
      const args = randomArgs(p, i);
      expectSameOutputs(p, interpret(p, args), planned(p, args, { ...plan, bytes }));
    });
    fc.assert(property, { numRuns: 300, seed: 7 });
    expect(Math.min(found.refused, found.proved)).toBeGreaterThan(10);
  });
});
