/** dtypes: the promotion lattice against a table, limits, groups. */
import { describe, expect, test } from "vitest";
import { DTYPES, type DType } from "../../src/core/dtype.ts";
import { numpy as np } from "../../src/index.ts";

const ORDER: readonly DType[] = [
  "bool",
  "uint8",
  "uint16",
  "uint32",
  "int8",
  "int16",
  "int32",
  "float32",
  "float64",
];

// What JAX (64-bit types off, but for float64) makes of two arrays; rows and columns as in ORDER.
const JOIN = `
  bool    uint8   uint16  uint32  int8    int16   int32   float32 float64
  uint8   uint8   uint16  uint32  int16   int16   int32   float32 float64
  uint16  uint16  uint16  uint32  int32   int32   int32   float32 float64
  uint32  uint32  uint32  uint32  int32   int32   int32   float32 float64
  int8    int16   int32   int32   int8    int16   int32   float32 float64
  int16   int16   int32   int32   int16   int16   int32   float32 float64
  int32   int32   int32   int32   int32   int32   int32   float32 float64
  float32 float32 float32 float32 float32 float32 float32 float32 float64
  float64 float64 float64 float64 float64 float64 float64 float64 float64`;
const table = JOIN.trim()
  .split("\n")
  .map((line) => line.trim().split(/\s+/));
const pairs = ORDER.flatMap((a, i) => ORDER.map((b, j): [DType, DType, string] => [a, b, table[i]![j]!]));

describe("promotion", () => {
  test.each(pairs)("%s with %s is %s", (a, b, want) => {
    expect(np.promoteTypes(a, b)).toBe(want);
    expect(np.resultType(a, np.zeros([1], { dtype: b }))).toBe(want);
  });

  test.each(ORDER)("numbers beside %s", (dtype) => {
    const whole = dtype === "bool" ? "int32" : dtype;
    const fraction = dtype.startsWith("float") ? dtype : "float32";
    const x = np.ones([2], { dtype });
    expect([x.mul(2).dtype, x.mul(0.5).dtype, x.mul(true).dtype]).toEqual([whole, fraction, dtype]);
    expect([np.resultType(x, 2), np.resultType(dtype, 2), np.resultType(dtype, 0.5)]).toEqual([
      whole,
      whole,
      fraction,
    ]);
  });
});

describe("limits", () => {
  test("of floats", () => {
    expect(np.finfo("float32")).toEqual({
      ...{ bits: 32, dtype: "float32", nexp: 8, nmant: 23, maxexp: 128, minexp: -126, precision: 6 },
      ...{ machep: -23, negep: -24, eps: 2 ** -23, epsneg: 2 ** -24, resolution: 1e-6 },
      ...{ max: 3.4028234663852886e38, min: -3.4028234663852886e38 },
      ...{ smallestNormal: 2 ** -126, smallestSubnormal: 2 ** -149 },
    });
    expect(np.finfo("float64").smallestSubnormal).toBe(5e-324);
    expect(np.finfo("float64").precision).toBe(15);
  });
  test("of integers", () => {
    expect(np.iinfo("int16")).toEqual({ bits: 16, dtype: "int16", min: -32768, max: 32767 });
    expect(np.iinfo("uint32").max).toBe(4294967295);
  });
});

test("groups", () => {
  const groups = [
    "generic",
    "number",
    "inexact",
    "floating",
    "integer",
    "signedinteger",
    "unsignedinteger",
  ] as const;
  const members = groups.map((g) => ORDER.filter((d) => np.issubdtype(d, g)).length);
  expect(members).toEqual([9, 8, 2, 2, 6, 3, 3]);
  expect(np.issubdtype("int8", "int8")).toBe(true);
  expect(np.issubdtype("int8", "int16")).toBe(false);
  expect(ORDER.length).toBe(Object.keys(DTYPES).length);
  expect(Object.values(np.DType).sort()).toEqual(Object.keys(DTYPES).sort());
});

test("allclose is a plain boolean", () => {
  expect(np.allclose([1, 2], [1, 2 + 1e-7])).toBe(true);
  expect(np.allclose([1, 2], [1, 2.1])).toBe(false);
  expect(np.allclose([Number.NaN], [Number.NaN], { equalNaN: true })).toBe(true);
});

test("arrays take data of every form", () => {
  expect(np.array(new Int32Array([1, 2])).dtype).toBe("int32");
  expect(
    np.array([
      [1, true],
      [0, 2],
    ]).dtype,
  ).toBe("float32");
  expect(np.array([np.array(1), np.array(2)]).js()).toEqual([1, 2]);
  expect(np.array([1, 2, 3, 4], { shape: [2, 2], dtype: "int8" }).js()).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(np.array(5).weakType).toBe(true);
  expect(np.array(5, { dtype: "float32" }).weakType).toBe(false);
});
