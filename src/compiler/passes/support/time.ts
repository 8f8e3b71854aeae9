/** How long statements take, in nanoseconds on current cores, within a factor of about two. */
import { byteSize } from "../../../core/dtype.ts";
import { costOf } from "../../../core/scalar.ts";
import { Estimate, type Measure, UNKNOWN_TRIPS } from "../../estimate.ts";
import { isParallel } from "../../ir/modes.ts";
import type { Expr, Stmt } from "../../ir/nodes.ts";
import { exprsOf, forEachExpr, isLeaf, type Store } from "../../ir/visit.ts";
import type { Target } from "../../target.ts";

export class Stopwatch extends Estimate {
  readonly target: Target;

  constructor(target: Target) {
    super(new Nanoseconds(target));
    this.target = target;
  }
}

class Nanoseconds implements Measure {
  readonly #target: Target;
  readonly #lanes: number;

  constructor(target: Target) {
    this.#target = target;
    this.#lanes = target.vectorBytes / 4;
  }

  own(s: Stmt): number {
    const computed = exprsOf(s).reduce((sum, e) => sum + this.#expression(e), 0);
    return computed + (s.kind === "store" ? this.#store(s) : 0);
  }

  #expression(root: Expr): number {
    const { operation, slowOperation } = this.#target.times;
    let time = operation;
    forEachExpr(root, (e) => {
      if (!isLeaf(e)) time += "fn" in e && costOf(e.fn) === "slow" ? slowOperation : operation;
    });
    return time;
  }

  /** Storing one vector. */
  #store({ buffer }: Store): number {
    const { vectorBytes, l1Bytes, times } = this.#target;
    return buffer.size * byteSize(buffer.dtype) > l1Bytes ? vectorBytes / times.bytesPerNs : times.store;
  }

  once(s: Stmt): number {
    const { times, threads } = this.#target;
    if (s.kind === "host") return times.host;
    return isParallel(s) && threads > 1 ? times.handover : 0;
  }

  /** How often a thread does what one vector, or one scalar, needs. */
  times(s: Stmt): number {
    const wide = (lanes: number): number => Math.ceil(lanes / this.#lanes) / lanes;
    if (s.kind === "for")
      return (isParallel(s) ? Math.ceil(s.extent / this.#target.threads) : s.extent) * wide(s.lanes);
    if (s.kind === "reduce") return s.extents.reduce((n, e) => n * e, 1) * wide(s.lanes);
    return s.kind === "while" ? UNKNOWN_TRIPS : 1;
  }
}
