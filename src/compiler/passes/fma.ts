/**
 * Fma: a product that is only added to something, or subtracted, becomes part of a multiply-add.
 *
 *     y[i] = f32.add(f32.mul(a[i], b[i]), c[i])    =>    y[i] = f32.fma(a[i], b[i], c[i])
 *     y[i] = f32.sub(c[i], f32.mul(a[i], b[i]))    =>    y[i] = f32.fma(f32.neg(a[i]), b[i], c[i])
 *
 * One instruction and one rounding instead of two, as XLA has it on CPUs; recurrences wait half as long. Never when both sides
 * are products: the one left out would be rounded alone, and `a·b - b·a` has to be 0.
 *
 * Runs before `math`, whose expansions say themselves where they want a multiply-add. Does nothing for machines without one.
 * Requires: nothing. Ensures: the same values up to the rounding of products.
 */
import { isFloat } from "../../core/dtype.ts";
import { fmaExpr, unaryExpr } from "../ir/build.ts";
import type { Expr, Program, Stmt } from "../ir/nodes.ts";
import { children, exprsOf, forEachExpr, mapChildren, mapParts, mapStmts } from "../ir/visit.ts";
import type { Target } from "../target.ts";

export function fma(program: Program, target: Target): Program {
  if (!target.fma) return program;
  const body = mapStmts(program.body, (s) => new Contraction(s).result());
  return body === program.body ? program : { ...program, body };
}

type Binary = Extract<Expr, { op: "binary" }>;

const isProduct = (e: Expr): e is Binary => e.op === "binary" && e.fn === "mul";
const isSignedProduct = (e: Expr): boolean =>
  isProduct(e) || (e.op === "unary" && e.fn === "neg" && isProduct(e.x));
const negated = (e: Expr): Expr => unaryExpr("neg", e);

/** The expressions of one statement. */
class Contraction {
  readonly #stmt: Stmt;
  readonly #uses = new Map<Expr, number>();
  readonly #memo = new Map<Expr, Expr>();

  constructor(s: Stmt) {
    this.#stmt = s;
    const seen = new Set<Expr>();
    const count = (e: Expr): void => {
      this.#uses.set(e, (this.#uses.get(e) ?? 0) + 1);
    };
    for (const root of exprsOf(s)) {
      count(root);
      forEachExpr(root, (e) => children(e).forEach(count), seen);
    }
  }

  result(): Stmt {
    return mapParts(this.#stmt, { expr: (e) => this.#mapped(e) });
  }

  #mapped(e: Expr): Expr {
    let known = this.#memo.get(e);
    if (!known) {
      const operands = mapChildren(e, (x) => this.#mapped(x));
      this.#memo.set(e, (known = this.#contracted(e, operands) ?? operands));
    }
    return known;
  }

  /** `now` is `e` with its operands mapped. */
  #contracted(e: Expr, now: Expr): Expr | undefined {
    if (e.op !== "binary" || now.op !== "binary" || !isFloat(e.dtype)) return undefined;
    if ((e.fn !== "add" && e.fn !== "sub") || (isSignedProduct(e.x) && isSignedProduct(e.y)))
      return undefined;
    const minus = e.fn === "sub";
    if (this.#isFree(e.x) && isProduct(now.x)) {
      return fmaExpr(now.x.x, now.x.y, minus ? negated(now.y) : now.y);
    }
    if (!this.#isFree(e.y) || !isProduct(now.y)) return undefined;
    return fmaExpr(minus ? negated(now.y.x) : now.y.x, now.y.y, now.x);
  }

  /** A product that nothing else needs. */
  #isFree(e: Expr): boolean {
    return isProduct(e) && this.#uses.get(e) === 1;
  }
}
