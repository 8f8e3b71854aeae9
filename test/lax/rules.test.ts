/** Derivatives at kinks and zeros, and the programs that batching and differentiation leave. */
import { describe, expect, test } from "vitest";
import { grad } from "../../src/api/autodiff.ts";
import { vmap } from "../../src/api/vmap.ts";
import type { NDArray } from "../../src/core/array.ts";
import { aval, type ShapedArray } from "../../src/core/aval.ts";
import type { Jaxpr } from "../../src/core/jaxpr.ts";
import { stage } from "../../src/core/stage.ts";
import * as lax from "../../src/lax/index.ts";
import { array, values } from "./support.ts";

const f32 = (...xs: number[]): NDArray => array(xs, [xs.length], "float32");
const total = (x: NDArray): NDArray =>
  lax.reduceSum(
    x,
    x.shape.map((_, axis) => axis),
  );
const { NEGATIVE_INFINITY } = Number;

describe("derivatives where formulas are delicate", () => {
  test.each<[string, (x: NDArray) => NDArray, number[], number[]]>([
    ["abs at 0", lax.abs, [0, -0, 2], [1, 1, 1]],
    ["max shares ties", (x) => lax.max(x, lax.asArray([1, 1, 1])), [0, 1, 2], [0, 0.5, 1]],
    ["max of x and x", (x) => lax.max(x, x), [3], [1]],
    ["clamp at its bounds", (x) => lax.clamp(0, x, 1), [-1, 0, 0.5, 1, 2], [0, 0, 1, 0, 0]],
    ["pow with exponent 0", (x) => lax.pow(x, 0), [0, 2], [0, 0]],
    ["pow at 0", (x) => lax.pow(x, 1), [0, 2], [1, 1]],
    ["integerPow at 0", (x) => lax.integerPow(x, 2), [0, 3], [0, 6]],
    ["integerPow 0", (x) => lax.integerPow(x, 0), [0, 3], [0, 0]],
    ["floor", lax.floor, [0.5, 1], [0, 0]],
    ["stopGradient", (x) => lax.mul(lax.stopGradient(x), x), [3], [3]],
    [
      "through an integer",
      (x) => lax.convertElementType(lax.convertElementType(x, "int32"), "float32"),
      [1.5],
      [0],
    ],
    ["through a bool", (x) => lax.convertElementType(lax.gt(x, 0), "float32"), [1.5], [0]],
    ["a maximum with ties", (x) => lax.reduceMax(x, [0]), [3, 1, 3, 2], [0.5, 0, 0.5, 0]],
    ["a product with a zero", (x) => lax.reduceProd(x, [0]), [2, 0, 3], [0, 6, 0]],
    ["a product with two zeros", (x) => lax.reduceProd(x, [0]), [2, 0, 0], [0, 0, 0]],
    ["cumprod with a zero", (x) => lax.cumprod(x), [2, 0, 3], [1, 8, 0]],
    ["cumlogsumexp from nothing", (x) => lax.cumlogsumexp(x), [NEGATIVE_INFINITY, 0], [1, 1]],
    ["cummax with a tie", (x) => lax.cummax(x), [1, 1], [1.5, 0.5]],
    ["sort", (x) => lax.mul(lax.sort(x), f32(1, 2, 3)), [5, 1, 3], [3, 1, 2]],
    ["topK", (x) => lax.mul(lax.topK(x, 2)[0], f32(1, 2)), [5, 1, 3], [1, 0, 2]],
    [
      "overwritten by scatter",
      (x) =>
        lax.scatter(x, array([1], [1, 1], "int32"), f32(7), {
          updateWindowDims: [],
          insertedWindowDims: [0],
          scatterDimsToOperandDims: [0],
        }),
      [1, 2, 3],
      [1, 0, 1],
    ],
    [
      "gather outside in fill mode",
      (x) =>
        lax.gather(
          x,
          array([5, 0], [2, 1], "int32"),
          { offsetDims: [], collapsedSliceDims: [0], startIndexMap: [0] },
          [1],
          { mode: "fill", fillValue: 0 },
        ),
      [1, 2],
      [1, 0],
    ],
  ])("%s", (_, f, x, expected) => {
    expect(values(grad((y: NDArray) => total(f(y)))(f32(...x)) as NDArray)).toEqual(expected);
  });

  test("scatterMul refuses derivatives in updates that may overlap", () => {
    const into = { updateWindowDims: [], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };
    const f = (u: NDArray): NDArray => total(lax.scatterMul(f32(1, 2), array([0], [1, 1], "int32"), u, into));
    expect(() => grad(f)(f32(3))).toThrow(
      "scatter-mul gradients with respect to updates are only implemented for uniqueIndices: true.",
    );
  });
});

/** The names of the equations of `vmap(f)`, mapped over the axes `dims`. */
function batched(
  f: (...xs: NDArray[]) => NDArray,
  dims: (number | null)[],
  ...types: ShapedArray[]
): string[] {
  const program: Jaxpr = stage((xs) => [vmap(f, dims)(...xs) as NDArray], types).jaxpr;
  return program.eqns.map((eqn) => eqn.primitive.name);
}
const t = (...shape: number[]): ShapedArray => aval(shape, "float32");

describe("batching adds no more than it must", () => {
  test.each<[string, (...xs: NDArray[]) => NDArray, (number | null)[], ShapedArray[], string[]]>([
    ["a map of one operand", (x) => lax.sin(x), [1], [t(3, 5)], ["sin", "transpose"]],
    ["a map with a number", (x) => lax.mul(x, 2), [0], [t(5, 3)], ["mul"]],
    ["a map with an unmapped scalar", (x, y) => lax.mul(x, y), [0, null], [t(5, 3), t()], ["mul"]],
    [
      "a map with an unmapped array",
      (x, y) => lax.mul(x, y),
      [0, null],
      [t(5, 3), t(3)],
      ["broadcast_in_dim", "mul"],
    ],
    [
      "a map with a mapped scalar",
      (x, y) => lax.mul(x, y),
      [0, 0],
      [t(5, 3), t(5)],
      ["broadcast_in_dim", "mul"],
    ],
    ["a reduction", (x) => lax.reduceSum(x, [0]), [0], [t(5, 3)], ["reduce_sum"]],
    ["a broadcast", (x) => lax.broadcast(x, [2]), [0], [t(5, 3)], ["broadcast_in_dim", "transpose"]],
    ["dot over both", (x, y) => lax.dot(x, y), [0, 0], [t(5, 2, 3), t(5, 3, 4)], ["dot_general"]],
    ["dot over the left", (x, y) => lax.dot(x, y), [0, null], [t(5, 2, 3), t(3, 4)], ["dot_general"]],
    [
      "dot over the right",
      (x, y) => lax.dot(x, y),
      [null, 0],
      [t(2, 3), t(5, 3, 4)],
      ["dot_general", "transpose"],
    ],
    ["dynamicSlice", (x) => lax.dynamicSlice(x, [1], [2]), [0], [t(5, 3)], ["dynamic_slice"]],
    ["slice", (x) => lax.slice(x, [1], [2]), [0], [t(5, 3)], ["slice"]],
    ["concatenate", (x) => lax.concatenate([x, x], 0), [0], [t(5, 3)], ["concatenate"]],
    ["cumsum", (x) => lax.cumsum(x), [0], [t(5, 3)], ["cumsum"]],
    ["sort", (x) => lax.sort(x), [0], [t(5, 3)], ["sort"]],
  ])("%s", (_, f, dims, types, expected) => {
    expect(batched(f, dims, ...types)).toEqual(expected);
  });
});

test("a gradient of a dot is one dot per operand", () => {
  const f = (x: NDArray, y: NDArray): NDArray => total(lax.tanh(lax.dot(x, y)));
  const gradients = grad(f, { argnums: [0, 1] });
  const { jaxpr } = stage(([x, y]) => [...gradients(x!, y!)] as NDArray[], [t(2, 3), t(3, 4)]);
  expect(jaxpr.eqns.filter((eqn) => eqn.primitive.name === "dot_general")).toHaveLength(3);
});
