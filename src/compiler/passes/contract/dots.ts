/** A contraction as one `reduce` per element of the result. */
import { binaryExpr, constExpr, loadExpr } from "../../ir/build.ts";
import type { Expr, Stmt } from "../../ir/nodes.ts";
import type { Block } from "../../ir/visit.ts";
import type { Product } from "./axes.ts";
import { axisNest, inOperand } from "./loops.ts";

/** One sum after the other; without an axis to sum over, products. */
export function dots(p: Product): Block {
  const axes = [...p.batch, ...p.m, ...p.n];
  const factor = (side: "lhs" | "rhs"): Expr =>
    loadExpr(p[side].buffer, inOperand(p[side].base, [...axes, ...p.k], side), p[side].since);
  const product = binaryExpr("mul", factor("lhs"), factor("rhs"));
  const sum: Stmt = p.k.length === 0 ? { kind: "let", local: p.acc, value: product } : sumOf(p, product);
  return axisNest(axes, [sum, ...p.epilogue]);
}

const sumOf = (p: Product, value: Expr): Stmt => ({
  kind: "reduce",
  acc: p.acc,
  fn: "add",
  init: constExpr(0, p.dtype),
  vars: p.k.map((a) => a.v),
  extents: p.k.map((a) => a.extent),
  lanes: 1,
  body: [],
  value,
});
