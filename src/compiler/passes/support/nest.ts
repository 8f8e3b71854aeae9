/** Perfect nests: loops whose bodies are single loops, taken apart and put together. */
import { isIndependent } from "../../ir/modes.ts";
import type { For, LoopVar, Stmt } from "../../ir/nodes.ts";
import type { Block } from "../../ir/visit.ts";

export interface Nest {
  /** Outermost first. */
  readonly vars: readonly LoopVar[];
  readonly extents: readonly number[];
  readonly body: Block;
}

const isPlain = (s: Stmt | undefined): s is For => s !== undefined && isIndependent(s) && s.lanes === 1;

/** The independent loops around the innermost block of `s`; none when it is another statement. */
export function peel(s: Stmt): Nest {
  const [vars, extents]: [LoopVar[], number[]] = [[], []];
  let body: Block = [s];
  for (let only = body[0]; body.length === 1 && isPlain(only); only = body[0]) {
    vars.push(only.v);
    extents.push(only.extent);
    body = only.body;
  }
  return { vars, extents, body };
}

/** The inverse of {@link peel}: independent loops around a block. */
export function wrap({ vars, extents, body }: Nest): Block {
  return vars.reduceRight<Block>(
    (inner, v, i) => [{ kind: "for", v, extent: extents[i]!, mode: "independent", lanes: 1, body: inner }],
    body,
  );
}
