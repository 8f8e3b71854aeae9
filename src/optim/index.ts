export {
  type AdamOptions,
  type AdamState,
  adam,
  adamw,
  momentumTrace,
  scaleByAdam,
  sgd,
} from "./optimizers.ts";
export {
  addDecayedWeights,
  clipByGlobalNorm,
  clipByValue,
  globalNorm,
  type Schedule,
  scale,
  scaleByLearningRate,
  scaleBySchedule,
} from "./scale.ts";
export { applyUpdates, chain, type GradientTransformation } from "./transformation.ts";
