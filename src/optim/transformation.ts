/** Gradient transformations in the manner of optax: pure functions over trees, usable inside jit and scan. */
import type { NDArray } from "../core/array.ts";
import { convertElementType } from "../lax/cast.ts";
import { arrayLeaves, toArrays } from "../lax/leaves.ts";
import { add } from "../numpy/computing.ts";
import type { MapTree } from "../tree/index.ts";
import * as tree from "../tree/index.ts";
import { checkCallable } from "../util/options.ts";

/** A tree with arrays as leaves. */
export type Arrays<T> = MapTree<T, NDArray>;

/**
 * An optimizer or a part of one. `update` turns gradients into updates, which {@link applyUpdates} adds to the parameters;
 * what it must remember is the state, a tree that can be carried through jit and scan.
 */
export interface GradientTransformation<State = unknown> {
  init<P>(params: P): State;
  update<P>(grads: P, state: State, params?: unknown): [updates: Arrays<P>, state: State];
}

/**
 * The state of an optimizer.
 * @example
 * const rule = optim.adam(0.01);
 * const state: optim.StateOf<typeof rule> = rule.init({ w: np.ones([2]) });
 */
export type StateOf<T> = T extends GradientTransformation<infer State> ? State : never;

/** The state of transformations that remember nothing. */
export type EmptyState = readonly [];

/** A transformation without memory. */
export const stateless = (
  update: (grads: unknown, params: unknown) => unknown,
): GradientTransformation<EmptyState> => ({
  init: () => [],
  update: <P>(grads: P, state: EmptyState, params?: unknown) => [update(grads, params) as Arrays<P>, state],
});

/** tree.map for the function `caller` of trees whose static structure does not matter here. */
export function mapLeaves(
  caller: string,
  f: (...leaves: NDArray[]) => NDArray,
  first: unknown,
  ...rest: unknown[]
): unknown {
  const [leaves, def] = arrayLeaves(first, { where: `${caller}: the leaf ` });
  const others = rest.map((t) =>
    toArrays(tree.flattenUpTo(def, t, caller), def, { where: `${caller}: the leaf ` }),
  );
  return tree.unflatten(
    def,
    leaves.map((x, i) => f(x, ...others.map((o) => o[i]!))),
  );
}

/**
 * Applies transformations one after the other: the updates of one are the gradients of the next.
 * @throws WeftTypeError for parts without `init` and `update`
 * Source: `optax.chain`.
 * @example optim.chain(optim.clipByValue(1), optim.scale(-0.5)).update([3], [[], []])[0] // => [-0.5]
 */
export function chain<const States extends readonly unknown[]>(
  ...parts: { readonly [K in keyof States]: GradientTransformation<States[K]> }
): GradientTransformation<{ -readonly [K in keyof States]: States[K] }> {
  const all = parts as readonly GradientTransformation[];
  for (const [i, t] of all.entries())
    for (const method of ["init", "update"] as const)
      checkCallable(`optim.chain: ${method} of part ${i}`, t?.[method]);
  return {
    init: (params) => all.map((t) => t.init(params)) as never,
    update<P>(grads: P, states: readonly unknown[], params?: unknown) {
      let updates: unknown = grads;
      const next = all.map((t, i) => {
        const [u, s] = t.update(updates, states[i], params);
        updates = u;
        return s;
      });
      return [updates as Arrays<P>, next as never];
    },
  };
}

/**
 * Parameters plus updates, leaf by leaf; parameters keep their dtype.
 * @throws WeftTypeError when the trees do not match
 * Source: `optax.apply_updates`.
 * @example optim.applyUpdates({ w: np.array([1, 2]) }, { w: np.array([0.5, -1]) }) // => { w: [1.5, 1] }
 */
export function applyUpdates<P extends tree.TreeOf<P, NDArray> & (object | null | undefined)>(
  params: P,
  updates: unknown,
): P;
/**
 * Parameters plus updates, where some parameters are plain numbers.
 * @example optim.applyUpdates({ w: 1 }, { w: np.array(0.5) }) // => { w: 1.5 }
 */
export function applyUpdates<P>(params: P, updates: unknown): Arrays<P>;
export function applyUpdates(params: unknown, updates: unknown): unknown {
  return mapLeaves("optim.applyUpdates", (p, u) => convertElementType(add(p, u), p.dtype), params, updates);
}
