/**
 * Shard: a serial loop whose nests can all be divided alike runs once per thread, each time on a part of the data.
 *
 *     for t < 128 {                                    for p < 2 parallel { for t < 128 {
 *       for i < 32 independent { … h[8*i + …] … }   =>   for i < 16 independent { … h[8*i + 128*p + …] … }
 *       for e < 256 independent { … h[e] … }             for e < 128 independent { … h[e + 128*p] … }
 *     }                                                } }
 *
 * Threads meet once per loop, where `parallel` has them meet once per nest and iteration. What is divided is most often the
 * batch, but any axis will do that keeps the parts apart.
 *
 * Each part runs everything that stores nothing, and its part of one loop of each nest. Which loops these are is found by
 * search: every access to a buffer that the loop stores to must move by the same distance from one part to the next. That no
 * part touches what another one stores to is then proved ({@link iterationsAreSeparate}); so a part reads what the whole loop
 * would have read there, and each element is computed as before: results do not depend on the number of parts. Scalars that
 * live longer than the loop are computed by each part for itself and once more after all of them.
 *
 * Requires: runs before `parallel`, when nothing reshapes loops any more. Ensures: what `parallel` does.
 */

import { byteSize } from "../../core/dtype.ts";
import { listen, note } from "../../core/journal.ts";
import { affine, coeffOf } from "../ir/affine.ts";
import { describe } from "../ir/describe.ts";
import { isIndependent, isSerial, type SerialLoop } from "../ir/modes.ts";
import type { Buffer, For, Local, LoopVar, Program, Stmt } from "../ir/nodes.ts";
import {
  type Block,
  blocksOf,
  effects,
  indexExpr,
  localExpr,
  mapParts,
  newLocal,
  newLoopVar,
  renewed,
  substitute,
} from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { Spreading } from "./parallel.ts";
import { summaryOf } from "./support/conflict.ts";
import { removeDead, sliceOf } from "./support/dead.ts";
import { iterationsAreSeparate } from "./support/separate.ts";
import { Stopwatch } from "./support/time.ts";

/** Loops that take less than so many handovers stay on one thread. */
const LEAST_HANDOVERS = 4;
/** A search that takes more steps than this gives up; a proof counts as so many. */
const MAX_STEPS = 1000;
const PROOF_STEPS = 100;

export function shard(program: Program, target: Target): Program {
  if (target.threads < 2) return program;
  const time = new Stopwatch(target);
  const block = (b: Block): Block => {
    const out = b.flatMap((s) => statement(s));
    return out.length === b.length && out.every((s, i) => s === b[i]) ? b : out;
  };
  const statement = (s: Stmt): Block => {
    if (time.statement(s) < LEAST_HANDOVERS * target.times.handover || (s.kind === "for" && !isSerial(s)))
      return [s];
    return (isSerial(s) ? best(s, time) : undefined) ?? [mapParts(s, { block })];
  };
  const body = block(program.body);
  return body === program.body ? program : removeDead({ ...program, body });
}

/** The loop in as many parts as there are threads, or in fewer, if that is faster than to divide each nest by itself. */
function best(loop: SerialLoop, time: Stopwatch): Block | undefined {
  const { threads, times } = time.target;
  const [nests] = listen(() => new Spreading(time).block([loop]));
  const limit = time.block(nests);
  for (let parts = threads; times.handover + time.statement(loop) / parts < limit && parts > 1; parts--) {
    const found = inParts(loop, parts, time);
    if (!found || time.block(found) >= limit) continue;
    note("parallel", () => `${describe(loop)}, in ${parts} parts`);
    return found;
  }
  return undefined;
}

/** The loop in so many parts, whether that pays or not; undefined when no way to divide it is found. */
export const inParts = (loop: SerialLoop, parts: number, time: Stopwatch): Block | undefined =>
  new Division(loop, parts, time).find();

/** How far accesses to a buffer move from one part to the next. */
type Distances = ReadonlyMap<Buffer, number>;

/** The search for a way to divide a loop into so many parts. */
class Division {
  readonly #loop: SerialLoop;
  readonly #parts: number;
  readonly #time: Stopwatch;
  /** The loops whose iterations are shared out. */
  readonly #divided: Set<Stmt> = new Set();
  #steps = 0;

  constructor(loop: SerialLoop, parts: number, time: Stopwatch) {
    this.#loop = loop;
    this.#parts = parts;
    this.#time = time;
  }

  find(): Block | undefined {
    if (summaryOf(this.#loop).calls) return undefined;
    return this.#search(this.#loop.body, new Map());
  }

  /** Divides a loop around each store in these statements, in those first that take longest, and outer loops first. */
  #search(todo: Block, distances: Distances): Block | undefined {
    if (++this.#steps > MAX_STEPS) return undefined;
    const [s, ...rest] = todo
      .filter((x) => summaryOf(x).writes.size > 0)
      .sort((a, b) => this.#time.statement(b) - this.#time.statement(a));
    if (!s) return this.#proved();
    if (s.kind === "store") return undefined;
    const moved = s.kind === "for" ? this.#moved(s, distances) : undefined;
    if (moved) {
      this.#divided.add(s);
      const found = this.#search(rest, moved);
      if (found) return found;
      this.#divided.delete(s);
    }
    return s.kind === "for" && s.lanes > 1
      ? undefined
      : this.#search([...blocksOf(s).flat(), ...rest], distances);
  }

  /** The distances when this loop is divided, if it can be. */
  #moved(s: For, distances: Distances): Distances | undefined {
    if (!isIndependent(s) || s.extent % (this.#parts * s.lanes) !== 0) return undefined;
    const { writes } = summaryOf(this.#loop);
    const moved = new Map(distances);
    for (const [buffer, accesses] of summaryOf(s).accesses) {
      if (!writes.has(buffer)) continue;
      for (const { index } of accesses) {
        const distance = (coeffOf(index, s.v) * s.extent) / this.#parts;
        if (Math.abs(distance) * byteSize(buffer.dtype) < this.#time.target.caches.lineBytes)
          return undefined;
        if ((moved.get(buffer) ?? distance) !== distance) return undefined;
        moved.set(buffer, distance);
      }
    }
    return moved;
  }

  /** The loop in parts, and what it leaves in scalars; undefined when the parts are not known to be independent. */
  #proved(): Block | undefined {
    if (this.#divided.size === 0) return undefined;
    this.#steps += PROOF_STEPS;
    const outer = outerLocals(this.#loop);
    const scalars = sliceOf([this.#loop], outer);
    if (effects(scalars).writes.size > 0) return undefined;
    const v = newLoopVar("p");
    const body = [mapParts(this.#loop, { block: (b) => this.#part(b, v) })];
    const initial = [...outer].map((local) => ({ local, copy: newLocal(local.name, local.dtype) }));
    const own = initial.map(({ local, copy }): Stmt => ({ kind: "var", local, init: localExpr(copy) }));
    const parts: For = {
      kind: "for",
      v,
      extent: this.#parts,
      mode: "parallel",
      lanes: 1,
      body: renewed([...own, ...body]),
    };
    if (!iterationsAreSeparate(parts)) return undefined;
    const copies = initial.map(
      ({ local, copy }): Stmt => ({ kind: "let", local: copy, value: localExpr(local) }),
    );
    return [...copies, parts, ...scalars];
  }

  #part(block: Block, v: LoopVar): Block {
    return block.flatMap((s) =>
      this.#divided.has(s)
        ? partOf(s as For, v, this.#parts)
        : mapParts(s, { block: (b) => this.#part(b, v) }),
    );
  }
}

/** Locals of the surroundings that the loop sets. */
function outerLocals(loop: SerialLoop): Set<Local> {
  const { assigns, declares } = summaryOf(loop);
  return new Set([...assigns].filter((local) => !declares.has(local)));
}

/** The iterations of a loop that belong to one part. */
function partOf(s: For, part: LoopVar, parts: number): Block {
  const extent = s.extent / parts;
  const v = newLoopVar(s.v.name);
  const within = extent > 1 ? [{ atom: v, coeff: 1 }] : [];
  const at = affine(0, [{ atom: part, coeff: extent }, ...within]);
  const body = substitute(s.body, new Map([[s.v, indexExpr(at)]]));
  return extent > 1 ? [{ ...s, v, extent, body }] : body;
}
