/**
 * Array expansion: what an inner loop computes anew in every iteration of the loop around it, although only the inner loop's
 * variable changes it, gets a buffer with one part per inner iteration and a loop of its own, which `licm` then moves outside.
 *
 *     for t < 128 {                               for t < 128 {
 *       for l < 4 {                                 for l' < 4 { for i < 64 independent { w[64*l' + i] = f32.neg(p[64*l' + i]) } }
 *         for i < 64 independent { w[i] = f32.neg(p[64*l + i]) }  =>  for l < 4 {
 *         for i < 64 independent { y[64*t + i] = f32.mul(w[i], …) }       for i < 64 independent { y[64*t + i] = f32.mul(w[64*l + i], …) }
 *       }                                           }
 *     }                                           }
 *
 * So the weights of every layer are packed once per call, not once per step and layer.
 *
 * A statement is spread when it does not change with the outer loop, reads nothing that the outer loop stores to, and alone stores
 * to temps of which nobody but the inner loop reads anything, each iteration what it stored itself; the expanded temps may take
 * at most {@link MAX_BYTES}. Requires: each local and loop variable is declared once. Ensures: the same.
 */

import { byteSize } from "../../core/dtype.ts";
import { addAffine, scaledAtom } from "../ir/affine.ts";
import { isSerial } from "../ir/modes.ts";
import type { Affine, Buffer, Expr, For, IndexAtom, LoopVar, Program, Stmt } from "../ir/nodes.ts";
import {
  type Block,
  forEachStmt,
  indexExpr,
  mapAllParts,
  mapExpr,
  mapStmts,
  newBuffer,
  newLoopVar,
  renewed,
  substitute,
  visitParts,
} from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { loadedBy, summaryOf } from "./support/conflict.ts";
import { readsUndefined } from "./support/coverage.ts";

/** Packed weights of a large model are worth this much memory; beyond it they are packed again. */
const MAX_BYTES = 256 * 2 ** 20;

export function spread(program: Program, _target: Target): Program {
  const stores = countStores(program.body);
  const users = countUsers(program.body);
  const wide: Expanded = new Map();
  const body = mapStmts(program.body, (s) =>
    repeats(s) ? { ...s, body: spreadInto(s, stores, users, wide) } : s,
  );
  if (wide.size === 0) return program;
  return { ...program, body, temps: [...program.temps, ...wide.values()].filter((b) => !wide.has(b)) };
}

/** The buffers that took the place of others. */
type Expanded = Map<Buffer, Buffer>;

const repeats = (s: Stmt): s is For => isSerial(s) && s.extent > 1;

type Counts = ReadonlyMap<Buffer, number>;

function countStores(block: Block): Counts {
  const counts = new Map<Buffer, number>();
  forEachStmt(block, (s) => visitParts(s, { write: (b) => counts.set(b, (counts.get(b) ?? 0) + 1) }));
  return counts;
}

/** How many statements touch a buffer, nested ones by themselves. */
function countUsers(block: Block): Counts {
  const counts = new Map<Buffer, number>();
  forEachStmt(block, (s) => {
    const touched = loadedBy(s);
    visitParts(s, { read: (b) => touched.add(b), write: (b) => touched.add(b) });
    for (const b of touched) counts.set(b, (counts.get(b) ?? 0) + 1);
  });
  return counts;
}

/** The body of `outer`, with a loop in front of each inner loop for what could be taken out of it. */
function spreadInto(outer: For, stores: Counts, users: Counts, wide: Expanded): Block {
  const whole = summaryOf(outer);
  return outer.body.flatMap((inner) => {
    if (!repeats(inner)) return [inner];
    const varying = new Set<IndexAtom>([...whole.declares, ...whole.assigns]);
    varying.delete(inner.v);
    const inside = countUsers([inner]);
    const isScratch = (b: Buffer): boolean =>
      b.role === "temp" && inside.get(b) === users.get(b) && !readsUndefined(inner.body, b);
    const isMade = (s: Stmt): boolean => {
      const own = countStores([s]);
      return [...own].every(([b, count]) => count === stores.get(b) && isScratch(b));
    };
    return distribute(inner, (s) => isSteady(s, varying, whole.writes) && fits(s, inner) && isMade(s), wide);
  });
}

/** Whether `s` depends on nothing that changes with the outer loop. */
function isSteady(s: Stmt, varying: ReadonlySet<IndexAtom>, written: ReadonlySet<Buffer>): boolean {
  if (s.kind !== "for" && s.kind !== "contract") return false;
  const { declares, uses, assigns, reads, calls } = summaryOf(s);
  return (
    !calls &&
    [...uses].every((atom) => declares.has(atom) || !varying.has(atom)) &&
    [...assigns].every((l) => declares.has(l)) &&
    [...reads].every((b) => !written.has(b))
  );
}

const fits = (s: Stmt, inner: For): boolean =>
  [...summaryOf(s).writes].every((b) => b.size * byteSize(b.dtype) * inner.extent <= MAX_BYTES);

/** Splits `inner` in two: a loop with the statements that `leaves` accepts, and the rest reading their expanded results. */
function distribute(inner: For, leaves: (s: Stmt) => boolean, wide: Expanded): Stmt[] {
  const moved = inner.body.filter(leaves);
  if (moved.length === 0) return [inner];
  const expanded: Expanded = new Map();
  for (const b of moved.flatMap((s) => [...summaryOf(s).writes])) {
    if (expanded.has(b)) continue;
    expanded.set(b, newBuffer(b.name, b.dtype, b.size * inner.extent, "temp"));
  }
  for (const [narrow, b] of expanded) wide.set(narrow, b);
  const v = newLoopVar(inner.v.name);
  const ahead = substitute(
    renewed(expand(moved, expanded, inner.v)),
    new Map([[inner.v, indexExpr(scaledAtom(v))]]),
  );
  const rest = expand(
    inner.body.filter((s) => !moved.includes(s)),
    expanded,
    inner.v,
  );
  return [{ ...inner, v, body: ahead }, ...(rest.length ? [{ ...inner, body: rest }] : [])];
}

/** Every access to a narrow buffer becomes one to part `v` of the wide one. */
function expand(block: Block, wide: ReadonlyMap<Buffer, Buffer>, v: LoopVar): Block {
  const part = (b: Buffer, index: Affine): Affine => addAffine(index, scaledAtom(v, b.size));
  const load = (e: Expr): Expr =>
    e.op === "load" && wide.has(e.buffer)
      ? { ...e, buffer: wide.get(e.buffer)!, index: part(e.buffer, e.index) }
      : e;
  const memo = new Map<Expr, Expr>();
  return mapStmts(mapAllParts(block, { expr: (e) => mapExpr(e, load, memo) }), (s) => atParts(s, wide, part));
}

/** The buffers that a statement names outside of expressions. */
function atParts(s: Stmt, wide: ReadonlyMap<Buffer, Buffer>, part: (b: Buffer, i: Affine) => Affine): Stmt {
  if (s.kind === "store" && wide.has(s.buffer))
    return { ...s, buffer: wide.get(s.buffer)!, index: part(s.buffer, s.index) };
  if (s.kind !== "contract") return s;
  const operand = (x: typeof s.lhs): typeof s.lhs =>
    wide.has(x.buffer) ? { ...x, buffer: wide.get(x.buffer)!, base: part(x.buffer, x.base) } : x;
  return { ...s, lhs: operand(s.lhs), rhs: operand(s.rhs) };
}
