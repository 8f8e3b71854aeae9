/** The public `tree` namespace: pytrees, with stacking of arrays. */
export { stackTrees as stack, unstackTrees as unstack } from "../lax/trees.ts";
export * from "../tree/index.ts";
