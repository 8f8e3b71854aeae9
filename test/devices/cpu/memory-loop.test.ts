/** A long training loop in which nobody disposes anything and the event loop never turns stays flat in memory. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../../src/core/array.ts";
import { config, memoryStats } from "../../../src/devices/index.ts";
import { grad, jit, lax, tree } from "../../../src/index.ts";

const MIB = 2 ** 20;
const STEPS = 20_000;
const [TIME, HIDDEN] = [4, 16];

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

type Params = { wx: NDArray; wh: NDArray; b: NDArray };

const loss = ({ wx, wh, b }: Params, xs: NDArray, target: NDArray): NDArray => {
  const cell = (h: NDArray, x: NDArray): [NDArray, null] => [
    lax.tanh(lax.add(lax.add(lax.dot(x, wx), lax.dot(h, wh)), b)),
    null,
  ];
  const [last] = lax.scan(cell, lax.full([HIDDEN], 0, "float32"), xs);
  const error = lax.sub(last, target);
  return lax.reduceSum(lax.mul(error, error), [0]);
};
const step = (params: Params, xs: NDArray, target: NDArray): Params =>
  tree.map((p: NDArray, g: NDArray) => lax.sub(p, lax.mul(g, 0.001)), params, grad(loss)(params, xs, target));

const wave = (shape: number[], seed: number): NDArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  return lax.reshape(
    lax.asArray(Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 1.7 * i) / 4)),
    shape,
  );
};
const init = (): Params => ({
  wx: wave([HIDDEN, HIDDEN], 1),
  wh: wave([HIDDEN, HIDDEN], 2),
  b: wave([HIDDEN], 3),
});

const [xs, target] = [wave([TIME, HIDDEN], 4), wave([HIDDEN], 5)];
const lossOf = (params: Params): number => loss(params, xs, target).item() as number;

interface Sizes {
  /** Arrays in WebAssembly memory. */
  readonly live: number;
  /** The WebAssembly memory itself. */
  readonly wasm: number;
  /** JavaScript buffers: where large evicted arrays go. */
  readonly buffers: number;
  /** JavaScript objects and strings: where small ones go. */
  readonly heap: number;
}

/** What is in use, garbage left out: the second collection waits until the buffers of the first are freed. */
function measure(): Sizes {
  collectGarbage();
  collectGarbage();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  const { live, total } = memoryStats();
  return { live, wasm: total, buffers: arrayBuffers, heap: heapUsed };
}

interface Run {
  readonly params: Params;
  /** How much more is in use at the end than after the first quarter, which has used the budget of the memory up. */
  readonly growth: Sizes;
  /** The most bytes of arrays on either side at any time, garbage included. */
  readonly peak: number;
}

/** `keep` sees the parameters of every step. */
function train(
  steps: number,
  donateArgnums: readonly number[],
  keep: (params: Params) => void = () => {},
): Run {
  const run = jit(step, { donateArgnums });
  let params = init();
  let warm: Sizes | undefined;
  let peak = 0;
  for (let i = 0; i < steps; i++) {
    params = run(params, xs, target);
    keep(params);
    if (i === steps / 4) warm = measure();
    if (i % 100 === 0) peak = Math.max(peak, memoryStats().total + process.memoryUsage().arrayBuffers);
  }
  const end = measure();
  const growth = { live: 0, wasm: 0, buffers: 0, heap: 0 };
  for (const key of ["live", "wasm", "buffers", "heap"] as const) growth[key] = end[key] - warm![key];
  return { params, growth, peak };
}

/** Above these, memory grows with the number of steps: 20 000 steps make 45 MB of parameters. */
const BOUNDS: Sizes = { live: MIB / 16, wasm: MIB, buffers: MIB, heap: 4 * MIB };
const exceeded = (growth: Sizes): string[] =>
  Object.entries(BOUNDS).flatMap(([key, bound]) => (growth[key as keyof Sizes] > bound ? [key] : []));

describe.each<[string, readonly number[]]>([
  ["without donation", []],
  ["with donated parameters", [0]],
])("20 000 training steps %s", (_, donateArgnums) => {
  test("stay flat", () => {
    const { params, growth, peak } = train(STEPS, donateArgnums);
    expect(exceeded(growth)).toEqual([]);
    expect(peak).toBeLessThan(config.memoryBudget);
    expect(lossOf(params)).toBeLessThan(lossOf(init()) / 2);
  });
});

test("donation keeps only one set of parameters in memory", () => {
  const { live } = memoryStats();
  train(1000, [0]);
  expect(memoryStats().live - live).toBeLessThan(64 * 1024);
});

test("a loop that keeps every step's parameters is not flat: the bounds can be exceeded", () => {
  const kept: Params[] = [];
  const { growth } = train(STEPS, [], (params) => kept.push(params));
  expect(kept.length).toBe(STEPS);
  expect(exceeded(growth)).toEqual(["heap"]);
  expect(growth.heap).toBeGreaterThan(25 * MIB);
});
