import { describe, expect, it } from "vitest";
import { WeftValueError } from "../../src/util/errors.ts";
import { broadcastShapes, canonicalAxis, equalShape, size, strides } from "../../src/util/shape.ts";

describe("shape arithmetic", () => {
  it.each([
    [[], 1, []],
    [[5], 5, [1]],
    [[2, 3, 4], 24, [12, 4, 1]],
    [[2, 0, 4], 0, [0, 4, 1]],
  ])("size and strides of %j", (shape, expectedSize, expectedStrides) => {
    expect(size(shape)).toBe(expectedSize);
    expect(strides(shape)).toEqual(expectedStrides);
  });

  it.each([
    [[2, 3], [2, 3], true],
    [[2, 3], [2], false],
    [[2, 3], [3, 2], false],
    [[], [], true],
  ])("equalShape %j %j", (a, b, expected) => {
    expect(equalShape(a, b)).toBe(expected);
  });

  it.each([
    [[[], []], []],
    [
      [[3, 1], [4]],
      [3, 4],
    ],
    [
      [[4], [3, 1]],
      [3, 4],
    ],
    [[[2], [3]], null],
    [[[0], [1]], [0]],
    [[[1], [0]], [0]],
    [[[0], [2]], null],
    [
      [[5, 1, 1], [6, 1], [7]],
      [5, 6, 7],
    ],
    [[], []],
  ])("broadcastShapes %j", (shapes, expected) => {
    expect(broadcastShapes(...shapes)).toEqual(expected);
  });

  it.each([
    [0, 3, 0],
    [-1, 3, 2],
    [-3, 3, 0],
  ])("canonicalAxis(%d, %d)", (axis, ndim, expected) => {
    expect(canonicalAxis("axis", axis, ndim)).toBe(expected);
  });

  it.each([
    [3, 3],
    [-4, 3],
    [0, 0],
    [0.5, 3],
    [Number.NaN, 3],
  ])("canonicalAxis(%d, %d) is out of bounds", (axis, ndim) => {
    expect(() => canonicalAxis("axis", axis, ndim)).toThrow(
      new WeftValueError(`axis ${axis} is out of bounds for an array of dimension ${ndim}.`),
    );
  });
});
