export { bits, foldIn, key, keyData, split, wrapKeyData } from "./keys.ts";
export {
  bernoulli,
  categorical,
  exponential,
  gumbel,
  normal,
  randint,
  truncatedNormal,
  uniform,
} from "./samplers.ts";
