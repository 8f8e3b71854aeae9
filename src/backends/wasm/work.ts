/** Estimates of how much a block computes, in scalar or vector instructions: what decides about functions and unrolling. */
import { Estimate, UNKNOWN_TRIPS } from "../../compiler/estimate.ts";
import type { Stmt } from "../../compiler/ir/nodes.ts";
import { type Block, exprsOf } from "../../compiler/ir/visit.ts";
import { operations } from "../../compiler/work.ts";

/** Where functions begin and end, in units of work. */
export interface WorkLimits {
  /** Not worth a call. */
  readonly trivial: number;
  /** A call costs nothing in comparison. */
  readonly call: number;
  /** Work of a function that runs a part of the iterations of a long loop. */
  readonly block: number;
  /** A serial loop that may take long in slow code. */
  readonly longSerial: number;
  /** Some milliseconds in slow code: better cut into several calls, whatever the loop. */
  readonly long: number;
  /** What a thread takes at a time of a parallel loop: some microseconds. */
  readonly piece: number;
}
export const WORK_LIMITS: WorkLimits = {
  trivial: 48,
  call: 2_000,
  block: 50_000,
  longSerial: 1_000_000,
  long: 5_000_000,
  piece: 20_000,
};

/** Instructions of vectors of 16 bytes; every statement takes one besides. */
const work = new Estimate({
  own: (s) => exprsOf(s).reduce((sum, e) => sum + operations(e) + 1, 1),
  times(s) {
    const vectors = (lanes: number): number => Math.ceil(lanes / 4) / lanes;
    if (s.kind === "for") return s.extent * vectors(s.lanes);
    if (s.kind === "reduce") return s.extents.reduce((n, e) => n * e, 1) * vectors(s.lanes);
    return s.kind === "while" ? UNKNOWN_TRIPS : 1;
  },
});

export const statementWork = (s: Stmt): number => work.statement(s);
export const blockWork = (block: Block): number => work.block(block);
