/** What is proved of the order of loads and stores, against the interpreter, which runs them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { verifyDefined } from "../../src/compiler/ir/defined.ts";
import type { Program, Stmt } from "../../src/compiler/ir/nodes.ts";
import { verifyOrder } from "../../src/compiler/ir/order.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { verify } from "../../src/compiler/ir/verify.ts";
import { type Block, effects, mapParts } from "../../src/compiler/ir/visit.ts";
import { lowerJaxpr } from "../../src/compiler/lower/index.ts";
import { runPipeline } from "../../src/compiler/pipeline.ts";
import { prepare } from "../../src/compiler/prepare.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { lax, makeJaxpr, type NDArray, numpy as np } from "../../src/index.ts";
import { programs, randomArgs } from "../support/random-ir.ts";
import { filled } from "../support/random-program.ts";
import { INPUTS, run, updatingProgram } from "../support/random-updates.ts";
import { timed } from "../support/times.ts";

const program = (body: string): Program =>
  parseProgram(`program(x: f32[8], n: i32[1]) -> (y: f32[8]) { temp t: f32[8] temp h: f32[32] ${body} }`);
const FILL = "for i < 8 independent times(1, 3) { t[i]@2 = x[i]@0 }";

/** In each text the load or store that decides is the last but one or the last; times say what is meant. */
describe("in order", () => {
  test.each(
    Object.entries({
      "a value and then what replaces it": `${FILL} y[0]@4 = t[0]@3 t[0]@5 = f32(1)`,
      "a value that is replaced elsewhere": `${FILL} t[1]@4 = f32(1) y[0]@5 = t[0]@3`,
      "the value that replaced another one": `${FILL} t[0]@4 = f32(1) y[0]@5 = t[0]@4`,
      "an update of each element by itself": `${FILL} for i < 8 independent times(4, 6) { t[i]@5 = f32.neg(t[i]@3) }`,
      "an update in an order": `${FILL} for i < 7 times(4, 6) { t[i]@5 = t[i + 1]@3 }`,
      "a carry that is updated in place": `${FILL} for s < 3 times(4, 8) { for i < 8 independent times(5, 7) { t[i]@6 = f32.neg(t[i]@4) } }`,
      "a carry that is updated from all of itself, by way of a copy": `${FILL} for s < 3 times(4, 11) {
         for i < 8 times(5, 7) { h[i]@6 = t[-i + 7]@4 } for i < 8 times(8, 10) { t[i]@9 = h[i]@7 } }`,
      "two rows that take turns": `${FILL} for s < 3 times(4, 8) { let p: i32 = i32.rem(index(s), i32(2))
         for i < 4 times(5, 7) { t[-4*p + i + 4]@6 = t[4*p - i + 3]@4 } }`,
      "a history": `for i < 4 times(1, 3) { h[i]@2 kept(3, 8) = x[i]@0 }
         for s < 7 times(4, 8) { for i < 4 times(5, 7) { h[4*s + i + 4]@6 kept(7, 8) = h[4*s + i]@4 } }`,
      "a history from the end": `for i < 4 times(1, 3) { h[i + 28]@2 kept(3, 8) = x[i]@0 }
         for s < 7 times(4, 8) { for i < 4 times(5, 7) { h[-4*s + i + 24]@6 kept(7, 8) = h[-4*s + i + 28]@4 } }`,
      "a row that is made in two steps":
        "for s < 4 times(1, 6) { h[4*s]@2 kept(4, 6) = x[0]@0 h[4*s]@3 kept(4, 6) = f32(1) }",
      "branches that exclude each other": `${FILL} switch n[0]@0 { case { t[0]@4 = f32(1) } case { y[0]@5 = t[0]@3 } }`,
      "a while that reads what it makes": `${FILL} while times(4, 8) { test bool.lt(t[0]@4, f32(1)) } do { t[0]@6 = f32(2) }`,
      "places that are clamped and apart": `${FILL} let m: i32 = i32.min(i32.max(n[0]@0, i32(0)), i32(3)) t[m]@4 = f32(1) y[0]@5 = t[4]@3`,
    }),
  )("%s", (_, body) => {
    verify(program(body), "parsing");
    verifyOrder(program(body), "parsing");
    expect(printProgram(parseProgram(printProgram(program(body), { times: true })), { times: true })).toBe(
      printProgram(program(body), { times: true }),
    );
  });
});

describe("refused", () => {
  const EARLY = "is overwritten before it has been read";
  const KEPT = "is overwritten while it is still to be read";
  test.each(
    Object.entries({
      "a store before the last read of what was there": [
        `t ${EARLY}`,
        `${FILL} t[0]@5 = f32(1) y[0]@4 = t[0]@3`,
      ],
      "a read before the store": ["t is read before it is stored to", "y[0]@4 = t[0]@3 t[0]@2 = f32(1)"],
      "stores in another order": [`t ${KEPT}`, "t[0]@2 = f32(1) t[0]@1 = f32(0)"],
      "an update that reads neighbours": [
        `t ${EARLY}`,
        `${FILL} for i < 7 independent times(4, 6) { t[i]@5 = t[i + 1]@3 }`,
      ],
      "an update in the wrong order": [`t ${EARLY}`, `${FILL} for i < 7 times(4, 6) { t[i + 1]@5 = t[i]@3 }`],
      "a carry that is updated before it has been read": [
        `t ${EARLY}`,
        `${FILL} for s < 3 times(4, 8) { t[0]@6 = f32(1) y[s]@5 = t[0]@4 }`,
      ],
      "swapped carries without a copy": [
        `t ${EARLY}`,
        `${FILL} for s < 3 times(4, 8) { t[0]@5 = t[1]@4 t[1]@6 = t[0]@4 }`,
      ],
      "a constant of a loop that an iteration changes": [
        `t ${EARLY}`,
        `${FILL} for s < 3 times(4, 8) { y[s]@5 = t[0]@3 t[0]@6 = f32(1) }`,
      ],
      "a constant of a loop, at a place that depends on data": [
        `t ${EARLY}`,
        `${FILL} let m: i32 = i32.min(i32.max(n[0]@0, i32(0)), i32(3)) for s < 3 times(4, 8) { y[s]@5 = t[0]@3 t[m]@6 = f32(1) }`,
      ],
      "a constant of a while": [
        `t ${EARLY}`,
        `${FILL} while times(4, 8) { test bool.lt(t[0]@3, f32(1)) } do { t[0]@6 = f32(2) }`,
      ],
      "a carry of a while that its condition changes": [
        `t ${EARLY}`,
        `${FILL} while times(4, 8) { t[0]@5 = f32(1) test bool.lt(t[0]@5, f32(1)) } do { y[0]@6 = t[0]@4 }`,
      ],
      "one row instead of two that take turns": [
        `t ${EARLY}`,
        `${FILL} for s < 3 times(4, 8) { let p: i32 = i32.rem(index(s), i32(2))
           for i < 4 times(5, 7) { t[4*p + i]@6 = t[4*p - i + 3]@4 } }`,
      ],
      "the row of the iteration before, updated in place": [
        `h ${KEPT}`,
        `for s < 7 times(4, 9) { h[4*s]@5 = f32(1) h[4*s + 4]@6 kept(6, 9) = h[4*s]@5 }`,
      ],
      "the row of two iterations before": [
        `h ${KEPT}`,
        `for s < 6 times(4, 9) { h[4*s]@5 = f32(1) h[4*s + 8]@6 kept(6, 9) = f32(2) }`,
      ],
      "rows that overlap": [
        `h ${KEPT}`,
        "for s < 6 times(1, 5) { for i < 5 times(2, 4) { h[4*s + i]@3 kept(4, 5) = x[i]@0 } }",
      ],
      "the first row": [
        `h ${KEPT}`,
        "h[0]@1 kept(1, 9) = x[0]@0 for s < 1 times(4, 9) { h[4*s]@5 = f32(1) h[4*s + 4]@6 kept(6, 9) = h[4*s]@5 }",
      ],
      "a row, later in its iteration": [
        `h ${KEPT}`,
        "for s < 7 times(4, 9) { h[4*s]@5 kept(5, 9) = f32(1) h[4*s]@6 = f32(2) }",
      ],
      "a result that is scratch memory afterwards": [
        `y ${KEPT}`,
        "y[0]@1 kept(1, inf) = x[0]@0 y[0]@2 = f32(1)",
      ],
      "an operand of a contraction in its epilogue": [
        `t ${EARLY}`,
        `${FILL} contract c: f32 = t[0 batch() free(2) reduced(1)]@3 * x[0 batch() free(2) reduced(1)]@0
           over batch() rows(p < 2) cols(q < 2) depth(2) { t[2*p + q]@4 = c }`,
      ],
    }),
  )("%s", (_, [message, body]) => {
    expect(() => verifyOrder(program(body!), "fuse")).toThrow(`loop IR is invalid after fuse: ${message}`);
  });
});

/** Loops over lanes are split into vectors and a rest: that no lane touches another one's memory shows in its indices. */
test.each<[string, (x: NDArray) => unknown]>([
  ["np.sort", (x) => np.sort(x, 0)],
  ["np.argsort", (x) => np.argsort(x, 0)],
  ["lax.sort by two keys", (x) => lax.sort([x, x.mul(2)], 0, { numKeys: 2 })],
  ["lax.topK", (x) => lax.topK(x, 2, 0)],
])("lanes of %s", (_, f) => {
  for (const lanes of [1, 2, 5, 9, 17]) {
    const { jaxpr } = makeJaxpr((x: NDArray) => f(np.broadcastTo(x, [3, lanes])))(np.zeros([1]));
    runPipeline(lowerJaxpr(prepare(jaxpr)), wasmTarget({ relaxedSimd: true }), { debug: true });
  }
});

const setsRegister = (s: Stmt): boolean => effects([s]).assigns.size > 0;
/** The block with its k-th pair of neighbours, at any depth, in the other order; registers stay. Undefined: there is none. */
function exchanged(block: Block, k: number): Block | undefined {
  let left = k;
  const walk = (b: Block): Block => {
    for (let i = 0; i + 1 < b.length; i++)
      if (!setsRegister(b[i]!) && !setsRegister(b[i + 1]!) && left-- === 0)
        return [...b.slice(0, i), b[i + 1]!, b[i]!, ...b.slice(i + 2)];
    return b.map((s) => (left < 0 ? s : mapParts(s, { block: walk })));
  };
  const changed = walk(block);
  return left < 0 ? changed : undefined;
}

/** Every program that is valid but for an exchange of two statements gives what it gave before, or is refused. */
function expectExchangesFound(sound: Program, tally: { refused: number; accepted: number }): void {
  verifyOrder(sound, "here");
  const args = randomArgs(sound, 1);
  const want = interpret(sound, args);
  for (let k = 0; ; k++) {
    const body = exchanged(sound.body, k);
    if (!body) return;
    const damaged = { ...sound, body };
    try {
      verify(damaged, "here");
      verifyDefined(damaged, "here");
      verifyOrder(damaged, "here");
    } catch {
      tally.refused++;
      continue;
    }
    tally.accepted++;
    expect(interpret(damaged, args), printProgram(damaged, { times: true })).toEqual(want);
  }
}

describe("statements that change places", () => {
  test("in random loop IR", () => {
    const tally = { refused: 0, accepted: 0 };
    fc.assert(
      fc.property(programs({ stages: 6 }), (p) => expectExchangesFound(timed(p), tally)),
      { numRuns: 100 },
    );
    expect(Math.min(tally.refused, tally.accepted)).toBeGreaterThan(20);
  });

  test("in what random programs with updates are lowered to", () => {
    const tally = { refused: 0, accepted: 0 };
    const args = filled(INPUTS, 1, "float32");
    const property = fc.property(updatingProgram(false), (body) => {
      const { jaxpr } = makeJaxpr((...xs: typeof args) => run(body, xs))(...args);
      expectExchangesFound(lowerJaxpr(prepare(jaxpr)), tally);
    });
    fc.assert(property, { numRuns: 30, seed: 7 });
    expect(Math.min(tally.refused, tally.accepted)).toBeGreaterThan(20);
  });
});
