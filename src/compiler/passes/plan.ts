/**
 * Plan: where in the arena each temp lies. Temps that are never live at the same time share memory.
 *
 *     t0 is used by statements 0 to 1        t0 at 0      (64-byte aligned above 1 KiB, else 16)
 *     t1 is used by statements 1 to 2   =>   t1 at 4096
 *     t2 is used by statements 2 to 3        t2 at 0
 *
 * A temp lives from the first to the last statement that touches it, in the innermost block that holds them all. When that block
 * is the body of a loop and an iteration may read what an earlier one stored (or what stood there before), the temp lives for as
 * long as the loop runs; a loop counts as one statement of the block around it. The largest temps are placed first, each at the
 * lowest place that is free while it lives.
 *
 * Requires: nothing. Ensures: buffers that are live together do not overlap. Near-linear but for the placing, quadratic in the
 * number of temps.
 */

import { byteSize } from "../../core/dtype.ts";
import type { Neighbour } from "../ir/defined.ts";
import { isParallel } from "../ir/modes.ts";
import type { Buffer, Program, Stmt } from "../ir/nodes.ts";
import { type Block, blocksOf } from "../ir/visit.ts";
import { loadedBy, summaryOf } from "./support/conflict.ts";
import { readsUndefined } from "./support/coverage.ts";

export interface MemoryPlan {
  /** Byte offset in the arena of every temp that the program touches. */
  readonly offsets: ReadonlyMap<Buffer, number>;
  /** Size of the arena. */
  readonly bytes: number;
}

/** The temps that share bytes with `b`, and where b begins as seen from them. */
export function neighbours({ offsets }: MemoryPlan, b: Buffer): Neighbour[] {
  const at = offsets.get(b);
  if (at === undefined) return [];
  return [...offsets]
    .filter(([c, from]) => c !== b && from < at + bytesOf(b) && at < from + bytesOf(c))
    .map(([buffer, from]) => ({ buffer, shift: at - from }));
}

/** First and last place, both included, in the order of a walk over all statements. */
interface Life {
  readonly from: number;
  readonly to: number;
}

export function planMemory(program: Program): MemoryPlan {
  const lives = new Lifetimes(program).lives;
  const bySize = [...lives.keys()].sort((a, b) => bytesOf(b) - bytesOf(a));
  const placed: Placed[] = [];
  for (const buffer of bySize) placed.push({ buffer, at: lowestPlace(buffer, lives, placed) });
  const bytes = placed.reduce((end, p) => Math.max(end, p.at + bytesOf(p.buffer)), 0);
  return { offsets: new Map(placed.map((p) => [p.buffer, p.at])), bytes: alignUp(bytes, LARGE_ALIGNMENT) };
}

// ------------------------------------------------------------------------------------------------ lifetimes

class Lifetimes {
  readonly lives = new Map<Buffer, Life>();
  readonly #spans = new Map<Stmt, Life>();
  #now = 0;

  constructor(program: Program) {
    this.#number(program.body);
    const temps = new Set(program.temps);
    for (const [buffer, life] of this.#livesIn(program.body, temps)) this.lives.set(buffer, life);
  }

  #number(block: Block): void {
    for (const s of block) {
      const from = this.#now++;
      for (const inner of blocksOf(s)) this.#number(inner);
      this.#spans.set(s, { from, to: this.#now++ });
    }
  }

  /** Lives of those `temps` that the block touches. */
  #livesIn(block: Block, temps: ReadonlySet<Buffer>): Map<Buffer, Life> {
    const users = new Map<Buffer, Stmt[]>();
    for (const s of block) {
      const { reads, writes } = summaryOf(s);
      for (const b of new Set([...reads, ...writes]))
        if (temps.has(b)) users.set(b, [...(users.get(b) ?? []), s]);
    }
    const lives = new Map<Buffer, Life>();
    const inside = new Map<Stmt, Set<Buffer>>();
    for (const [buffer, stmts] of users) {
      const [only] = stmts;
      if (stmts.length > 1) lives.set(buffer, this.#around(stmts));
      else inside.set(only!, (inside.get(only!) ?? new Set()).add(buffer));
    }
    for (const [s, buffers] of inside) {
      for (const b of buffers) lives.set(b, this.#spans.get(s)!);
      for (const [b, life] of this.#withinStmt(s, buffers)) lives.set(b, life);
    }
    return lives;
  }

  #around(stmts: readonly Stmt[]): Life {
    return { from: this.#spans.get(stmts[0]!)!.from, to: this.#spans.get(stmts.at(-1)!)!.to };
  }

  /** Lives that are shorter than `s`, of temps that only `s` touches. */
  #withinStmt(s: Stmt, buffers: ReadonlySet<Buffer>): Map<Buffer, Life> {
    // Threads are in different places of the body at the same time.
    if (isParallel(s)) return new Map();
    if (s.kind !== "for" && s.kind !== "switch" && s.kind !== "while") return new Map();
    const blocks = blocksOf(s);
    const tested = loadedBy(s);
    const own = new Set([...buffers].filter((b) => !tested.has(b) && this.#isPrivate(b, blocks)));
    return new Map(blocks.flatMap((block) => [...this.#livesIn(block, own)]));
  }

  /** Whether a temp is used by one of these blocks only, which defines it each time before it reads it. */
  #isPrivate(b: Buffer, blocks: readonly Block[]): boolean {
    const users = blocks.filter((block) => block.some((s) => touches(s, b)));
    return users.length === 1 && !readsUndefined(users[0]!, b);
  }
}

function touches(s: Stmt, b: Buffer): boolean {
  const { reads, writes } = summaryOf(s);
  return reads.has(b) || writes.has(b);
}

// ------------------------------------------------------------------------------------------------ placing

interface Placed {
  readonly buffer: Buffer;
  readonly at: number;
}

const LARGE = 1024;
const LARGE_ALIGNMENT = 64;
const SMALL_ALIGNMENT = 16;

const bytesOf = (b: Buffer): number => b.size * byteSize(b.dtype);
const alignUp = (n: number, alignment: number): number => Math.ceil(n / alignment) * alignment;
const overlap = (a: Life, b: Life): boolean => a.from <= b.to && b.from <= a.to;

function lowestPlace(buffer: Buffer, lives: ReadonlyMap<Buffer, Life>, placed: readonly Placed[]): number {
  const life = lives.get(buffer)!;
  const alignment = bytesOf(buffer) > LARGE ? LARGE_ALIGNMENT : SMALL_ALIGNMENT;
  const taken = placed.filter((p) => overlap(life, lives.get(p.buffer)!)).sort((a, b) => a.at - b.at);
  let at = 0;
  for (const p of taken) {
    if (at + bytesOf(buffer) <= p.at) break;
    at = Math.max(at, alignUp(p.at + bytesOf(p.buffer), alignment));
  }
  return at;
}
