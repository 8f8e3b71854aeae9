/**
 * Proves that whatever a program reads was stored before in the same run, on every path, and that it stores every element of its
 * results.
 *
 *     for t < 3 { for i < 4 independent { h[4*t + i + 4] = f(h[4*t + i]) } }     needs h[0 … 3] before
 *
 * The program runs in mind, without values: of a buffer those elements are known that are stored for sure. A loop is *walked*,
 * all of its iterations at once, each access being a box of elements. What is stored at a place that moves with a walked loop
 * is there for the same iteration at the same index, and for everybody when the loop has ended; what is stored at a place that
 * does not move is there at once. When that proves too little (an iteration reads what an earlier one stored, or a tile of another
 * shape), the loop is *stepped*: one iteration after the other, with everything computed that follows from loop variables.
 * Of a `while` one iteration is enough; branches leave what all of them store.
 *
 * The same tells whether buffers may share bytes ({@link Neighbour}): a store to one of them takes away what was stored to the others.
 * Then what a loop takes away is missing in its next iteration, so a second one is walked.
 *
 * Indices that depend on data are intervals, as `min` and `max` with constants bound them: a load may be anywhere in there, a store
 * counts for nothing. So there are programs of which this is not known: those that build an array by stores at computed places,
 * those that read a part of an array at places nothing bounds (as a sort reads by the indices that it moves), and those with too many
 * steps. The interpreter checks every access when it runs (backends/interp/memory.ts).
 */
import { byteSize } from "../../core/dtype.ts";
import { InternalError } from "../../core/errors.ts";
import { constant, substituteAtoms } from "./affine.ts";
import {
  type Change,
  commonRuns,
  Elements,
  MAX_ELEMENTS,
  type Overlap,
  type Run,
  Trail,
  type Walk,
} from "./elements.ts";
import { COMPUTED, DATA, type Interval, intervalOf, isPoint } from "./interval.ts";
import type {
  Affine,
  Buffer,
  Contract,
  ContractOperand,
  Expr,
  IndexAtom,
  Local,
  LoopVar,
  Program,
  Stmt,
  Switch,
  While,
} from "./nodes.ts";
import { printStmt } from "./print.ts";
import { asAffine, type Block, contractExtents, effects, exprsOf, forEachExpr } from "./visit.ts";

/** Whether it is proved; `unknown` when that depends on data or takes too long. */
type Verdict = "proved" | "unknown";

/** A buffer that shares bytes with another one, which begins `shift` bytes behind its beginning. */
export interface Neighbour {
  readonly buffer: Buffer;
  readonly shift: number;
}
type Neighbours = (b: Buffer) => readonly Neighbour[];
const ALONE: Neighbours = () => [];

/** Iterations that are stepped at most. */
const MAX_STEPS = 100_000;

/**
 * @param afterPass the pass that made the program: named in the error.
 * @param neighbours buffers with common memory; without them, each has its own.
 * @throws InternalError when a statement reads what was not stored, or what was stored over, or a result is not stored to everywhere.
 */
export function verifyDefined(program: Program, afterPass: string, neighbours: Neighbours = ALONE): Verdict {
  const run = new Definedness(program, neighbours);
  try {
    run.program(program);
  } catch (error) {
    if (error instanceof TooLong) return "unknown";
    if (error instanceof Doubt)
      throw new InternalError(`loop IR is invalid after ${afterPass}: ${error.message}`);
    throw error;
  }
  return run.verdict;
}

/** A set as seen from itself. */
const SAME: Overlap = { shift: 0, size: 1, otherSize: 1 };

/** Not proved; a loop around may be stepped instead of walked. */
class Doubt extends Error {}
class TooLong extends Error {}

/** What a loop that is walked stores where it moves. */
interface Pending {
  readonly buffer: Buffer;
  readonly from: number;
  readonly walks: readonly Walk[];
  readonly key: string;
}
interface Walked {
  readonly extent: number;
  pending: Pending[];
  /** What stores in it do to their neighbours, once more when it ends: that may be later than what is pending. */
  readonly clearing: (() => void)[];
}

/** A neighbour that is looked at, and how it lies. */
interface Shared extends Overlap {
  readonly buffer: Buffer;
  readonly set: Elements;
}

/** An index over the loops that are walked. */
interface Box {
  readonly from: number;
  readonly walks: readonly Walk[];
  /** The loops that move it. */
  readonly moving: readonly Walked[];
  /** Of what is not a loop variable: whether it follows from them; undefined when there is nothing else. */
  readonly rest: "computed" | "data" | undefined;
}

const keyOf = (b: Buffer, { offset, terms }: Affine): string =>
  `${b.id}:${offset}${terms.map((t) => ` ${t.coeff}*${t.atom.id}`).join("")}`;

class Definedness {
  verdict: Verdict = "proved";
  readonly #stored = new Map<Buffer, Elements>();
  /** Buffers with stores at places that depend on data. */
  readonly #loose = new Set<Buffer>();
  readonly #trail = new Trail();
  /** Accesses that were stored in the iteration at hand, in order. */
  readonly #recent: string[] = [];
  readonly #walked = new Map<IndexAtom, Walked>();
  readonly #indices = new Map<IndexAtom, Affine>();
  readonly #intervals = new Map<IndexAtom, Interval>();
  readonly #mutable: ReadonlySet<Local>;
  readonly #shared = new Map<Buffer, readonly Shared[]>();
  #steps = 0;
  #stmt: Stmt | undefined;

  constructor(p: Program, neighbours: Neighbours) {
    const made = [...p.outputs, ...p.temps];
    for (const b of made)
      if (b.size <= MAX_ELEMENTS) this.#stored.set(b, new Elements(b.size));
      else this.verdict = "unknown";
    for (const b of made)
      this.#shared.set(
        b,
        neighbours(b).flatMap((n) => this.#sharedBy(b, n)),
      );
    this.#mutable = effects(p.body).assigns;
  }

  #sharedBy(b: Buffer, { buffer, shift }: Neighbour): Shared[] {
    const set = this.#stored.get(buffer);
    return set ? [{ buffer, set, shift, size: byteSize(buffer.dtype), otherSize: byteSize(b.dtype) }] : [];
  }

  program(p: Program): void {
    this.#block(p.body);
    this.#stmt = undefined;
    for (const b of p.outputs)
      if (this.#stored.get(b)?.complete === false)
        this.#doubt(b, `result ${b.name} is not stored to everywhere`);
  }

  /** Throws, unless stores whose place is not known may be the answer. */
  #doubt(b: Buffer, message: string): void {
    if (this.#loose.has(b)) {
      this.verdict = "unknown";
      return;
    }
    const [first] = this.#stmt ? printStmt(this.#stmt).split("\n") : [];
    throw new Doubt(first ? `${message}\nin\n  ${first}` : message);
  }

  #step(): void {
    if (++this.#steps > MAX_STEPS) throw new TooLong();
  }

  // -------------------------------------------------------------------------------------------- statements

  #block = (block: Block): void => {
    for (const s of block) {
      this.#stmt = s;
      (this.#statements[s.kind] as (s: Stmt) => void)(s);
    }
  };

  readonly #statements: { readonly [K in Stmt["kind"]]: (s: Extract<Stmt, { kind: K }>) => void } = {
    for: (s) => this.#loops([s.v], [s.extent], s.body, () => this.#block(s.body)),
    store: (s) => {
      this.#loads(s);
      this.#store(s.buffer, s.index);
    },
    let: (s) => {
      this.#loads(s);
      this.#bind(s.local, s.value);
    },
    var: (s) => {
      this.#loads(s);
      this.#bind(s.local, s.init);
    },
    set: (s) => {
      this.#loads(s);
      this.#bind(s.local, s.value);
    },
    reduce: (s) => {
      this.#expr(s.init);
      this.#loops(s.vars, s.extents, s.body, () => {
        this.#block(s.body);
        this.#stmt = s;
        this.#expr(s.value);
      });
      this.#forget([s.acc], DATA);
    },
    contract: (s) => this.#contract(s),
    while: (s) => this.#while(s),
    switch: (s) => this.#switch(s),
    host: (s) => {
      for (const { buffer, index, aval } of s.args)
        this.#load(buffer, index, [{ step: 1, extent: aval.size }]);
    },
  };

  #contract(s: Contract): void {
    const operand = (x: ContractOperand, free: readonly number[]): void => {
      const extents = [...s.batchExtents, ...free, ...s.kExtents];
      const strides = [...x.batch, ...x.free, ...x.reduced];
      this.#load(
        x.buffer,
        x.base,
        strides.map((step, i) => ({ step, extent: extents[i]! })),
      );
    };
    const operands = (): void => {
      operand(s.lhs, s.mExtents);
      operand(s.rhs, s.nExtents);
    };
    operands();
    this.#forget([s.acc], DATA);
    this.#loops(s.vars, contractExtents(s), s.epilogue, () => this.#block(s.epilogue));
    // They are read until the last element is there.
    this.#stmt = s;
    operands();
  }

  /** It is not known whether the body runs, and nothing is known of what it changes. */
  #while(s: While): void {
    this.#block(s.head);
    this.#stmt = s;
    this.#expr(s.cond);
    let holds = this.#interval(s.cond);
    for (; isPoint(holds) && holds.low !== 0; holds = this.#interval(s.cond)) {
      this.#step();
      this.#block(s.body);
      this.#block(s.head);
    }
    if (isPoint(holds)) return;
    const { assigns } = effects([s]);
    const iterate = (): readonly Run[] => {
      this.#forget([...assigns], DATA);
      const { lost } = this.#attempt(() => {
        this.#block(s.body);
        this.#block(s.head);
      });
      this.#lose(lost);
      return lost;
    };
    if (iterate().length > 0) iterate();
    this.#forget([...assigns], DATA);
  }

  #lose(runs: readonly Run[]): void {
    for (const { set, from, to } of runs)
      set.clear(from, [{ step: 1, extent: to - from }], SAME, this.#trail);
  }

  #switch(s: Switch): void {
    this.#loads(s);
    const index = this.#interval(s.index);
    const chosen = isPoint(index) ? s.branches[index.low] : undefined;
    if (chosen) {
      this.#block(chosen);
      return;
    }
    const outcomes = s.branches.map((branch) => this.#attempt(() => this.#block(branch)));
    this.#forget([...effects([s]).assigns], DATA);
    for (const { set, from, to } of commonRuns(outcomes.map((o) => o.gained)))
      set.fill(from, [{ step: 1, extent: to - from }], this.#trail);
    for (const { lost } of outcomes) this.#lose(lost);
    for (const walked of this.#walked.values()) this.#keepCommon(walked, outcomes);
  }

  /** Of what branches leave pending what all of them do. */
  #keepCommon(walked: Walked, outcomes: readonly Outcome[]): void {
    const lists = outcomes.map((o) => o.pending.get(walked) ?? []);
    const inAll = (p: Pending): boolean => lists.every((list) => list.some((q) => q.key === p.key));
    const lost = lists.flat().find((p) => !inAll(p) && !this.#stored.get(p.buffer)!.complete);
    if (lost) this.#doubt(lost.buffer, `${lost.buffer.name} is stored to by some branches only`);
    walked.pending.push(...(lists[0] ?? []).filter(inAll));
  }

  /** Runs `f`, takes back what it did, and returns that. */
  #attempt(f: () => void): Outcome {
    const [trail, recent] = [this.#trail.length, this.#recent.length];
    const before = [...this.#walked.values()].map((walked) => [walked, walked.pending.length] as const);
    f();
    this.#recent.length = recent;
    const change = this.#trail.since(trail);
    this.#trail.undo(trail);
    return {
      ...change,
      pending: new Map(before.map(([walked, count]) => [walked, walked.pending.splice(count)])),
    };
  }

  // -------------------------------------------------------------------------------------------- loops

  #loops(
    [v, ...vars]: readonly LoopVar[],
    [extent, ...extents]: readonly number[],
    body: Block,
    run: () => void,
  ): void {
    if (extent === 0) return;
    if (!v) {
      run();
      return;
    }
    const inner = (): void => this.#loops(vars, extents, body, run);
    if (!this.#walk(v, extent!, body, inner)) this.#stepThrough(v, extent!, inner);
  }

  /** All iterations at once; false, and as if nothing had happened, when that proves too little. */
  #walk(v: LoopVar, extent: number, body: Block, run: () => void): boolean {
    const { assigns } = effects(body);
    const known = [...assigns].map((l) => [l, this.#indices.get(l), this.#intervals.get(l)] as const);
    const [trail, recent] = [this.#trail.length, this.#recent.length];
    const counts = [...this.#walked.values()].map((walked) => [walked, walked.pending.length] as const);
    const walked: Walked = { extent, pending: [], clearing: [] };
    this.#indices.delete(v);
    this.#forget([...assigns], COMPUTED);
    this.#walked.set(v, walked);
    try {
      run();
      this.#recent.length = recent;
      if (extent > 1 && this.#trail.since(trail).lost.length > 0) run();
    } catch (error) {
      if (!(error instanceof Doubt)) throw error;
      this.#walked.delete(v);
      this.#trail.undo(trail);
      this.#recent.length = recent;
      for (const [outer, count] of counts) outer.pending.length = count;
      for (const [l, index, interval] of known) this.#know(l, index, interval);
      return false;
    }
    this.#walked.delete(v);
    for (const { buffer, from, walks } of walked.pending)
      this.#stored.get(buffer)!.fill(from, walks, this.#trail);
    for (const clear of walked.clearing) clear();
    return true;
  }

  #stepThrough(v: LoopVar, extent: number, run: () => void): void {
    const recent = this.#recent.length;
    for (let i = 0; i < extent; i++) {
      this.#step();
      this.#indices.set(v, constant(i));
      run();
      this.#recent.length = recent;
    }
    this.#indices.delete(v);
  }

  // -------------------------------------------------------------------------------------------- scalars

  #know(atom: IndexAtom, index: Affine | undefined, interval: Interval | undefined): void {
    if (index) this.#indices.set(atom, index);
    else this.#indices.delete(atom);
    if (interval) this.#intervals.set(atom, interval);
    else this.#intervals.delete(atom);
  }
  #forget(locals: readonly Local[], interval: Interval): void {
    for (const l of locals) this.#know(l, undefined, interval);
  }

  #bind(local: Local, value: Expr): void {
    const interval = this.#interval(value);
    const direct = this.#mutable.has(local) ? undefined : asAffine(value);
    const index = isPoint(interval) ? constant(interval.low) : direct && this.#resolved(direct);
    this.#know(local, index, interval);
  }

  #interval(e: Expr): Interval {
    return intervalOf(e, (atom) => this.#intervalOfAtom(atom));
  }
  #intervalOfAtom(atom: IndexAtom): Interval {
    const walked = this.#walked.get(atom);
    if (walked) return { low: 0, high: walked.extent - 1, computed: true };
    const index = this.#indices.get(atom);
    if (index?.terms.length === 0) return { low: index.offset, high: index.offset, computed: true };
    return this.#intervals.get(atom) ?? DATA;
  }

  // -------------------------------------------------------------------------------------------- accesses

  #resolved(a: Affine): Affine {
    return substituteAtoms(a, (atom) => this.#indices.get(atom));
  }

  #box(a: Affine, more: readonly Walk[] = []): Box {
    const walks = [...more];
    const moving: Walked[] = [];
    let [from, rest]: [number, Box["rest"]] = [a.offset, undefined];
    for (const { atom, coeff } of a.terms) {
      const walked = this.#walked.get(atom);
      const { low, high, computed } = this.#intervalOfAtom(atom);
      walks.push({ step: coeff, extent: high - low + 1 });
      from += coeff * low;
      if (walked) moving.push(walked);
      else rest = computed && rest !== "data" ? "computed" : "data";
    }
    return { from, walks, moving, rest };
  }

  #loads(s: Stmt): void {
    for (const e of exprsOf(s)) this.#expr(e);
  }
  #expr(root: Expr): void {
    forEachExpr(root, (e) => {
      if (e.op === "load") this.#load(e.buffer, e.index);
    });
  }

  #load(buffer: Buffer, index: Affine, more: readonly Walk[] = []): void {
    const stored = this.#stored.get(buffer);
    if (!stored || stored.complete || more.some((w) => w.extent === 0)) return;
    const at = this.#resolved(index);
    if (more.length === 0 && this.#recent.includes(keyOf(buffer, at))) return;
    const { from, walks } = this.#box(at, more);
    const bounded = Number.isFinite(from) && walks.every((w) => Number.isFinite(w.extent));
    if (!bounded && !stored.empty) this.verdict = "unknown";
    else if (!bounded || !stored.holds(from, walks))
      this.#doubt(buffer, `${buffer.name} is read where nothing is stored${this.#orStoredOver(buffer)}`);
  }

  #orStoredOver(b: Buffer): string {
    const names = [...this.#shared].flatMap(([other, list]) =>
      list.some((n) => n.buffer === b) ? [other.name] : [],
    );
    return names.length > 0 ? `, or ${names.join(" or ")} is stored over it` : "";
  }

  /** Takes away what shares memory with a place that is stored to: anywhere in the buffer, if the place is not known. */
  #clear(b: Buffer, at: Affine): void {
    const shared = this.#shared.get(b) ?? [];
    if (shared.length === 0) return;
    const { from, walks } = this.#box(at);
    const bounded = Number.isFinite(from) && walks.every((w) => Number.isFinite(w.extent));
    const whole: Walk = { step: 1, extent: b.size };
    for (const n of shared) {
      const clear = (): void =>
        bounded ? n.set.clear(from, walks, n, this.#trail) : n.set.clear(0, [whole], n, this.#trail);
      clear();
      for (const walked of this.#walked.values()) walked.clearing.push(clear);
      this.#recent.forEach((key, i) => {
        if (key.startsWith(`${n.buffer.id}:`)) this.#recent[i] = "";
      });
    }
  }

  #store(buffer: Buffer, index: Affine): void {
    const stored = this.#stored.get(buffer);
    if (!stored) return;
    this.#clear(buffer, this.#resolved(index));
    if (stored.complete) return;
    const at = this.#resolved(index);
    const key = keyOf(buffer, at);
    const { from, walks, moving, rest } = this.#box(at);
    if (rest === "computed" && this.#walked.size > 0)
      this.#doubt(buffer, `${buffer.name} is stored to at a computed place`);
    if (rest) this.#loose.add(buffer);
    else if (moving.length === 0) stored.fill(from, walks, this.#trail);
    else this.#outermost(moving).pending.push({ buffer, from, walks, key });
    if (at.terms.every((t) => !this.#mutable.has(t.atom as Local))) this.#recent.push(key);
  }

  #outermost(moving: readonly Walked[]): Walked {
    return [...this.#walked.values()].find((walked) => moving.includes(walked))!;
  }
}

/** What a branch stores, and what it leaves to the loops around it. */
interface Outcome extends Change {
  readonly pending: ReadonlyMap<Walked, readonly Pending[]>;
}
