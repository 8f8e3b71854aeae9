import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, vmap } from "../../src/index.ts";
import { mul } from "../../src/lax/arithmetic.ts";
import { reduceSum } from "../../src/lax/broadcast.ts";
import { asArray } from "../../src/lax/index.ts";
import * as nn from "../../src/nn/index.ts";
import { expectClose, values } from "./support.ts";

const INF = Number.POSITIVE_INFINITY;

describe("softmax and its relatives", () => {
  test.each<[string, NDArray, number[]]>([
    ["softmax", nn.softmax([1, 2, 3]), [0.09003057, 0.24472848, 0.66524094]],
    ["softmax of large numbers", nn.softmax([1e30, 1e30, -1e30]), [0.5, 0.5, 0]],
    ["softmax with an impossible choice", nn.softmax([0, -INF]), [1, 0]],
    [
      "softmax down the rows",
      nn.softmax(
        [
          [0, 0],
          [0, Math.log(3)],
        ],
        0,
      ),
      [0.5, 0.25, 0.5, 0.75],
    ],
    [
      "softmax over all",
      nn.softmax(
        [
          [0, 0],
          [0, 0],
        ],
        null,
      ),
      [0.25, 0.25, 0.25, 0.25],
    ],
    [
      "softmax over listed axes",
      nn.softmax(
        [
          [0, 0],
          [0, 0],
        ],
        [1, 0],
      ),
      [0.25, 0.25, 0.25, 0.25],
    ],
    ["logSoftmax", nn.logSoftmax([1, 2, 3]), [-2.407606, -1.407606, -0.407606]],
    ["logSoftmax where softmax underflows", nn.logSoftmax([0, -200]), [0, -200]],
    ["logsumexp", nn.logsumexp([1, 2, 3]), [3.407606]],
    ["logsumexp of large numbers", nn.logsumexp([1000, 1000]), [1000.6931]],
    ["logsumexp of nothing possible", nn.logsumexp([-INF, -INF]), [-INF]],
    ["logsumexp of the infinite", nn.logsumexp([0, INF]), [INF]],
    [
      "logsumexp along an axis",
      nn.logsumexp(
        [
          [0, 0],
          [1, 1],
        ],
        1,
      ),
      [Math.LN2, 1 + Math.LN2],
    ],
    [
      "logmeanexp",
      nn.logmeanexp(
        [
          [2, 2],
          [2, 2],
        ],
        0,
      ),
      [2, 2],
    ],
  ])("%s", (_, actual, expected) => expectClose(actual, expected, 1e-6));

  test("reduced axes go, or stay with size 1", () => {
    const x = [[[1, 2, 3]]];
    expect(nn.logsumexp(x).shape).toEqual([]);
    expect(nn.logsumexp(x, [0, 2]).shape).toEqual([1]);
    expect(nn.logsumexp(x, -1, { keepdims: true }).shape).toEqual([1, 1, 1]);
  });

  test("the gradient of logsumexp is softmax, also under jit and vmap", () => {
    const rows = asArray([
      [1, 2, 3],
      [0, 0, 0],
    ]);
    const slopes = jit(vmap(grad((x: NDArray) => nn.logsumexp(x))))(rows) as NDArray;
    expectClose(slopes, values(nn.softmax(rows)));
  });

  test("the gradient of a log-likelihood is prediction minus truth", () => {
    const truth = [0, 1, 0];
    const loss = (x: NDArray): NDArray =>
      reduceSum(mul(nn.logSoftmax(x), asArray(Float32Array.from(truth))), [0]);
    const slope = grad(loss)(asArray([1, 2, 3])) as NDArray;
    expectClose(
      slope,
      values(nn.softmax([1, 2, 3])).map((p, i) => truth[i]! - p),
    );
  });
});

describe("standardize", () => {
  test("makes mean 0 and variance 1", () => {
    const all = values(
      nn.standardize(
        [
          [1, 2, 3, 4],
          [10, 10, 10, 30],
        ],
        -1,
        { epsilon: 0 },
      ),
    );
    for (const row of [all.slice(0, 4), all.slice(4)]) {
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 5);
      expect(row.reduce((a, b) => a + b * b, 0) / 4).toBeCloseTo(1, 5);
    }
  });

  test("uses given moments, and epsilon guards constants", () => {
    expectClose(nn.standardize([1, 3], -1, { mean: 1, variance: 4, epsilon: 0 }), [0, 1]);
    expectClose(nn.standardize([5, 5]), [0, 0]);
  });
});

describe("oneHot", () => {
  const ids = asArray(new Int32Array([0, 2, -1, 3]));

  test("marks the index; indices outside mark nothing", () => {
    const y = nn.oneHot(ids, 3);
    expect(y.aval.toString()).toBe("float32[4,3]");
    expect(values(y)).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  });

  test("takes any shape, axis and dtype", () => {
    const y = nn.oneHot([[0], [1]], 2, { axis: 0, dtype: "int32" });
    expect(y.aval.toString()).toBe("int32[2,2,1]");
    expect(values(y)).toEqual([1, 0, 0, 1]);
    expect(values(nn.oneHot(1, 3))).toEqual([0, 1, 0]);
  });

  test("wants integers and a count", () => {
    expect(() => nn.oneHot(asArray(new Float32Array([1])), 3)).toThrow(
      "nn.oneHot: x must have an integer dtype, got float32[1]",
    );
    expect(() => nn.oneHot(ids, -1)).toThrow("numClasses must be a non-negative integer, got -1");
  });
});
