import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import * as random from "../../src/random/index.ts";
import "../../src/index.ts";
import { expectClose, values } from "./support.ts";

const { initializers } = nn;
const key = random.key(42);

test("glorotUniform has JAX's very numbers", () => {
  const expected = [-0.0247360952, 0.3939158916, 0.2547380924, 0.133679539, -0.1081322432, 0.1881226748];
  expectClose(initializers.glorotUniform()(key, [2, 3]), expected, 1e-6);
});

test("constants", () => {
  expect(values(initializers.zeros(key, [2]))).toEqual([0, 0]);
  expect(values(initializers.ones(key, [2]))).toEqual([1, 1]);
  expect(values(initializers.constant(-7)(key, [3], { dtype: "int32" }))).toEqual([-7, -7, -7]);
  expect(values(initializers.constant([1, 2])(key, [2, 2]))).toEqual([1, 2, 1, 2]);
});

/** Variance is what the names promise; bounds where there are some. */
const N = 64;
describe.each<[name: string, make: nn.Initializer, variance: number, mean: number, bound: number]>([
  ["uniform", initializers.uniform(0.5), 0.25 / 12, 0.25, 0.5],
  ["normal", initializers.normal(0.5), 0.25, 0, 4],
  ["truncatedNormal", initializers.truncatedNormal(0.5), 0.25 * 0.87962566 ** 2, 0, 1],
  ["glorotUniform", initializers.glorotUniform(), 2 / (N + 2 * N), 0, Math.sqrt(6 / (3 * N))],
  ["glorotNormal", initializers.glorotNormal(), 2 / (N + 2 * N), 0, 1],
  ["lecunUniform", initializers.lecunUniform(), 1 / N, 0, Math.sqrt(3 / N)],
  ["lecunNormal", initializers.lecunNormal(), 1 / N, 0, 1],
  ["heUniform", initializers.heUniform(), 2 / N, 0, Math.sqrt(6 / N)],
  ["heNormal", initializers.heNormal(), 2 / N, 0, 1],
  ["varianceScaling fanOut", initializers.varianceScaling(1, "fanOut", "normal"), 1 / (2 * N), 0, 1],
])("%s", (_, make, variance, mean, bound) => {
  const xs = values(make(key, [N, 2 * N]));
  const average = xs.reduce((a, b) => a + b, 0) / xs.length;

  test("mean, variance and bound", () => {
    expect(Math.abs(average - mean)).toBeLessThan(5 * Math.sqrt(variance / xs.length));
    const measured = xs.reduce((a, b) => a + (b - average) ** 2, 0) / xs.length;
    expect(measured / variance).toBeGreaterThan(0.93);
    expect(measured / variance).toBeLessThan(1.07);
    expect(Math.max(...xs.map(Math.abs))).toBeLessThanOrEqual(bound);
  });

  test("another key, other numbers; the same key, the same", () => {
    expect(values(make(random.key(43), [2, 2]))).not.toEqual(values(make(key, [2, 2])));
    expect(values(make(key, [2, 2]))).toEqual(values(make(key, [2, 2])));
  });
});

test("axes before the last two are a receptive field", () => {
  const small = values(initializers.lecunUniform()(key, [4, 4, 4]));
  expect(Math.max(...small.map(Math.abs))).toBeLessThanOrEqual(Math.sqrt(3 / 16));
});

test("vectors have no fans", () => {
  expect(() => initializers.glorotUniform()(key, [3])).toThrow(
    "of shape (3) are not defined; it needs at least two axes",
  );
});
