/**
 * Common subexpressions of the statements of one block.
 *
 * Values are numbered as the block runs: a load or a mutable local is numbered anew once a statement may have changed it, and a
 * local bound by `let` has the number of its value. A value becomes a `let` when it is part of two statements, or of two values
 * that do; so only the largest common subexpressions get names. Sharing inside of one statement is the emitter's business.
 */
import { identityOf } from "../../../util/key.ts";
import type { Buffer, Expr, IndexAtom, Let, Local, Stmt } from "../../ir/nodes.ts";
import {
  type Block,
  children,
  isLeaf,
  localExpr,
  mapChildren,
  mapParts,
  newLocal,
  substitute,
} from "../../ir/visit.ts";
import { summaryOf } from "./conflict.ts";

/** One value of the block. */
interface Value {
  readonly expr: Expr;
  readonly operands: readonly Value[];
  /** The values that use it, and the places of statements that do. */
  readonly users: (Value | number)[];
  /** The place of the first statement that evaluates it. */
  readonly first: number;
  /** Its name, when a `let` of the block gives it one or when several statements need it. */
  local?: Local;
}

/** The block with its common subexpressions named; `mutable` are the program's locals that some `set` changes. */
export function shareValues(block: Block, mutable: ReadonlySet<Local>): Block {
  return new Sharing(mutable).block(block);
}

class Sharing {
  readonly #mutable: ReadonlySet<Local>;
  readonly #values = new Map<string, Value>();
  /** In order of evaluation, operands first. */
  readonly #order: Value[] = [];
  readonly #ofLocal = new Map<Local, Value>();
  /** Locals that are another name for something: what to use instead. */
  readonly #aliases = new Map<IndexAtom, Expr>();
  /** When each buffer and local changed last, and the time now. */
  readonly #changed = new Map<Buffer | IndexAtom, number>();
  /** The place of the statement being looked at. */
  #now = 0;
  /** Values of that statement's expressions, which are DAGs. */
  readonly #seen = new Map<Expr, Value>();
  readonly #rebuilt = new Map<Value, Expr>();

  constructor(mutable: ReadonlySet<Local>) {
    this.#mutable = mutable;
  }

  block(block: Block): Block {
    const numbered = block.map((s) => this.#number(this.#renamed(s)));
    this.#nameShared();
    const lets = new Map<number, Let[]>();
    for (const value of this.#order) {
      if (value.local)
        lets.set(value.first, [...(lets.get(value.first) ?? []), this.#letOf(value, value.local)]);
    }
    return numbered.flatMap(({ stmt, root, place }) => [
      ...(lets.get(place) ?? []),
      ...(stmt.kind === "let" && root?.local === stmt.local ? [] : [this.#withRoot(stmt, root)]),
    ]);
  }

  /** The statement with aliases replaced, in nested blocks and indices too. */
  #renamed(s: Stmt): Stmt {
    const used = this.#aliases.size > 0 && [...summaryOf(s).uses].some((atom) => this.#aliases.has(atom));
    return used ? substitute([s], this.#aliases)[0]! : s;
  }

  // ---------------------------------------------------------------------------------------------- numbering

  /** Numbers what `s` computes right where it stands. */
  #number(s: Stmt): { stmt: Stmt; root: Value | undefined; place: number } {
    const place = ++this.#now;
    this.#seen.clear();
    const e = rootOf(s);
    const root = e && this.#valueOf(e);
    const isAlias = s.kind === "let" && root && this.#isAlias(s, root);
    if (!isAlias) root?.users.push(place);
    const { writes, assigns } = summaryOf(s);
    for (const x of [...writes, ...assigns]) this.#changed.set(x, place);
    return { stmt: s, root, place };
  }

  /** Whether `s` only gives another name to something. It stays, for the sake of what follows the block, until it is dead. */
  #isAlias(s: Let, value: Value): boolean {
    const { expr } = value;
    const constant = expr.op === "const" || (expr.op === "local" && !this.#mutable.has(expr.local));
    if (constant || value.local) this.#aliases.set(s.local, constant ? expr : localExpr(value.local!));
    else if (!isLeaf(expr)) value.local = s.local;
    if (!isLeaf(expr)) this.#ofLocal.set(s.local, value);
    return this.#aliases.has(s.local);
  }

  #valueOf(e: Expr): Value {
    const known = (e.op === "local" && this.#ofLocal.get(e.local)) || this.#seen.get(e);
    if (known) return known;
    const operands = children(e).map((child) => this.#valueOf(child));
    const key = keyOf(e, operands, this.#stamp(e));
    const value = this.#values.get(key) ?? this.#newValue(key, e, operands);
    this.#seen.set(e, value);
    return value;
  }

  #newValue(key: string, expr: Expr, operands: readonly Value[]): Value {
    const value: Value = { expr, operands, users: [], first: this.#now };
    for (const x of operands) x.users.push(value);
    this.#values.set(key, value);
    this.#order.push(value);
    return value;
  }

  /** When what a leaf or load reads changed last. */
  #stamp(e: Expr): number {
    const at = (x: Buffer | IndexAtom): number => this.#changed.get(x) ?? 0;
    if (e.op === "local") return at(e.local);
    if (e.op !== "load" && e.op !== "index") return 0;
    return Math.max(e.op === "load" ? at(e.buffer) : 0, ...e.index.terms.map((t) => at(t.atom)));
  }

  // ---------------------------------------------------------------------------------------------- naming

  /** Users come after what they use, so backwards each value finds its users settled. */
  #nameShared(): void {
    const settled = new Map<Value, Value | number>();
    for (const value of this.#order.toReversed()) {
      const homes = new Set(
        value.users.map((user) => (typeof user === "number" ? user : settled.get(user)!)),
      );
      const [only] = homes;
      const named = value.local !== undefined || (homes.size > 1 && !isLeaf(value.expr));
      if (named) value.local ??= newLocal("c", value.expr.dtype);
      settled.set(value, named || homes.size !== 1 ? value : only!);
    }
  }

  #letOf(value: Value, local: Local): Let {
    return { kind: "let", local, value: this.#definition(value) };
  }

  #use = (value: Value): Expr => (value.local ? localExpr(value.local) : this.#definition(value));

  #definition(value: Value): Expr {
    const known = this.#rebuilt.get(value);
    if (known) return known;
    let i = 0;
    const rebuilt = mapChildren(value.expr, (child) => {
      const operand = value.operands[i++]!;
      return operand.local && child.op === "local" && child.local === operand.local
        ? child
        : this.#use(operand);
    });
    this.#rebuilt.set(value, rebuilt);
    return rebuilt;
  }

  #withRoot(s: Stmt, root: Value | undefined): Stmt {
    if (!root) return s;
    const use = this.#use(root);
    return s.kind === "reduce" ? { ...s, init: use } : mapParts(s, { expr: () => use });
  }
}

/** The expression that a statement evaluates once, when control reaches it. */
function rootOf(s: Stmt): Expr | undefined {
  switch (s.kind) {
    case "store":
    case "let":
    case "set":
      return s.value;
    case "var":
    case "reduce":
      return s.init;
    case "switch":
      return s.index;
    default:
      return undefined;
  }
}

function keyOf(e: Expr, operands: readonly Value[], stamp: number): string {
  if (operands.length === 0) return `${e.op} ${leafKey(e)} ${stamp}`;
  const fn = "fn" in e ? e.fn : "";
  return `${e.op} ${fn} ${e.dtype} ${operands.map(identityOf).join(" ")}`;
}

function leafKey(e: Expr): string {
  if (e.op === "const") return `${e.dtype} ${Object.is(e.value, -0) ? "-0" : e.value}`;
  if (e.op === "local") return String(e.local.id);
  if (e.op !== "load" && e.op !== "index") return "";
  const terms = e.index.terms.map((t) => `${t.coeff}*${t.atom.id}`).join("+");
  return `${e.op === "load" ? e.buffer.id : ""}[${e.index.offset}+${terms}]`;
}
