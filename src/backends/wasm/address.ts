/**
 * Addresses. Engines hoist little and reduce no strength, so that each loop keeps, for every distinct address its body
 * computes, a pointer in a local: the part of the address that is fixed within one iteration. It is set up before the loop
 * and advanced at the end of each iteration; what an access adds is the constant in the instruction and terms of locals
 * that the body itself binds.
 */

import type { Affine, Buffer, IndexAtom, LoopVar } from "../../compiler/ir/nodes.ts";
import { type Block, effects } from "../../compiler/ir/visit.ts";
import { byteSize } from "../../core/dtype.ts";
import { InternalError } from "../../core/errors.ts";
import type { FuncBuilder, GlobalRef } from "./encoder/index.ts";
import { addAddress, i32, type Node, pushAll, read, scaleAddress } from "./machine.ts";
import type { Access } from "./walk.ts";

/** Where a buffer lies: a global holds the address of `bytes` 0. */
export interface Place {
  readonly root: GlobalRef;
  readonly bytes: number;
}
/** What is known of a loop variable: the first value of its last iteration, and how many iterations run side by side. */
export interface LoopInfo {
  readonly last: number;
  readonly lanes: number;
}

/** What addresses need to know of the program. */
export interface Layout {
  readonly places: ReadonlyMap<Buffer, Place>;
  readonly loops: ReadonlyMap<LoopVar, LoopInfo>;
}

/** One element, or one per lane: lane l lies at `address + offset + l·stride`. */
export interface Site {
  readonly address: Node;
  readonly offset: number;
  /** In bytes. */
  readonly stride: number;
}

/**
 * Arrays lie at or above this address, so that an address from which less than this was taken is still not negative:
 * accesses at indices computed at run time share pointers within blocks of this many bytes.
 */
const GUARD_BYTES = 64;

interface Term {
  readonly atom: IndexAtom;
  readonly bytes: number;
}
/** root + base + Σ terms is an address that is not negative whenever the access runs; offset and lanes go on top. */
interface Split {
  readonly root: GlobalRef;
  readonly base: number;
  readonly terms: readonly Term[];
  readonly offset: number;
  readonly stride: number;
}

/** The loop (or function) that pointers belong to. */
interface PointerScope {
  readonly unstable: ReadonlySet<IndexAtom>;
  readonly pointers: Map<string, number>;
}
export interface Bump {
  readonly pointer: number;
  readonly bytes: number;
}

export class Addressing {
  readonly #f: FuncBuilder;
  readonly #layout: Layout;
  readonly #roots: ReadonlyMap<GlobalRef, number>;
  readonly #valueOf: (atom: IndexAtom) => Node;
  readonly #scopes: PointerScope[] = [];
  readonly #numbers: Map<IndexAtom, number> = new Map();
  /** Addresses of the statement that is being emitted. */
  readonly #computed: Map<string, Node> = new Map();

  /** `roots`: locals that hold the globals; `valueOf`: the current value of an atom. */
  constructor(
    f: FuncBuilder,
    layout: Layout,
    roots: ReadonlyMap<GlobalRef, number>,
    valueOf: (atom: IndexAtom) => Node,
  ) {
    this.#f = f;
    this.#layout = layout;
    this.#roots = roots;
    this.#valueOf = valueOf;
  }

  /** Another statement begins: locals may have changed, and nodes are not shared with the last one. */
  beginStatement(): void {
    this.#computed.clear();
  }

  /** Where an access lies at this point of the program. */
  site(buffer: Buffer, index: Affine): Site {
    const split = this.#split(buffer, index);
    const key = this.#key(split, split.terms);
    const address = this.#computed.get(key) ?? this.#address(split);
    this.#computed.set(key, address);
    return { address, offset: split.offset, stride: split.stride };
  }

  /** The address itself in one value. */
  exact(buffer: Buffer, index: Affine): Node {
    const { address, offset } = this.site(buffer, index);
    return addAddress(address, i32(offset));
  }

  /**
   * Opens the frame of a block that holds these accesses, with pointers for what no outer frame has. With `v`, the block
   * is the body of a loop whose variable advances by `step`: the result says what to add to which pointer at its end.
   */
  enter(block: Block, accesses: readonly Access[], v?: LoopVar, step = 0): Bump[] {
    const { declares, assigns } = effects(block);
    const frame: PointerScope = { unstable: new Set([...declares, ...assigns]), pointers: new Map() };
    const bumps: Bump[] = [];
    for (const access of accesses) {
      const split = this.#split(access.buffer, access.index);
      const bytes = split.terms.find((t) => t.atom === v)?.bytes ?? 0;
      const pointer = this.#addPointer(frame, split, v);
      if (pointer !== undefined && bytes !== 0) bumps.push({ pointer, bytes: bytes * step });
    }
    this.#scopes.push(frame);
    return bumps;
  }

  leave(): void {
    for (const pointer of this.#scopes.pop()!.pointers.values()) this.#f.freeLocal(pointer);
  }

  /** A new pointer of `frame` at iteration 0 of `v`, unless it or an outer frame has the same. */
  #addPointer(frame: PointerScope, split: Split, v: LoopVar | undefined): number | undefined {
    const terms = split.terms.filter((t) => !frame.unstable.has(t.atom));
    const key = this.#key(split, terms);
    if (frame.pointers.has(key) || this.#isKnown(split, terms)) return undefined;
    const start = this.#address({ ...split, terms: terms.filter((t) => t.atom !== v) });
    const pointer = this.#f.local("i32");
    pushAll(this.#f, [start]);
    this.#f.set(pointer);
    frame.pointers.set(key, pointer);
    return pointer;
  }

  #isKnown(split: Split, terms: readonly Term[]): boolean {
    if (terms.length === 0 && split.base === 0) return true;
    const key = this.#key(split, terms);
    return this.#scopes.some((frame) => frame.pointers.has(key));
  }

  /** The pointer of the innermost frame that has one for this address, plus the terms it lacks. */
  #address(split: Split): Node {
    for (const frame of this.#scopes.toReversed()) {
      const pointer = frame.pointers.get(
        this.#key(
          split,
          split.terms.filter((t) => !frame.unstable.has(t.atom)),
        ),
      );
      if (pointer === undefined) continue;
      return this.#plus(
        read(pointer, "i32"),
        split.terms.filter((t) => frame.unstable.has(t.atom)),
      );
    }
    return this.#plus(addAddress(this.#root(split.root), i32(split.base)), split.terms);
  }

  #plus(start: Node, terms: readonly Term[]): Node {
    return terms.reduce((sum, t) => addAddress(sum, scaleAddress(this.#valueOf(t.atom), t.bytes)), start);
  }

  #root(root: GlobalRef): Node {
    const local = this.#roots.get(root);
    if (local === undefined) throw new InternalError(`The base address in global ${root} was not loaded.`);
    return read(local, "i32");
  }

  #key(split: Split, terms: readonly Term[]): string {
    return `${split.root}|${split.base}|${terms.map((t) => `${this.#number(t.atom)}:${t.bytes}`).join()}`;
  }

  #number(atom: IndexAtom): number {
    const known = this.#numbers.get(atom) ?? this.#numbers.size;
    this.#numbers.set(atom, known);
    return known;
  }

  /** Divides an address into what goes into pointers and what goes into the instruction, which takes no negative offset. */
  #split(buffer: Buffer, index: Affine): Split {
    const size = byteSize(buffer.dtype);
    const place = this.#layout.places.get(buffer);
    if (!place) throw new InternalError(`Buffer ${buffer.name} has no place in the memory plan.`);
    const terms = index.terms.map(({ atom, coeff }) => ({ atom, bytes: coeff * size }));
    const stride = terms.find((t) => this.#lanes(t.atom) > 1);
    const reach = stride ? stride.bytes * (this.#lanes(stride.atom) - 1) : 0;
    const constant = place.bytes + index.offset * size;
    const base = this.#base(constant + Math.min(0, reach), terms);
    return { root: place.root, base, terms, offset: constant - base, stride: stride?.bytes ?? 0 };
  }

  #lanes(atom: IndexAtom): number {
    return (atom.kind === "loopVar" && this.#layout.loops.get(atom)?.lanes) || 1;
  }

  /**
   * How much of the constant has to be added to the terms so that their sum is never negative. Where the range of the
   * terms is known, just what makes up for their least value, which is the same for all accesses with these terms.
   */
  #base(constant: number, terms: readonly Term[]): number {
    if (terms.some((t) => t.atom.kind === "local")) return Math.floor(constant / GUARD_BYTES) * GUARD_BYTES;
    const least = terms.reduce((sum, t) => sum + Math.min(0, t.bytes * this.#last(t.atom as LoopVar)), 0);
    return Math.min(constant, -least);
  }

  #last(v: LoopVar): number {
    const loop = this.#layout.loops.get(v);
    if (!loop) throw new InternalError(`Loop variable ${v.name} belongs to no loop.`);
    return loop.last;
  }
}
