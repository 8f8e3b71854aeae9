/** Recurrent cells, stacks, optimizers and a small language model against the same formulas in JAX. */
import type { NDArray } from "../../src/core/array.ts";
import { jit, nn, numpy as np, optim, valueAndGrad } from "../../src/index.ts";
import { type Fn, testRows } from "./rows.ts";

type A = NDArray;

const SIZE = 3;
const elman = nn.elmanCell(SIZE, SIZE);
const lstm = nn.lstmCell(SIZE, SIZE);
const gru = nn.gruCell(SIZE, SIZE);

const CELLS = {
  elman: (wx: A, wh: A, b: A, h: A, x: A) => [elman.step({ wx, wh, b }, h, x)[0]],
  lstm: (wx: A, wh: A, b: A, h: A, c: A, x: A) => {
    const [carry] = lstm.step({ wx, wh, b }, { h, c }, x);
    return [carry.h, carry.c];
  },
  gru: (wx: A, wh: A, b: A, bh: A, h: A, x: A) => [gru.step({ wx, wh, b, bh }, h, x)[0]],
};

const LAYERS = {
  "elman layers": (wx: A, wh: A, b: A, hs: A, xs: A) => nn.run(nn.stack(elman, 2), { wx, wh, b }, hs, xs),
  "lstm layers": (wx: A, wh: A, b: A, h: A, c: A, xs: A) => {
    const [carry, ys] = nn.run(nn.stack(lstm, 2), { wx, wh, b }, { h, c }, xs);
    return [carry.h, carry.c, ys];
  },
  "gru layers": (wx: A, wh: A, b: A, bh: A, hs: A, xs: A) =>
    nn.run(nn.stack(gru, 2), { wx, wh, b, bh }, hs, xs),
};

/** Parameters after each of the gradients `gs`. */
const steps =
  (optimizer: optim.GradientTransformation<unknown[]>) =>
  (start: A, gs: A): A => {
    let [params, state] = [{ p: start }, optimizer.init({ p: start })];
    const out: A[] = [];
    for (let k = 0; k < gs.shape[0]!; k++) {
      const [updates, next] = optimizer.update({ p: gs.slice(k) }, state, params);
      [params, state] = [optim.applyUpdates(params, updates) as { p: A }, next];
      out.push(params.p);
    }
    return np.stack(out);
  };

const OPTIMIZERS = {
  sgd: steps(optim.sgd(0.1)),
  momentum: steps(optim.sgd(0.1, { momentum: 0.9 })),
  nesterov: steps(optim.sgd(0.1, { momentum: 0.9, nesterov: true })),
  adam: steps(optim.adam(0.01)),
  adamw: steps(optim.adamw(0.01, { weightDecay: 0.1 })),
  "clipped sgd": steps(optim.chain(optim.clipByGlobalNorm(1), optim.sgd(0.1))),
  "clipped values": steps(optim.chain(optim.clipByValue(0.5), optim.sgd(0.1))),
};

type Params = { table: A; cell: { wx: A; wh: A; b: A }; wo: A; bo: A };

/** Five steps of adam on a two-layer LSTM over characters: the losses and the parameters after them. */
function languageModel(tokens: A, table: A, wx: A, wh: A, b: A, wo: A, bo: A): A[] {
  const [batch, size, length] = [tokens.shape[0]!, table.shape[1]!, tokens.shape[1]! - 1];
  const cell = nn.stack(nn.lstmCell(size, size), 2);
  const loss = (p: Params): A => {
    const inputs = np.take(p.table, tokens.slice([], [0, length]).transpose(), 0, { mode: "clip" });
    const [, ys] = nn.run(cell, p.cell, cell.initialCarry([batch]), inputs);
    const logits = nn.logSoftmax(np.matmul(ys, p.wo).add(p.bo));
    const targets = np.expandDims(tokens.slice([], [1, length + 1]).transpose(), -1);
    return np.takeAlongAxis(logits, targets, -1).mean().neg();
  };
  const optimizer = optim.adam(0.05);
  const step = jit((p: Params, state: unknown[]) => {
    const [value, grads] = valueAndGrad(loss)(p);
    const [updates, next] = optimizer.update(grads, state as never, p as never);
    return [value, optim.applyUpdates(p, updates), next] as [A, Params, unknown[]];
  });
  let params: Params = { table, cell: { wx, wh, b }, wo, bo };
  let state: unknown[] = optimizer.init(params);
  const losses: A[] = [];
  for (let k = 0; k < 5; k++) {
    const [value, nextParams, nextState] = step(params, state) as [A, Params, unknown[]];
    losses.push(value);
    [params, state] = [nextParams, nextState];
  }
  const p = params;
  return [np.stack(losses), p.table, p.cell.wx, p.cell.wh, p.cell.b, p.wo, p.bo];
}

const TABLE = { ...CELLS, ...LAYERS, ...OPTIMIZERS, "language model": languageModel } as unknown as Record<
  string,
  Fn
>;

testRows("models", TABLE, (row) => ({
  value: { relative: 1e-6, absolute: row.tol! },
  derivative: { relative: 1e-5, absolute: 1e-5 },
}));
