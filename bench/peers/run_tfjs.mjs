// The workloads in TensorFlow.js on its WebAssembly backend, written with its operations.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { integers, uniform } from "../../build/bench/inputs.js";
import { serve } from "../../build/bench/serve.js";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
await tf.setBackend("wasm");
await tf.ready();

const RATE = 1;
const size = (shape) => shape.reduce((a, b) => a * b, 1);
const array = (shape, seed, scale) => tf.tensor(uniform(size(shape), seed, scale), shape);

function weights(layers, hidden, gates, seed) {
  const s = hidden ** -0.5;
  const cut = (shape, offset, l) => {
    const n = size(shape);
    return tf.tensor(uniform(layers * n, seed + offset, s).slice(l * n, (l + 1) * n), shape);
  };
  return Array.from({ length: layers }, (_, l) => [
    cut([hidden, gates * hidden], 0, l),
    cut([hidden, gates * hidden], 1, l),
    cut([gates * hidden], 2, l),
  ]);
}

const layersOf = (flat) => Array.from({ length: flat.length / 3 }, (_, l) => flat.slice(3 * l, 3 * l + 3));

function rnn(layers, steps, batch, hidden) {
  for (const [wx, wh, b] of layers) {
    let h = tf.zeros([batch, hidden]);
    steps = steps.map((x) => (h = tf.tanh(tf.add(tf.add(tf.matMul(x, wx), tf.matMul(h, wh)), b))));
  }
  return steps;
}

function lstmStep([wx, wh, b], h, c, x) {
  const [i, f, g, o] = tf.split(tf.add(tf.add(tf.matMul(x, wx), tf.matMul(h, wh)), b), 4, 1);
  const cell = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
  return [tf.mul(tf.sigmoid(o), tf.tanh(cell)), cell];
}

function lstmStack(layers, steps, batch, hidden) {
  for (const layer of layers) {
    let [h, c] = [tf.zeros([batch, hidden]), tf.zeros([batch, hidden])];
    steps = steps.map((x) => {
      [h, c] = lstmStep(layer, h, c, x);
      return h;
    });
  }
  return steps;
}

/** A finished call is one whose result has been read. */
const read = (t) => t.dataSync()[0];

function training(initial, loss) {
  let params = initial;
  const gradients = tf.grads((...p) => loss(p));
  const run = () => {
    const next = tf.tidy(() => gradients(params).map((g, i) => tf.sub(params[i], tf.mul(g, RATE))));
    tf.dispose(params);
    params = next;
    read(params[0]);
  };
  return { run, check: () => tf.tidy(() => read(loss(params))) };
}

function rnnInputs({ layers, batch, hidden, time }) {
  const xs = array([time, batch, hidden], 4, 1);
  const steps = tf.unstack(xs);
  const forward = (flat) => rnn(layersOf(flat), steps, batch, hidden);
  return { params: weights(layers, hidden, 1, 1).flat(), forward };
}

const meanSquare = (ys) => tf.mean(tf.square(tf.stack(ys)));

/** Steps cost the same, so a part of them is timed and scaled. */
function recurrence({ width, time }, limit) {
  const steps = Math.min(time, limit);
  const final = (c, x) => {
    for (let t = 0; t < steps; t++) c = tf.add(tf.mul(c, 0.9), x);
    return c;
  };
  return { final, c: tf.zeros([width]), x: array([width], 1, 1), scale: time / steps };
}

const workloads = {
  "W1-train"(z) {
    const { params, forward } = rnnInputs(z);
    return training(params, (p) => meanSquare(forward(p)));
  },
  "W1-forward"(z) {
    const { params, forward } = rnnInputs(z);
    return {
      run: () => tf.tidy(() => read(tf.stack(forward(params)))),
      check: () => tf.tidy(() => read(meanSquare(forward(params)))),
    };
  },
  "W2-train"({ layers, batch, hidden, vocabulary, time }) {
    const params = [
      ...weights(layers, hidden, 4, 1).flat(),
      array([vocabulary, hidden], 5, 1),
      array([hidden, vocabulary], 6, hidden ** -0.5),
      tf.zeros([vocabulary]),
    ];
    const hot = (seed) =>
      tf.oneHot(tf.tensor1d(integers(time * batch, seed, vocabulary), "int32"), vocabulary).toFloat();
    const [ids, targets] = [hot(7), hot(8)];
    return training(params, (p) => {
      const [embed, w, b] = p.slice(-3);
      const steps = tf.split(tf.matMul(ids, embed), time, 0);
      const ys = tf.concat(lstmStack(layersOf(p.slice(0, -3)), steps, batch, hidden), 0);
      const logp = tf.logSoftmax(tf.add(tf.matMul(ys, w), b));
      return tf.mul(tf.sum(tf.mul(logp, targets)), -1 / (time * batch));
    });
  },
  "W3-step"({ layers, batch, hidden }) {
    const params = weights(layers, hidden, 4, 1);
    const x = array([batch, hidden], 4, 1);
    let states = params.map(() => [tf.zeros([batch, hidden]), tf.zeros([batch, hidden])]);
    const run = () => {
      const next = tf.tidy(() => {
        let signal = x;
        return params.map((p, l) => {
          const state = lstmStep(p, states[l][0], states[l][1], signal);
          signal = state[0];
          return state;
        });
      });
      tf.dispose(states);
      states = next;
      return read(states.at(-1)[0]);
    };
    run();
    const first = tf.tidy(() => read(tf.sum(states.at(-1)[0])));
    return { run, check: () => first };
  },
  W4({ n }) {
    const [a, b] = [array([n, n], 1, 1), array([n, n], 2, 1)];
    return {
      run: () => tf.tidy(() => void tf.matMul(a, b)),
      check: () => tf.tidy(() => read(tf.sum(tf.abs(tf.matMul(a, b))))),
    };
  },
  "W5-forward"(z) {
    const { final, c, x, scale } = recurrence(z, 2000);
    return {
      scale,
      run: () => tf.tidy(() => read(final(c, x))),
      check: () => tf.tidy(() => read(tf.sum(tf.abs(final(c, x))))),
    };
  },
  "W5-gradient"(z) {
    const { final, c, x, scale } = recurrence(z, 1000);
    const g = tf.grads((s, v) => tf.sum(final(s, v)));
    return {
      scale,
      run: () => tf.tidy(() => read(g([c, x])[1])),
      check: () => tf.tidy(() => read(tf.sum(g([c, x])[1]))),
    };
  },
};

const { W4, ...rest } = workloads;
await serve(
  { versions: { tfjs: tf.version_core, node: process.versions.node } },
  { ...rest, "W4-512": W4, "W4-1024": W4 },
);
