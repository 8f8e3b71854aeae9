/**
 * Within a block, a load of the element that was stored last is the value that was stored:
 *
 *     t[i] = f32.exp(x[i])                  let v: f32 = f32.exp(x[i])
 *     y[i] = f32.add(t[i], f32(1))    =>    t[i] = v
 *                                           y[i] = f32.add(v, f32(1))
 */
import { sameAffine } from "../../ir/affine.ts";
import type { Buffer, Expr, Local, Stmt } from "../../ir/nodes.ts";
import {
  type Block,
  type Effects,
  effects,
  type Load,
  localExpr,
  mapExprs,
  mapParts,
  newLocal,
  type Store,
} from "../../ir/visit.ts";
import { summaryOf } from "./conflict.ts";

/** A store whose element has not changed since. */
interface Known {
  readonly store: Store;
  /** What loads become; made when the first load asks. */
  value?: Expr;
}

export function forward(block: Block): Block {
  const known = new Map<Buffer, Known>();
  const all = new Map<Stmt, Known>();
  const mutable = effects(block).assigns;
  const replace = (e: Expr): Expr =>
    e.op === "load" ? (forwarded(e, known.get(e.buffer), mutable) ?? e) : e;
  const out: Stmt[] = [];
  for (const s of block) {
    const touched = summaryOf(s);
    if (s.kind !== "store") forget(known, touched);
    const next = mentions(touched, known) ? mapExprs([s], replace)[0]! : s;
    out.push(next);
    if (next.kind !== "store") continue;
    const entry: Known = { store: next };
    known.set(next.buffer, entry);
    all.set(next, entry);
  }
  return withLets(out, all);
}

const mentions = (e: Effects, known: ReadonlyMap<Buffer, Known>): boolean =>
  e.loads.some((l) => known.has(l.buffer));

/** Drops what a statement overwrites, and indices that a `set` changes. */
function forget(known: Map<Buffer, Known>, { writes, assigns }: Effects): void {
  for (const b of writes) known.delete(b);
  if (assigns.size === 0) return;
  for (const [b, { store }] of known) {
    if (store.index.terms.some((t) => assigns.has(t.atom as Local))) known.delete(b);
  }
}

function forwarded(load: Load, known: Known | undefined, mutable: ReadonlySet<Local>): Expr | undefined {
  if (!known || !sameAffine(known.store.index, load.index)) return undefined;
  const { value, buffer } = known.store;
  const isName = value.op === "const" || (value.op === "local" && !mutable.has(value.local));
  known.value ??= isName ? value : localExpr(newLocal("v", buffer.dtype));
  return known.value;
}

/** Stores whose value got a name, with the `let` that names it. */
function withLets(block: readonly Stmt[], all: ReadonlyMap<Stmt, Known>): Block {
  return block.flatMap((s) => {
    const value = all.get(s)?.value;
    if (s.kind !== "store" || value?.op !== "local" || s.value === value) return [s];
    return [{ kind: "let", local: value.local, value: s.value } as const, mapParts(s, { expr: () => value })];
  });
}
