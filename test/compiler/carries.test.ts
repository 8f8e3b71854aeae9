/** Where nested loops keep their carries: how much memory that takes, and that nothing is lost by it. */
import { describe, expect, test } from "vitest";
import { lowerJaxpr } from "../../src/compiler/lower/index.ts";
import { prepare } from "../../src/compiler/prepare.ts";
import { byteSize } from "../../src/core/dtype.ts";
import { config, explain, grad, jit, lax, makeJaxpr, numpy as np } from "../../src/index.ts";
import { expectClose } from "../support/close.ts";

interface Layers {
  wx: np.Array;
  wh: np.Array;
  b: np.Array;
}
const filled = (shape: number[], seed: number): np.Array =>
  np
    .array(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed + 1.3 * i) / 4),
    )
    .reshape(shape);

interface Directions {
  readonly time?: boolean;
  readonly layers?: boolean;
}

/** A stack of tanh layers over time, as the tutorial writes it: time outside, layers inside. */
const rnn = (
  p: Layers,
  states: np.Array,
  xs: np.Array,
  { time = false, layers = false }: Directions = {},
): np.Array =>
  lax.scan(
    (hs: np.Array, x: np.Array) => {
      const [top, next] = lax.scan(
        (signal: np.Array, [l, h]: [Layers, np.Array]) => {
          const out = np.tanh(signal.matmul(l.wx).add(h.matmul(l.wh)).add(l.b));
          return [out, out];
        },
        x,
        [p, hs] as [Layers, np.Array],
        { reverse: layers },
      );
      return [next, top];
    },
    states,
    xs,
    { reverse: time },
  )[1];
const loss = (p: Layers, states: np.Array, xs: np.Array, way?: Directions): np.Array =>
  np.mean(np.square(rnn(p, states, xs, way)));

const setUp = (L: number, T: number, B: number, H: number): [Layers, np.Array, np.Array] => [
  { wx: filled([L, H, H], 1), wh: filled([L, H, H], 2), b: filled([L, H], 3) },
  filled([L, B, H], 4),
  filled([T, B, H], 5),
];

describe("memory of the training step of a 4-layer RNN", () => {
  const [L, T, B, H] = [4, 128, 32, 256];
  const zeros = (...shape: number[]): np.Array => np.zeros(shape);
  const params = { wx: zeros(L, H, H), wh: zeros(L, H, H), b: zeros(L, H) };
  const step = (p: Layers, states: np.Array, xs: np.Array): Layers => {
    const g = grad(loss)(p, states, xs) as Layers;
    return { wx: p.wx.sub(g.wx), wh: p.wh.sub(g.wh), b: p.b.sub(g.b) };
  };
  /**
   * What backpropagation through time needs when the sums over time are done after the loop: the states of all layers, and of the
   * layer at hand the cotangents of what it adds up and of what it got.
   */
  const needed = (L * T * B * H + 2 * T * B * H) * byteSize("float32");
  test("temporaries are at most 1.3 times what the mathematics needs", () => {
    const { bytes } = explain(step)(params, zeros(L, B, H), zeros(T, B, H));
    expect(bytes.temporaries).toBeLessThanOrEqual(1.3 * needed);
    expect(bytes.temporaries).toBeGreaterThan(L * T * B * H * byteSize("float32"));
  });
});

describe("a stack of states that is the layers' input and their state of the step before", () => {
  const [L, T, B, H] = [3, 9, 4, 8];
  const args = setUp(L, T, B, H);
  const ways: Directions[] = [false, true].flatMap((time) =>
    [false, true].map((layers) => ({ time, layers })),
  );
  const temporaries = (f: (...xs: never[]) => unknown): number[] =>
    lowerJaxpr(prepare(makeJaxpr(f as never)(...(args as unknown as never[])).jaxpr))
      .temps.map((b) => b.size)
      .sort((a, b) => b - a);

  test.each(ways)("is stored once: %j", (way) => {
    const gradient = (p: Layers, s: np.Array, x: np.Array): Layers =>
      grad((q: Layers) => loss(q, s, x, way))(p) as Layers;
    const [history, next] = temporaries(gradient);
    // One row per layer and one for the input; in each one row per step and one for the first state.
    expect(history).toBe((L + 1) * (T + 1) * B * H);
    expect(next).toBeLessThanOrEqual(T * B * H);
  });
  test.each(ways)("and gives the gradients that it gives without histories: %j", (way) => {
    const gradient = (): Layers =>
      jit((p: Layers, s: np.Array, x: np.Array) => grad((q: Layers) => loss(q, s, x, way))(p))(
        ...args,
      ) as Layers;
    const once = gradient();
    const saved = config.disable;
    try {
      config.disable = ["history", "interchange"];
      expectClose(Object.values(once), Object.values(gradient()));
    } finally {
      config.disable = saved;
    }
  });
});

describe("a carry that is made anew when loops have read it", () => {
  const T = 4;
  const pass = (x: np.Array): np.Array =>
    lax.scan((c: np.Array, v: np.Array) => [c.add(v), c], np.zeros([3]), x)[1];
  const repeated =
    (body: (c: np.Array, w: np.Array) => np.Array) =>
    (c: np.Array, w: np.Array): np.Array =>
      lax.scan((s: np.Array) => [body(s, w), null], c, null, { length: T })[0];
  const c = filled([6, 3], 1);
  const w = filled([3, 3], 2);
  const sizes = (f: (c: np.Array, w: np.Array) => np.Array): number[] =>
    lowerJaxpr(makeJaxpr(f as never)(c as never, w as never).jaxpr).temps.map((b) => b.size);
  const BODIES: Readonly<
    Record<string, readonly [replaced: boolean, (c: np.Array, w: np.Array) => np.Array]>
  > = {
    "is replaced where it lies": [true, (s, m) => pass(s).matmul(m)],
    "keeps its place when the result reads it": [false, (s, m) => pass(s).matmul(m).add(s)],
    "keeps its place when only a view of it was taken": [false, (s, m) => s.matmul(m)],
  };
  test.each(Object.entries(BODIES))("%s", (_, [replaced, body]) => {
    const f = repeated(body);
    expect(sizes(f).includes(2 * 18)).toBe(!replaced);
    let expected = c;
    for (let t = 0; t < T; t++) expected = body(expected, w);
    expectClose([jit(f)(c, w)], [expected]);
  });
});

describe("a loop inside that", () => {
  const x = filled([1, 3], 3);
  const BODIES: Readonly<Record<string, (c: np.Array, v: np.Array) => readonly [np.Array, np.Array]>> = {
    "hands its carry on": (c, v) => [lax.clamp(c, v, c), c],
    "makes its carry in place": (c, v) => [c.at(0).set(v.slice(0).mul(2)).mul(0.5), c],
  };
  test.each(Object.entries(BODIES))("%s has the gradient that it has without histories", (_, body) => {
    const f = (a: np.Array): np.Array =>
      lax
        .foriLoop(
          0,
          2,
          (_i, v: np.Array) => lax.scan((c: np.Array) => body(c, v), a, null, { length: 4 })[0],
          a,
        )
        .sum();
    const saved = config.disable;
    try {
      const once = jit(grad(f))(x);
      config.disable = ["history"];
      expectClose(once, jit(grad(f))(x));
    } finally {
      config.disable = saved;
    }
  });
});
