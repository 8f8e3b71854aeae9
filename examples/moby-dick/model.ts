/** The network: embedding, stacked recurrent cells, and a dense layer that scores the next character. */
import { lax, type NDArray, nn, random } from "weftjs";
import type { CellName } from "./options.ts";

type Weights = { [name: string]: NDArray };
/** State between characters; what it consists of depends on the cell. */
export type Carry = NDArray | Weights;

export type Params = {
  embedding: nn.EmbeddingParams;
  /** Of all layers, stacked along the first axis. */
  rnn: Weights;
  output: nn.DenseParams;
};

/** What decides the shapes of all parameters. */
export interface Sizes {
  readonly cell: CellName;
  readonly layers: number;
  readonly hidden: number;
  readonly vocabulary: number;
}

export interface Model {
  init(key: NDArray): Params;
  initialCarry(batch: number): Carry;
  /** One character per stream: ids `[batch]` to scores `[batch, vocabulary]`. */
  step(params: Params, carry: Carry, ids: NDArray): [Carry, NDArray];
  /** Mean cross-entropy, in nats, of predicting `chunk[1:]` from `chunk[:-1]`; chunk is `[length + 1, batch]`. */
  loss(params: Params, carry: Carry, chunk: NDArray): [loss: NDArray, carry: Carry];
}

const CELLS: Readonly<Record<CellName, (size: number) => nn.Cell<Weights, Carry>>> = {
  lstm: (size) => nn.lstmCell(size, size),
  gru: (size) => nn.gruCell(size, size),
  elman: (size) => nn.elmanCell(size, size),
};

export function createModel({ cell, layers, hidden, vocabulary }: Sizes): Model {
  const embedding = nn.embedding(vocabulary, hidden);
  const rnn = nn.stack(CELLS[cell](hidden), layers);
  const output = nn.dense(hidden, vocabulary);
  return {
    init: (key) => ({
      embedding: embedding.init(random.foldIn(key, 0)),
      rnn: rnn.init(random.foldIn(key, 1)),
      output: output.init(random.foldIn(key, 2)),
    }),
    initialCarry: (batch) => rnn.initialCarry([batch]),
    step(params, carry, ids) {
      const [next, y] = rnn.step(params.rnn, carry, embedding.apply(params.embedding, ids));
      return [next, output.apply(params.output, y)];
    },
    loss(params, carry, chunk) {
      const steps = chunk.shape[0]! - 1;
      const inputs = embedding.apply(params.embedding, lax.sliceInDim(chunk, 0, steps));
      const [next, ys] = nn.run(rnn, params.rnn, carry, inputs);
      const scores = nn.logSoftmax(output.apply(params.output, ys));
      const targets = nn.oneHot(lax.sliceInDim(chunk, 1, steps + 1), vocabulary);
      return [
        scores
          .mul(targets)
          .sum()
          .div(-chunk.shape[1]! * steps),
        next,
      ];
    },
  };
}
