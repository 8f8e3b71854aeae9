/**
 * Promote: a recurrence that acts element by element runs through time once per element, its carries promoted to registers.
 *
 *     for t < 9 {                                        for i < 4 independent {
 *       let p: i32 = i32.rem(index(t), i32(2))             var v: f32 = c[i]
 *       for i < 4 independent {                            for t < 9 {
 *         c[-4*p + i + 4] = f32.add(c[4*p + i], x[i])  =>    set v = f32.add(v, x[i])
 *       }                                                  }
 *     }                                                    c[i + 4] = v
 *                                                        }
 *
 * A value that goes through memory costs a store and a load that waits for it in every iteration, several times the latency
 * of the arithmetic. Stores whose rows somebody reads later stay.
 *
 * The iterations of the serial loop are scalars and straight-line nests over the same loops. They may change places with it when nothing
 * that one element stores is touched by another one in any iteration ({@link iterationsAreSeparate}, asked of the loops as
 * they would be), which makes one nest of several as well. Elements beyond the last whole vector run through time together,
 * unrolled, instead of one after the other.
 *
 * Requires: lanes are 1, no expanded contractions. Ensures: the same loops otherwise.
 */

import { note } from "../../core/journal.ts";
import { constant, scaledAtom } from "../ir/affine.ts";
import { indexExpr, loadExpr, localExpr, newLocal } from "../ir/build.ts";
import { describe } from "../ir/describe.ts";
import { isSerial } from "../ir/modes.ts";
import type { Affine, Buffer, Expr, For, IndexAtom, Local, Program, Stmt } from "../ir/nodes.ts";
import {
  type Block,
  forEachStmt,
  mapAllParts,
  mapExprs,
  mapStmts,
  renewed,
  type Store,
  substitute,
} from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { type Carried, carriedBy } from "./promote/carried.ts";
import { type Layout, layoutOf } from "./promote/latency.ts";
import { disjoint, type Summary, summarize, summaryOf } from "./support/conflict.ts";
import { removeDead } from "./support/dead.ts";
import { forward } from "./support/forward.ts";
import { inlineLets } from "./support/lets.ts";
import { type Nest, peel, wrap } from "./support/nest.ts";
import { iterationsAreSeparate } from "./support/separate.ts";

export function promote(program: Program, target: Target): Program {
  const body = mapStmts(program.body, (s) => (isSerial(s) ? (promoted(s, program, target) ?? s) : s));
  return body === program.body ? program : removeDead({ ...program, body });
}

function promoted(loop: For, program: Program, target: Target): Block | undefined {
  const r = recurrenceOf(loop);
  if (!r) return undefined;
  const single = throughTime(r);
  const layout = layoutOf(single, r.nest, target);
  if (!layout || !elementsAreSeparate(r) || !rowsAreUnread(r, program)) return undefined;
  note("promoted", () => `what ${describe(loop)} carries over ${r.nest.extents.join(" x ")} elements`);
  return [...rebuilt(r.nest, single, layout), ...scalarsOf(r, program)];
}

// ------------------------------------------------------------------------------------------------ what there is

/** A serial loop with what it does to one element. */
interface Recurrence {
  readonly loop: For;
  /** The elements, and straight-line code for one of them in one iteration. */
  readonly nest: Nest;
  readonly carried: readonly Carried[];
  /** Scalars that iterations change, like counters, and the copy that each element has. */
  readonly scalars: ReadonlyMap<Local, Local>;
}

function recurrenceOf(loop: For): Recurrence | undefined {
  const nests = loop.body.filter((s) => !isScalar(s)).map(peel);
  const [first] = nests;
  if (!first || first.vars.length === 0 || loop.lanes > 1) return undefined;
  const isAlike = (n: Nest): boolean => n.extents.join() === first.extents.join();
  if (!nests.every((n) => isAlike(n) && n.body.every(isStraight))) return undefined;
  const scalars = new Map([...summaryOf(loop).assigns].map((l) => [l, newLocal(l.name, l.dtype)]));
  const body = forward(onOneElement(loop, first.vars, scalars));
  const carried = carriedBy(loop, body);
  return carried?.length ? { loop, nest: { ...first, body }, carried, scalars } : undefined;
}

const isScalar = (s: Stmt): boolean => s.kind === "let" || s.kind === "set";
const isStraight = (s: Stmt): boolean => s.kind === "let" || s.kind === "store";

/** All nests of a loop over the same variables, without them. */
function onOneElement(loop: For, common: Nest["vars"], scalars: ReadonlyMap<Local, Local>): Block {
  const own = [...scalars].map(([l, copy]): [IndexAtom, Expr] => [l, localExpr(copy)]);
  const merged = loop.body.flatMap((s) => {
    const { vars, body } = peel(s);
    const names = vars.map((v, i): [IndexAtom, Expr] => [v, indexExpr(scaledAtom(common[i]!))]);
    return substitute(body, new Map([...own, ...names]));
  });
  return mapAllParts(merged, { assigned: (l) => scalars.get(l) ?? l });
}

/** The copies that an element has of scalars, as they are before the loop. */
const copies = ({ scalars }: Recurrence): Block =>
  [...scalars].map(([l, local]) => ({ kind: "var", local, init: localExpr(l) }));

// ------------------------------------------------------------------------------------------------ when it is right

/** Whether no element has to do with another one, at whatever times: the loops over elements outside, time inside. */
function elementsAreSeparate(r: Recurrence): boolean {
  const [outside] = wrap({ ...r.nest, body: [...copies(r), { ...r.loop, body: r.nest.body }] });
  return loopsOf(outside as For, r.nest.vars.length).every(iterationsAreSeparate);
}

const loopsOf = (s: For, depth: number): For[] =>
  depth === 1 ? [s] : [s, ...loopsOf(s.body[0] as For, depth - 1)];

/** Whether nobody misses rows that are not stored any more: the one before the last of two that take turns. */
function rowsAreUnread({ loop, carried }: Recurrence, program: Program): boolean {
  const turns = carried.filter((c) => c.kind === "turns");
  if (turns.length === 0) return true;
  const rest = summaryWithout(loop, program);
  return turns.every(({ store, stale }) => {
    const others = rest.accesses.get(store.buffer) ?? [];
    const isMissed = (index: Affine): boolean => !disjoint(stale, index, summaryOf(loop), rest);
    return store.buffer.role === "temp" && !others.some((a) => !a.store && isMissed(a.index));
  });
}

const summaryWithout = (loop: For, program: Program): Summary =>
  summarize(mapStmts(program.body, (s) => (s === loop ? [] : s)));

// ------------------------------------------------------------------------------------------------ how it is done

/** A carry and the register that holds it. */
interface Held extends Carried {
  readonly register: Local;
}

/** One element from the first to the last iteration. */
function throughTime(r: Recurrence): Block {
  const { loop, nest, carried } = r;
  const held = carried.map((c): Held => ({ ...c, register: newLocal("c", c.store.buffer.dtype) }));
  const holding = (b: Buffer): Held | undefined => held.find((h) => h.store.buffer === b);
  const inRegisters = mapExprs(nest.body, (e) => {
    const h = e.op === "load" ? holding(e.buffer) : undefined;
    return h ? localExpr(h.register) : e;
  });
  const steps = inRegisters.map((s) => {
    const h = s.kind === "store" ? holding(s.buffer) : undefined;
    return h ? handedOn(s as Store, h) : { now: [s], after: [] };
  });
  const body = inlineLets([...steps.flatMap((s) => s.now), ...steps.flatMap((s) => s.after)]);
  const inits = held.map(({ register, store, first }): Stmt => {
    return { kind: "var", local: register, init: loadExpr(store.buffer, first, loop.span?.from) };
  });
  const finals = held
    .filter((h) => h.kind !== "history")
    .map(({ register, store, last }): Stmt => {
      return { ...store, index: last, value: localExpr(register) };
    });
  return [...copies(r), ...inits, { ...loop, body }, ...finals];
}

/** Whoever reads the old value may come later in the iteration, so the register changes when that is over. */
function handedOn(s: Store, { register, kind }: Held): { now: Block; after: Block } {
  const made = newLocal("v", register.dtype);
  const value = localExpr(made);
  return {
    now: [{ kind: "let", local: made, value: s.value }, ...(kind === "history" ? [{ ...s, value }] : [])],
    after: [{ kind: "set", local: register, value }],
  };
}

/** The loop with its scalars alone, when somebody wants to know what becomes of them. */
function scalarsOf({ loop, scalars }: Recurrence, program: Program): Block {
  if (scalars.size === 0) return [];
  const used = new Set<IndexAtom>(summaryWithout(loop, program).uses);
  forEachStmt(program.body, (s) => {
    // Declared outside of a loop around this one, a scalar goes on where it was.
    const { assigns, declares } = summaryOf(s);
    if (s !== loop && isLoop(s)) for (const l of assigns) if (!declares.has(l)) used.add(l);
  });
  if (![...scalars.keys()].some((l) => used.has(l))) return [];
  return renewed([{ ...loop, body: loop.body.filter(isScalar) }]);
}

const isLoop = (s: Stmt): boolean => s.kind === "for" || s.kind === "while";

/** All elements: those in whole vectors in a loop, the rest side by side. */
function rebuilt({ vars, extents }: Nest, single: Block, { whole, rest }: Layout): Block {
  const v = vars.at(-1)!;
  const others = Array.from({ length: rest }, (_, i) =>
    renewed(substitute(single, new Map([[v, indexExpr(constant(whole + i))]]))),
  );
  const main = whole > 0 ? wrap({ vars: [v], extents: [whole], body: single }) : [];
  return wrap({
    vars: vars.slice(0, -1),
    extents: extents.slice(0, -1),
    body: [...main, ...together(others)],
  });
}

/** Several of {@link throughTime} in one loop. */
function together(elements: readonly Block[]): Block {
  const loops = elements.map((c) => c.find((s) => s.kind === "for")!);
  const [first] = loops;
  if (!first) return [];
  const inside = loops.flatMap((l) => substitute(l.body, new Map([[l.v, indexExpr(scaledAtom(first.v))]])));
  const outside = (kind: Stmt["kind"]): Block => elements.flatMap((c) => c.filter((s) => s.kind === kind));
  return [...outside("var"), { ...first, body: inside }, ...outside("store")];
}
