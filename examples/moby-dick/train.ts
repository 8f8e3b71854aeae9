/** Training by truncated backpropagation through time, one compiled update per chunk of text. */
import { setImmediate as turn } from "node:timers/promises";
import { io, jit, type NDArray, numpy as np, optim, valueAndGrad } from "weftjs";
import type { Carry, Model, Params } from "./model.ts";
import type { Streams } from "./text.ts";

/** Nats to bits. */
const BITS = 1 / Math.LN2;
/** Losses are read out every so many steps. */
const READ_EVERY = 10;

/** Asks for an end at the next opportunity. */
export interface Stop {
  readonly requested: boolean;
}

/** Training went wrong in a way the user can mend. */
export class DivergedError extends Error {}

/** What clipping and Adam remember. */
type State = [optim.EmptyState, optim.StateOf<ReturnType<typeof optim.adam>>];

/** Arrays by their names in a file. */
export type Tensors = Readonly<Record<string, NDArray>>;

/** What a run remembers besides its parameters, to go on as if it had not ended. */
export interface Checkpoint {
  readonly optimizer: State;
  readonly carry: Carry;
  /** The next chunk of the streams, and how long chunks are. */
  readonly position: NDArray;
}

/** Parameters, optimizer and state of the streams; `update` replaces them all at once. */
export class Trainer {
  params: Params;
  private readonly model: Model;
  private readonly streams: Streams;
  private readonly run: (
    p: Params,
    state: State,
    carry: Carry,
    ids: Int32Array,
  ) => [Params, State, Carry, NDArray];
  private optimizer: State;
  private carry: Carry;
  /** How many chunks of the streams were read. */
  chunk = 0;

  /** @param saved what an earlier run remembered, by name; what does not fit is left out */
  constructor(model: Model, params: Params, streams: Streams, learningRate: number, saved: Tensors = {}) {
    const optimizer = optim.chain(optim.clipByGlobalNorm(1), optim.adam(learningRate));
    this.model = model;
    this.streams = streams;
    this.params = params;
    this.optimizer = optimizer.init(params);
    this.carry = model.initialCarry(streams.batch);
    this.recall(saved);
    this.run = jit(
      (params: Params, state: State, carry: Carry, ids: NDArray) => {
        const chunk = ids.reshape([streams.length + 1, streams.batch]);
        const [[loss, next], grads] = valueAndGrad(model.loss, { hasAux: true })(params, carry, chunk);
        const [updates, nextState] = optimizer.update(grads, state, params);
        return [optim.applyUpdates(params, updates), nextState, next, loss];
      },
      { donateArgnums: [0, 1, 2] },
    );
  }

  get checkpoint(): Checkpoint {
    const position = np.array([this.chunk, this.streams.length], { dtype: np.int32 });
    return { optimizer: this.optimizer, carry: this.carry, position };
  }

  /** Streams of another number or length are read from their beginning. */
  private recall(saved: Tensors): void {
    const fresh = this.checkpoint;
    this.optimizer = part("optimizer", saved, fresh) ?? fresh.optimizer;
    const [carry, position] = [part("carry", saved, fresh), part("position", saved, fresh)];
    const [chunk, length] = (position?.js() as [number, number] | undefined) ?? [0, 0];
    if (carry === undefined || length !== this.streams.length) return;
    this.carry = carry;
    this.chunk = chunk;
  }

  /** Learns from the next chunk; returns its loss in nats, not yet read out. */
  update(): NDArray {
    const { ids, fresh } = this.streams.chunk(this.chunk++);
    if (fresh) this.carry = this.model.initialCarry(this.streams.batch);
    const [params, optimizer, carry, loss] = this.run(this.params, this.optimizer, this.carry, ids);
    Object.assign(this, { params, optimizer, carry });
    return loss;
  }
}

/** The part of this name, unless it is missing or made for something else. */
function part<K extends keyof Checkpoint>(
  name: K,
  saved: Tensors,
  fresh: Checkpoint,
): Checkpoint[K] | undefined {
  const own = Object.entries(saved).filter(([key]) => key === name || key.startsWith(`${name}.`));
  try {
    return io.fitTree(Object.fromEntries(own), { [name]: fresh[name] })[name] as Checkpoint[K];
  } catch {
    return undefined;
  }
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Makes up to `steps` updates. Between them the event loop gets a turn, so that signals arrive.
 * @param onLoss gets the mean loss since the last call, in bits per character
 * @returns the number of updates that were made
 * @throws DivergedError when the loss is no longer a finite number
 */
export async function train(
  trainer: Trainer,
  steps: number,
  stop: Stop,
  onLoss: (step: number, loss: number) => void,
): Promise<number> {
  let losses: NDArray[] = [];
  let step = 0;
  while (step < steps && !stop.requested) {
    losses.push(trainer.update());
    step++;
    if (step === 1 || step % READ_EVERY === 0 || step === steps) {
      onLoss(step, checked(step, mean(losses.map((loss) => Number(loss.item()) * BITS))));
      losses = [];
    }
    await turn();
  }
  return step;
}

function checked(step: number, loss: number): number {
  if (Number.isFinite(loss)) return loss;
  throw new DivergedError(`The loss is not a finite number any more at step ${step}. Try a smaller --lr.`);
}

/** At most this many chunks of the held-out text are read. */
const MAX_CHUNKS = 300;

/** Mean loss over a text in bits per character, or undefined when stopped. */
export async function evaluate(
  model: Model,
  params: Params,
  streams: Streams,
  stop: Stop,
): Promise<number | undefined> {
  const run = jit((params: Params, carry: Carry, ids: NDArray) =>
    model.loss(params, carry, ids.reshape([streams.length + 1, streams.batch])),
  );
  const chunks = Math.min(streams.chunks, MAX_CHUNKS);
  const losses: NDArray[] = [];
  let carry = model.initialCarry(streams.batch);
  for (let i = 0; i < chunks; i++) {
    if (stop.requested) return undefined;
    const [loss, next] = run(params, carry, streams.chunk(i).ids);
    losses.push(loss);
    carry = next;
    await turn();
  }
  return mean(losses.map((loss) => Number(loss.item()) * BITS));
}
