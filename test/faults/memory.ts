/** What does not fit into memory. */
import { vi } from "vitest";
import {
  grad,
  hessian,
  jit,
  lax,
  memoryStats,
  type NDArray,
  nn,
  numpy as np,
  random,
  vmap,
} from "../../src/index.ts";
import { type Fault, type Section, thrown } from "./table.ts";

/** The error without the remedy and all parts but the largest, and that nothing was allocated for it. */
function refused(act: () => unknown): string {
  const before = memoryStats().total;
  const error = thrown(act).split("\n").slice(0, 2).join(" ");
  return memoryStats().total === before ? error : `${error} (after ${memoryStats().total - before} bytes)`;
}

/** Of an array that is small enough: it is made before the refusal. */
const given = (n: number): NDArray => {
  const x = np.ones([n]);
  x.dataSync();
  return x;
};

const sines = (x: NDArray, length: number): NDArray =>
  lax.scan((c: NDArray, _: null) => [np.sin(c), null], x, null, { length })[0].sum();

const row = (what: string, act: () => () => unknown): Fault => ({ what, happens: () => refused(act()) });

const faults: readonly Fault[] = [
  row("an array of 10¹² elements", () => () => np.zeros([1e6, 1e6])),
  row("an array of more than 2⁵³ elements", () => () => np.ones([1e9, 1e9])),
  row("the same inside of jit, as its result", () => jit(() => np.full([1e10], 3, { dtype: "int8" }))),
  row("two results that fit one by one, but not together", () => {
    const x = given(10_000);
    const f = jit((x: NDArray) => [
      np.broadcastTo(x, [60_000, 10_000]),
      np.broadcastTo(x.add(1), [60_000, 10_000]),
    ]);
    return () => f(x);
  }),
  row("numbers made on the host", () => () => np.linspace(0, 1, 1e11)),
  row("random numbers", () => () => random.normal(random.key(0), [1e6, 1e6])),
  row("parameters of a layer of width 99 999", () => () => nn.lstmCell(99_999, 99_999).init(random.key(0))),
  row("a Hessian of 100 000 variables", () => {
    const x = given(100_000);
    return () => hessian((x: NDArray) => x.mul(x).sum())(x);
  }),
  row("a batch of outer products", () => {
    const x = np.ones([1000, 10_000]);
    x.dataSync();
    return () => jit(vmap((x: NDArray) => np.outer(x, x)))(x);
  }),
  row("the gradient of a loop of 1000 steps over 2 000 000 numbers", () => {
    const x = given(2_000_000);
    return () => jit(grad((x: NDArray) => sines(x, 1000)))(x);
  }),
  row("the same of 10⁹ steps over 200 numbers", () => {
    const x = given(200);
    return () => jit(grad((x: NDArray) => sines(x, 1e9)))(x);
  }),
  row("all states of a loop", () => {
    const x = given(100_000);
    return () => lax.scan((c: NDArray, _: null) => [c.add(1), c], x, null, { length: 1e6 });
  }),
  row("a product of matrices between two sums", () => {
    const x = given(40_000);
    return () => jit((x: NDArray) => np.matmul(np.outer(x, x), np.outer(x, x)).sum())(x);
  }),
  row("a loop of 5·10⁹ steps that keeps nothing", () => {
    const x = given(1);
    return () =>
      jit((x: NDArray) => lax.scan((c: NDArray, _: null) => [c.add(1), null], x, null, { length: 5e9 }))(x);
  }),
  {
    what: "the engine has no memory left for a copy",
    happens: () => {
      const x = given(3);
      const spy = vi.spyOn(Uint8Array.prototype, "slice").mockImplementation(() => {
        throw new RangeError("Array buffer allocation failed");
      });
      const errors = [() => np.array(new Float32Array(2)), () => x.dataSync()].map(thrown);
      spy.mockRestore();
      return `${[...new Set(errors)].join(" ")} Afterwards: ${x.add(1).js()}`;
    },
  },
];

export const memory: Section = {
  title: "Memory",
  intro:
    "What can never run is refused before anything is compiled or allocated, and the error names the largest parts.",
  faults,
};
