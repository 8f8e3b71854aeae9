export { bits, foldIn, type Keys, key, keyData, split, wrapKeyData } from "./keys.ts";
export { type ChoiceOptions, choice, type PermutationOptions, permutation } from "./permutations.ts";
export {
  bernoulli,
  type CategoricalOptions,
  categorical,
  exponential,
  type GumbelMode,
  gumbel,
  laplace,
  normal,
  randint,
  truncatedNormal,
  uniform,
} from "./samplers.ts";
