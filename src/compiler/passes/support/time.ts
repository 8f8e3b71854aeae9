/** How long statements take, in nanoseconds on current cores, within a factor of about two. */
import { byteSize } from "../../../core/dtype.ts";
import { costOf } from "../../../core/scalar.ts";
import type { Expr, Stmt } from "../../ir/nodes.ts";
import { type Block, blocksOf, exprsOf, forEachExpr, isLeaf, type Store } from "../../ir/visit.ts";
import type { Target } from "../../target.ts";

const OPERATION = 0.1;
const STORE = 0.2;
/** Of what is stored in arrays larger than the first-level cache; reading what they are made from is included. */
const BYTES_PER_NS = 16;
const HOST_NS = 1000;
const SLOW_OPERATION = 1;
/** What handing a parallel loop over costs, waiting for the slower thread included. */
export const HANDOVER_NS = 3_000;
/** Iterations assumed of a loop whose count is not known. */
const SOME = 16;

const isParallel = (s: Stmt): boolean => s.kind === "for" && s.mode === "parallel";

/** Remembers what it was asked: statements do not change. */
export class Stopwatch {
  readonly #target: Target;
  readonly #lanes: number;
  readonly #known: Map<Stmt, number> = new Map();

  constructor(target: Target) {
    this.#target = target;
    this.#lanes = target.vectorBytes / 4;
  }

  readonly block = (block: Block): number => block.reduce((sum, s) => sum + this.statement(s), 0);

  statement(s: Stmt): number {
    let time = this.#known.get(s);
    if (time === undefined) this.#known.set(s, (time = this.#measure(s)));
    return time;
  }

  #measure(s: Stmt): number {
    const own = exprsOf(s).reduce(
      (sum, e) => sum + expressionTime(e),
      s.kind === "store" ? this.#store(s) : 0,
    );
    const inner = blocksOf(s).reduce((sum, b) => sum + this.block(b), 0);
    return this.#trips(s) * (own + inner) + this.#overhead(s);
  }

  /** Storing one vector. */
  #store({ buffer }: Store): number {
    const { vectorBytes, l1Bytes } = this.#target;
    return buffer.size * byteSize(buffer.dtype) > l1Bytes ? vectorBytes / BYTES_PER_NS : STORE;
  }

  #overhead(s: Stmt): number {
    if (s.kind === "host") return HOST_NS;
    return isParallel(s) && this.#target.threads > 1 ? HANDOVER_NS : 0;
  }

  /** How often a thread does what one vector, or one scalar, needs. */
  #trips(s: Stmt): number {
    const wide = (lanes: number): number => Math.ceil(lanes / this.#lanes) / lanes;
    if (s.kind === "for")
      return (isParallel(s) ? Math.ceil(s.extent / this.#target.threads) : s.extent) * wide(s.lanes);
    if (s.kind === "reduce") return s.extents.reduce((n, e) => n * e, 1) * wide(s.lanes);
    return s.kind === "while" ? SOME : 1;
  }
}

function expressionTime(root: Expr): number {
  let time = OPERATION;
  forEachExpr(root, (e) => {
    if (!isLeaf(e)) time += "fn" in e && costOf(e.fn) === "slow" ? SLOW_OPERATION : OPERATION;
  });
  return time;
}
