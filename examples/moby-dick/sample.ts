/** Text from a model: the loop over characters is one compiled scan. */
import { jit, lax, type NDArray, random } from "weftjs";
import type { Carry, Model, Params } from "./model.ts";
import type { Vocabulary } from "./text.ts";

export type Sampler = (params: Params, seed: number, temperature: number) => string;

/** A function that writes `length` characters, which begin as a line does. */
export function createSampler(model: Model, vocabulary: Vocabulary, length: number): Sampler {
  const run = jit((params: Params, start: NDArray, keys: NDArray, temperature: NDArray) => {
    const write = ([carry, id]: [Carry, NDArray], key: NDArray): [[Carry, NDArray], NDArray] => {
      const [next, scores] = model.step(params, carry, id);
      const chosen = random.categorical(key, scores.div(temperature));
      return [[next, chosen], chosen];
    };
    const [, ids] = lax.scan(write, [model.initialCarry(1), start], keys);
    return ids;
  });
  const start = Int32Array.of(Math.max(0, vocabulary.characters.indexOf("\n")));
  return (params, seed, temperature) => {
    const keys = random.split(random.key(seed), length);
    return vocabulary.decode(run(params, start, keys, temperature).dataSync());
  };
}
