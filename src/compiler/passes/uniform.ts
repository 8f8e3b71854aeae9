/**
 * Uniform values leave loops: what does not change from one iteration to the next is computed before the loop, as a scalar.
 *
 *     for i < 64 independent lanes 4 {                     let u: f32 = f32.exp(s[b])
 *       y[64*b + i] = f32.mul(x[i], f32.exp(s[b]))   =>    for i < 64 independent lanes 4 {
 *     }                                                      y[64*b + i] = f32.mul(x[i], u)
 *                                                          }
 *
 * The largest subexpressions that use nothing the loop declares, sets or stores to; constants, locals and plain indices stay,
 * they cost nothing. Lets that are uniform as a whole move out. Engines do not do this for WebAssembly. `while` keeps
 * everything, since its body may not run and its loads may be out of range then.
 *
 * Requires: runs after `vectorize`, which wants perfect nests. Ensures: the same loops.
 */
import type { Buffer, Expr, For, IndexAtom, Let, Program, Reduce, Stmt } from "../ir/nodes.ts";
import { type Block, isLeaf, localExpr, mapChildren, mapParts, mapStmts, newLocal } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { summaryOf } from "./support/conflict.ts";

export function uniform(program: Program, _target: Target): Program {
  const body = mapStmts(program.body, (s) => (isCounted(s) ? hoisted(s) : s));
  return body === program.body ? program : { ...program, body };
}

const isCounted = (s: Stmt): s is For | Reduce =>
  (s.kind === "for" && s.extent > 0) || (s.kind === "reduce" && s.extents.every((n) => n > 0));

function hoisted(s: For | Reduce): Stmt | Block {
  const out = new Outside(s);
  const body = out.block(s.body);
  if (s.kind === "for") return out.lets.length > 0 ? [...out.lets, { ...s, body }] : s;
  const value = out.expr(s.value);
  return out.lets.length > 0 ? [...out.lets, { ...s, body, value }] : s;
}

/** What is moved out of one loop. */
class Outside {
  readonly lets: Let[] = [];
  readonly #varying: Set<IndexAtom>;
  readonly #stored: ReadonlySet<Buffer>;
  readonly #isUniform = new Map<Expr, boolean>();
  readonly #mapped = new Map<Expr, Expr>();

  constructor(loop: For | Reduce) {
    const { declares, assigns, writes } = summaryOf(loop);
    this.#varying = new Set<IndexAtom>([...declares, ...assigns]);
    this.#stored = writes;
  }

  /** The block without its uniform lets and subexpressions. Nested blocks stay: their uniform parts are lets here already. */
  block(block: Block): Block {
    return block.flatMap((s) => {
      if (s.kind === "let" && this.#uniform(s.value)) {
        this.lets.push(s);
        this.#varying.delete(s.local);
        this.#isUniform.clear();
        return [];
      }
      if (s.kind === "reduce") return [{ ...s, init: this.expr(s.init) }];
      return s.kind === "while" ? [s] : [mapParts(s, { expr: (e) => this.expr(e) })];
    });
  }

  expr(e: Expr): Expr {
    if (isLeaf(e)) return e;
    const known = this.#mapped.get(e);
    if (known) return known;
    const mapped = this.#uniform(e) ? this.#named(e) : mapChildren(e, (child) => this.expr(child));
    this.#mapped.set(e, mapped);
    return mapped;
  }

  #named(value: Expr): Expr {
    const local = newLocal("u", value.dtype);
    this.lets.push({ kind: "let", local, value });
    return localExpr(local);
  }

  #uniform(e: Expr): boolean {
    const known = this.#isUniform.get(e);
    if (known !== undefined) return known;
    const answer = this.#computeUniform(e);
    this.#isUniform.set(e, answer);
    return answer;
  }

  #computeUniform(e: Expr): boolean {
    if (e.op === "local") return !this.#varying.has(e.local);
    const isFixed =
      e.op !== "load" && e.op !== "index" ? true : e.index.terms.every((t) => !this.#varying.has(t.atom));
    if (!isFixed || (e.op === "load" && this.#stored.has(e.buffer))) return false;
    let all = true;
    mapChildren(e, (child) => {
      all &&= this.#uniform(child);
      return child;
    });
    return all;
  }
}
