/** Activations and their derivatives up to the second order against JAX's, also where these jump: formulas differ there first. */
import { expect, test } from "vitest";
import { grad, type NDArray, nn, numpy as np } from "../../src/index.ts";
import { expectClose } from "../support/close.ts";
import { load } from "./load.ts";

interface Row {
  readonly name: keyof typeof nn;
  readonly at: readonly number[];
  /** Of the function, of its derivative, and of that one's. */
  readonly values: readonly (readonly number[])[];
}
const ROWS = load<Row[]>("kinks");

test.each(ROWS.map((row): [string, Row] => [row.name, row]))("nn.%s", (_, { name, at, values }) => {
  const f = (x: NDArray): NDArray => (nn[name] as (x: NDArray) => NDArray)(x);
  for (const [order, g] of [f, grad(f), grad(grad(f))].entries())
    expectClose(
      at.map((x) => g(np.array(x)).item()),
      values[order],
      2e-5,
    );
  expect(values).toHaveLength(3);
});
