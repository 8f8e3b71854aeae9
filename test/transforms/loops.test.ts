/** Passes over counted loops: what they change, and that they change nothing else. */
import { describe, expect, test } from "vitest";
import { prepare } from "../../src/compiler/prepare.ts";
import type { NDArray } from "../../src/core/array.ts";
import type { Jaxpr } from "../../src/core/jaxpr.ts";
import { evalJaxpr } from "../../src/core/stage.ts";
import { debug, grad, lax, makeJaxpr } from "../../src/index.ts";
import { LOOP_PASSES, type LoopPass } from "../../src/transforms/loops/index.ts";
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
  const names = Object.keys(LOOP_PASSES) as LoopPass[];
  test.each([[[]], ...names.map((name) => [[name]]), [names]] as [LoopPass[]][])(
    "without %j the values are the same",
    (off) => {
      const expected = grad(layers)(WS, HS, XS);
      expectClose(evalJaxpr(optimized(grad(layers), args, off), args), [expected]);
    },
  );
});

describe("interchange", () => {
  const [L, T, B, H] = [3, 5, 2, 4];
  const data = { w: array([L, H, H], 1), states: array([L, B, H], 2), masks: array([T, L, B, H], 3) };
  const xs = array([T, B, H], 4);
  interface Variant {
    readonly decay?: boolean;
    readonly outer?: boolean;
    readonly inner?: boolean;
    readonly masks?: boolean;
    readonly late?: boolean;
  }
  type Data = typeof data;
  /** A stack of layers over time; what varies: directions, an operand per time and layer, results made of the states. */
  const stack =
    ({ outer = false, inner = false, masks = false, late = false, decay = false }: Variant) =>
    ({ w, states, masks: m }: Data, x: NDArray): NDArray[] =>
      lax.scan(
        (hs: NDArray, [now, mask]: [NDArray, NDArray]) => {
          const [top, next] = lax.scan(
            (signal: NDArray, [wl, h, ml]: [NDArray, NDArray, NDArray]) => {
              const out = lax.tanh(lax.add(lax.dot(signal, wl), masks ? lax.mul(h, ml) : h));
              return [out, out] as const;
            },
            lax.mul(now, 0.5),
            [w, decay ? lax.mul(hs, mask) : hs, mask] as [NDArray, NDArray, NDArray],
            { reverse: inner },
          );
          return [
            decay ? lax.sub(next, lax.mul(hs, 0.25)) : next,
            late ? lax.add(lax.reduceSum(lax.mul(hs, next), [0]), top) : top,
          ] as const;
        },
        states,
        [x, m] as [NDArray, NDArray],
        { reverse: outer },
      );
  const flat =
    (f: (d: Data, x: NDArray) => NDArray[]) =>
    (w: NDArray, states: NDArray, masks: NDArray, x: NDArray): NDArray[] =>
      f({ w, states, masks }, x);
  const operands = [data.w, data.states, data.masks, xs];
  const lengths = (jaxpr: Jaxpr): unknown[] =>
    jaxpr.eqns.filter((e) => e.primitive.name === "scan").map((e) => e.params["length"]);

  const flags = [false, true];
  const variants = flags.flatMap((outer) =>
    flags.flatMap((inner) =>
      flags.flatMap((masks) =>
        flags.flatMap((late) => flags.map((decay): Variant => ({ outer, inner, masks, late, decay }))),
      ),
    ),
  );
  test.each(variants)("layers come outside, time inside, and what they compute stays: %j", (variant) => {
    const f = flat(stack(variant));
    const jaxpr = optimized(f, operands);
    expect(lengths(jaxpr)).toEqual([L]);
    expectClose(evalJaxpr(jaxpr, operands), evalJaxpr(optimized(f, operands, ["interchange"]), operands));
  });
  test.each(variants)("and so does the way back: %j", (variant) => {
    const loss = (...args: NDArray[]): NDArray =>
      flat(stack(variant))(...(args as [NDArray, NDArray, NDArray, NDArray]))
        .map((y) =>
          lax.reduceSum(
            lax.mul(y, y),
            y.shape.map((_, i) => i),
          ),
        )
        .reduce((a, b) => lax.add(a, b));
    const gradient = (...args: NDArray[]): NDArray[] =>
      grad(loss, { argnums: [0, 1, 2, 3] })(...(args as [])) as unknown as NDArray[];
    const jaxpr = optimized(gradient, operands);
    expect(new Set(lengths(jaxpr))).toEqual(new Set([L]));
    expectClose(
      evalJaxpr(jaxpr, operands),
      evalJaxpr(optimized(gradient, operands, ["interchange"]), operands),
    );
  });

  test.each([
    [0, 3],
    [3, 0],
    [1, 1],
    [2, 1],
    [1, 4],
  ])("%d layers and %d steps", (layers, steps) => {
    const args = [
      array([layers, H, H], 1),
      array([layers, B, H], 2),
      array([steps, layers, B, H], 3),
      array([steps, B, H], 4),
    ];
    const f = flat(stack({ masks: true }));
    const [turned, plain] = [[], ["interchange"]].map((off) =>
      evalJaxpr(optimized(f, args, off as LoopPass[]), args),
    );
    expect(turned!.map((x) => x.shape)).toEqual([
      [layers, B, H],
      [steps, B, H],
    ]);
    expectClose(turned!, plain!);
  });

  const step = (h: NDArray, signal: NDArray, w: NDArray): [NDArray, NDArray] => {
    const out = lax.tanh(lax.add(lax.dot(signal, w), h));
    return [out, out];
  };
  const over =
    (body: (hs: NDArray, x: NDArray) => readonly [NDArray, NDArray]) => (hs: NDArray, x: NDArray) =>
      lax.scan(body, hs, x);
  const through = (signal: NDArray, w: NDArray, hs: NDArray): [NDArray, NDArray] =>
    lax.scan((c: NDArray, [wl, h]: [NDArray, NDArray]) => step(h, c, wl), signal, [w, hs] as [
      NDArray,
      NDArray,
    ]);
  const STAYS: Readonly<Record<string, (hs: NDArray, x: NDArray) => NDArray[]>> = {
    "the states are read before the layers": over((hs, x) => {
      const [top, next] = through(lax.add(x, lax.reduceSum(hs, [0])), data.w, hs);
      return [next, top];
    }),
    "one layer's state becomes another's": over((hs, x) => {
      const [top, next] = through(x, data.w, hs);
      return [lax.rev(next, [0]), top];
    }),
    "the states take what the layers hand on": over((hs, x) => {
      const [top, next] = through(x, data.w, hs);
      return [lax.add(next, lax.broadcastInDim(top, [L, B, H], [1, 2])), top];
    }),
    "something is printed": over((hs, x) => {
      debug.print("x");
      const [top, next] = through(x, data.w, hs);
      return [next, top];
    }),
    "two loops follow one another": over((hs, x) => {
      const [middle, next] = through(x, data.w, hs);
      const [top] = through(middle, data.w, hs);
      return [next, top];
    }),
    "no weights come with the inner loop": over((hs, x) => {
      const [top, next] = lax.scan(
        (c: NDArray, h: NDArray) => step(h, c, lax.reshape(x, [B, H]).T.matmul(x)),
        x,
        hs,
      );
      return [next, top];
    }),
    "the inner carry is large beside what is read and stored": (hs, x) => [
      lax.scan(
        (c: NDArray, t: NDArray) =>
          [through(lax.add(lax.broadcastInDim(t, [B, H], []), x), data.w, c)[1], null] as const,
        hs,
        lax.iota("float32", T),
      )[0],
    ],
  };
  test.each(Object.entries(STAYS))("not when %s", (name, f) => {
    const args = [data.states, name.startsWith("the inner") ? array([B, H], 9) : xs];
    const jaxpr = optimized(f as (...xs: NDArray[]) => unknown, args);
    expect(lengths(jaxpr)).toEqual([T]);
  });
});

describe("hoist", () => {
  const wide = (k: number, n: number): NDArray => array([k, n], 7);
  const project = (x: NDArray, h: NDArray, w: NDArray): NDArray[] =>
    lax.scan(
      (c: NDArray, xt: NDArray) => {
        const z = lax.tanh(lax.dot(xt, w));
        return [lax.add(lax.mul(c, 0.5), z), z] as const;
      },
      h,
      x,
    );
  const inside = (rows: number, k: number): { dots: number; close: () => void } => {
    const args = [array([6, rows, k], 1), array([rows, 40], 2), wide(k, 40)];
    const f = (...a: NDArray[]): NDArray[] => project(a[0]!, a[1]!, a[2]!);
    const jaxpr = optimized(f, args, ["sink"]);
    return {
      dots: names(scans(jaxpr)[0]!).filter((n) => n === "dot_general").length,
      close: () => expectClose(evalJaxpr(jaxpr, args), f(...args)),
    };
  };
  test("a product of few rows that needs nothing of the carry is done for all steps before the loop", () => {
    const { dots, close } = inside(4, 64);
    expect(dots).toBe(0);
    close();
  });
  test("but not one of many rows, nor one that is hardly more than a copy", () => {
    expect(inside(32, 64).dots).toBe(1);
    expect(inside(4, 3).dots).toBe(1);
  });
  test("a product with the carry stays", () => {
    const args = [array([6, 2, 64], 1), array([2, 64], 2), wide(64, 64)];
    const f = (...a: NDArray[]): NDArray[] =>
      lax.scan(
        (c: NDArray, x: NDArray) => {
          const next = lax.tanh(lax.add(lax.dot(c, a[2]!), lax.dot(x, a[2]!)));
          return [next, next] as const;
        },
        a[1]!,
        a[0]!,
      );
    const jaxpr = optimized(f, args);
    expect(names(scans(jaxpr)[0]!).filter((n) => n === "dot_general").length).toBe(1);
    expectClose(evalJaxpr(jaxpr, args), f(...args));
  });
});

describe("share", () => {
  test("a y that is an x is the operand, and equal ys are one", () => {
    const f = (h: NDArray, xs: NDArray): NDArray[] => {
      const [c, [a, b, d]] = lax.scan(
        (s: NDArray, x: NDArray) => {
          const next = lax.add(s, x);
          return [next, [x, next, next]] as const;
        },
        h,
        xs,
        { reverse: true },
      );
      return [c, a!, b!, d!];
    };
    const jaxpr = optimized(f, [H, XS]);
    expect(scans(jaxpr)[0]!.outs.length).toBe(2);
    expectClose(evalJaxpr(jaxpr, [H, XS]), f(H, XS));
  });
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
