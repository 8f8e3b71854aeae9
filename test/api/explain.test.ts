import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { explain, grad, lax, numpy as np } from "../../src/index.ts";

const rnn = (w: NDArray, h: NDArray, xs: NDArray): NDArray => {
  const [, ys] = lax.scan(
    (c: NDArray, x: NDArray) => {
      const next = np.tanh(np.dot(c, w).add(x));
      return [next, next] as const;
    },
    h,
    xs,
  );
  return ys.mul(ys).sum();
};

describe("explain", () => {
  const [T, B, H] = [6, 8, 16];
  const e = explain(grad(rnn))(np.zeros([H, H]), np.zeros([B, H]), np.zeros([T, B, H]));

  test("counts loops and products", () => {
    expect(e.loops.map((l) => l.length)).toEqual([T, T]);
    // Forward, backward, and one product over time and batch for the weights.
    expect(e.matmuls.map((m) => m.times)).toEqual([T, T, 1]);
    expect(e.matmuls[2]).toMatchObject({ m: H, n: H, k: T * B });
    expect(e.flops).toBe(3 * T * 2 * B * H * H);
  });
  test("says what was decided", () => {
    const kinds = new Set(e.decisions.map((d) => d.kind));
    for (const kind of ["deferred", "history", "recomputed", "fused"] as const) expect(kinds).toContain(kind);
  });
  test("counts bytes", () => {
    expect(e.bytes.arguments).toBe(4 * (H * H + B * H + T * B * H));
    expect(e.bytes.results).toBe(4 * H * H);
    expect(e.bytes.temporaries).toBeGreaterThan(0);
  });
  test("reads well in a terminal", () => {
    const text = String(e);
    expect(text).toContain(`loop of ${T}`);
    expect(text).toContain("summed after the loop: 1");
    expect(text).toContain(`the sum f32[${H},${H}] over ${T} iterations`);
  });
  test("neither time nor layers change the module's size", () => {
    const size = (t: number): number =>
      explain(grad(rnn))(np.zeros([H, H]), np.zeros([B, H]), np.zeros([t, B, H])).bytes.module;
    // Wider constants, and long sums over time are cut into blocks: a few bytes, once.
    expect(size(16384) / size(512)).toBeLessThan(1.03);
    expect(size(16384) / size(16)).toBeLessThan(1.25);
  });
});
