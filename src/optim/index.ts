export {
  type AdamOptions,
  type AdamState,
  adam,
  adamw,
  momentumTrace,
  scaleByAdam,
  sgd,
  type TraceState,
} from "./optimizers.ts";
export {
  addDecayedWeights,
  clipByGlobalNorm,
  clipByValue,
  globalNorm,
  type RateState,
  type Schedule,
  scale,
  scaleByLearningRate,
  scaleBySchedule,
} from "./scale.ts";
export {
  applyUpdates,
  chain,
  type EmptyState,
  type GradientTransformation,
  type StateOf,
} from "./transformation.ts";
