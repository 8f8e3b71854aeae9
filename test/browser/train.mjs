// Runs unchanged in Node and in a page: a stacked LSTM learns a sequence of symbols, one jitted call per step.
import { debug, jit, nn, numpy as np, optim, random, valueAndGrad } from "weftjs";

const [TIME, BATCH, VOCABULARY, HIDDEN, LAYERS] = [12, 4, 20, 16, 2];

const embed = nn.embedding(VOCABULARY, HIDDEN);
const rnn = nn.stack(nn.lstmCell(HIDDEN, HIDDEN), LAYERS);
const head = nn.dense(HIDDEN, VOCABULARY);
const optimizer = optim.adam(0.01);

function init(key) {
  const keys = random.split(key, 3);
  return { embed: embed.init(keys.slice(0)), rnn: rnn.init(keys.slice(1)), head: head.init(keys.slice(2)) };
}

/** Mean cross-entropy of the symbols that follow `symbols` `[time, batch]`. */
function loss(params, symbols, next) {
  const [, ys] = nn.run(rnn, params.rnn, rnn.initialCarry([BATCH]), embed.apply(params.embed, symbols));
  const logProbabilities = nn.logSoftmax(head.apply(params.head, ys));
  return logProbabilities
    .mul(nn.oneHot(next, VOCABULARY))
    .sum()
    .mul(-1 / (TIME * BATCH));
}

function step(params, state, symbols, next) {
  const [value, grads] = valueAndGrad(loss)(params, symbols, next);
  const [updates, newState] = optimizer.update(grads, state, params);
  debug.print("step {count}: loss {value:.4f}", { count: newState[0].count, value });
  return [optim.applyUpdates(params, updates), newState, value];
}

/** Symbol `t` of sequence `b`. */
const symbol = (t, b) => (t * t + 3 * b) % VOCABULARY;
const sequences = (from) => {
  const values = Int32Array.from({ length: TIME * BATCH }, (_, i) =>
    symbol(from + Math.floor(i / BATCH), i % BATCH),
  );
  return np.array(values, { dtype: "int32" }).reshape([TIME, BATCH]);
};

/** The losses of so many steps. */
export function train(steps) {
  const [symbols, next] = [sequences(0), sequences(1)];
  const run = jit(step, { donateArgnums: [0, 1] });
  let params = init(random.key(0));
  let state = optimizer.init(params);
  const losses = [];
  for (let i = 0; i < steps; i++) {
    const [newParams, newState, value] = run(params, state, symbols, next);
    [params, state] = [newParams, newState];
    losses.push(value.item());
  }
  return losses;
}
