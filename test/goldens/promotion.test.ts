/** Which type two operands meet in. */
import { describe, expect, test } from "vitest";
import { type NDArray, scalar } from "../../src/core/array.ts";
import { type DType, isFloat } from "../../src/core/dtype.ts";
import { jvp, lax, nn, numpy as np } from "../../src/index.ts";
import { load } from "./load.ts";

interface Row {
  readonly f: string;
  readonly a: string;
  readonly b?: string;
  readonly dtype: DType;
  readonly weak: boolean;
}

const PLAIN: Record<string, number | boolean> = { 2: 2, 2.5: 2.5, True: true };

function operand(name: string): NDArray | number | boolean {
  if (name in PLAIN) return PLAIN[name]!;
  const weak = name.startsWith("weak ");
  return scalar(1, (weak ? name.slice(5) : name) as DType, weak);
}

type A = NDArray;
const FUNCTIONS: Record<string, (x: A) => A> = {
  triu: (x) => np.triu(np.broadcastTo(x, [2, 2])),
  "zero tangent": (x) => jvp((_: A) => x, [1], [1])[1] as A,
  "scan of": (x) => lax.scan((_: A) => [x, null] as const, np.onesLike(x), null, { length: 1 })[0],
  "scan from": (x) =>
    lax.scan((_: A) => [np.ones([], { dtype: x.dtype }), null] as const, x, null, { length: 1 })[0],
  "while from": (x) =>
    lax.whileLoop(
      () => np.array(false),
      () => np.ones([], { dtype: x.dtype }),
      x,
    ),
};
type Function = (...xs: readonly (A | number | boolean)[]) => A;
const functionOf = (name: string): Function =>
  (FUNCTIONS[name] ?? { ...nn, ...np }[name as "relu"]) as unknown as Function;

const rows = load<Row[]>("promotion");
const operandsOf = ({ a, b }: Row): string => (b === undefined ? a : `${a}, ${b}`);

describe.each([...new Set(rows.map((row) => row.f))])("%s", (f) => {
  const own = rows.filter((row) => row.f === f);
  test.each(own.map((row): [string, Row] => [operandsOf(row), row]))("of %s", (_, row) => {
    const given = [row.a, ...(row.b === undefined ? [] : [row.b])].map(operand);
    const made = functionOf(f)(...given);
    expect([made.dtype, made.weakType]).toEqual([row.dtype, row.weak]);
  });
});

test("sums of whole numbers are floats, unless integers are beside them", () => {
  expect(isFloat(np.add(1, 2).dtype)).toBe(true);
  expect(np.add(1, 2).weakType).toBe(true);
});
