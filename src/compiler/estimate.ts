/** How much statements are: one recursion for all that is asked, in whatever unit. */
import type { Stmt } from "./ir/nodes.ts";
import { type Block, blocksOf } from "./ir/visit.ts";

/** Iterations assumed of a loop whose count is not known. */
export const UNKNOWN_TRIPS = 16;

/** What a statement is by itself. */
export interface Measure {
  /** Every time that its blocks run. */
  own(s: Stmt): number;
  /** How often they do. */
  times(s: Stmt): number;
  /** Once, however often they run. Default: nothing. */
  once?(s: Stmt): number;
}

/** Remembers what it was asked: statements do not change. */
export class Estimate {
  readonly #measure: Measure;
  readonly #known: WeakMap<Stmt, number> = new WeakMap();

  constructor(measure: Measure) {
    this.#measure = measure;
  }

  readonly block = (block: Block): number => block.reduce((sum, s) => sum + this.statement(s), 0);

  statement(s: Stmt): number {
    let known = this.#known.get(s);
    if (known === undefined) this.#known.set(s, (known = this.#estimate(s)));
    return known;
  }

  #estimate(s: Stmt): number {
    const inner = blocksOf(s).reduce((sum, b) => sum + this.block(b), 0);
    return this.around(s, inner);
  }

  /** A statement whose blocks together are `inner`. */
  around(s: Stmt, inner: number): number {
    return this.#measure.times(s) * (this.#measure.own(s) + inner) + (this.#measure.once?.(s) ?? 0);
  }
}
