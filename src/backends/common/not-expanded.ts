import { InternalError } from "../../core/errors.ts";

/** What no emitter knows: a pass is there for it. */
export function notExpanded(backend: string, what: string): never {
  throw new InternalError(`The ${backend} backend got ${what}, which a pass should have expanded before it.`);
}
