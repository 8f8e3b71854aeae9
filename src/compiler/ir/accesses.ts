/** What a program loads and stores, where in the text and in which loops, as far as it is known when it was written. */

import { addAffine, scaledAtom, substituteAtoms } from "./affine.ts";
import { DATA, type Interval, intervalOf } from "./interval.ts";
import { isSerial } from "./modes.ts";
import type {
  Affine,
  Buffer,
  Contract,
  ContractOperand,
  Expr,
  IndexAtom,
  Kept,
  LoopVar,
  Program,
  Revision,
  Span,
  Stmt,
  Time,
} from "./nodes.ts";
import {
  asAffine,
  type Block,
  contractExtents,
  effects,
  exprsOf,
  forEachExpr,
  type Load,
  newLoopVar,
  type Store,
} from "./visit.ts";

/** A loop around an access. */
export interface Loop {
  /** Undefined for `while`. */
  readonly v: LoopVar | undefined;
  readonly extent: number;
  readonly ordered: boolean;
  readonly span: Span | undefined;
}

/** A part of a statement, and the loops in which the statement runs it. */
export interface Step {
  /** Statements in the order of the text. */
  readonly place: number;
  /** In the order in which they run; those of a `switch` exclude each other, and a contraction reads when it likes. */
  readonly part: number;
  readonly kind: Stmt["kind"];
  readonly loops: readonly Loop[];
}

export interface Access {
  readonly buffer: Buffer;
  readonly index: Affine;
  readonly isStore: boolean;
  /** What is complete at a time is after the store at that time. */
  readonly time: Time;
  /** Of a load. */
  readonly since?: Time;
  readonly kept: readonly Kept[];
  readonly path: readonly Step[];
  readonly stmt: Stmt;
}

/** The accesses of a program that have a time, and what is known of what is in their indices. */
export class Accesses {
  /** By the memory that they touch. */
  readonly of: Map<Buffer, Access[]> = new Map();
  readonly #revisions = new Map<string, Revision>();
  readonly #extents = new Map<IndexAtom, number>();
  readonly #intervals = new Map<IndexAtom, Interval>();
  readonly #around = new Map<IndexAtom, readonly Loop[]>();
  readonly #indices = new Map<IndexAtom, Affine>();
  readonly #mutable: ReadonlySet<IndexAtom>;
  readonly #places: ReadonlyMap<Buffer, Buffer>;
  #count = 0;

  /** @param places buffers that lie where another one does. */
  constructor(program: Program, places: ReadonlyMap<Buffer, Buffer>) {
    this.#places = places;
    this.#mutable = effects(program.body).assigns;
    for (const r of program.revisions ?? []) this.#revisions.set(`${r.buffer.id} ${r.since}`, r);
    this.#block(program.body, []);
  }

  /** What the value that a load reads was made of where it lies, the last first. */
  revisionsOf({ buffer, since }: Access): Revision[] {
    const found: Revision[] = [];
    for (
      let r = this.#revisions.get(`${buffer.id} ${since}`);
      r;
      r = this.#revisions.get(`${buffer.id} ${r.of}`)
    )
      found.push(r);
    return found;
  }

  interval(atom: IndexAtom): Interval {
    const extent = this.#extents.get(atom);
    if (extent !== undefined) return { low: 0, high: extent - 1, computed: true };
    return this.#intervals.get(atom) ?? DATA;
  }
  /** Whether an atom has one value in two places that are in the same iterations of these loops. */
  isShared(atom: IndexAtom, loops: readonly Loop[]): boolean {
    return this.#around.get(atom)?.every((loop) => loops.includes(loop)) ?? false;
  }

  #block(block: Block, around: readonly Step[]): void {
    for (const s of block) this.#stmt(s, around);
  }

  #stmt(s: Stmt, around: readonly Step[]): void {
    const place = this.#count++;
    const at = (part: number, loops: readonly Loop[] = []): Step[] => {
      for (const loop of loops) if (loop.v) this.#declare(loop.v, loop);
      return [...around, { place, part, kind: s.kind, loops }];
    };
    switch (s.kind) {
      case "for":
        this.#block(s.body, at(0, [{ ...s, ordered: isSerial(s), span: s.span }]));
        break;
      case "while": {
        const loop: Loop = { v: undefined, extent: Number.POSITIVE_INFINITY, ordered: true, span: s.span };
        this.#block(s.head, at(0, [loop]));
        this.#expr(s.cond, s, at(1, [loop]));
        this.#block(s.body, at(2, [loop]));
        break;
      }
      case "switch":
        this.#expr(s.index, s, at(0));
        s.branches.forEach((b, i) => {
          this.#block(b, at(1 + i));
        });
        break;
      case "reduce": {
        const inside = at(1, nest(s.vars, s.extents));
        this.#expr(s.init, s, at(0));
        this.#block(s.body, inside);
        this.#expr(s.value, s, inside);
        break;
      }
      case "contract":
        this.#operands(s, at(0));
        this.#block(s.epilogue, at(1, nest(s.vars, contractExtents(s))));
        break;
      case "host":
        for (const { buffer, index, aval, since } of s.args)
          this.#load(buffer, this.#walked(index, [1], [aval.size]), since, s, at(0));
        break;
      default:
        for (const e of exprsOf(s)) this.#expr(e, s, at(0));
        if (s.kind === "let") this.#bind(s, around);
        if (s.kind === "store") this.#store(s, at(1));
    }
  }

  #declare(v: LoopVar, loop: Loop): void {
    this.#extents.set(v, loop.extent);
    this.#around.set(v, [loop]);
  }

  #bind({ local, value }: Extract<Stmt, { kind: "let" }>, around: readonly Step[]): void {
    const direct = asAffine(value);
    if (direct?.terms.every((t) => !this.#mutable.has(t.atom)))
      this.#indices.set(local, this.#resolved(direct));
    this.#intervals.set(
      local,
      intervalOf(value, (atom) => this.interval(atom)),
    );
    this.#around.set(local, loopsOf(around));
  }

  #operands(s: Contract, path: readonly Step[]): void {
    const read = (x: ContractOperand, free: readonly number[]): void => {
      const strides = [...x.batch, ...x.free, ...x.reduced];
      const index = this.#walked(x.base, strides, [...s.batchExtents, ...free, ...s.kExtents]);
      this.#load(x.buffer, index, x.since, s, path);
    };
    read(s.lhs, s.mExtents);
    read(s.rhs, s.nExtents);
  }

  /** A made-up loop variable walks along every axis that has none. */
  #walked(base: Affine, strides: readonly number[], extents: readonly number[]): Affine {
    return strides.reduce((index, step, i) => {
      const v = newLoopVar("k");
      this.#extents.set(v, extents[i]!);
      return addAffine(index, scaledAtom(v, step));
    }, base);
  }

  #expr(root: Expr, s: Stmt, path: readonly Step[]): void {
    forEachExpr(root, (e) => {
      if (e.op === "load") this.#load(e.buffer, e.index, e.since, s, path);
    });
  }

  #load(buffer: Buffer, index: Affine, since: Load["since"], stmt: Stmt, path: readonly Step[]): void {
    if (since !== undefined)
      this.#add(buffer, index, path, { stmt, isStore: false, time: since + 0.5, since, kept: [] });
  }

  #store(s: Store, path: readonly Step[]): void {
    if (s.at !== undefined)
      this.#add(s.buffer, s.index, path, { stmt: s, isStore: true, time: s.at, kept: s.kept ?? [] });
  }

  #add(
    buffer: Buffer,
    index: Affine,
    path: readonly Step[],
    rest: Omit<Access, "buffer" | "index" | "path">,
  ): void {
    if (loopsOf(path).some((l) => l.extent === 0)) return;
    const access: Access = { buffer, index: this.#resolved(index), path, ...rest };
    const memory = this.#places.get(buffer) ?? buffer;
    const list = this.of.get(memory);
    if (list) list.push(access);
    else this.of.set(memory, [access]);
  }

  #resolved(index: Affine): Affine {
    return substituteAtoms(index, (atom) => this.#indices.get(atom));
  }
}

const nest = (vars: readonly LoopVar[], extents: readonly number[]): Loop[] =>
  vars.map((v, i) => ({ v, extent: extents[i]!, ordered: false, span: undefined }));
export const loopsOf = (path: readonly Step[]): Loop[] => path.flatMap((step) => step.loops);
