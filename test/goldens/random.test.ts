/** Random numbers are JAX's. */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import type { DType } from "../../src/core/dtype.ts";
import { nn, random } from "../../src/index.ts";
import { expectGolden, type Golden, load, toArray } from "./load.ts";

interface Params {
  readonly shape: number[];
  readonly dtype?: DType;
  readonly minval?: number;
  readonly maxval?: number;
  readonly low: number;
  readonly high: number;
  readonly data: number;
  readonly n: number;
  readonly axis?: number;
  readonly replace?: boolean;
  readonly mode?: "low" | "high";
  readonly independent?: boolean;
  readonly of: Golden;
  readonly p: number | number[];
  readonly logits: number[][];
}
interface Row {
  readonly fn: string;
  readonly seed: number;
  readonly params: Params;
  readonly exact: boolean;
  readonly out: Golden;
}

const given = <T extends object, K extends keyof T>(p: T, ...names: K[]): Pick<T, K> =>
  Object.fromEntries(names.filter((k) => p[k] !== undefined).map((k) => [k, p[k]])) as Pick<T, K>;

const SAMPLERS: Record<string, (key: NDArray, p: Params) => NDArray> = {
  key: (key) => key,
  split: (key, p) => random.split(key, p.shape),
  foldIn: (key, p) => random.foldIn(key, p.data),
  bits: (key, p) => random.bits(key, p.shape, p.dtype),
  uniform: (key, p) => random.uniform(key, p.shape, given(p, "minval", "maxval", "dtype")),
  randint: (key, p) => random.randint(key, p.shape, p.low, p.high, given(p, "dtype") as { dtype?: DType }),
  normal: (key, p) => random.normal(key, p.shape, given(p, "dtype")),
  gumbel: (key, p) => random.gumbel(key, p.shape, given(p, "dtype", "mode")),
  exponential: (key, p) => random.exponential(key, p.shape, given(p, "dtype")),
  laplace: (key, p) => random.laplace(key, p.shape, given(p, "dtype")),
  truncatedNormal: (key, p) => random.truncatedNormal(key, p.low, p.high, p.shape, given(p, "dtype")),
  bernoulli: (key, p) => random.bernoulli(key, p.p, p.shape),
  categorical: (key, p) =>
    random.categorical(key, p.logits, given(p, "axis", "shape", "replace", "mode") as object),
  permutation: (key, p) => random.permutation(key, p.n),
  "permutation of": (key, p) =>
    random.permutation(key, toArray(p.of), given(p, "axis", "independent") as object),
  "choice of": (key, p) =>
    random.choice(key, toArray(p.of), given(p, "shape", "replace", "p", "axis", "mode") as object),
  choice: (key, p) => random.choice(key, p.n, { shape: p.shape, ...given(p, "replace", "p") } as never),
};
const initializer = (name: string): ((key: NDArray, p: Params) => NDArray) => {
  const { initializers } = nn as unknown as {
    initializers: Record<string, () => (k: NDArray, s: number[]) => NDArray>;
  };
  return (key, p) => initializers[name]!()(key, p.shape);
};

const rows = load<Row[]>("random");

describe.each([...new Set(rows.map((row) => row.fn))])("%s", (fn) => {
  const sampler = SAMPLERS[fn] ?? initializer(fn.replace("initializers.", ""));
  const cases = rows
    .filter((row) => row.fn === fn)
    .map((row): [string, Row] => [`${row.seed} ${JSON.stringify(row.params)}`, row]);
  test.each(cases)("seed %s", (_, row) => {
    const out = sampler(random.key(row.seed), row.params);
    expectGolden(out, row.out, row.exact ? { relative: 0, absolute: 0 } : { relative: 2e-6, absolute: 2e-7 });
  });
});

test("no sampler is without a golden", () => {
  const helpers = ["keyData", "wrapKeyData"];
  const without = Object.keys(random).filter(
    (k) => !helpers.includes(k) && !rows.some((row) => row.fn === k),
  );
  expect(without).toEqual([]);
});
