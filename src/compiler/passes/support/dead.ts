/**
 * Removes what nobody needs: stores to temps that are never loaded, locals that are never used, loops left empty.
 *
 * Need is traced from the outputs and host calls backwards, buffer by buffer and without regard to order, so a temp that only
 * feeds itself through the iterations of a loop goes too. Near-linear in the size of the program.
 */
import type { Buffer, IndexAtom, Local, Program, Stmt } from "../../ir/nodes.ts";
import {
  type Block,
  blocksOf,
  declaredBy,
  effects,
  forEachExpr,
  forEachStmt,
  mapParts,
  visitParts,
} from "../../ir/visit.ts";

type Entity = Buffer | IndexAtom;

/** The program without dead code, and without temps that nothing mentions any more. */
export function removeDead(program: Program): Program {
  const body = kept(program.body, isEffect);
  return body === program.body ? program : withUsedTemps({ ...program, body });
}

/** The part of a block that gives these locals their last values. */
export const sliceOf = (block: Block, locals: ReadonlySet<Local>): Block =>
  kept(block, (s) => s.kind === "set" && locals.has(s.local));

/** What the statements that are roots need, and they themselves. */
function kept(block: Block, isRoot: (s: Stmt) => boolean): Block {
  const live = liveStatements(block, isRoot);
  const keep = (b: Block): Block => {
    const mapped = b.filter((s) => live.has(s)).map((s) => mapParts(s, { block: keep }));
    return mapped.length === b.length && mapped.every((s, i) => s === b[i]) ? b : mapped;
  };
  return keep(block);
}

/** The program with only those temps that its body mentions. */
function withUsedTemps(program: Program): Program {
  const { reads, writes } = effects(program.body);
  const temps = program.temps.filter((t) => reads.has(t) || writes.has(t));
  return temps.length === program.temps.length ? program : { ...program, temps };
}

function liveStatements(body: Block, isRoot: (s: Stmt) => boolean): Set<Stmt> {
  const { parents, makers } = provenance(body);
  const live = new Set<Stmt>();
  const needed = new Set<Entity>();
  const work: Stmt[] = [];
  const need = (x: Entity): void => {
    if (needed.has(x)) return;
    needed.add(x);
    work.push(...(makers.get(x) ?? []));
  };
  forEachStmt(body, (s) => {
    if (isRoot(s)) work.push(s);
  });
  for (let s = work.pop(); s; s = work.pop()) {
    if (live.has(s)) continue;
    live.add(s);
    work.push(...(parents.get(s) ?? []));
    for (const x of usedBy(s)) need(x);
  }
  return live;
}

const isEffect = (s: Stmt): boolean => s.kind === "host" || (s.kind === "store" && s.buffer.role !== "temp");

/** For each statement those around it, and for each buffer and local the statements that give it a value. */
function provenance(body: Block): { parents: Map<Stmt, Stmt[]>; makers: Map<Entity, Stmt[]> } {
  const [parents, makers] = [new Map<Stmt, Stmt[]>(), new Map<Entity, Stmt[]>()];
  const push = <K>(map: Map<K, Stmt[]>, key: K, s: Stmt): void => {
    const list = map.get(key);
    if (list) list.push(s);
    else map.set(key, [s]);
  };
  forEachStmt(body, (s) => {
    for (const inner of blocksOf(s)) for (const child of inner) push(parents, child, s);
    if (s.kind === "store") push(makers, s.buffer, s);
    if (s.kind === "set") push(makers, s.local, s);
    for (const atom of declaredBy(s)) push(makers, atom, s);
  });
  return { parents, makers };
}

/** What a statement itself (not its nested blocks) reads. */
function usedBy(s: Stmt): Set<Entity> {
  const used = new Set<Entity>();
  const terms = (index: { readonly terms: readonly { readonly atom: IndexAtom }[] }): void => {
    for (const t of index.terms) used.add(t.atom);
  };
  if (s.kind === "set") used.add(s.local); // needs its declaration
  visitParts(s, {
    index: terms,
    read: (b) => used.add(b),
    expr: (root) =>
      forEachExpr(root, (e) => {
        if (e.op === "local") used.add(e.local);
        if (e.op === "load") used.add(e.buffer);
        if (e.op === "load" || e.op === "index") terms(e.index);
      }),
  });
  return used;
}
