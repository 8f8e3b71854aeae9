/** Compensated summation (Kahan 1965). */
import { binaryExpr, constExpr, localExpr, newLocal, selectExpr, unaryExpr } from "../../ir/build.ts";
import type { Expr, Stmt } from "../../ir/nodes.ts";
import type { Block } from "../../ir/visit.ts";

/** Where a total lies, or what rounding took from it last. */
export interface Place {
  readonly value: Expr;
  readonly set: (value: Expr) => Stmt;
}

/** Adds a number to a total. What an infinite total loses is not known, and counts as nothing. */
export function addTo(total: Place, lost: Place, x: Expr): Block {
  const { dtype } = x;
  const [term, before, after] = ["x", "sum", "next"].map((name) => newLocal(name, dtype));
  const [t, b, a] = [term!, before!, after!].map(localExpr);
  const missing = binaryExpr("sub", t!, binaryExpr("sub", a!, b!));
  const known = binaryExpr("lt", unaryExpr("abs", missing), constExpr(Number.POSITIVE_INFINITY, dtype));
  return [
    { kind: "let", local: term!, value: binaryExpr("add", x, lost.value) },
    { kind: "let", local: before!, value: total.value },
    { kind: "let", local: after!, value: binaryExpr("add", b!, t!) },
    lost.set(selectExpr(known, missing, constExpr(0, dtype))),
    total.set(a!),
  ];
}
