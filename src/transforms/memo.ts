import type { Jaxpr } from "../core/jaxpr.ts";
import { structuralKey } from "../util/key.ts";

/** Remembers a transformation of a jaxpr for as long as the jaxpr lives, so that repeated differentiation is free. */
export function memoByJaxpr<A extends unknown[], R>(
  f: (jaxpr: Jaxpr, ...args: A) => R,
): (jaxpr: Jaxpr, ...args: A) => R {
  const cache = new WeakMap<Jaxpr, Map<string, R>>();
  return (jaxpr, ...args) => {
    let results = cache.get(jaxpr);
    if (!results) cache.set(jaxpr, (results = new Map()));
    const key = structuralKey(args);
    const found = results.get(key);
    if (found !== undefined) return found;
    const result = f(jaxpr, ...args);
    results.set(key, result);
    return result;
  };
}
