/**
 * What is typed weakly after each public function under jit, as JAX has it: where all arguments are typed so, and of two where
 * either is; then the same of scalars instead.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { makeJaxpr } from "../../src/index.ts";
import { full } from "../../src/lax/broadcast.ts";
import { convertTo } from "../../src/lax/cast.ts";
import { type Golden, toArray } from "../goldens/load.ts";
import { GROUPS } from "./cases.ts";

type Weakness = readonly boolean[] | null;
const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), "utf8"));
const WEAK = read("weak") as Readonly<
  Record<string, Readonly<Record<string, readonly (readonly Weakness[] | null)[]>>>
>;
const { inputs } = read("goldens") as {
  inputs: Readonly<Record<string, readonly (readonly Golden[])[]>>;
};

/** They refuse dtypes that JAX takes: see different.ts. */
const REFUSING: ReadonlySet<string> = new Set([
  "lax.cumlogsumexp(x, 0)",
  "lax.cumlogsumexp(x, x.ndim - 1, reverse=True)",
  "nn.one_hot(x, 3)",
]);

type Fn = (x: NDArray, y: NDArray) => NDArray | NDArray[];

const typeOf = (a: NDArray): string => `${a.dtype}[${a.shape}]`;

/** Which results are weak, apart from bools, where these arguments are. */
function weakness(f: Fn, args: readonly NDArray[], weak: readonly number[]): boolean[] {
  const typed = args.map((x, i) => convertTo(x, { dtype: x.dtype, weakType: weak.includes(i) }));
  const traced = makeJaxpr((...xs: NDArray[]) => [f(...(xs as [NDArray, NDArray]))].flat())(...typed);
  return traced.jaxpr.outAvals.map((t) => t.weakType && t.dtype !== "bool");
}

/** The weak ones of one and of two arguments. */
const WHICH = [[], [[0]], [[0, 1], [0], [1]]];

const tests = Object.values(GROUPS).flatMap(({ over, cases }) =>
  Object.entries(cases).map(([key, f]): [string, Fn, readonly string[]] => [key, f, over]),
);

test.each(tests.filter(([key]) => !REFUSING.has(key)))("%s", (key, f, over) => {
  for (const list of over)
    for (const [k, row] of WEAK[key]![list]!.entries()) {
      const args = inputs[list]![k]!.map(toArray);
      for (const [which, expected] of (row ?? []).entries()) {
        if (expected === null) continue;
        const weak = WHICH[args.length]![which % (row!.length / 2)]!;
        const used = which < row!.length / 2 ? args : args.map((a) => full([], 0, a.dtype));
        const where = `${used.map(typeOf)}, weak: ${weak}`;
        expect([where, weakness(f, used, weak)]).toEqual([where, expected]);
      }
    }
});
