/** Whether iterations can run side by side here. Where they cannot, lanes are given up: they are leave, not order. */
import { coeffOf } from "../../compiler/ir/affine.ts";
import type { Affine, Expr, For, IndexAtom, LoopVar, Reduce, Stmt } from "../../compiler/ir/nodes.ts";
import { type Block, forEachExprIn, forEachStmt } from "../../compiler/ir/visit.ts";
import { variesIn, varyingAtoms } from "../../compiler/passes/lanes.ts";

/** A statement with the lanes that the backend can give it. */
export function withPossibleLanes<S extends For | Reduce>(s: S): S {
  if (s.lanes === 1) return s;
  const [v, body] = s.kind === "for" ? [s.v, s.body] : [s.vars.at(-1)!, reduced(s)];
  return s.lanes % 2 === 0 && runsInLanes(body, v) ? s : { ...s, lanes: 1 };
}

/** The body of a reduction with its value as a statement. */
const reduced = (s: Reduce): Block => [...s.body, { kind: "let", local: s.acc, value: s.value }];

/** All lanes take the same path, indices differ by the loop variable only, and no two lanes store to one place. */
function runsInLanes(body: Block, v: LoopVar): boolean {
  const varying = varyingAtoms(body, [v]);
  const varies = variesIn(varying);
  let ok = true;
  forEachStmt(body, (s) => {
    ok &&= statementOk(s, v, varying, varies);
  });
  forEachExprIn(body, (e) => {
    ok &&= (e.op !== "load" && e.op !== "index") || indexOk(e.index, v, varying);
  });
  return ok;
}

const indexOk = (a: Affine, v: LoopVar, varying: ReadonlySet<IndexAtom>): boolean =>
  a.terms.every(({ atom }) => atom === v || !varying.has(atom));

function statementOk(
  s: Stmt,
  v: LoopVar,
  varying: ReadonlySet<IndexAtom>,
  varies: (e: Expr) => boolean,
): boolean {
  switch (s.kind) {
    case "for":
    case "reduce":
      return s.lanes === 1;
    case "while":
      return !varies(s.cond);
    case "switch":
      return !varies(s.index);
    case "store":
      return indexOk(s.index, v, varying) && (coeffOf(s.index, v) !== 0 || !varies(s.value));
    default:
      return s.kind !== "host";
  }
}
