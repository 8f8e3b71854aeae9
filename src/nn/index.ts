export {
  celu,
  elu,
  gelu,
  glu,
  hardSigmoid,
  hardSilu,
  hardSwish,
  hardTanh,
  identity,
  leakyRelu,
  log1mexp,
  logSigmoid,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softSign,
  sparsePlus,
  sparseSigmoid,
  squareplus,
  swish,
} from "./activations.ts";
export {
  type Cell,
  type CellOptions,
  elmanCell,
  type GateParams,
  type GruParams,
  gruCell,
  type LstmCarry,
  lstmCell,
} from "./cells.ts";
export type { Initializer } from "./initializers.ts";
export * as initializers from "./initializers.ts";
export { type DenseParams, dense, type EmbeddingParams, embedding, type Layer } from "./layers.ts";
export { type RunOptions, run, stack } from "./recurrent.ts";
export { logmeanexp, logSoftmax, logsumexp, oneHot, softmax, standardize } from "./softmax.ts";
