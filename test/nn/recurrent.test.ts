import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, valueAndGrad, vmap } from "../../src/index.ts";
import { asArray } from "../../src/lax/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as np from "../../src/numpy/index.ts";
import * as random from "../../src/random/index.ts";
import * as tree from "../../src/tree/index.ts";
import { expectClose, values } from "./support.ts";

const key = random.key(7);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const randoms = (shape: readonly number[], seed = 1): NDArray => random.normal(random.key(seed), shape);

/** x·w for one row of numbers. */
const times = (x: readonly number[], w: readonly (readonly number[])[]): number[] =>
  w[0]!.map((_, j) => x.reduce((sum, xi, i) => sum + xi * w[i]![j]!, 0));
const plus = (...rows: readonly (readonly number[])[]): number[] =>
  rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0));

type Matrix = number[][];
type Plain = { wx: Matrix; wh: Matrix; b: number[]; bh?: number[] };
/** The state of all cells as h followed by c, where there is one. */
type Step = (p: Plain, state: number[], x: number[]) => number[];

const H = 3;
const part = (z: readonly number[], k: number): number[] => z.slice(k * H, (k + 1) * H);

const elman: Step = (p, h, x) => plus(times(x, p.wx), times(h, p.wh), p.b).map(Math.tanh);
const lstm: Step = (p, state, x) => {
  const [h, c] = [state.slice(0, H), state.slice(H)];
  const z = plus(times(x, p.wx), times(h, p.wh), p.b);
  const [i, f, g, o] = [0, 1, 2, 3].map((k) => part(z, k)) as [number[], number[], number[], number[]];
  const cell = c.map((v, k) => sigmoid(f[k]!) * v + sigmoid(i[k]!) * Math.tanh(g[k]!));
  return [...cell.map((v, k) => sigmoid(o[k]!) * Math.tanh(v)), ...cell];
};
const gru: Step = (p, h, x) => {
  const [zx, zh] = [plus(times(x, p.wx), p.b), plus(times(h, p.wh), p.bh!)];
  const gate = (k: number): number[] => plus(part(zx, k), part(zh, k)).map(sigmoid);
  const [reset, update] = [gate(0), gate(1)];
  return h.map((v, k) => {
    const candidate = Math.tanh(part(zx, 2)[k]! + reset[k]! * part(zh, 2)[k]!);
    return (1 - update[k]!) * candidate + update[k]! * v;
  });
};

type AnyCell = nn.Cell<nn.GateParams, NDArray | nn.LstmCarry>;
const CELLS: [name: string, make: (input: number, hidden: number) => AnyCell, reference: Step][] = [
  ["elmanCell", nn.elmanCell, elman],
  ["lstmCell", nn.lstmCell, lstm],
  ["gruCell", nn.gruCell as never, gru],
];

/** Parameters with biases that are not 0, so that a forgotten one shows. */
const perturbed = (params: nn.GateParams): nn.GateParams =>
  tree.map((x: NDArray) => np.add(x, np.multiply(0.1, randoms(x.shape, 5))), params) as nn.GateParams;
const stateOf = (carry: NDArray | nn.LstmCarry, row: number): number[] =>
  ("h" in carry ? [carry.h, carry.c] : [carry as NDArray]).flatMap(
    (x) => (np.asarray(x).js() as number[][])[row]!,
  );

describe.each(CELLS)("%s", (name, make, reference) => {
  const cell = make(2, H);
  const params = perturbed(cell.init(key));
  const plain = tree.map((x: NDArray) => x.js(), params) as unknown as Plain;
  const xs = randoms([4, 2, 2]);

  test("run follows the published equations, row by row", () => {
    const [carry, ys] = nn.run(cell, params, cell.initialCarry([2]), xs);
    for (const row of [0, 1]) {
      let state = stateOf(cell.initialCarry([2]), row);
      (xs.js() as number[][][]).forEach((x, t) => {
        state = reference(plain, state, x[row]!);
        expectClose(asArray((ys.js() as number[][][])[t]![row]!), state.slice(0, H), 1e-4);
      });
      expectClose(asArray(stateOf(carry, row)), state, 1e-4);
    }
  });

  test("a step takes any batch shape", () => {
    for (const batch of [[], [5], [2, 3]]) {
      const [carry, y] = cell.step(params, cell.initialCarry(batch), np.ones([...batch, 2]));
      expect(y.shape).toEqual([...batch, H]);
      expect(tree.leaves(carry).map((x) => (x as NDArray).shape)).toEqual(
        tree.leaves(carry).map(() => [...batch, H]),
      );
    }
  });

  const loss = (p: nn.GateParams, x: NDArray): NDArray =>
    np.sum(np.square(nn.run(cell, p, cell.initialCarry([2]), x)[1]));

  test("jit changes nothing, vmap maps over whole runs", () => {
    const expected = values(loss(params, xs))[0]!;
    expectClose(jit(loss)(params, xs), [expected], 1e-5);
    const both = vmap(loss, [null, 0])(params, np.stack([xs, xs]));
    expectClose(both, [expected, expected], 1e-5);
  });

  test("the gradient is the slope along its own direction", () => {
    const slope = jit(grad(loss))(params, xs) as nn.GateParams;
    const squared = tree
      .leaves(slope)
      .reduce((sum, g) => sum + values(np.sum(np.square(g as NDArray)))[0]!, 0);
    const moved = (step: number): number => {
      const shifted = tree.map((p: NDArray, g: NDArray) => np.add(p, np.multiply(g, step)), params, slope);
      return values(loss(shifted as nn.GateParams, xs))[0]!;
    };
    const step = 1e-2 / Math.sqrt(squared);
    expect((moved(step) - moved(-step)) / (2 * step) / squared).toBeCloseTo(1, 2);
  });

  test("sizes must be positive integers", () => {
    expect(() => make(0, 4)).toThrow(`nn.${name}: inputSize must be a positive integer, got 0`);
    expect(() => make(4, 2.5)).toThrow(`nn.${name}: hiddenSize must be a positive integer, got 2.5`);
  });
});

test("the forget gate's bias starts at 1, all others at 0", () => {
  expect(values(nn.lstmCell(1, 2).init(key).b)).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
});

test("gates are drawn independently", () => {
  const rows = nn.lstmCell(2, 2).init(key).wx.js() as number[][];
  expect(new Set(rows.flat()).size).toBe(16);
});

describe("run", () => {
  const cell = nn.elmanCell(2, H);
  const params = perturbed(cell.init(key));
  const xs = randoms([5, 2, 2]);
  const start = cell.initialCarry([2]);
  const [, ys] = nn.run(cell, params, start, xs);

  test("pieces of a sequence, with the carry passed on, are the whole", () => {
    const [middle] = nn.run(cell, params, start, xs.slice([0, 2]));
    const [, rest] = nn.run(cell, params, middle, xs.slice([2, 5]));
    expectClose(rest, values(ys.slice([2, 5])), 1e-5);
  });

  test("reverse goes from the end, outputs keep their places", () => {
    const [, backwards] = nn.run(cell, params, start, xs, { reverse: true });
    const [, mirrored] = nn.run(cell, params, start, np.flip(xs, 0));
    expectClose(backwards, values(np.flip(mirrored, 0)), 1e-5);
  });

  test("beyond a sequence's length the carry stays and outputs are zero", () => {
    const lengths = asArray(new Int32Array([5, 2]));
    const [carry, masked] = nn.run(cell, params, start, xs, { lengths });
    const [all, seen] = [ys.js() as number[][][], masked.js() as number[][][]];
    expect(seen.map((row) => row[0])).toEqual(all.map((row) => row[0]));
    expect(seen.map((row) => row[1])).toEqual([all[0]![1], all[1]![1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]);
    expect((carry.js() as number[][])[1]).toEqual(all[1]![1]);
  });

  test("reversed, short sequences begin at their own ends", () => {
    const lengths = asArray(new Int32Array([5, 2]));
    const [, masked] = nn.run(cell, params, start, xs, { lengths, reverse: true });
    const [, short] = nn.run(cell, params, start, xs.slice([0, 2]), { reverse: true });
    const rows = masked.js() as number[][][];
    expect(rows.slice(0, 2).map((r) => r[1])).toEqual((short.js() as number[][][]).map((r) => r[1]));
    expect(rows[4]![1]).toEqual([0, 0, 0]);
  });

  describe.each(["elmanCell", "lstmCell", "gruCell", "minGruCell"].filter((name) => name in nn))(
    "what padding holds reaches neither values nor derivatives: %s",
    (name) => {
      const one = (nn as unknown as Record<string, typeof nn.elmanCell>)[name]!(2, 2);
      const cells = { single: one, stacked: nn.stack(one, 2) };
      const lengths = asArray(new Int32Array([5, 2]));
      const padded = (value: number): NDArray => xs.at([2], 1).set(value);
      const loss =
        (c: typeof one, reverse: boolean) =>
        (p: nn.GateParams, x: NDArray): NDArray => {
          const [, out] = nn.run(c, p, c.initialCarry([2]), x, { lengths, reverse });
          return out.mul(out).sum();
        };
      test.each(
        Object.entries(cells).flatMap(([k, c]) =>
          [Number.NaN, Number.POSITIVE_INFINITY].flatMap((v) =>
            [false, true].map((reverse): [string, number, boolean, typeof one] => [k, v, reverse, c]),
          ),
        ),
      )("%s, %d, reverse %s", (_, value, reverse, c) => {
        const p = c.init(key);
        const results = [0, value].map((v) =>
          tree
            .leaves(valueAndGrad(loss(c, reverse), { argnums: [0, 1] })(p, padded(v)))
            .map((x) => values(x as NDArray)),
        );
        expect(results[1]).toEqual(results[0]);
      });
    },
  );

  test("inputs of another width are refused", () => {
    expect(() => nn.run(cell, params, start, np.ones([5, 2, 3]))).toThrow(
      "nn.run: xs must have shape [time, ...batch, 2] for this cell, got float32[5,2,3].",
    );
  });

  test("a carry of another batch is refused by the name of its leaf", () => {
    expect(() =>
      nn.run(nn.lstmCell(2, H), nn.lstmCell(2, H).init(key), nn.lstmCell(2, H).initialCarry([3]), xs),
    ).toThrow();
  });
});

describe("stack", () => {
  const cell = nn.lstmCell(H, H);
  const stacked = nn.stack(cell, 2);
  const params = stacked.init(key);
  const xs = randoms([4, 2, H]);
  const layer = (i: number): nn.GateParams => tree.map((x: NDArray) => x.slice(i), params) as nn.GateParams;

  test("parameters and carry have a leading layer axis, layers differ", () => {
    expect(params.wx.shape).toEqual([2, H, 4 * H]);
    expect(stacked.initialCarry([5]).c.shape).toEqual([2, 5, H]);
    expect(values(layer(0).wh)).not.toEqual(values(layer(1).wh));
  });

  test("is the same as one layer after the other", () => {
    const [carry, ys] = nn.run(stacked, params, stacked.initialCarry([2]), xs);
    const [first, hidden] = nn.run(cell, layer(0), cell.initialCarry([2]), xs);
    const [second, expected] = nn.run(cell, layer(1), cell.initialCarry([2]), hidden);
    expectClose(ys, values(expected), 1e-5);
    expectClose(carry.h, [...values(first.h), ...values(second.h)], 1e-5);
  });

  test("so are its gradients, compiled", () => {
    const loss = (p: nn.GateParams): NDArray =>
      np.sum(np.square(nn.run(stacked, p, stacked.initialCarry([2]), xs)[1]));
    const layered = ([a, b]: [nn.GateParams, nn.GateParams]): NDArray => {
      const [, hidden] = nn.run(cell, a, cell.initialCarry([2]), xs);
      return np.sum(np.square(nn.run(cell, b, cell.initialCarry([2]), hidden)[1]));
    };
    const slope = jit(grad(loss))(params) as nn.GateParams;
    const [a, b] = jit(grad(layered))([layer(0), layer(1)]) as [nn.GateParams, nn.GateParams];
    for (const name of ["wx", "wh", "b"] as const)
      expectClose(slope[name], [...values(a[name]), ...values(b[name])], 1e-3);
  });

  test("wants equal widths and a count of layers", () => {
    expect(() => nn.stack(nn.lstmCell(2, 3), 2)).toThrow(
      "got inputSize 2 and hiddenSize 3. Project the input first",
    );
    expect(() => nn.stack(cell, 0)).toThrow("nn.stack: numLayers must be a positive integer, got 0");
  });
});
