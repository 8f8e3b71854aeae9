/** The browser's side of `#tiers`; see `tiers-node.ts`. */

/** Pages start no compiler. */
export const nativeHost: undefined = undefined;

/** Pages compile all programs, and load less. */
export const interpret: undefined = undefined;

/** Nobody asks for collections here; pages return to their event loop, and learn there what is garbage. */
export const garbageCollector: undefined = undefined;
