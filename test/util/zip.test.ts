import { describe, expect, it } from "vitest";
import { splitAt, zip } from "../../src/util/zip.ts";

describe("zip", () => {
  it("pairs up", () => {
    expect(zip([1, 2], ["a", "b"])).toEqual([
      [1, "a"],
      [2, "b"],
    ]);
    expect(zip([1], [2], [3])).toEqual([[1, 2, 3]]);
    expect(zip()).toEqual([]);
  });

  it("refuses lists of different lengths", () => {
    expect(() => zip([1, 2], [1])).toThrow("zip needs lists of equal length, got 2, 1");
    expect(() => zip([], [1])).toThrow(RangeError);
  });
});

describe("splitAt", () => {
  it("cuts into groups and what is left", () => {
    expect(splitAt([1, 2, 3, 4, 5], 2, 0, 1)).toEqual([[1, 2], [], [3], [4, 5]]);
    expect(splitAt([])).toEqual([[]]);
  });
});
