// The workloads in jax-js on its WebAssembly backend. It has no scan, so time and layers are loops of JavaScript under jit.
import { readFileSync } from "node:fs";
import {
  blockUntilReady,
  defaultDevice,
  grad,
  init,
  jit,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import { integers, uniform } from "../../build/bench/inputs.js";
import { serve } from "../../build/bench/serve.js";

await init("wasm");
defaultDevice("wasm");
const RATE = 1;
const size = (shape) => shape.reduce((a, b) => a * b, 1);
const array = (shape, seed, scale) => np.array(uniform(size(shape), seed, scale)).reshape(shape);
const zeros = (shape) => np.zeros(shape);

/** One parameter tree per layer, cut out of the arrays that all peers share. */
function weights(layers, hidden, gates, seed) {
  const s = hidden ** -0.5;
  const cut = (shape, offset, l) => {
    const n = size(shape);
    return np.array(uniform(layers * n, seed + offset, s).slice(l * n, (l + 1) * n)).reshape(shape);
  };
  return Array.from({ length: layers }, (_, l) => ({
    wx: cut([hidden, gates * hidden], 0, l),
    wh: cut([hidden, gates * hidden], 1, l),
    b: cut([gates * hidden], 2, l),
  }));
}

const elman = (p, h, x) => np.tanh(np.matmul(x, p.wx).add(np.matmul(h, p.wh)).add(p.b));
const lstm = (p, h, c, x) => {
  const [i, f, g, o] = np.split(np.matmul(x, p.wx).add(np.matmul(h, p.wh)).add(p.b), 4, -1);
  const cell = nn
    .sigmoid(f)
    .mul(c)
    .add(nn.sigmoid(i).mul(np.tanh(g)));
  return [nn.sigmoid(o).mul(np.tanh(cell.ref)), cell];
};

/** Runs layer after layer over a list of steps. Parameters and inputs are consumed. */
function rnn(params, steps, batch, hidden) {
  for (const p of params) {
    let h = zeros([batch, hidden]);
    steps = steps.map((x) => (h = elman(tree.ref(p), h, x)).ref);
    h.dispose();
    tree.dispose(p);
  }
  return steps;
}
function lstmStack(params, steps, batch, hidden) {
  for (const p of params) {
    let [h, c] = [zeros([batch, hidden]), zeros([batch, hidden])];
    steps = steps.map((x) => {
      [h, c] = lstm(tree.ref(p), h, c, x);
      return h.ref;
    });
    h.dispose();
    c.dispose();
    tree.dispose(p);
  }
  return steps;
}

/** The whole step is one jitted function, loops unrolled: slow to compile, but the fastest to run. */
async function training(params, loss) {
  const update = jit((p) => {
    const [value, grads] = valueAndGrad(loss)(tree.ref(p));
    return [value, tree.map((w, g) => w.sub(g.mul(RATE)), p, grads)];
  });
  const step = async () => {
    const [value, next] = update(params);
    params = next;
    await blockUntilReady(params);
    return value;
  };
  return { run: async () => (await step()).dispose(), check: async () => (await step()).item() };
}

function rnnInputs({ layers, batch, hidden, time }) {
  const data = uniform(time * batch * hidden, 4, 1);
  const n = batch * hidden;
  const steps = Array.from({ length: time }, (_, t) =>
    np.array(data.slice(t * n, (t + 1) * n)).reshape([batch, hidden]),
  );
  const forward = (p) =>
    rnn(
      p,
      steps.map((x) => x.ref),
      batch,
      hidden,
    );
  return { params: weights(layers, hidden, 1, 1), forward };
}

const meanSquare = (ys) => np.mean(np.square(np.stack(ys)));

const workloads = {
  "W1-train"(z) {
    const { params, forward } = rnnInputs(z);
    return training(params, (p) => meanSquare(forward(p)));
  },
  "W1-forward"(z) {
    const { params, forward } = rnnInputs(z);
    const all = jit((p) => np.stack(forward(p)));
    return {
      run: async () => (await all(tree.ref(params)).blockUntilReady()).dispose(),
      check: () => np.mean(np.square(all(tree.ref(params)))).item(),
    };
  },
  "W2-train"({ layers, batch, hidden, vocabulary, time }) {
    const params = {
      rnn: weights(layers, hidden, 4, 1),
      embed: array([vocabulary, hidden], 5, 1),
      w: array([hidden, vocabulary], 6, hidden ** -0.5),
      b: zeros([vocabulary]),
    };
    const ids = integers(time * batch, 7, vocabulary);
    const steps = Array.from({ length: time }, (_, t) =>
      nn.oneHot(np.array(ids.slice(t * batch, (t + 1) * batch), { dtype: np.int32 }), vocabulary),
    );
    const targets = nn.oneHot(
      np.array(integers(time * batch, 8, vocabulary), { dtype: np.int32 }).reshape([time, batch]),
      vocabulary,
    );
    return training(params, (p) => {
      const xs = steps.map((x) => np.matmul(x.ref, p.embed.ref));
      p.embed.dispose();
      const ys = np.stack(lstmStack(p.rnn, xs, batch, hidden));
      const logits = np.matmul(ys, p.w).add(p.b);
      return np.sum(nn.logSoftmax(logits).mul(targets.ref)).mul(-1 / (time * batch));
    });
  },
  async "W3-step"({ layers, batch, hidden }) {
    const params = weights(layers, hidden, 4, 1);
    const x = array([batch, hidden], 4, 1);
    const step = jit((ps, states, v) => {
      const next = ps.map((p, l) => {
        const [h, c] = lstm(p, states[l][0], states[l][1], v);
        v = h.ref;
        return [h, c];
      });
      return [v, next];
    });
    let states = params.map(() => [zeros([batch, hidden]), zeros([batch, hidden])]);
    const advance = async () => {
      const [y, next] = step(tree.ref(params), states, x.ref);
      states = next;
      return y.blockUntilReady();
    };
    const first = np.sum(await advance()).item();
    return { run: async () => (await advance()).dispose(), check: () => first };
  },
  W4({ n }) {
    const [a, b] = [array([n, n], 1, 1), array([n, n], 2, 1)];
    const product = jit((x, y) => np.matmul(x, y));
    return {
      run: async () => (await product(a.ref, b.ref).blockUntilReady()).dispose(),
      check: () => np.sum(np.abs(product(a.ref, b.ref))).item(),
    };
  },
  "W5-forward"(z) {
    const { advance, steps, c, x, scale } = recurrence(z, 2000);
    // One jitted function of all steps would overflow the stack.
    const CHUNK = 100;
    const some = jit((state, v) => advance(state, v, CHUNK));
    const all = () => {
      let state = c.ref;
      for (let t = 0; t < steps; t += CHUNK) state = some(state, x.ref);
      return state;
    };
    return {
      scale,
      run: async () => (await all().blockUntilReady()).dispose(),
      check: () => np.sum(np.abs(all())).item(),
    };
  },
  "W5-gradient"(z) {
    const { advance, steps, c, x, scale } = recurrence(z, 1000);
    const g = jit(grad((s, v) => np.sum(advance(s, v, steps)), { argnums: [0, 1] }));
    const both = async () => blockUntilReady(g(c.ref, x.ref));
    return {
      scale,
      run: async () => tree.dispose(await both()),
      check: async () => {
        const [gc, gx] = await both();
        gc.dispose();
        return np.sum(gx).item();
      },
    };
  },
};

/** Steps cost the same, so a part of them is timed and scaled. */
function recurrence({ width, time }, limit) {
  const steps = Math.min(time, limit);
  const advance = (c, x, count) => {
    for (let t = 0; t < count; t++) c = c.mul(0.9).add(x.ref);
    x.dispose();
    return c;
  };
  return { advance, steps, c: zeros([width]), x: array([width], 1, 1), scale: time / steps };
}

const { W4, ...rest } = workloads;
const { version } = JSON.parse(
  readFileSync(new URL("./node_modules/@jax-js/jax/package.json", import.meta.url), "utf8"),
);
await serve(
  { versions: { "jax-js": version, node: process.versions.node } },
  { ...rest, "W4-512": W4, "W4-1024": W4 },
);
