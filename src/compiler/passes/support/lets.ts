/**
 * Lets that only the next statement uses become part of it again: `let v = e; y[i] = f(v)` is `y[i] = f(e)`.
 * Nothing happens between the two, so `e` has the same value there.
 */
import type { Affine, Expr, IndexAtom, Let, Local, Stmt } from "../../ir/nodes.ts";
import {
  type Block,
  forEachExpr,
  forEachStmt,
  mapParts,
  substituteExpr,
  visitParts,
} from "../../ir/visit.ts";

/** The statements whose expressions use a local; undefined when an index uses it, which needs its name. */
type Users = ReadonlyMap<IndexAtom, ReadonlySet<Stmt> | undefined>;

export const inlineLets = (block: Block): Block => inlineIn(block, usersOf(block));

function usersOf(block: Block): Users {
  const users = new Map<IndexAtom, Set<Stmt> | undefined>();
  const named = (a: Affine): void => {
    for (const t of a.terms) users.set(t.atom, undefined);
  };
  const use = (local: Local, s: Stmt): void => {
    if (!users.has(local)) users.set(local, new Set());
    users.get(local)?.add(s);
  };
  forEachStmt(block, (s) => {
    const node = (e: Expr): void => {
      if (e.op === "local") use(e.local, s);
      if (e.op === "load" || e.op === "index") named(e.index);
    };
    visitParts(s, { index: named, expr: (e) => forEachExpr(e, node) });
  });
  return users;
}

function inlineIn(block: Block, users: Users): Block {
  const out: Stmt[] = []; // back to front
  let absorbed = new Set<Stmt>(); // what the last of `out` is made of
  for (const original of [...block].reverse()) {
    const s = mapParts(original, { block: (b) => inlineIn(b, users) });
    const next = out.at(-1);
    if (s.kind === "let" && next && evaluatesOnce(next) && isOnlyUsedIn(s, absorbed, users)) {
      out[out.length - 1] = replaced(next, s);
      absorbed.add(original);
    } else {
      out.push(s);
      absorbed = new Set([original]);
    }
  }
  out.reverse();
  return out.length === block.length && out.every((s, i) => s === block[i]) ? block : out;
}

const EVALUATED_ONCE: ReadonlySet<Stmt["kind"]> = new Set(["let", "var", "set", "store"]);
const evaluatesOnce = (s: Stmt): boolean => EVALUATED_ONCE.has(s.kind);

function isOnlyUsedIn(s: Let, where: ReadonlySet<Stmt>, users: Users): boolean {
  const found = users.get(s.local);
  return found !== undefined && [...found].every((user) => where.has(user));
}

function replaced(s: Stmt, by: Let): Stmt {
  const map = new Map<IndexAtom, Expr>([[by.local, by.value]]);
  return mapParts(s, { expr: (e) => substituteExpr(e, map) });
}
