/** The workloads in weft; WEFT_TIER and WEFT_THREADS choose how they run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { config, explain, grad, jit, lax, nn, numpy as np, tree, valueAndGrad } from "weftjs";
import { array, indices, onWasm, zeros } from "./arrays.ts";
import { values } from "./inputs.ts";
import { ownVersions } from "./machine.ts";
import { OPERATIONS, type Operation } from "./operations.ts";
import { seq2seq } from "./seq2seq.ts";
import { type Makers, type Running, serve } from "./serve.ts";
import { median, milliseconds, stagesOf, watchCompilers } from "./stages.ts";
import type { Sizes } from "./workloads.ts";

const RATE = 1;

type Layers = { wx: np.Array; wh: np.Array; b: np.Array };

function weights(layers: number, hidden: number, gates: number, seed: number): Layers {
  const scale = hidden ** -0.5;
  return {
    wx: array([layers, hidden, gates * hidden], seed, scale),
    wh: array([layers, hidden, gates * hidden], seed + 1, scale),
    b: array([layers, gates * hidden], seed + 2, scale),
  };
}

const elman = (p: Layers, h: np.Array, x: np.Array): np.Array =>
  np.tanh(x.matmul(p.wx).add(h.matmul(p.wh)).add(p.b));

/** Outputs of the last layer, `[time, batch, hidden]`. */
const rnn = (params: Layers, states: np.Array, xs: np.Array): np.Array =>
  lax.scan(
    (hs: np.Array, x: np.Array) => {
      const [top, next] = lax.scan(
        (signal: np.Array, [p, h]: [Layers, np.Array]) => {
          const h2 = elman(p, h, signal);
          return [h2, h2];
        },
        x,
        [params, hs],
      );
      return [next, top];
    },
    states,
    xs,
  )[1];

const COMPILATIONS = 3;

/** What it takes to make the program of `f`: milliseconds from tracing to its code (WebAssembly or C), and how large it is. */
function factsOf(f: (...args: never[]) => unknown, ...args: unknown[]): Readonly<Record<string, number>> {
  const own = Array.from({ length: COMPILATIONS }, () => milliseconds(() => explain(f)(...args)));
  const { bytes } = explain(f)(...args);
  return { compileMs: median(own), moduleBytes: bytes.module, arenaBytes: bytes.temporaries };
}

/** Steps of gradient descent, each from the parameters that the last one left. */
function training<P extends tree.TreeOf<P, np.Array>>(
  params: P,
  loss: (p: P, x: np.Array, y: np.Array) => np.Array,
  x: np.Array,
  y = x,
): Running {
  const step = jit((p: P, ...data: [np.Array, np.Array]): [np.Array, P] => {
    const [value, grads] = valueAndGrad(loss)(p, ...data);
    return [value, tree.map((w, g) => w.sub(g.mul(RATE)), p, grads)];
  });
  let current = params;
  return {
    run: () => {
      current = step(current, x, y)[1] as P;
    },
    check: () => step(current, x, y)[0].item(),
    facts: () => factsOf(step, params, x, y),
    stages: () =>
      stagesOf(
        () => step.lower(params, x, y),
        () => step(params, x, y),
      ),
  };
}

function rnnInputs({ layers, batch, hidden, time }: Sizes): {
  params: Layers;
  states: np.Array;
  xs: np.Array;
} {
  return {
    params: weights(layers!, hidden!, 1, 1),
    states: zeros([layers!, batch!, hidden!]),
    xs: array([time!, batch!, hidden!], 4, 1),
  };
}

const meanSquare = (ys: np.Array): np.Array => np.mean(np.square(ys));

function recurrence({ width, time }: Sizes) {
  const final = (c: np.Array, x: np.Array): np.Array =>
    lax.scan((s: np.Array) => [s.mul(0.9).add(x), null], c, null, { length: time! })[0];
  return { final, c: zeros([width!]), x: array([width!], 1, 1) };
}

function matmul({ n }: Sizes): Running {
  const [a, b] = [array([n!, n!], 1, 1), array([n!, n!], 2, 1)];
  const product = jit((x: np.Array, y: np.Array) => np.matmul(x, y));
  return { run: () => product(a, b), check: () => np.sum(np.abs(product(a, b))).item() };
}

const workloads: Makers = {
  "S2S-train": seq2seq,
  "W1-train": (z) => {
    const { params, states, xs } = rnnInputs(z);
    return training(params, (p, x) => meanSquare(rnn(p, states, x)), xs);
  },
  "W1-forward": (z) => {
    const { params, states, xs } = rnnInputs(z);
    const forward = jit((p: Layers, x: np.Array) => rnn(p, states, x));
    return {
      run: () => forward(params, xs),
      check: () => meanSquare(forward(params, xs)).item(),
      facts: () => factsOf(forward, params, xs),
    };
  },
  "W2-train": ({ layers, batch, hidden, vocabulary, time }) => {
    const cell = nn.stack(nn.lstmCell(hidden!, hidden!), layers!);
    const [embedding, dense] = [nn.embedding(vocabulary!, hidden!), nn.dense(hidden!, vocabulary!)];
    const params = {
      rnn: weights(layers!, hidden!, 4, 1),
      embed: { table: array([vocabulary!, hidden!], 5, 1) },
      out: { w: array([hidden!, vocabulary!], 6, hidden! ** -0.5), b: zeros([vocabulary!]) },
    };
    const ids = indices([time!, batch!], 7, vocabulary!);
    const targets = indices([time!, batch!], 8, vocabulary!);
    const loss = (p: typeof params, x: np.Array, y: np.Array): np.Array => {
      const [, ys] = nn.run(cell, p.rnn, cell.initialCarry([batch!]), embedding.apply(p.embed, x));
      const logp = nn.logSoftmax(dense.apply(p.out, ys));
      return np.mean(np.takeAlongAxis(logp, np.expandDims(y, -1), -1)).neg();
    };
    return training(params, loss, ids, targets);
  },
  "W3-step": ({ layers, batch, hidden }) => {
    const cell = nn.stack(nn.lstmCell(hidden!, hidden!), layers!);
    const params = weights(layers!, hidden!, 4, 1);
    const x = array([batch!, hidden!], 4, 1);
    const step = jit((p: Layers, s: nn.LstmCarry, v: np.Array) => cell.step(p, s, v));
    let state = onWasm(() => cell.initialCarry([batch!]));
    const first = np.sum(step(params, state, x)[1]).item();
    return {
      run: () => {
        [state] = step(params, state, x);
      },
      check: () => first,
      facts: () => factsOf(step, params, state, x),
    };
  },
  "W4-512": matmul,
  "W4-1024": matmul,
  "W5-forward": (z) => {
    const { final, c, x } = recurrence(z);
    const f = jit(final);
    return {
      run: () => f(c, x),
      check: () => np.sum(np.abs(f(c, x))).item(),
      facts: () => factsOf(f, c, x),
    };
  },
  "W5-gradient": (z) => {
    const { final, c, x } = recurrence(z);
    const g = jit(grad((s: np.Array, v: np.Array) => np.sum(final(s, v)), { argnums: [0, 1] }));
    return {
      run: () => g(c, x),
      check: () => np.sum(g(c, x)[1]).item(),
      facts: () => factsOf(g, c, x),
    };
  },
};

/** The sum of all magnitudes. */
const checksum = (arrays: readonly np.Array[]): number =>
  arrays.reduce((total, a) => total + Float64Array.from(a.dataSync(), Math.abs).reduce((n, v) => n + v), 0);

function operation({ inputs, weft, isRandom = false }: Operation): Running {
  const args = inputs.map((input, i) => onWasm(() => np.array(values(input, i + 1)).reshape(input.shape)));
  const f = jit(weft as (...xs: np.Array[]) => np.Array);
  return {
    run: () => f(...args),
    check: () => (isRandom ? 1 : checksum(tree.leaves(f(...args)))),
  };
}

const operations: Makers = Object.fromEntries(
  Object.entries(OPERATIONS).map(([id, row]) => [id, () => operation(row)]),
);

/** Native code that an earlier run left on the disk would make first calls look faster than they are. */
function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
config.cacheDir = process.env.WEFT_BENCH_CACHE || emptyFolder();
watchCompilers();

const { tier, threads } = config;
await serve({ versions: ownVersions(), tier, threads }, { ...workloads, ...operations });
