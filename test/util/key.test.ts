import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { identityOf, structuralKey } from "../../src/util/key.ts";

class Thing {
  readonly x = 1;
}

const distinct: readonly unknown[] = [
  0,
  -0,
  1,
  1n,
  "1",
  true,
  false,
  "true",
  null,
  undefined,
  "null",
  "undefined",
  Number.NaN,
  "NaN",
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  [],
  {},
  "",
  "[]",
  "{}",
  [[]],
  [[], []],
  [1, 2],
  [12],
  ["1,2"],
  ["1", "2"],
  [undefined],
  [null],
  { a: 1 },
  { a: "1" },
  { a: undefined },
  { a: 1, b: 2 },
  { "a:1,b": 2 },
  { ab: 1 },
  new Float32Array([1]),
  new Float32Array([0]),
  new Float32Array([-0]),
  new Float64Array([0]),
  new Int32Array([0]),
  new Uint8Array([]),
  new Uint8Array([44, 49]),
  () => 1,
  () => 1,
  new Thing(),
  new Thing(),
  Symbol("s"),
  Symbol("s"),
  Symbol.for("s"),
  "#1",
  "@s",
];

describe("structuralKey", () => {
  it("tells all different values apart", () => {
    expect(new Set(distinct.map(structuralKey)).size).toBe(distinct.length);
  });

  it.each([
    [Number.NaN, Number.NaN],
    [
      { a: 1, b: [2, -0] },
      { b: [2, -0], a: 1 },
    ],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [new Float32Array([1, 2]), new Float32Array([0, 1, 2]).subarray(1)],
    [Symbol.for("s"), Symbol.for("s")],
  ])("%# gives equal values one key", (a, b) => {
    expect(structuralKey(a)).toBe(structuralKey(b));
  });

  it("keys functions and instances by identity, stably", () => {
    const [f, thing] = [() => 0, new Thing()];
    expect(structuralKey({ f, thing })).toBe(structuralKey({ thing, f }));
    expect(identityOf(f)).toBe(identityOf(f));
    expect(identityOf(f)).not.toBe(identityOf(thing));
  });

  it("is injective on JSON-like data", () => {
    const data = fc.anything({ maxDepth: 2, withBigInt: true, withTypedArray: true });
    fc.assert(
      fc.property(data, data, (a, b) => {
        const same = structuralKey(a) === structuralKey(b);
        if (same) expect(b).toEqual(a);
        expect(structuralKey(a)).toBe(structuralKey(a));
      }),
    );
  });
});
