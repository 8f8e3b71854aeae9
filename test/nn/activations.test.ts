import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, vmap } from "../../src/index.ts";
import { reduceSum } from "../../src/lax/broadcast.ts";
import { asArray } from "../../src/lax/index.ts";
import * as nn from "../../src/nn/index.ts";
import { expectClose, values } from "./support.ts";

const XS = [-1e30, -100, -7.5, -3, -1, -0.5, -1e-6, 1e-6, 0.25, 1, 2, 3, 6, 7.5, 100, 1e30];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const elu = (x: number, alpha: number): number => (x > 0 ? x : alpha * Math.expm1(x));
const clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

type Row = [name: string, f: (x: NDArray) => NDArray, expected: (x: number) => number];
const ROWS: Row[] = [
  ["relu", nn.relu, (x) => Math.max(x, 0)],
  ["relu6", nn.relu6, (x) => clip(x, 0, 6)],
  ["sigmoid", nn.sigmoid, sigmoid],
  ["softplus", nn.softplus, softplus],
  ["logSigmoid", nn.logSigmoid, (x) => -softplus(-x)],
  ["softSign", nn.softSign, (x) => x / (1 + Math.abs(x))],
  ["silu", nn.silu, (x) => x * sigmoid(x)],
  ["swish", nn.swish, (x) => x * sigmoid(x)],
  ["mish", nn.mish, (x) => x * Math.tanh(softplus(x))],
  ["identity", nn.identity, (x) => x],
  ["elu", nn.elu, (x) => elu(x, 1)],
  ["elu(·, 2)", (x) => nn.elu(x, 2), (x) => elu(x, 2)],
  ["celu(·, 2)", (x) => nn.celu(x, 2), (x) => (x > 0 ? x : 2 * Math.expm1(x / 2))],
  ["selu", nn.selu, (x) => 1.0507009873554805 * elu(x, 1.6732632423543772)],
  ["leakyRelu", nn.leakyRelu, (x) => (x >= 0 ? x : 0.01 * x)],
  ["leakyRelu(·, 0.5)", (x) => nn.leakyRelu(x, 0.5), (x) => (x >= 0 ? x : 0.5 * x)],
  ["hardSigmoid", nn.hardSigmoid, (x) => clip(x + 3, 0, 6) / 6],
  ["hardSilu", nn.hardSilu, (x) => (x * clip(x + 3, 0, 6)) / 6],
  ["hardTanh", nn.hardTanh, (x) => clip(x, -1, 1)],
  ["sparsePlus", nn.sparsePlus, (x) => (x <= -1 ? 0 : x >= 1 ? x : (x + 1) ** 2 / 4)],
  ["sparseSigmoid", nn.sparseSigmoid, (x) => clip((x + 1) / 2, 0, 1)],
];

const input = (values: readonly number[] = XS): NDArray => asArray(Float32Array.from(values));

describe.each(ROWS)("%s", (_, f, expected) => {
  test("has the values of its formula", () => {
    const xs = input();
    expectClose(
      f(xs),
      values(xs).map((x) => Math.fround(expected(x))),
    );
  });

  test("is the same in jit and vmap", () => {
    const eager = values(f(input()));
    expectClose(jit(f)(input()), eager);
    expectClose(vmap(f)(input()), eager);
  });

  test("has the derivative of its formula, and never NaN", () => {
    const slope = values(vmap(grad((x: NDArray) => f(x)))(input()) as NDArray);
    XS.forEach((x, i) => {
      expect(Number.isNaN(slope[i])).toBe(false);
      if (Math.abs(x) > 1000 || x === 6 || Math.abs(x) === 1 || Math.abs(x) === 3) return;
      const step = 1e-5 * Math.max(1, Math.abs(x)) * (Math.abs(x) < 1e-3 ? 0.01 : 1);
      const numeric = (expected(x + step) - expected(x - step)) / (2 * step);
      expect(slope[i]).toBeCloseTo(numeric, 4);
    });
  });
});

describe("single values", () => {
  const at0 = (f: (x: NDArray) => NDArray): number => Number((grad(f)(0) as NDArray).dataSync()[0]);

  test("derivatives at 0", () => {
    expect([nn.relu, nn.sigmoid, nn.softplus, nn.leakyRelu, nn.elu, nn.softSign].map(at0)).toEqual([
      0, 0.25, 0.5, 1, 1, 1,
    ]);
  });

  test("NaN stays NaN, infinities have their limits", () => {
    const special = input([Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(values(nn.relu(special))).toEqual([Number.NaN, 0, Number.POSITIVE_INFINITY]);
    expect(values(nn.softplus(special))).toEqual([Number.NaN, 0, Number.POSITIVE_INFINITY]);
    expect(values(nn.sigmoid(special))).toEqual([Number.NaN, 0, 1]);
  });

  test("gelu, in both forms (values of jax.nn.gelu)", () => {
    const xs = input([-2, -0.5, 0, 1, 3]);
    expectClose(nn.gelu(xs), [-0.0454023, -0.154286, 0, 0.841192, 2.9963627], 2e-6);
    expectClose(nn.gelu(xs, { approximate: false }), [-0.0455003, -0.1542688, 0, 0.8413447, 2.9959502], 2e-6);
  });

  test("log1mexp and squareplus", () => {
    const xs = [1e-6, 0.1, Math.LN2, 1, 20];
    const rounded = xs.map(Math.fround);
    expectClose(
      nn.log1mexp(input(xs)),
      rounded.map((x) => Math.log(-Math.expm1(-x))),
    );
    expectClose(
      nn.squareplus(input(xs)),
      rounded.map((x) => (x + Math.sqrt(x ** 2 + 4)) / 2),
    );
  });

  test("glu halves an axis and wants it even", () => {
    const y = nn.glu([[1, 2, 0, 100]]);
    expect(y.shape).toEqual([1, 2]);
    expect(values(y)).toEqual([0.5, 2]);
    expect(() => nn.glu([1, 2, 3])).toThrow(
      "nn.glu: axis -1 of float32[3] must exist and have an even size.",
    );
  });

  test("relu keeps integers, the smooth functions make floats of them", () => {
    const ints = asArray(new Int32Array([-2, 3]));
    expect([nn.relu(ints).dtype, nn.relu6(ints).dtype, nn.sigmoid(ints).dtype, nn.gelu(ints).dtype]).toEqual([
      "int32",
      "float32",
      "float32",
      "float32",
    ]);
  });

  test("a sum over a relu trains only what is positive", () => {
    const slope = grad((x: NDArray) => reduceSum(nn.relu(x), [0]))(input([-1, 0, 2])) as NDArray;
    expect(values(slope)).toEqual([0, 0, 1]);
  });
});
