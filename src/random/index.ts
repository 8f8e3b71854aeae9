export { bits, foldIn, key, keyData, split, wrapKeyData } from "./keys.ts";
export { type ChoiceOptions, choice, permutation } from "./permutations.ts";
export {
  bernoulli,
  categorical,
  exponential,
  gumbel,
  laplace,
  normal,
  randint,
  truncatedNormal,
  uniform,
} from "./samplers.ts";
