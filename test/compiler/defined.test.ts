/** What is proved of stores and reads, against the interpreter, which sees every access. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { verifyDefined } from "../../src/compiler/ir/defined.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { mapStmts } from "../../src/compiler/ir/visit.ts";
import { lowerJaxpr } from "../../src/compiler/lower/index.ts";
import { runPipeline } from "../../src/compiler/pipeline.ts";
import { prepare } from "../../src/compiler/prepare.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { grad, lax, makeJaxpr, numpy as np } from "../../src/index.ts";
import { programs, randomArgs } from "../support/random-ir.ts";

const program = (body: string): Program =>
  parseProgram(`program(x: f32[8], n: i32[1]) -> (y: f32[8]) { temp t: f32[8] temp h: f32[16] ${body} }`);
const ALL = "for k < 8 independent { y[k] = x[k] }";
const counted = (body: string): string =>
  `var c: i32 = i32(0) while { test bool.lt(c, i32(8)) } do { let at: i32 = c ${body} set c = i32.add(c, i32(1)) }`;

describe("proved", () => {
  test.each(
    Object.entries({
      "a nest in any order of its loops":
        "for i < 2 independent { for j < 4 independent { y[i + 2*j] = x[4*i + j] } }",
      backwards: "for i < 8 { y[-i + 7] = x[i] }",
      "what the same iteration stored": "for i < 8 independent { t[i] = x[i] y[i] = t[i] }",
      "a tile that the same iteration stored, walked another way":
        "for i < 2 independent { for j < 4 { t[4*i + j] = x[j] } for j < 4 { y[4*i + j] = t[4*i - j + 3] } }",
      "a history":
        "for i < 8 { h[i] = x[i] } for s < 1 { for i < 8 { h[8*s + i + 8] = h[8*s + i] } } for i < 8 { y[i] = h[i + 8] }",
      "two rows that take turns":
        "for i < 4 { t[i] = x[i] } for s < 3 { let p: i32 = i32.rem(index(s), i32(2)) for i < 4 { t[-4*p + i + 4] = t[4*p + i] } } for i < 4 { y[i] = t[i + 4] y[i + 4] = t[i] }",
      "scratch memory of an iteration":
        "for s < 2 { for i < 4 { t[i] = x[i] } for i < 4 { y[4*s + i] = t[i] } }",
      "quotients and remainders":
        "for i < 8 independent { let q: i32 = i32.div(index(i), i32(2)) let r: i32 = i32.rem(index(i), i32(2)) y[q + 4*r] = x[i] }",
      "both branches":
        "switch n[0] { case { for i < 8 { y[i] = x[i] } } case { for j < 8 independent { y[j] = x[0] } } }",
      "both branches, element by element":
        "for i < 8 { switch n[0] { case { y[i] = x[i] } case { y[i] = x[0] } } }",
      "a counter": counted("y[at] = x[at]"),
      "a while that reads what there is": `for i < 8 { t[i] = x[i] } var a: f32 = f32(0)
         while { test bool.lt(a, x[0]) } do { set a = t[3] t[2] = a } for i < 8 { y[i] = t[i] }`,
      "a place that is clamped": `for i < 4 { t[i] = x[i] } let m: i32 = i32.min(i32.max(n[0], i32(0)), i32(3)) ${ALL} y[0] = t[m]`,
      "what a contraction reads":
        "for i < 6 { t[i] = x[i] } contract c: f32 = t[0 batch() free(3) reduced(1)] * x[0 batch() free(1) reduced(4)] over batch() rows(p < 2) cols(q < 4) depth(3) { y[4*p + q] = c }",
    }),
  )("%s", (_, body) => expect(verifyDefined(program(body), "here")).toBe("proved"));

  const step = (w: np.Array, x: np.Array): np.Array =>
    lax
      .scan(
        (c: np.Array, v: np.Array) => {
          const next = np.tanh(c.matmul(w).add(v)).at(0).mul(0.5);
          return [next, next] as const;
        },
        np.zeros([3, 4]),
        x,
      )[1]
      .sum();
  test.each([1, 2])("a gradient through time, on %d threads", (threads) => {
    const { jaxpr } = makeJaxpr(grad(step, { argnums: [0, 1] }) as never)(
      ...([np.ones([4, 4]), np.ones([5, 3, 4])] as never[]),
    );
    const lowered = lowerJaxpr(prepare(jaxpr));
    const compiled = runPipeline(lowered, wasmTarget({ relaxedSimd: true }, threads), { debug: true });
    expect([lowered, compiled].map((p) => verifyDefined(p, "here"))).toEqual(["proved", "proved"]);
  });
});

describe("refused", () => {
  test.each(
    Object.entries({
      "a temp that nothing fills": ["t is read", `${ALL} y[0] = t[0]`],
      "a part that nothing fills": ["t is read", `for i < 4 { t[2*i] = x[i] } ${ALL} y[0] = t[1]`],
      "what a later iteration stores": ["t is read", `for i < 4 { y[i] = t[i + 1] t[i] = x[i] } ${ALL}`],
      "what another iteration stores": [
        "t is read",
        `for i < 4 independent { t[i] = x[i] y[i] = t[-i + 3] } ${ALL}`,
      ],
      "what a later statement stores": [
        "t is read",
        `${ALL} for i < 4 { y[i] = t[i] } for i < 8 { t[i] = x[i] }`,
      ],
      "one branch": ["t is read", `switch n[0] { case { t[0] = x[0] } case { } } ${ALL} y[0] = t[0]`],
      "a while that may not run": [
        "t is read",
        `var a: f32 = x[0] while { test bool.lt(a, f32(1)) } do { t[0] = a set a = f32(2) } ${ALL} y[0] = t[0]`,
      ],
      "a place that is clamped to too much": [
        "t is read",
        `for i < 3 { t[i] = x[i] } let m: i32 = i32.min(i32.max(n[0], i32(0)), i32(3)) ${ALL} y[0] = t[m]`,
      ],
      "a place that nothing bounds, where nothing is stored": [
        "t is read",
        `let m: i32 = n[0] ${ALL} y[0] = t[m]`,
      ],
      "an operand that its own epilogue makes": [
        "t is read",
        "contract c: f32 = t[0 batch(1) free() reduced(0)] * x[0 batch(0) free() reduced(1)] over batch(b < 8) rows() cols() depth(4) { t[b] = x[b] y[b] = c }",
      ],
      "a result with a gap": ["result y is not stored to everywhere", "for i < 7 { y[i] = x[i] }"],
      "a result of one branch": [
        "result y is not stored to everywhere",
        "for i < 8 { switch n[0] { case { y[i] = x[i] } case { } } }",
      ],
    }),
  )("%s", (_, [message, body]) => {
    expect(() => verifyDefined(program(body!), "fuse")).toThrow(`loop IR is invalid after fuse: ${message}`);
  });
});

describe("not known, and no fault", () => {
  test.each(
    Object.entries({
      "a store at a place that depends on data":
        "for i < 8 { let at: i32 = i32.min(i32.max(n[0], i32(0)), i32(7)) y[at] = x[i] }",
      "a part that is read at a place which nothing bounds":
        "for i < 4 { t[i] = x[i] } for s < 2 { let p: i32 = i32.rem(index(s), i32(2)) let m: i32 = n[0] let a: f32 = t[4*p + m] for i < 4 { t[-4*p + i + 4] = a } } for i < 8 { y[i] = x[i] }",
    }),
  )("%s", (_, body) => expect(verifyDefined(program(body), "here")).toBe("unknown"));
});

/** The program without its k-th store or loop, or with one iteration less of the loop. */
function damaged(p: Program, k: number): Program {
  let left = k;
  const body = mapStmts(p.body, (s) => {
    if ((s.kind !== "store" && s.kind !== "for") || left-- !== 0) return s;
    return s.kind === "for" && s.lanes === 1 && k % 2 === 0 ? { ...s, extent: s.extent - 1 } : [];
  });
  return { ...p, body };
}

test("what is proved of damaged programs is so", () => {
  let faults = 0;
  const verdictOf = (p: Program): string => {
    try {
      return verifyDefined(p, "here");
    } catch {
      faults++;
      return "refused";
    }
  };
  const property = fc.property(programs({ stages: 6 }), fc.nat(12), (sound, k) => {
    expect(verdictOf(sound)).not.toBe("refused");
    const p = damaged(sound, k);
    if (verdictOf(p) !== "proved") return;
    for (const order of ["forward", "backward"] as const) interpret(p, randomArgs(p, k), undefined, order);
  });
  fc.assert(property, { numRuns: 300 });
  expect(faults).toBeGreaterThan(20);
});
