/** The public functions at edge inputs (every kind of dtype, ties, zeros, NaN, infinities, axes of size 0) against JAX. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { isFloat } from "../../src/core/dtype.ts";
import { jvp, vjp } from "../../src/index.ts";
import { cotangent, expectGolden, type Golden, tangent, toArray } from "../goldens/load.ts";
import { GROUPS } from "./cases.ts";
import { DIFFERENT } from "./different.ts";

/** What JAX made of one expression at one input: values and derivatives, or the name of its error. */
interface Row {
  readonly error?: string;
  readonly out?: readonly Golden[];
  readonly jvp?: readonly Golden[];
  readonly vjp?: readonly Golden[];
}
interface Goldens {
  readonly inputs: Readonly<Record<string, readonly (readonly Golden[])[]>>;
  readonly rows: Readonly<Record<string, Readonly<Record<string, readonly Row[]>>>>;
}
const { inputs, rows } = JSON.parse(
  readFileSync(new URL("./goldens.json", import.meta.url), "utf8"),
) as Goldens;

type Fn = (x: NDArray, y: NDArray) => NDArray | NDArray[];
const VALUES = { relative: 2e-5, absolute: 1e-6 };
const DERIVATIVES = { relative: 2e-4, absolute: 1e-4 };

/** f of the floating arguments, to its floating results. */
function restricted(f: Fn, args: readonly NDArray[]): (...xs: NDArray[]) => NDArray[] {
  return (...xs) => {
    const rest = [...xs];
    const all = args.map((a) => (isFloat(a.dtype) ? rest.shift()! : a)) as [NDArray, NDArray];
    return [f(...all)].flat().filter((x) => isFloat(x.dtype));
  };
}

function checkRow(f: Fn, args: readonly NDArray[], row: Row): void {
  if (row.error) {
    expect(() => f(...(args as [NDArray, NDArray])), `JAX: ${row.error}`).toThrow();
    return;
  }
  const outs = [f(...(args as [NDArray, NDArray]))].flat();
  expect(outs.length).toBe(row.out!.length);
  for (const [i, x] of outs.entries()) expectGolden(x, row.out![i]!, VALUES, `value ${i}`);
  if (!row.jvp) return;
  const xs = args.filter((a) => isFloat(a.dtype));
  const g = restricted(f, args);
  const [, pushed] = jvp(g, xs, xs.map(tangent)) as [NDArray[], NDArray[]];
  pushed.forEach((x, i) => expectGolden(x, row.jvp![i]!, DERIVATIVES, `jvp ${i}`));
  const [out, pull] = vjp(g, xs) as unknown as [NDArray[], (cts: NDArray[]) => NDArray[]];
  pull(out.map(cotangent)).forEach((x, i) => expectGolden(x, row.vjp![i]!, DERIVATIVES, `vjp ${i}`));
}

const named = (args: readonly Golden[]): string => args.map((a) => `${a.t}[${a.s}]`).join(" ");

describe.each(Object.entries(GROUPS))("%s", (_, { over, cases }) => {
  const tests = Object.entries(cases).flatMap(([key, f]) =>
    over.flatMap((list) =>
      inputs[list]!.map((args, k): [string, Fn, readonly Golden[], Row] => [
        `${key} of ${named(args)}`,
        f,
        args,
        rows[key]![list]![k]!,
      ]),
    ),
  );
  test.each(tests.filter(([name]) => !DIFFERENT.has(name)))("%s", (_, f, args, row) =>
    checkRow(f, args.map(toArray), row),
  );
  for (const [name, f, args, row] of tests.filter(([name]) => DIFFERENT.has(name)))
    test(`${name} differs on purpose`, () => expect(() => checkRow(f, args.map(toArray), row)).toThrow());
});

test("every golden is used", () => {
  const used = Object.values(GROUPS).flatMap(({ cases }) => Object.keys(cases));
  expect(Object.keys(rows).sort()).toEqual(used.sort());
});
