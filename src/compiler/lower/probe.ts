/** Looks at what reading a value would cost, without writing anything into the program. */
import { costOf } from "../../core/scalar.ts";
import { coeffOf, scaledAtom, strided } from "../ir/affine.ts";
import type { Expr } from "../ir/nodes.ts";
import { forEachExpr, type Load } from "../ir/visit.ts";
import type { Code } from "./code.ts";
import { Lazy, Uniform, type Value, View } from "./operands.ts";

/** The element at a symbolic position, or undefined when computing it takes statements (loops, computed indices). */
function sample(code: Code, x: Value): Expr | undefined {
  const epoch = code.epoch;
  const index = code.probes(x.aval.shape).map((v) => scaledAtom(v));
  const [stmts, expr] = code.within(() => x.at(index));
  code.epoch = epoch;
  return stmts.length === 0 ? expr : undefined;
}

/** Cheaper to compute again than to load: at most one load and one plain operation per element. */
export function isCheap(code: Code, x: Value): boolean {
  if (!(x instanceof Lazy)) return true;
  const expr = sample(code, x);
  if (!expr) return false;
  let [loads, operations] = [0, 0];
  forEachExpr(expr, (e) => {
    if (e.op === "load") loads++;
    else operations += price(e);
  });
  return loads <= 1 && operations <= 1;
}

function price(e: Expr): number {
  if (e.op === "unary" || e.op === "binary") return costOf(e.fn) === "cheap" ? 1 : Number.POSITIVE_INFINITY;
  return e.op === "select" || e.op === "fma" ? 2 : 0;
}

/** Elements that are nothing but loads at affine positions are a view; elements that are all one constant or local are uniform. */
export function simplest(code: Code, x: Value): Value {
  if (!(x instanceof Lazy) || x.aval.size === 0) return x;
  const expr = sample(code, x);
  if (expr?.op === "const" || expr?.op === "local") return new Uniform(x.aval, expr);
  return expr?.op === "load" ? viewOf(code, x, expr) : x;
}

function viewOf(code: Code, x: Value, { buffer, index, since }: Load): View {
  const axes = code.probes(x.aval.shape);
  const steps = axes.map((v) => coeffOf(index, v));
  const offset = strided(
    index,
    steps.map((step) => -step),
    axes,
  );
  return new View(x.aval, buffer, offset, steps, { since });
}
