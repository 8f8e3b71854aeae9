/** The program text while it is written: open blocks, fresh names, statements. */
import type { Shape } from "../../core/aval.ts";
import type { DType } from "../../core/dtype.ts";
import type { Index } from "../../core/lowering.ts";
import { constant, localExpr, newBuffer, newLocal, newLoopVar, scaledAtom } from "../ir/build.ts";
import type {
  Affine,
  Buffer,
  Expr,
  For,
  IndexAtom,
  Kept,
  Local,
  LoopVar,
  Origin,
  Revision,
  Stmt,
  Time,
} from "../ir/nodes.ts";
import { asAffine, children } from "../ir/visit.ts";

/** A statement list that is being written. What it declares is in scope while it is open. */
export class Block {
  readonly stmts: Stmt[] = [];
  /** Locals that hold a value which cannot change while the block is open. */
  readonly bound: Map<Expr, Local> = new Map();
  open = true;
}

/** Every index that reaches the compiler is one of its own. */
export const toAffine = (i: Index): Affine => (typeof i === "number" ? constant(i) : (i as Affine));

/** Statements after which a load or a local may give something else; those within others count when they are emitted. */
const CHANGES: ReadonlySet<Stmt["kind"]> = new Set([
  "store",
  "set",
  "contract",
  "host",
] satisfies Stmt["kind"][]);

/** i, j, k, …: locals and loop variables need no unique names. */
export const axisName = (axis: number): string => "ijklmn"[axis] ?? `i${axis}`;

export class Code {
  readonly temps: Buffer[] = [];
  /** Number of values of each loop variable, and of locals that are known to lie in [0, extent). */
  readonly extents: Map<IndexAtom, number> = new Map();
  /** Changes with every statement that may change what a load or a local gives. */
  epoch = 0;
  /** Goes on with every store and where loops begin and end. */
  now: Time = 0;
  readonly revisions: Revision[] = [];
  readonly #open: Block[] = [new Block()];
  readonly #used = new Map<string, number>();
  readonly #axes: LoopVar[] = [];

  get block(): Block {
    return this.#open.at(-1)!;
  }

  emit(stmt: Stmt): void {
    this.block.stmts.push(stmt);
    if (CHANGES.has(stmt.kind)) this.epoch++;
  }

  /** Runs `write` with a new block open. Returns the block's statements and what `write` returned. */
  within<T>(write: () => T): [stmts: readonly Stmt[], result: T] {
    const block = new Block();
    this.#open.push(block);
    try {
      return [block.stmts, write()];
    } finally {
      this.#open.pop();
      block.open = false;
    }
  }

  /** Repeats `body` while what `condition` returns holds. */
  while(condition: () => Expr, body: () => void): void {
    const from = ++this.now;
    const [head, cond] = this.within(condition);
    const [stmts] = this.within(body);
    this.emit({ kind: "while", head, cond, body: stmts, span: { from, to: ++this.now } });
  }

  // Names.

  /** `base0`, `base1`, …: a name for one of many. */
  numbered(base: string): string {
    const n = this.#used.get(base) ?? 0;
    this.#used.set(base, n + 1);
    return `${base}${n}`;
  }
  /** `name`, or `name_1`, … when it is taken. */
  unique(name: string): string {
    const n = this.#used.get(name) ?? 0;
    this.#used.set(name, n + 1);
    return n === 0 ? name : `${name}_${n}`;
  }
  local(base: string, dtype: DType, extent?: number): Local {
    const local = newLocal(base, dtype);
    if (extent !== undefined) this.extents.set(local, extent);
    return local;
  }
  loopVar(extent: number, base: string): LoopVar {
    const v = newLoopVar(base);
    this.extents.set(v, extent);
    return v;
  }
  temp(origin: Origin, name: string = this.numbered("t")): Buffer {
    const { dtype, size } = origin.type;
    const buffer = newBuffer(name, dtype, size, "temp", origin);
    this.temps.push(buffer);
    return buffer;
  }
  /** Loop variables that stand for a position when an operand is only looked at; they never get into the program. */
  probes(shape: Shape): LoopVar[] {
    while (this.#axes.length < shape.length) this.#axes.push(newLoopVar("probe"));
    return this.#axes.slice(0, shape.length);
  }

  // Statements.

  /** The value as an expression that costs nothing and never changes. */
  let(value: Expr, base = "v"): Expr {
    return value.op === "const" || value.op === "local" || value.op === "index"
      ? value
      : this.snapshot(value, base);
  }
  snapshot(value: Expr, base = "v"): Expr {
    const local = this.local(base, value.dtype);
    this.emit({ kind: "let", local, value });
    return localExpr(local);
  }

  /** An int32 as an index. Integer arithmetic on what cannot change is bound once per block. */
  asIndex(value: Expr, extent?: number): Affine {
    const direct = asAffine(value);
    if (direct) return direct;
    const known = this.#open.findLast((block) => block.bound.has(value))?.bound.get(value);
    if (known) return scaledAtom(known);
    const local = this.local("n", "int32", extent);
    this.emit({ kind: "let", local, value });
    if (isFixed(value)) this.block.bound.set(value, local);
    return scaledAtom(local);
  }

  /** A nest of loops, one per axis that has more than one position; nothing when there is no position at all. */
  nest(extents: Shape, mode: For["mode"], body: (index: Affine[]) => void, base?: string): void {
    if (extents.includes(0)) return;
    const { vars, index } = this.position(extents, base);
    this.#loops(vars, mode, () => body(index));
  }
  #loops([v, ...inner]: readonly LoopVar[], mode: For["mode"], body: () => void): void {
    if (!v) {
      body();
      return;
    }
    const from = ++this.now;
    const [stmts] = this.within(() => this.#loops(inner, mode, body));
    const span = { from, to: ++this.now };
    this.emit({ kind: "for", v, extent: this.extents.get(v)!, mode, lanes: 1, body: stmts, span });
  }

  /** Loop variables for the axes longer than 1, and the index they make. */
  position(extents: Shape, base?: string): { vars: LoopVar[]; index: Affine[] } {
    const axes = extents.map((extent, i) =>
      extent === 1 ? undefined : this.loopVar(extent, base ?? axisName(i)),
    );
    return {
      vars: axes.filter((v) => v !== undefined),
      index: axes.map((v) => (v ? scaledAtom(v) : constant(0))),
    };
  }

  store(buffer: Buffer, index: Affine, value: Expr, kept?: readonly Kept[]): void {
    this.emit({ kind: "store", buffer, index, value, at: ++this.now, kept });
  }
}

/** Depends only on loop variables and locals that are never set again: rules get to see no others. */
function isFixed(value: Expr): boolean {
  return value.op !== "load" && children(value).every(isFixed);
}
