/**
 * Loop-invariant code motion: statements that do the same in every iteration leave the loop.
 *
 *     for t < 128 {                              for i < 64 independent { w[i] = f32.neg(p[i]) }
 *       for i < 64 independent {                 for t < 128 {
 *         w[i] = f32.neg(p[i])             =>      for j < 64 independent { y[64*t + j] = w[j] }
 *       }                                        }
 *       for j < 64 independent { y[64*t + j] = w[j] }
 *     }
 *
 * A statement is invariant when it uses nothing that the loop declares, sets or stores to, and stores only to temps that nothing
 * else stores to and that the loop does not read before it. Out of serial loops and `while` go lets, reductions, nests,
 * contractions and the packing of weights; out of independent loops only what has loops itself, because perfect nests
 * vectorise better (`uniform` does the rest afterwards). What runs under `while` may not run at all, so it leaves only when
 * its loads are in range whatever the locals are. Branches of `switch` are never left.
 *
 * Requires: each local and loop variable is declared once. Ensures: the same statements, outside of as many loops as possible.
 */

import { note } from "../../core/journal.ts";
import { describe } from "../ir/describe.ts";
import { isIndependent } from "../ir/modes.ts";
import type { Buffer, For, IndexAtom, Program, Stmt, While } from "../ir/nodes.ts";
import { type Block, forEachStmt, mapStmts, visitParts } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { loadedBy, summaryOf } from "./support/conflict.ts";

type Loop = For | While;

export function licm(program: Program, _target: Target): Program {
  const stores = countStores(program.body);
  const body = mapStmts(program.body, (s) => (isLoop(s) ? new Hoisting(s, stores).result() : s));
  return body === program.body ? program : { ...program, body };
}

const isLoop = (s: Stmt): s is Loop => s.kind === "while" || (s.kind === "for" && s.extent > 0);

type Counts = Map<Buffer, number>;

function countStores(block: Block): Counts {
  const counts: Counts = new Map();
  forEachStmt(block, (s) => visitParts(s, { write: (b) => counts.set(b, (counts.get(b) ?? 0) + 1) }));
  return counts;
}

/** Kinds of statements that may leave; those with loops may leave any loop, the others only ordered ones. */
const MOVABLE: ReadonlyMap<Stmt["kind"], "any" | "ordered"> = new Map([
  ["for", "any"],
  ["contract", "any"],
  ["reduce", "any"],
  ["let", "ordered"],
  ["store", "ordered"],
]);

class Hoisting {
  readonly #loop: Loop;
  /** Store statements in the whole program, and those of the loop that stay in it. */
  readonly #everywhere: Counts;
  readonly #staying: Counts;
  readonly #varying: Set<IndexAtom>;
  readonly #readBefore = new Set<Buffer>();
  readonly #moved: Stmt[] = [];

  constructor(loop: Loop, everywhere: Counts) {
    this.#loop = loop;
    this.#everywhere = everywhere;
    this.#staying = countStores([loop]);
    const { declares, assigns } = summaryOf(loop);
    this.#varying = new Set<IndexAtom>([...declares, ...assigns]);
  }

  result(): Stmt | Block {
    const loop = this.#loop.kind === "for" ? this.#fromFor(this.#loop) : this.#fromWhile(this.#loop);
    return this.#moved.length === 0 ? this.#loop : [...this.#moved, loop];
  }

  #fromFor(s: For): For {
    return { ...s, body: this.#remaining(s.body) };
  }

  #fromWhile(s: While): While {
    const head = this.#remaining(s.head);
    for (const b of loadedBy(s)) this.#readBefore.add(b);
    return { ...s, head, body: this.#remaining(s.body) };
  }

  #remaining(block: Block): Block {
    return block.filter((s) => {
      const leaves = this.#isInvariant(s);
      if (leaves) this.#move(s);
      else for (const b of summaryOf(s).reads) this.#readBefore.add(b);
      return !leaves;
    });
  }

  #move(s: Stmt): void {
    this.#moved.push(s);
    if (s.kind === "for" || s.kind === "contract")
      note("hoisted", () => `${describe(s)} out of ${describe(this.#loop)}`);
    for (const atom of summaryOf(s).declares) this.#varying.delete(atom);
    for (const [b, n] of countStores([s])) this.#staying.set(b, this.#staying.get(b)! - n);
  }

  #isInvariant(s: Stmt): boolean {
    const from = MOVABLE.get(s.kind);
    if (!from || (from === "ordered" && isIndependent(this.#loop))) return false;
    const { declares, uses, assigns, reads, calls } = summaryOf(s);
    const isOurs = (atom: IndexAtom): boolean => declares.has(atom) || !this.#varying.has(atom);
    return (
      !calls &&
      [...uses].every(isOurs) &&
      [...assigns].every((l) => declares.has(l)) &&
      [...reads].every((b) => (this.#staying.get(b) ?? 0) === 0) &&
      [...countStores([s])].every(([b, n]) => this.#mayLeave(b, n)) &&
      (this.#loop.kind === "for" || isAlwaysInRange(s))
    );
  }

  /** Whether a buffer has all its stores in a statement that makes `n` of them. */
  #mayLeave(b: Buffer, n: number): boolean {
    return b.role === "temp" && this.#everywhere.get(b) === n && !this.#readBefore.has(b);
  }
}

/** Whether all accesses of a statement are at indices made of its own loop variables alone. */
function isAlwaysInRange(s: Stmt): boolean {
  const { accesses, extents } = summaryOf(s);
  return [...accesses.values()].flat().every((a) => a.index.terms.every((t) => extents.has(t.atom)));
}
