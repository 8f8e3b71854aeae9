/** Which type two operands meet in. */
import { describe, expect, test } from "vitest";
import { type NDArray, scalar } from "../../src/core/array.ts";
import { type DType, isFloat } from "../../src/core/dtype.ts";
import { numpy as np } from "../../src/index.ts";
import { load } from "./load.ts";

interface Row {
  readonly a: string;
  readonly b: string;
  readonly dtype: DType;
  readonly weak: boolean;
}

const PLAIN: Record<string, number | boolean> = { 2: 2, 2.5: 2.5, True: true };

function operand(name: string): NDArray | number | boolean {
  if (name in PLAIN) return PLAIN[name]!;
  const weak = name.startsWith("weak ");
  return scalar(1, (weak ? name.slice(5) : name) as DType, weak);
}

const rows = load<Row[]>("promotion");

describe.each([...new Set(rows.map((row) => row.a))])("%s", (a) => {
  test.each(rows.filter((row) => row.a === a).map((row): [string, Row] => [row.b, row]))("+ %s", (_, row) => {
    const sum = np.add(operand(row.a), operand(row.b));
    expect([sum.dtype, sum.weakType]).toEqual([row.dtype, row.weak]);
  });
});

test("sums of whole numbers are floats, unless integers are beside them", () => {
  expect(isFloat(np.add(1, 2).dtype)).toBe(true);
  expect(np.add(1, 2).weakType).toBe(true);
});
