/** Passes over counted loops: what they change, and that they change nothing else. */
import { describe, expect, test } from "vitest";
import { prepare } from "../../src/compiler/prepare.ts";
import type { NDArray } from "../../src/core/array.ts";
import type { Jaxpr } from "../../src/core/jaxpr.ts";
import { evalJaxpr } from "../../src/core/stage.ts";
import { grad, lax, makeJaxpr } from "../../src/index.ts";
import type { LoopPass } from "../../src/transforms/loops/index.ts";
import { expectClose } from "../support/close.ts";

const array = (shape: number[], seed: number): NDArray => {
  const n = shape.reduce((a, b) => a * b, 1);
  return lax.reshape(
    lax.asArray(Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i))),
    shape,
  );
};

const W = array([4, 4], 1);
const H = array([3, 4], 2);
const XS = array([5, 3, 4], 3);

const scans = (jaxpr: Jaxpr): Jaxpr[] =>
  jaxpr.eqns.filter((e) => e.primitive.name === "scan").map((e) => e.params["jaxpr"] as Jaxpr);
const names = (jaxpr: Jaxpr): string[] => jaxpr.eqns.map((e) => e.primitive.name);
const optimized = (f: (...args: NDArray[]) => unknown, args: NDArray[], off: LoopPass[] = []): Jaxpr =>
  prepare(makeJaxpr(f)(...args).jaxpr, { off });

/** A recurrent loss over a batch: its gradient accumulates the weights' cotangent over time. */
const rnn = (w: NDArray, h: NDArray, xs: NDArray): NDArray => {
  const step = (c: NDArray, x: NDArray): [NDArray, NDArray] => {
    const next = lax.tanh(lax.add(lax.dot(c, w), x));
    return [next, next];
  };
  const [, ys] = lax.scan(step, h, xs);
  return lax.reduceSum(lax.mul(ys, ys), [0, 1, 2]);
};

describe("sink", () => {
  const project = (w: NDArray, h: NDArray, xs: NDArray): NDArray =>
    lax.scan((c: NDArray, x: NDArray) => [lax.add(c, x), lax.dot(lax.mul(c, x), w)] as const, h, xs)[1];

  test("a product that only feeds ys is done once after the loop, when its operands are not larger", () => {
    const wide = (w: NDArray, h: NDArray, xs: NDArray): NDArray => project(lax.concatenate([w, w], 1), h, xs);
    const jaxpr = optimized(wide, [W, H, XS]);
    expect(names(scans(jaxpr)[0]!)).not.toContain("dot_general");
    expect(names(jaxpr)).toContain("dot_general");
    expectClose(evalJaxpr(jaxpr, [W, H, XS]), [wide(W, H, XS)]);
  });
  test("but stays when that would store more", () => {
    const narrow = (w: NDArray, h: NDArray, xs: NDArray): NDArray =>
      project(lax.sliceInDim(w, 0, 1, 1, 1), h, xs);
    expect(names(scans(optimized(narrow, [W, H, XS]))[0]!)).toContain("dot_general");
  });
  test("a product that the carry needs stays", () => {
    expect(names(scans(optimized(rnn, [W, H, XS]))[0]!)).toContain("dot_general");
  });
});

describe("defer", () => {
  test("the weights' cotangent is one contraction over time and batch after the loop", () => {
    const jaxpr = optimized(grad(rnn), [W, H, XS]);
    const backward = scans(jaxpr).at(-1)!;
    // Inside: only the product that carries the cotangent to the step before.
    expect(names(backward).filter((n) => n === "dot_general").length).toBe(1);
    const carries = backward.outs.filter((_, i) => i < 1).map((a) => a.aval.shape.join());
    expect(carries).not.toContain("4,4");
    const after = jaxpr.eqns.slice(jaxpr.eqns.findLastIndex((e) => e.primitive.name === "scan") + 1);
    const contraction = after.find((e) => e.primitive.name === "dot_general")!;
    expect(contraction.params["dimension_numbers"][0][0].length).toBe(2);
    expectClose(evalJaxpr(jaxpr, [W, H, XS]), [grad(rnn)(W, H, XS)]);
  });
  test("a sum that something else reads stays in the loop", () => {
    const running = (h: NDArray, xs: NDArray): NDArray[] =>
      lax.scan((c: NDArray, x: NDArray) => [lax.add(c, x), c] as const, h, xs);
    const jaxpr = optimized(running, [H, XS]);
    expect(names(scans(jaxpr)[0]!)).toContain("add");
    expectClose(evalJaxpr(jaxpr, [H, XS]), running(H, XS));
  });
});

describe("nested loops", () => {
  const layers = (ws: NDArray, hs: NDArray, xs: NDArray): NDArray => {
    const layer = (input: NDArray, [w, h]: [NDArray, NDArray]): [NDArray, NDArray] => {
      const out = lax.tanh(lax.add(lax.dot(h, w), input));
      return [out, out];
    };
    const step = (carry: NDArray, x: NDArray): [NDArray, NDArray] => {
      const [y, next] = lax.scan(layer, x, [ws, carry] as [NDArray, NDArray]);
      return [next, y];
    };
    const [, ys] = lax.scan(step, hs, xs);
    return lax.reduceSum(lax.mul(ys, ys), [0, 1, 2]);
  };
  const WS = array([2, 4, 4], 5);
  const HS = array([2, 3, 4], 6);
  const args = [WS, HS, XS];
  test("the stacked weights' cotangent leaves both loops", () => {
    const backward = scans(optimized(grad(layers), args)).at(-1)!;
    const shapes = backward.outs.map((a) => a.aval.shape.join());
    expect(shapes).not.toContain("2,4,4");
  });
  test.each([[[]], [["sink"]], [["defer"]], [["sink", "defer"]]] as [LoopPass[]][])(
    "without %j the values are the same",
    (off) => {
      const expected = grad(layers)(WS, HS, XS);
      expectClose(evalJaxpr(optimized(grad(layers), args, off), args), [expected]);
    },
  );
});

describe("recompute", () => {
  test("the derivative of a sigmoid is made from the sigmoid, which is all that is stored", () => {
    const gate = (h: NDArray, xs: NDArray): NDArray => {
      const step = (c: NDArray, x: NDArray) => [lax.mul(lax.logistic(x), c), null] as const;
      return lax.reduceSum(lax.scan(step, h, xs)[0], [0, 1]);
    };
    const jaxpr = makeJaxpr(grad(gate, { argnums: 1 }))(H, XS).jaxpr;
    const forward = scans(prepare(jaxpr))[0]!;
    expect(names(forward)).toEqual(["logistic", "mul"]);
    // The carry, and for the way back the carry before the step and the sigmoid.
    expect(forward.outs.length).toBe(3);
  });
});
