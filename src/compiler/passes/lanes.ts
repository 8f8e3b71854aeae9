/**
 * What happens to a block when several iterations of a loop run side by side, one per vector lane: which values differ
 * between lanes, and whether every statement has a meaning then. Shared by `contract` (epilogues) and `vectorize`.
 */
import { byteSize, type DType } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";
import { coeffOf } from "../ir/affine.ts";
import type { Affine, Expr, IndexAtom, Local, LoopVar, Stmt } from "../ir/nodes.ts";
import { type Block, children, declaredBy, exprsOf, forEachExpr, forEachStmt } from "../ir/visit.ts";

/** Functions without a vector instruction, nor an expansion into those that have one: lane by lane is no gain. */
const SCALAR_UNARY: ReadonlySet<UnaryFn> = new Set(["clz"]);
const SCALAR_INT_BINARY: ReadonlySet<string> = new Set<BinaryFn>(["div", "rem"]);
const SHIFTS: ReadonlySet<string> = new Set<BinaryFn>(["shl", "shrLogical", "shrArith"]);

/** Bytes of one lane: narrow integers are computed with in 32 bits. Bools are masks as wide as what they go with. */
const laneBytes = (dtype: DType): 4 | 8 | undefined =>
  dtype === "bool" ? undefined : byteSize(dtype) === 8 ? 8 : 4;

/** The values of a block that differ between the lanes of `v`. */
export interface LaneInfo {
  readonly v: LoopVar;
  varies(e: Expr): boolean;
  /** The one lane size of all varying values. */
  readonly bytes: 4 | 8;
}

/**
 * The lanes of `v` in `block`, or undefined when the block cannot run in lanes: it calls JavaScript, branches or indexes by
 * lane-dependent values, stores every lane to one place, mixes lane sizes, or uses operations that vectors lack.
 * `seeds` are locals from outside that differ between lanes.
 */
export function laneInfo(block: Block, v: LoopVar, seeds: readonly Local[] = []): LaneInfo | undefined {
  const varying = varyingAtoms(block, [v, ...seeds]);
  const varies = variesIn(varying);
  const sizes = new Set(seeds.map((l) => laneBytes(l.dtype)));
  const declared = new Set<IndexAtom>(seeds);
  const seen = new Set<Expr>();
  const indexOk = (a: Affine): boolean => a.terms.every(({ atom }) => atom === v || !varying.has(atom));
  const exprOk = (root: Expr): boolean => {
    let ok = true;
    const visit = (e: Expr): void => {
      if (!varies(e)) return;
      sizes.add(laneBytes(e.dtype));
      ok &&= e.op === "load" || e.op === "index" ? indexOk(e.index) : hasVectorForm(e, varies);
    };
    forEachExpr(root, visit, seen);
    return ok;
  };
  const statementOk = (s: Stmt): boolean => {
    switch (s.kind) {
      case "host":
      case "contract":
        return false;
      case "while":
        return !varies(s.cond);
      case "switch":
        return !varies(s.index);
      case "for":
      case "reduce":
        return s.lanes === 1;
      case "set":
        return declared.has(s.local);
      case "store":
        return indexOk(s.index) && coeffOf(s.index, v) !== 0;
      default:
        return true;
    }
  };
  let ok = true;
  forEachStmt(block, (s) => {
    for (const atom of declaredBy(s)) declared.add(atom);
    ok &&= exprsOf(s).every(exprOk) && statementOk(s);
  });
  sizes.delete(undefined);
  const [bytes = 4] = sizes;
  return ok && sizes.size <= 1 ? { v, varies, bytes } : undefined;
}

function hasVectorForm(e: Expr, varies: (e: Expr) => boolean): boolean {
  if (e.op === "unary") return !SCALAR_UNARY.has(e.fn);
  if (e.op !== "binary") return true;
  if (SHIFTS.has(e.fn)) return !varies(e.y);
  return !SCALAR_INT_BINARY.has(e.fn) || e.dtype === "float32" || e.dtype === "float64";
}

/** A predicate on expressions: does the value depend on one of these atoms? Remembers its answers. */
export function variesIn(atoms: ReadonlySet<IndexAtom>): (e: Expr) => boolean {
  const memo = new Map<Expr, boolean>();
  const varies = (e: Expr): boolean => {
    const known = memo.get(e);
    if (known !== undefined) return known;
    const answer =
      e.op === "local"
        ? atoms.has(e.local)
        : e.op === "load" || e.op === "index"
          ? e.index.terms.some((t) => atoms.has(t.atom))
          : children(e).some(varies);
    memo.set(e, answer);
    return answer;
  };
  return varies;
}

/** The least set that holds `roots` and every local assigned from a value that depends on the set. */
export function varyingAtoms(block: Block, roots: readonly IndexAtom[]): Set<IndexAtom> {
  const varying = new Set<IndexAtom>(roots);
  for (let before = -1; before !== varying.size; ) {
    before = varying.size;
    // Grows while it is asked: straight-line code settles in one sweep, variables carried by loops need another.
    const varies = variesIn(varying);
    forEachStmt(block, (s) => {
      const target = assignedBy(s);
      if (target && exprsOf(s).some(varies)) varying.add(target);
    });
  }
  return varying;
}

const assignedBy = (s: Stmt): Local | undefined =>
  s.kind === "let" || s.kind === "var" || s.kind === "set"
    ? s.local
    : s.kind === "reduce"
      ? s.acc
      : undefined;
