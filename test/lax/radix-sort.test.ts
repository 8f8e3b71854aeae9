/** Long lanes are sorted by ranks, short ones by comparing: both against a comparison in JavaScript. */
import { describe, expect, test } from "vitest";
import { byteSize, DTYPES, type DType, isFloat } from "../../src/core/dtype.ts";
import { jit, lax, numpy as np } from "../../src/index.ts";

/** The lengths around which another way is taken, and digits get larger. */
const LENGTHS = [2, 255, 256, 1000, (1 << 14) - 1, 1 << 14];
const SPECIAL = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-42, -1e-42, 3e38, -3e38];

/** Numbers with many equal ones, over the whole range of the dtype. */
function numbers(dtype: DType, count: number): number[] {
  let state = 12345;
  const random = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  const float = (): number =>
    random() < 0.2
      ? SPECIAL[Math.floor(random() * SPECIAL.length)]!
      : (random() - 0.5) * (random() < 0.5 ? 8 : 1e30);
  const whole = (): number => Math.floor((random() - 0.5) * 2 ** 33);
  const make = isFloat(dtype) ? float : dtype === "bool" ? () => Number(random() < 0.5) : whole;
  const made = new DTYPES[dtype].array(new ArrayBuffer(count * byteSize(dtype)));
  for (let i = 0; i < count; i++) made[i] = make();
  return [...made];
}

type Compare = (x: number, y: number) => number;
const ascending: Compare = (x, y) =>
  Number.isNaN(x) || Number.isNaN(y)
    ? Number(Number.isNaN(x)) - Number(Number.isNaN(y))
    : x < y
      ? -1
      : Number(x > y);
/** NaN first, 0 before -0. */
const descending: Compare = (x, y) =>
  ascending(y, x) || (x === 0 && y === 0 ? Number(Object.is(x, -0)) - Number(Object.is(y, -0)) : 0);
const order = (xs: readonly number[], compare: Compare): number[] =>
  [...xs.keys()].sort((i, j) => compare(xs[i]!, xs[j]!) || i - j);

describe.each(Object.keys(DTYPES) as DType[])("%s", (dtype) => {
  test.each(LENGTHS)("%i elements", (length) => {
    const xs = numbers(dtype, length);
    const x = np.array(xs, { dtype });
    const sorted = jit((a: np.Array) => [lax.argsort(a), lax.sort(a)])(x) as np.Array[];
    const positions = order(xs, ascending);
    expect([...sorted[0]!.dataSync()]).toEqual(positions);
    expect([...sorted[1]!.dataSync()]).toEqual(positions.map((i) => xs[i]));
    const k = Math.min(length, 100);
    const [, largest] = jit((a: np.Array) => lax.topK(a, k))(x);
    expect([...largest.dataSync()]).toEqual(order(xs, descending).slice(0, k));
  });
});

test("lanes along any axis, by several keys of several widths", () => {
  const shape = [3, 300, 2] as const;
  const keys = (["int8", "float32", "uint16"] as const).map((dtype) =>
    np
      .array(
        numbers(dtype, 1800).map((x) => Math.trunc(x) % 3 || 0),
        { dtype },
      )
      .reshape(shape),
  );
  const iota = lax.broadcastedIota("int32", shape, 1);
  const moved = jit((...xs: np.Array[]) => lax.sort([...xs, iota], 1, { numKeys: 3 }))(...keys).at(-1)!;
  for (const [a, b] of [
    [0, 0],
    [2, 1],
  ] as const) {
    const lanes = keys.map((x) => [...x.slice(a, [], b).dataSync()]);
    const wanted = [...lanes[0]!.keys()].sort(
      (i, j) => lanes.map((lane) => ascending(lane[i]!, lane[j]!)).find((c) => c !== 0) ?? i - j,
    );
    expect([...moved.slice(a, [], b).dataSync()]).toEqual(wanted);
  }
});
