/** A training step with a large program: an encoder and a decoder of LSTM layers, attention, and adam. */
import { jit, lax, nn, numpy as np, optim, valueAndGrad } from "weftjs";
import { array, indices, onWasm, zeros } from "./arrays.ts";
import type { Running } from "./serve.ts";
import { stagesOf } from "./stages.ts";
import type { Sizes } from "./workloads.ts";

type Cell = { wx: np.Array; wh: np.Array; b: np.Array };
type State = [np.Array, np.Array];

interface Params {
  emb: np.Array;
  enc: Cell[];
  dec: Cell[];
  att: np.Array;
  out: np.Array;
  ob: np.Array;
  [name: string]: np.Array | Cell[];
}

const SCALE = 0.1;
const RATE = 1e-3;

function paramsFor({ layers, hidden, embedding, vocabulary }: Sizes): Params {
  let seed = 0;
  const w = (...shape: number[]): np.Array => array(shape, ++seed, SCALE);
  const cells = (): Cell[] =>
    Array.from({ length: layers! }, (_, i) => ({
      wx: w(i === 0 ? embedding! : hidden!, 4 * hidden!),
      wh: w(hidden!, 4 * hidden!),
      b: zeros([4 * hidden!]),
    }));
  const emb = w(vocabulary!, embedding!);
  const [enc, dec] = [cells(), cells()];
  return {
    emb,
    enc,
    dec,
    att: w(hidden!, hidden!),
    out: w(2 * hidden!, vocabulary!),
    ob: zeros([vocabulary!]),
  };
}

function lstm(p: Cell, [h, c]: State, x: np.Array): State {
  const z = np.matmul(x, p.wx).add(np.matmul(h, p.wh)).add(p.b);
  const [i, f, g, o] = np.split(z, 4, -1) as [np.Array, np.Array, np.Array, np.Array];
  const next = nn
    .sigmoid(f.add(1))
    .mul(c)
    .add(nn.sigmoid(i).mul(np.tanh(g)));
  return [nn.sigmoid(o).mul(np.tanh(next)), next];
}

/** One step of all layers: their states, and what the last one gives. */
function climb(cells: readonly Cell[], states: State[], x: np.Array): [State[], np.Array] {
  const next: State[] = [];
  let signal = x;
  for (const [i, cell] of cells.entries()) {
    const state = lstm(cell, states[i]!, signal);
    next.push(state);
    signal = state[0];
  }
  return [next, signal];
}

function loss(p: Params, src: np.Array, tgt: np.Array): np.Array {
  const [batch, hidden] = [src.shape[1]!, p.att.shape[0]!];
  const none = p.enc.map((): State => [np.zeros([batch, hidden]), np.zeros([batch, hidden])]);
  const encode = (states: State[], x: np.Array) => climb(p.enc, states, x);
  const [states, hs] = lax.scan(encode, none, np.take(p.emb, src, 0));
  const decode = (states: State[], x: np.Array): [State[], np.Array] => {
    const [next, y] = climb(p.dec, states, x);
    const weights = nn.softmax(np.einsum("tbh,bh->bt", hs, np.matmul(y, p.att)), -1);
    return [next, np.concatenate([y, np.einsum("bt,tbh->bh", weights, hs)], -1)];
  };
  const [, ys] = lax.scan(decode, states, np.take(p.emb, tgt, 0));
  const logp = nn.logSoftmax(np.matmul(ys, p.out).add(p.ob), -1);
  return np.mean(np.takeAlongAxis(logp, np.expandDims(tgt, -1), -1)).neg();
}

export function seq2seq(sizes: Sizes): Running {
  const { time, batch, vocabulary } = sizes;
  const tx = optim.adam(RATE);
  const params = paramsFor(sizes);
  const state = onWasm(() => tx.init(params));
  const [src, tgt] = [1, 2].map((seed) => indices([time!, batch!], seed, vocabulary!));
  const step = jit((p: Params, s: typeof state, x: np.Array, y: np.Array) => {
    const [value, grads] = valueAndGrad(loss)(p, x, y);
    const [updates, next] = tx.update(grads, s, p);
    return [optim.applyUpdates(p, updates), next, value] as const;
  });
  const run = () => step(params, state, src!, tgt!);
  return {
    run,
    check: () => run()[2].item(),
    stages: () => stagesOf(() => step.lower(params, state, src!, tgt!), run),
  };
}
