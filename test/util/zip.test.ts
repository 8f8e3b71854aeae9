import { describe, expect, it } from "vitest";
import { filled, merged, splitAt, zip } from "../../src/util/zip.ts";

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

describe("filled and merged", () => {
  const mask = [true, false, true, false];

  it("follow the mask", () => {
    expect(filled(mask, ["a", "b"], (i) => i)).toEqual(["a", 1, "b", 3]);
    expect(merged(mask, ["a", "b"], ["c", "d"])).toEqual(["a", "c", "b", "d"]);
    expect(filled([], [], () => 0)).toEqual([]);
  });

  it("refuse lists that the mask does not use up", () => {
    expect(() => filled(mask, ["a"], () => "")).toThrow(
      "filled: the mask asks for 2 elements, the list has 1",
    );
    expect(() => filled(mask, ["a", "b", "c"], () => "")).toThrow(RangeError);
    expect(() => merged(mask, ["a", "b"], ["c"])).toThrow(
      "merged: the mask leaves 2 elements, the list has 1",
    );
    expect(() => merged(mask, ["a"], ["c", "d"])).toThrow(RangeError);
  });
});
