/**
 * Generic traversal of the loop IR, for the passes: what an expression or statement consists of, mapping with sharing kept,
 * what a block reads, writes and leaves free, substitution and renaming.
 *
 * Every mapping function returns the very object it was given when nothing changed, so `===` tells whether a pass did anything.
 */
import type { DType } from "../../core/dtype.ts";
import { assert } from "../../core/errors.ts";
import { constant, scaledAtom, substituteAtoms } from "./affine.ts";
import type {
  Affine,
  Buffer,
  Contract,
  ContractOperand,
  Expr,
  IndexAtom,
  Local,
  LoopVar,
  Origin,
  Stmt,
} from "./nodes.ts";

export type Block = readonly Stmt[];
export type Load = Extract<Expr, { op: "load" }>;
export type Store = Extract<Stmt, { kind: "store" }>;

// ---------------------------------------------------------------------------------------------- new names

let ids = 0;
/** A number that no buffer, local or loop variable made through this module has. */
const freshId = (): number => ++ids;
export const newLoopVar = (name: string): LoopVar => ({ kind: "loopVar", id: freshId(), name });
export const newLocal = (name: string, dtype: DType): Local => ({
  kind: "local",
  id: freshId(),
  name,
  dtype,
});
export const newBuffer = (
  name: string,
  dtype: DType,
  size: number,
  role: Buffer["role"] = "temp",
  origin?: Origin,
): Buffer => ({
  id: freshId(),
  name,
  dtype,
  size,
  role,
  origin,
});

// ---------------------------------------------------------------------------------------------- expressions

type Slot = "x" | "y" | "z" | "cond";
/** The fields of each operation that hold operands, in order of evaluation. */
const OPERANDS: Readonly<Record<Expr["op"], readonly Slot[]>> = {
  const: [],
  index: [],
  local: [],
  load: [],
  unary: ["x"],
  convert: ["x"],
  bitcast: ["x"],
  binary: ["x", "y"],
  fma: ["x", "y", "z"],
  select: ["cond", "x", "y"],
};
type Operands = Record<Slot, Expr>;

/** The operands of an expression. */
export const children = (e: Expr): readonly Expr[] =>
  OPERANDS[e.op].map((slot) => (e as unknown as Operands)[slot]);

/** The same operation on mapped operands. */
export function mapChildren(e: Expr, f: (child: Expr) => Expr): Expr {
  const operands = e as unknown as Operands;
  let changed: Operands | undefined;
  for (const slot of OPERANDS[e.op]) {
    const next = f(operands[slot]);
    if (next !== operands[slot]) (changed ??= { ...operands })[slot] = next;
  }
  return (changed as unknown as Expr | undefined) ?? e;
}

/**
 * Maps a DAG bottom-up: `f` sees each distinct node once, its operands already mapped. Give the same `memo` to calls on
 * expressions that share nodes.
 */
export function mapExpr(root: Expr, f: (e: Expr) => Expr, memo: Map<Expr, Expr> = new Map()): Expr {
  const known = memo.get(root);
  if (known) return known;
  const result = f(mapChildren(root, (child) => mapExpr(child, f, memo)));
  memo.set(root, result);
  return result;
}

/** Visits each distinct node of a DAG once, operands first. */
export function forEachExpr(root: Expr, visit: (e: Expr) => void, seen: Set<Expr> = new Set()): void {
  if (seen.has(root)) return;
  seen.add(root);
  const operands = root as unknown as Operands;
  for (const slot of OPERANDS[root.op]) forEachExpr(operands[slot], visit, seen);
  visit(root);
}

const LEAVES: ReadonlySet<Expr["op"]> = new Set(["const", "index", "local"]);
/** Free to repeat: no operands and no memory access. */
export const isLeaf = (e: Expr): boolean => LEAVES.has(e.op);

/** The nodes other than leaves that are used more than once under `root`, operands before users. */
export function sharedNodes(root: Expr): Expr[] {
  const uses = new Map<Expr, number>();
  const order: Expr[] = [];
  forEachExpr(root, (e) => {
    order.push(e);
    for (const child of children(e)) uses.set(child, (uses.get(child) ?? 0) + 1);
  });
  return order.filter((e) => !isLeaf(e) && (uses.get(e) ?? 0) > 1);
}

/** The expression as an index, when it is one without computing anything. */
export function asAffine(e: Expr): Affine | undefined {
  if (e.dtype !== "int32") return undefined;
  if (e.op === "index") return e.index;
  if (e.op === "const") return constant(e.value);
  return e.op === "local" ? scaledAtom(e.local) : undefined;
}
export const indexExpr = (index: Affine): Expr => ({ op: "index", dtype: "int32", index });
export const localExpr = (local: Local): Expr => ({ op: "local", dtype: local.dtype, local });

/** A node with its own index (of `load` and `index`) mapped. */
function mapIndex(e: Expr, f: (a: Affine) => Affine): Expr {
  if (e.op !== "load" && e.op !== "index") return e;
  const index = f(e.index);
  return index === e.index ? e : { ...e, index };
}

// ---------------------------------------------------------------------------------------------- statements

/** What to do with each part of one statement; parts without a function stay. */
export interface PartMap {
  /** Root expressions. */
  readonly expr?: (e: Expr) => Expr;
  /** Indices outside of expressions. */
  readonly index?: (a: Affine) => Affine;
  /** Buffers outside of expressions that are read. */
  readonly read?: (b: Buffer) => Buffer;
  readonly write?: (b: Buffer) => Buffer;
  readonly block?: (b: Block) => Block;
  /** Declared by this statement; the loop variables' extents, where a nest declares them, come along. */
  readonly local?: (l: Local) => Local;
  readonly loopVar?: (v: LoopVar, extent: number) => LoopVar;
  /** The target of `set`. */
  readonly assigned?: (l: Local) => Local;
}

const same = <T>(x: T): T => x;

/** `{ ...node, ...patch }`, or node itself when the patch changes nothing. */
function patched<T extends object>(node: T, patch: Partial<T>): T {
  return (Object.keys(patch) as (keyof T)[]).every((k) => node[k] === patch[k])
    ? node
    : { ...node, ...patch };
}
/** Array.map that returns the array itself when nothing changed. */
export function mapSame<T>(xs: readonly T[], f: (x: T, i: number) => T): readonly T[] {
  const mapped = xs.map(f);
  return mapped.every((x, i) => x === xs[i]) ? xs : mapped;
}

/** Extents of the loop variables of a contraction's result. */
export const contractExtents = (s: Contract): readonly number[] => [
  ...s.batchExtents,
  ...s.mExtents,
  ...s.nExtents,
];

/** One statement with its parts mapped, nested blocks only through `m.block`. */
export function mapParts(s: Stmt, m: PartMap): Stmt {
  const {
    expr = same,
    index = same,
    read = same,
    write = same,
    block = same,
    local = same,
    assigned = same,
  } = m;
  const loopVar = m.loopVar ?? same;
  const place = <T extends { readonly buffer: Buffer }>(x: T, key: "base" | "index"): T => {
    const at = (x as unknown as Record<string, Affine>)[key]!;
    return patched(x, { buffer: read(x.buffer), [key]: index(at) } as unknown as Partial<T>);
  };
  switch (s.kind) {
    case "for":
      return patched(s, { v: loopVar(s.v, s.extent), body: block(s.body) });
    case "store":
      return patched(s, { buffer: write(s.buffer), index: index(s.index), value: expr(s.value) });
    case "let":
      return patched(s, { value: expr(s.value), local: local(s.local) });
    case "var":
      return patched(s, { init: expr(s.init), local: local(s.local) });
    case "set":
      return patched(s, { value: expr(s.value), local: assigned(s.local) });
    case "reduce": {
      const init = expr(s.init);
      const vars = mapSame(s.vars, (v, i) => loopVar(v, s.extents[i]!));
      return patched(s, { init, vars, body: block(s.body), value: expr(s.value), acc: local(s.acc) });
    }
    case "contract": {
      const operand = (x: ContractOperand): ContractOperand => place(x, "base");
      const [lhs, rhs] = [operand(s.lhs), operand(s.rhs)];
      const extents = contractExtents(s);
      const vars = mapSame(s.vars, (v, i) => loopVar(v, extents[i]!));
      return patched(s, { lhs, rhs, vars, acc: local(s.acc), epilogue: block(s.epilogue) });
    }
    case "while":
      return patched(s, { head: block(s.head), cond: expr(s.cond), body: block(s.body) });
    case "switch":
      return patched(s, { index: expr(s.index), branches: mapSame(s.branches, block) });
    case "host":
      return patched(s, { args: mapSame(s.args, (a) => place(a, "index")) });
  }
}

/** A {@link PartMap} that only looks. */
type PartVisitor = {
  readonly [K in keyof PartMap]: (...args: Parameters<NonNullable<PartMap[K]>>) => void;
};

/** How to look at the parts of each kind of statement, in the order of {@link mapParts}. */
const VISITS: { readonly [K in Stmt["kind"]]: (s: Extract<Stmt, { kind: K }>, m: PartVisitor) => void } = {
  for(s, m) {
    m.loopVar?.(s.v, s.extent);
    m.block?.(s.body);
  },
  store(s, m) {
    m.write?.(s.buffer);
    m.index?.(s.index);
    m.expr?.(s.value);
  },
  let(s, m) {
    m.expr?.(s.value);
    m.local?.(s.local);
  },
  var(s, m) {
    m.expr?.(s.init);
    m.local?.(s.local);
  },
  set(s, m) {
    m.expr?.(s.value);
    m.assigned?.(s.local);
  },
  reduce(s, m) {
    m.expr?.(s.init);
    visitLoopVars(s.vars, s.extents, m);
    m.block?.(s.body);
    m.expr?.(s.value);
    m.local?.(s.acc);
  },
  contract(s, m) {
    visitPlace(s.lhs.buffer, s.lhs.base, m);
    visitPlace(s.rhs.buffer, s.rhs.base, m);
    visitLoopVars(s.vars, contractExtents(s), m);
    m.local?.(s.acc);
    m.block?.(s.epilogue);
  },
  while(s, m) {
    m.block?.(s.head);
    m.expr?.(s.cond);
    m.block?.(s.body);
  },
  switch(s, m) {
    m.expr?.(s.index);
    if (m.block) for (const branch of s.branches) m.block(branch);
  },
  host(s, m) {
    for (const a of s.args) visitPlace(a.buffer, a.index, m);
  },
};

/**
 * Calls the functions of `m` on the parts of a statement, in order, and changes nothing. Passes look far more often than they
 * change anything: this makes no objects.
 */
export function visitParts(s: Stmt, m: PartVisitor): void {
  (VISITS[s.kind] as (s: Stmt, m: PartVisitor) => void)(s, m);
}

function visitPlace(buffer: Buffer, index: Affine, m: PartVisitor): void {
  m.read?.(buffer);
  m.index?.(index);
}

function visitLoopVars(vars: readonly LoopVar[], extents: readonly number[], m: PartVisitor): void {
  if (m.loopVar) for (const [i, v] of vars.entries()) m.loopVar(v, extents[i]!);
}

/** Root expressions of one statement, not of nested blocks. */
export function exprsOf(s: Stmt): Expr[] {
  const found: Expr[] = [];
  visitParts(s, { expr: (e) => found.push(e) });
  return found;
}
/** Nested blocks of one statement. */
export function blocksOf(s: Stmt): Block[] {
  const found: Block[] = [];
  visitParts(s, { block: (b) => found.push(b) });
  return found;
}
/** What one statement itself declares (nested blocks left out): locals and loop variables. */
export function declaredBy(s: Stmt): IndexAtom[] {
  const found: IndexAtom[] = [];
  visitParts(s, { local: (l) => found.push(l), loopVar: (v) => found.push(v) });
  return found;
}

/**
 * Maps a block bottom-up: `f` sees each statement after its nested blocks were mapped, and returns what replaces it
 * (`[]` removes it).
 */
export function mapStmts(block: Block, f: (s: Stmt) => Stmt | Block): Block {
  const inner = (b: Block): Block => mapStmts(b, f);
  const out = block.flatMap((s) => f(mapParts(s, { block: inner })));
  return out.length === block.length && out.every((s, i) => s === block[i]) ? block : out;
}

/** Maps every part of every statement of a block at every depth; `parts.block` is taken care of. */
export function mapAllParts(block: Block, parts: Omit<PartMap, "block">): Block {
  const deep: PartMap = { ...parts, block: (b) => mapSame(b, (s) => mapParts(s, deep)) };
  return deep.block!(block);
}

/** Maps every expression node of a block at every depth, each distinct node once. */
export function mapExprs(block: Block, f: (e: Expr) => Expr): Block {
  const memo = new Map<Expr, Expr>();
  return mapAllParts(block, { expr: (e) => mapExpr(e, f, memo) });
}

/** Visits every statement at every depth, outer ones first. */
export function forEachStmt(block: Block, visit: (s: Stmt) => void): void {
  const inner: PartVisitor = { block: each };
  function each(b: Block): void {
    for (const s of b) {
      visit(s);
      visitParts(s, inner);
    }
  }
  each(block);
}

/** Visits each distinct expression node of a block, at every depth. */
export function forEachExprIn(block: Block, visit: (e: Expr) => void): void {
  const seen = new Set<Expr>();
  const roots: PartVisitor = { expr: (e) => forEachExpr(e, visit, seen) };
  forEachStmt(block, (s) => visitParts(s, roots));
}

/** How many distinct expression nodes of a block, at every depth, are of this kind. */
export function countExprs(block: Block, isCounted: (e: Expr) => boolean = () => true): number {
  let count = 0;
  forEachExprIn(block, (e) => {
    if (isCounted(e)) count++;
  });
  return count;
}

// ---------------------------------------------------------------------------------------------- effects and names

/** What running a block touches. */
export interface Effects {
  readonly reads: ReadonlySet<Buffer>;
  readonly writes: ReadonlySet<Buffer>;
  readonly loads: readonly Load[];
  readonly stores: readonly Store[];
  /** Locals and loop variables that occur in expressions and indices. */
  readonly uses: ReadonlySet<IndexAtom>;
  readonly declares: ReadonlySet<IndexAtom>;
  /** Targets of `set`. */
  readonly assigns: ReadonlySet<Local>;
  /** Calls JavaScript: must keep its place among other calls, and must not be repeated or dropped. */
  readonly calls: boolean;
}

/** Everything that a block reads, writes, uses and declares, at every depth. */
export function effects(block: Block): Effects {
  const [reads, writes] = [new Set<Buffer>(), new Set<Buffer>()];
  const [uses, declares] = [new Set<IndexAtom>(), new Set<IndexAtom>()];
  const assigns = new Set<Local>();
  const [loads, stores]: [Load[], Store[]] = [[], []];
  let calls = false;
  const index = (a: Affine): void => {
    for (const t of a.terms) uses.add(t.atom);
  };
  const node = (e: Expr): void => {
    if (e.op === "local") uses.add(e.local);
    if (e.op === "load" || e.op === "index") index(e.index);
    if (e.op !== "load") return;
    reads.add(e.buffer);
    loads.push(e);
  };
  const seen = new Set<Expr>();
  const parts: PartVisitor = {
    index,
    expr: (e) => forEachExpr(e, node, seen),
    read: (b) => reads.add(b),
    write: (b) => writes.add(b),
    local: (l) => declares.add(l),
    loopVar: (v) => declares.add(v),
    assigned: (l) => assigns.add(l),
  };
  forEachStmt(block, (s) => {
    if (s.kind === "store") stores.push(s);
    if (s.kind === "host") calls = true;
    visitParts(s, parts);
  });
  return { reads, writes, loads, stores, uses, declares, assigns, calls };
}

export const buffersRead = (...block: Stmt[]): ReadonlySet<Buffer> => effects(block).reads;
export const buffersWritten = (...block: Stmt[]): ReadonlySet<Buffer> => effects(block).writes;

/** Locals and loop variables that a block uses or assigns but does not declare. */
export function freeAtoms(block: Block): Set<IndexAtom> {
  const { uses, assigns, declares } = effects(block);
  return new Set([...uses, ...assigns].filter((atom) => !declares.has(atom)));
}

/** Locals and loop variables that an expression uses. */
export function atomsOf(root: Expr): Set<IndexAtom> {
  const found = new Set<IndexAtom>();
  forEachExpr(root, (e) => {
    if (e.op === "local") found.add(e.local);
    if (e.op === "load" || e.op === "index") for (const t of e.index.terms) found.add(t.atom);
  });
  return found;
}

/** What atoms stand for; one that occurs in an index must stand for an index ({@link asAffine}). */
export type Substitution = ReadonlyMap<IndexAtom, Expr>;

function substituteIndex(index: Affine, map: Substitution): Affine {
  return substituteAtoms(index, (atom) => {
    const value = map.get(atom);
    const replacement = value && asAffine(value);
    assert(!value || replacement, `${atom.name} is used as an index and cannot become a computed value`);
    return replacement;
  });
}

const substituteNode = (e: Expr, map: Substitution): Expr =>
  e.op === "local" ? (map.get(e.local) ?? e) : mapIndex(e, (a) => substituteIndex(a, map));

/** The expression with atoms replaced. */
export const substituteExpr = (root: Expr, map: Substitution, memo?: Map<Expr, Expr>): Expr =>
  mapExpr(root, (e) => substituteNode(e, map), memo);

/** The block with every use of the atoms replaced; declarations and targets of `set` stay. */
export function substitute(block: Block, map: Substitution): Block {
  const memo = new Map<Expr, Expr>();
  return mapAllParts(block, {
    expr: (e) => substituteExpr(e, map, memo),
    index: (a) => substituteIndex(a, map),
  });
}

/** A copy of the block that declares new locals and loop variables, so that both may stand in one program. */
export function renewed(block: Block): Block {
  const names = new Map<IndexAtom, IndexAtom>();
  for (const atom of effects(block).declares) {
    names.set(atom, atom.kind === "local" ? newLocal(atom.name, atom.dtype) : newLoopVar(atom.name));
  }
  const memo = new Map<Expr, Expr>();
  const uses = new Map([...names].map(([from, to]) => [from, indexOrLocal(to)]));
  const rename = <A extends IndexAtom>(atom: A): A => (names.get(atom) as A | undefined) ?? atom;
  return mapAllParts(block, {
    expr: (e) => substituteExpr(e, uses, memo),
    index: (a) => substituteIndex(a, uses),
    local: rename,
    loopVar: rename,
    assigned: rename,
  });
}

const indexOrLocal = (atom: IndexAtom): Expr =>
  atom.kind === "local" ? localExpr(atom) : indexExpr(scaledAtom(atom));

/** The block with buffers replaced wherever they are read or written. */
export function replaceBuffers(block: Block, map: ReadonlyMap<Buffer, Buffer>): Block {
  const swap = (b: Buffer): Buffer => map.get(b) ?? b;
  const node = (e: Expr): Expr => {
    if (e.op !== "load") return e;
    const buffer = swap(e.buffer);
    return buffer === e.buffer ? e : { ...e, buffer };
  };
  const memo = new Map<Expr, Expr>();
  return mapAllParts(block, { expr: (e) => mapExpr(e, node, memo), read: swap, write: swap });
}
