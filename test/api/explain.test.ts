import { afterEach, describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { config, explain, grad, jit, lax, numpy as np, tree, valueAndGrad } from "../../src/index.ts";

type A = NDArray;

const rnn = (w: A, h: A, xs: A): A => {
  const [, ys] = lax.scan(
    (c: A, x: A) => {
      const next = np.tanh(np.dot(c, w).add(x));
      return [next, next] as const;
    },
    h,
    xs,
  );
  return ys.mul(ys).sum();
};

const zeros = (...shape: number[]): A => np.zeros(shape);

const settings = { tier: "wasm", threads: 2, disable: [] } as const;
Object.assign(config, settings);
afterEach(() => {
  Object.assign(config, settings);
});

describe("explain", () => {
  const [T, B, H] = [6, 8, 16];
  const args = [zeros(H, H), zeros(B, H), zeros(T, B, H)];
  const e = explain(grad(rnn))(...args);

  test("counts loops and products", () => {
    expect(e.loops.map((l) => l.length)).toEqual([T, T]);
    // Forward, backward, and one product over time and batch for the weights.
    expect(e.matmuls.map((m) => m.times)).toEqual([T, T, 1]);
    expect(e.matmuls[2]).toMatchObject({ m: H, n: H, k: T * B });
    expect(e.flops).toBe(3 * T * 2 * B * H * H);
    expect(e.work).toBeGreaterThan(e.flops);
  });
  test("says what was decided", () => {
    const kinds = new Set(e.decisions.map((d) => d.kind));
    for (const kind of ["deferred", "history", "recomputed", "fused"] as const) expect(kinds).toContain(kind);
  });
  test("says what registers carry", () => {
    const decay = (c: A): A => lax.scan((s: A) => [s.mul(0.9), null], c, null, { length: 1000 })[0];
    const { decisions } = explain(decay)(zeros(16));
    const what = "what a loop of 1000 carries over 16 elements";
    expect(decisions).toContainEqual({ kind: "promoted", what });
  });
  test("counts bytes", () => {
    expect(e.bytes.arguments).toBe(4 * (H * H + B * H + T * B * H));
    expect(e.bytes.results).toBe(4 * H * H);
    // All states, the first one included, and nothing else is kept for the backward loop.
    expect(e.bytes.residuals).toBe(4 * (T + 1) * B * H);
    expect(e.bytes.temporaries).toBeGreaterThanOrEqual(e.bytes.residuals);
    expect(explain(rnn)(...args).bytes.residuals).toBe(0);
  });
  test("reads well in a terminal", () => {
    const text = String(e);
    expect(text).toContain(`loop of ${T}`);
    expect(text).toContain("summed after the loop: 1");
    expect(text).toContain(`the sum f32[${H},${H}] over ${T} iterations`);
  });
  test("neither time nor layers change the module's size", () => {
    // With more, there is another module for loops that are long enough for them.
    config.threads = 1;
    const size = (t: number): number =>
      explain(grad(rnn))(np.zeros([H, H]), np.zeros([B, H]), np.zeros([t, B, H])).bytes.module;
    // Once, where sums over time become so long that their totals are compensated (measured: 1.143).
    expect(size(16384) / size(512)).toBeLessThan(1.15);
    // Never again: there are only wider constants.
    expect(size(65536) / size(16384)).toBeLessThan(1.03);
    expect(size(65536) / size(16)).toBeLessThan(1.25);
  });
  test("says what is switched off", () => {
    config.disable = ["recompute", "defer"];
    const less = explain(grad(rnn))(...args);
    expect(less.switchedOff).toEqual(config.disable);
    expect(less.decisions.filter((d) => d.kind === "deferred" || d.kind === "recomputed")).toEqual([]);
    expect(less.bytes.residuals).toBeGreaterThan(e.bytes.residuals);
    expect(String(less)).toContain("switched off: ");
    expect(e.switchedOff).toEqual([]);
    expect(String(e)).not.toContain("switched off");
  });
});

describe("a training step of a nested scan", () => {
  const [T, L, B, H] = [16, 2, 8, 64];
  interface Params {
    readonly w: A;
    readonly u: A;
  }
  const loss = ({ w, u }: Params, xs: A): A => {
    const layer = (x: A, [h, w, u]: [A, A, A]) => {
      const next = np.tanh(np.dot(x, w).add(np.dot(h, u)));
      return [next, next] as const;
    };
    const step = (hs: A, x: A) => {
      const [y, next] = lax.scan(layer, x, [hs, w, u] as [A, A, A]);
      return [next, y] as const;
    };
    return np.mean(np.square(lax.scan(step, zeros(L, B, H), xs)[1]));
  };
  const train = (params: Params, xs: A): readonly [A, Params] => {
    const [value, grads] = valueAndGrad(loss)(params, xs);
    return [value, tree.map((p: A, g: A) => p.sub(g.mul(0.1)), params, grads) as Params];
  };
  const args = (): [Params, A] => [{ w: zeros(L, H, H), u: zeros(L, H, H) }, zeros(T, B, H)];
  const step = jit(train, { donateArgnums: 0 });
  const e = explain(step)(...args());

  test("names what was done to it", () => {
    expect(e.tier).toBe("wasm");
    expect(e.why).toBe('config.tier is "wasm"');
    expect(e.threads).toBe(2);
    // Forward, backward and for the weights; of x and of h; in every layer at every time.
    expect(e.flops).toBe(3 * 2 * L * T * 2 * B * H * H);
    const states = 4 * L * T * B * H;
    expect(e.bytes.residuals).toBeGreaterThanOrEqual(states);
    expect(e.bytes.temporaries).toBeGreaterThanOrEqual(e.bytes.residuals);
  });

  test("what is split over threads is listed with its extent", () => {
    const split = e.decisions.filter((d) => d.kind === "parallel");
    expect(split.length).toBe(e.parallelLoops);
    for (const { what } of split) expect(what).toMatch(/^a .* in \d+ (pieces|parts)$/);
    config.disable = ["parallel"];
    expect(explain((x: A) => np.sin(x))(zeros(1 << 16)).parallelLoops).toBe(0);
    config.disable = [];
    const one = explain((x: A) => np.sin(x))(zeros(1 << 16));
    expect(one.decisions.map((d) => d.what)).toEqual(["a nest over 65536 into out0, in 32 pieces"]);
  });

  test("donated arguments hold results", () => {
    // Leaves: w, u, xs and value, w, u.
    expect(e.inPlace).toEqual([
      { result: 1, argument: 0 },
      { result: 2, argument: 1 },
    ]);
    expect(String(e)).toContain("out1 in the memory of arg0");
    expect(explain(train)(...args()).inPlace).toEqual([]);
    config.disable = ["donate"];
    expect(explain(step)(...args()).inPlace).toEqual([]);
  });

  test("looking does not depend on what was traced before, and leaves nothing behind", () => {
    step.lower(...args());
    const again = explain(step)(...args());
    expect(again.decisions).toEqual(e.decisions);
    expect(explain(jit((x: A, n: number) => x.mul(n), { staticArgnums: 1 }))(zeros(3), 2).matmuls).toEqual(
      [],
    );
  });

  test("the tier and why", () => {
    config.tier = "auto";
    expect(explain((x: A) => x.add(1))(zeros(3))).toMatchObject({
      tier: "wasm",
      why: 'config.tier is "auto", but 9 op are fewer than the 10.00 Mop from which compiling C pays',
    });
    config.tier = "interp";
    expect(String(explain((x: A) => x.add(1))(zeros(3)))).toContain(
      'runs as loop IR, interpreted: config.tier is "interp"',
    );
  });

  test("a native program is that of the native target", () => {
    config.tier = "native";
    let native: ReturnType<ReturnType<typeof explain>>;
    try {
      native = explain(step)(...args());
    } catch (error) {
      expect(String(error)).toContain('config.tier is "native", which needs');
      return;
    }
    expect(native.why).toMatch(/^config.tier is "native"; compiled by .*\w$/);
    expect(native.loops).toEqual(e.loops);
    expect(native.flops).toBe(e.flops);
    expect(native.bytes.module).toBeGreaterThan(0);
    expect(String(native)).toMatch(/KiB of C, made in/);
  });
});
