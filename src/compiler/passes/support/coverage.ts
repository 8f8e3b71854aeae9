/**
 * Which elements of a temp are defined when a loop body reads it: whether one iteration may see what another one stored.
 */
import { coeffOf } from "../../ir/affine.ts";
import { MAX_ELEMENTS } from "../../ir/elements.ts";
import type { Affine, Buffer, Stmt } from "../../ir/nodes.ts";
import { type Block, blocksOf, contractExtents } from "../../ir/visit.ts";
import type { Axis } from "./align.ts";
import { loadedBy, summaryOf } from "./conflict.ts";

/** Whether running `block` may read an element of `buffer` that it has not stored to before. */
export function readsUndefined(block: Block, buffer: Buffer): boolean {
  return buffer.size > MAX_ELEMENTS || new Coverage(buffer).exposes(block);
}

class Coverage {
  readonly #buffer: Buffer;
  readonly #defined: Uint8Array;
  #missing: number;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
    this.#defined = new Uint8Array(buffer.size);
    this.#missing = buffer.size;
  }

  exposes(block: Block): boolean {
    return block.some((s) => this.#exposedBy(s));
  }

  /** Runs in mind: may `s` read what is not defined? Afterwards what it surely stores to is. */
  #exposedBy(s: Stmt): boolean {
    const { reads, writes } = summaryOf(s);
    if (this.#missing === 0 || !(reads.has(this.#buffer) || writes.has(this.#buffer))) return false;
    if (reads.has(this.#buffer) && this.#readsTooEarly(s)) return true;
    if (writes.has(this.#buffer)) this.#define(s, []);
    return false;
  }

  /** The first iteration of a loop is as good as any: what it defines is fixed by the loops inside of it. */
  #readsTooEarly(s: Stmt): boolean {
    const isSequence = s.kind === "for" || s.kind === "switch";
    if (!isSequence || loadedBy(s).has(this.#buffer)) return true;
    return blocksOf(s).some((inner) => this.#fork().exposes(inner));
  }

  /** A copy: what one branch or iteration defines does not help the next. */
  #fork(): Coverage {
    const copy = new Coverage(this.#buffer);
    copy.#defined.set(this.#defined);
    copy.#missing = this.#missing;
    return copy;
  }

  /** Marks what `s` stores to whatever happens; `axes` are the loops around it. */
  #define(s: Stmt, axes: readonly Axis[]): void {
    if (!summaryOf(s).writes.has(this.#buffer)) return;
    if (s.kind === "store") this.#mark(s.index, axes);
    const around = axesOf(s);
    if (!around) return;
    for (const b of blocksOf(s)) for (const child of b) this.#define(child, [...axes, ...around]);
  }

  #mark(index: Affine, axes: readonly Axis[]): void {
    const known = new Set<unknown>(axes.map((a) => a.v));
    if (!index.terms.every((t) => known.has(t.atom))) return;
    const walks = axes
      .map((a) => ({ step: coeffOf(index, a.v), extent: a.extent }))
      .filter((w) => w.step !== 0);
    if (walks.some((w) => w.step < 0)) return;
    this.#walk(
      index.offset,
      walks.sort((a, b) => b.step - a.step),
      0,
    );
  }

  #walk(from: number, walks: readonly { step: number; extent: number }[], depth: number): void {
    const { step, extent } = walks[depth] ?? { step: 1, extent: 1 };
    if (step === 1) this.#fill(from, from + extent);
    else for (let i = 0; i < extent; i++) this.#walk(from + i * step, walks, depth + 1);
  }

  #fill(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.#missing -= 1 - this.#defined[i]!;
      this.#defined[i] = 1;
    }
  }
}

/** The loops that a statement runs all of its blocks in; undefined when it may not run them. */
function axesOf(s: Stmt): Axis[] | undefined {
  if (s.kind === "for") return [{ v: s.v, extent: s.extent }];
  if (s.kind !== "contract") return undefined;
  const extents = contractExtents(s);
  return s.vars.map((v, i) => ({ v, extent: extents[i]! }));
}
