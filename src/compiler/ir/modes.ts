/** What the modes of loops promise. A new mode is a row here, and a case in every emitter. */
import type { For, Stmt } from "./nodes.ts";
import { type Block, forEachStmt } from "./visit.ts";

export type Mode = For["mode"];

interface Promises {
  /** Iterations run one after the other. */
  readonly ordered: boolean;
  /** They are spread over threads. */
  readonly spread: boolean;
}

const MODES: Readonly<Record<Mode, Promises>> = {
  serial: { ordered: true, spread: false },
  independent: { ordered: false, spread: false },
  parallel: { ordered: false, spread: true },
};

export type SerialLoop = For & { readonly mode: "serial" };
/** A loop whose iterations must keep their order. */
export const isSerial = (s: Stmt): s is SerialLoop => s.kind === "for" && MODES[s.mode].ordered;

export type FreeLoop = For & { readonly mode: "independent" };
/** A loop whose iterations may run in any order, and on one thread: what passes may still reshape. */
export const isIndependent = (s: Stmt): s is FreeLoop =>
  s.kind === "for" && !MODES[s.mode].ordered && !MODES[s.mode].spread;

type SpreadLoop = For & { readonly mode: "parallel" };
export const isParallel = (s: Stmt): s is SpreadLoop => s.kind === "for" && MODES[s.mode].spread;

export function hasParallelLoop(body: Block): boolean {
  let found = false;
  forEachStmt(body, (s) => {
    found ||= isParallel(s);
  });
  return found;
}
