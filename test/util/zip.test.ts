import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeLists, partitionList, unzip, unzip3, zip } from "../../src/util/zip.ts";

describe("zip", () => {
  it("pairs up and takes apart", () => {
    expect(zip([1, 2], ["a", "b"])).toEqual([
      [1, "a"],
      [2, "b"],
    ]);
    expect(zip([1], [2], [3])).toEqual([[1, 2, 3]]);
    expect(zip()).toEqual([]);
    expect(unzip(zip([1, 2], ["a", "b"]))).toEqual([
      [1, 2],
      ["a", "b"],
    ]);
    expect(unzip3([[1, "a", true]])).toEqual([[1], ["a"], [true]]);
    expect(unzip([])).toEqual([[], []]);
  });

  it("refuses lists of different lengths", () => {
    expect(() => zip([1, 2], [1])).toThrow("zip needs lists of equal length, got 2, 1");
    expect(() => zip([], [1])).toThrow(RangeError);
  });
});

describe("partitionList and mergeLists", () => {
  it("split by a mask, in order", () => {
    expect(partitionList([false, true, false], ["a", "b", "c"])).toEqual([["a", "c"], ["b"]]);
    expect(() => partitionList([true], [1, 2])).toThrow(RangeError);
  });

  it("are inverse to each other", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer())), (pairs) => {
        const [mask, list] = unzip(pairs);
        const [whenFalse, whenTrue] = partitionList(mask, list);
        expect(mergeLists(mask, whenFalse, whenTrue)).toEqual(list);
      }),
    );
  });

  it("refuses a mask that does not use up the lists", () => {
    expect(() => mergeLists([true], [], [])).toThrow(
      "the mask asks for 0 and 1 elements, the lists have 0 and 0",
    );
    expect(() => mergeLists([false], [1, 2], [])).toThrow(RangeError);
  });
});
