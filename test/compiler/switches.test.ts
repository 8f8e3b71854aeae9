/** Whatever is switched off, programs mean the same up to rounding. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { lowerJaxpr } from "../../src/compiler/lower/index.ts";
import { donations } from "../../src/compiler/passes/donate.ts";
import { runPipeline } from "../../src/compiler/pipeline.ts";
import { prepare } from "../../src/compiler/prepare.ts";
import { PASS_NAMES, type PassName } from "../../src/compiler/switches.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import type { NDArray } from "../../src/core/array.ts";
import { config, grad, jit, lax, makeJaxpr, nn, numpy as np, tree, valueAndGrad } from "../../src/index.ts";
import { LOOP_PASSES, type LoopPass } from "../../src/transforms/loops/index.ts";
import { expectClose } from "../support/close.ts";
import { anyProgram, inputs, run } from "../support/random-program.ts";

type A = NDArray;
const [T, LAYERS, BATCH, HIDDEN] = [6, 2, 3, 8];

interface Params {
  readonly w: A;
  readonly u: A;
  readonly b: A;
}

/** One example through time and layers: a scan inside of a scan. */
function loss({ w, u, b }: Params, xs: A, shift: A): A {
  const layer = (x: A, [h, { w, u, b }]: [A, Params]) => {
    const next = np.tanh(np.dot(x, w).add(np.dot(h, u)).add(np.exp(b)));
    return [next, next] as const;
  };
  const step = (hs: A, x: A) => {
    const [y, next] = lax.scan(layer, x.add(np.sin(shift)), [hs, { w, u, b }] as [A, Params]);
    return [next, y.mul(np.sin(shift))] as const;
  };
  const [last, ys] = lax.scan(step, np.zeros([LAYERS, BATCH, HIDDEN]), xs);
  return np.mean(np.square(ys)).add(last.sum());
}

/** The gradient and the next parameters. */
function trainingStep(params: Params, xs: A, shift: A): readonly [A, Params] {
  const [value, grads] = valueAndGrad(loss)(params, xs, shift);
  return [value, tree.map((p: A, g: A) => p.sub(g.mul(0.1)), params, grads) as Params];
}

/** Numbers in [-scale, scale] that repeat nowhere. */
const filled = (scale: number, shape: readonly number[]): A =>
  np
    .sin(np.arange(shape.reduce((p, q) => p * q, 1)).mul(1.7))
    .mul(scale)
    .reshape(shape);

const params = (): Params => ({
  w: filled(0.4, [LAYERS, HIDDEN, HIDDEN]),
  u: filled(0.3, [LAYERS, HIDDEN, HIDDEN]),
  b: filled(0.5, [LAYERS, HIDDEN]),
});
const stepArguments = (): [Params, A, A] => [params(), filled(1, [T, BATCH, HIDDEN]), filled(1, [HIDDEN])];

/** A loop with long products; few rows are for `hoist`, many for `shard`. */
const rnn = (w: A, u: A, h: A, xs: A): A =>
  lax.scan((c: A, x: A) => [np.tanh(np.dot(c, w).add(np.dot(x, u))), null] as const, h, xs)[0];
const rnnArguments = (rows: number): A[] =>
  [
    [64, 64],
    [64, 64],
    [rows, 64],
    [32, rows, 64],
  ].map((shape) => filled(1, shape));

/** Programs in which every name has something to do. */
const EXAMPLES: readonly (readonly [f: (...args: never[]) => unknown, args: readonly unknown[]])[] = [
  [trainingStep, stepArguments()],
  ...[4, 16].map((rows) => [rnn, rnnArguments(rows)] as const),
  // A recurrence by elements, a nest for threads, values that are uniform in a loop, and ys that nobody reads.
  [
    (xs: A) => lax.scan((c: A, x: A) => [c.mul(0.9).add(x), null] as const, np.zeros([16]), xs)[0],
    [filled(1, [9, 16])],
  ],
  [(x: A) => np.sin(x).mul(np.cos(x.add(1))), [filled(1, [1 << 16])]],
  [(x: A) => x.sum(), [filled(1, [4096])]],
  [(x: A, s: A) => x.mul(np.expandDims(s, 1).neg()), [filled(1, [5, 64]), filled(1, [5])]],
  [(xs: A) => lax.scan((c: A, x: A) => [c.add(x), c.mul(2)] as const, np.array(0), xs)[0], [filled(1, [9])]],
  // Parts of an array that a loop reads, and a part that it writes now and then.
  [
    (x: A) => grad((x: A) => lax.foriLoop(0, 9, (i, c: A) => np.tanh(c.add(x.slice(i))), np.array(0)))(x),
    [filled(1, [9])],
  ],
  [(p: A, x: A) => np.where(p, x.at(3).set(1), x), [np.array(true), filled(1, [9])]],
  // Rows of one array that are columns of another.
  [(x: A) => x.T, [filled(1, [1024, 32])]],
  // Rows that are needed as a whole.
  [(x: A) => nn.softmax(x), [filled(1, [512, 512])]],
  // A carry that is changed in place.
  [(x: A) => lax.foriLoop(0, 9, (i, c: A) => c.at(i).mul(0.5), x), [filled(1, [9])]],
  // A carry for registers, and a product to which something is added.
  [
    (c: A, x: A) => lax.scan((s: A) => [s.mul(0.9).add(x), null] as const, c, null, { length: 9 })[0],
    [filled(1, [16]), filled(1, [16])],
  ],
];

type Example = (typeof EXAMPLES)[number];

/** What an example is compiled to, and which results take the memory of arguments. */
function compiledOne([f, args]: Example, disable: readonly PassName[]): [text: string, donated: unknown] {
  config.disable = disable;
  const { jaxpr } = makeJaxpr(f as (...args: unknown[]) => unknown)(...args);
  const program = runPipeline(lowerJaxpr(prepare(jaxpr)), wasmTarget({ relaxedSimd: true }, 2));
  const offered = jaxpr.invars.map(() => true);
  return [printProgram(program), donations(program, offered)];
}

const compiled = (disable: readonly PassName[]): unknown[] => EXAMPLES.map((e) => compiledOne(e, disable));

/** Passes over loops leave some of the others nothing to do, so these count as used when they are in a program without. */
const BACKGROUNDS: readonly (readonly PassName[])[] = [[], Object.keys(LOOP_PASSES) as LoopPass[]];

/** The programs whose results are compared. */
const programs = fc.sample(anyProgram(true), { numRuns: 3, seed: 11 });

function results(): { readonly training: unknown; readonly values: A[][]; readonly gradients: A[][] } {
  const totals = programs.map((program) => (...xs: A[]) => {
    const sums = run(program, xs).map((x, i) => x.sum().mul(i + 0.5));
    return sums.reduce((a, b) => a.add(b));
  });
  return {
    training: jit(trainingStep, { donateArgnums: 0 })(...stepArguments()),
    values: programs.map((program) => jit((...xs: A[]) => run(program, xs))(...inputs(1, "float32"))),
    gradients: totals.map(
      (f) =>
        jit(grad(f, { argnums: [0, 1, 2] }) as unknown as (...xs: A[]) => A[])(
          ...inputs(2, "float64"),
        ) as A[],
    ),
  };
}

afterEach(() => {
  config.disable = [];
});

test("names are not used twice", () => {
  expect(new Set(PASS_NAMES).size).toBe(PASS_NAMES.length);
});

test("without fma nothing is fused into one rounding, contractions included", () => {
  const product: Example = [np.matmul as never, [filled(1, [64, 64]), filled(1, [64, 64])]];
  expect(compiledOne(product, [])[0]).toContain(".fma(");
  expect(compiledOne(product, ["fma"])[0]).not.toContain(".fma(");
});

describe("switched off", () => {
  const expected = results();
  const whole = BACKGROUNDS.map(compiled);

  test.each([...PASS_NAMES.map((name) => [name]), PASS_NAMES])("%s", { timeout: 30_000 }, (...disable) => {
    config.disable = disable;
    const actual = results();
    expectClose(actual.training, expected.training, 2e-5);
    expectClose(actual.values, expected.values, 2e-5);
    expectClose(actual.gradients, expected.gradients, 1e-9);
    expect(BACKGROUNDS.map((others) => compiled([...others, ...disable]))).not.toEqual(whole);
  });
});
