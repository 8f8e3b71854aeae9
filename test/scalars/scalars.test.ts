/** Every scalar function over the whole range, within the ulps that docs/accuracy.md states. Goldens: make.py. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { lax, type NDArray, numpy as np } from "../../src/index.ts";
import { ulp } from "../compiler/passes/math-support.ts";

type Float = "float32" | "float64";
type Golden = number | string | null;
type Table = { readonly xs: Golden[]; readonly pairs: [Golden, Golden][] } & Readonly<
  Record<string, Golden[]>
>;

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const GOLDENS = JSON.parse(read("goldens.json")) as Readonly<Record<Float, Table>>;
const SPECIAL: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
  "-0.0": -0,
};
const numberOf = (x: Golden): number => (typeof x === "number" ? x : SPECIAL[x!]!);

/** Rows of the table in the docs: names and a bound for each dtype. */
const BOUNDS = new Map(
  read("../../docs/accuracy.md")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter((cells) => Number(cells[2]) >= 0 && cells.length === 6 && cells[2] !== "")
    .flatMap(([, names, float32, float64]) =>
      names!
        .split(", ")
        .map((name) => [name, { float32: Number(float32), float64: Number(float64) }] as const),
    ),
);

const scaleOf = (name: string, want: number): number =>
  ["lgamma", "digamma"].includes(name) ? Math.max(1, Math.abs(want)) : want;

type Fn = (...xs: NDArray[]) => NDArray;
const functionOf = (name: string): Fn => (np as never)[name] ?? (lax as never)[name];
const namesIn = (dtype: Float): string[] =>
  Object.keys(GOLDENS[dtype]).filter((name) => name !== "xs" && name !== "pairs");

function errorOf(got: number, want: number, dtype: Float, scale: number): number {
  if (Object.is(got, want)) return 0;
  if (!Number.isFinite(want) || !Number.isFinite(got) || (want === 0 && scale === 0))
    return Number.POSITIVE_INFINITY;
  return Math.abs(got - want) / ulp(scale, dtype === "float32" ? 24 : 53);
}

describe.each(["float32", "float64"] as const)("%s", (dtype) => {
  const table = GOLDENS[dtype];
  const singles = table.xs.map((x) => [numberOf(x)]);
  const pairs = table.pairs.map((p) => p.map(numberOf));

  test.each(namesIn(dtype))("%s", (name) => {
    const goldens = table[name]!;
    const args = goldens.length === pairs.length ? pairs : singles;
    const operands = args[0]!.map((_, k) =>
      np.array(
        args.map((xs) => xs[k]!),
        { dtype },
      ),
    );
    const got = functionOf(name)(...operands).dataSync();
    let worst = { error: 0, text: "" };
    for (const [i, golden] of goldens.entries()) {
      if (golden === null) continue;
      const want = numberOf(golden);
      const error = errorOf(got[i]!, want, dtype, scaleOf(name, want));
      if (error > worst.error) worst = { error, text: `${name}(${args[i]}) = ${got[i]}, not ${want}` };
    }
    expect(worst.error, worst.text).toBeLessThanOrEqual(BOUNDS.get(name)![dtype]);
  });
});

test("the docs list every function that is tested, and no other", () => {
  expect([...BOUNDS.keys()].sort()).toEqual(namesIn("float32").sort());
});
