import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, vmap } from "../../src/index.ts";
import { asArray } from "../../src/lax/index.ts";
import * as nn from "../../src/nn/index.ts";
import { sum } from "../../src/numpy/computing.ts";
import * as random from "../../src/random/index.ts";
import { expectClose, values } from "./support.ts";

const key = random.key(0);
const ids = (...xs: number[]): NDArray => asArray(Int32Array.from(xs));

describe("dense", () => {
  const layer = nn.dense(3, 2);
  const params = {
    w: asArray([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    b: asArray([10, 20]),
  };

  test("multiplies and adds, for any leading shape", () => {
    expectClose(layer.apply(params, [1, 0, 1]), [16, 28]);
    expect(layer.apply(params, asArray([[[1, 0, 1]]])).shape).toEqual([1, 1, 2]);
  });

  test("init makes weights of the right shapes, the bias 0", () => {
    const { w, b } = layer.init(key);
    expect([w.aval.toString(), b.aval.toString()]).toEqual(["float32[3,2]", "float32[2]"]);
    expect(values(b)).toEqual([0, 0]);
    expect(new Set(values(w)).size).toBe(6);
  });

  test("gradients have the parameters' tree", () => {
    const slope = grad((p: typeof params) =>
      sum(
        layer.apply(p, [
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ),
    )(params);
    expectClose(slope.b, [2, 2]);
    expectClose(slope.w, [5, 5, 7, 7, 9, 9]);
  });

  test("errors say what was expected", () => {
    expect(() => layer.apply(params, [1, 2])).toThrow(
      "nn.dense: the input must have shape [..., 3], got float32[2]",
    );
    expect(() => nn.dense(0, 2)).toThrow("nn.dense: inputSize must be a positive integer, got 0");
    expect(() => nn.dense(2, 1.5)).toThrow("nn.dense: outputSize must be a positive integer, got 1.5");
  });
});

describe("embedding", () => {
  const layer = nn.embedding(3, 2);
  const params = {
    table: asArray([
      [0, 1],
      [10, 11],
      [20, 21],
    ]),
  };

  test("looks rows up, for ids of any shape", () => {
    expectClose(layer.apply(params, ids(2, 0)), [20, 21, 0, 1]);
    expectClose(layer.apply(params, 1), [10, 11]);
    expect(
      layer.apply(params, [
        [0, 1],
        [2, 0],
      ]).shape,
    ).toEqual([2, 2, 2]);
    expectClose(jit((i: NDArray) => layer.apply(params, i))(ids(1)), [10, 11]);
    expectClose(vmap((i: NDArray) => layer.apply(params, i))(ids(1, 2)), [10, 11, 20, 21]);
  });

  test("ids beyond the table take its nearest row", () => {
    expectClose(layer.apply(params, ids(7, -4)), [20, 21, 0, 1]);
  });

  test("rows that are used often collect the gradients of all uses", () => {
    const slope = grad((p: typeof params) => sum(layer.apply(p, ids(1, 1, 2))))(params);
    expectClose(slope.table, [0, 0, 2, 2, 1, 1]);
  });

  test("floats are no ids", () => {
    expect(() => layer.apply(params, asArray([1]))).toThrow("nn.embedding: ids must have an integer dtype");
    expect(layer.init(key).table.shape).toEqual([3, 2]);
  });
});
