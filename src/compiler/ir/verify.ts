/**
 * Checks that a program means something: run after lowering and, when debugging, after every pass.
 *
 * Scope: everything is declared once in the whole program (so passes that repeat statements rename, see `renewed`) and used
 * inside the block that declares it. `reduce` declares its accumulator for what follows it, `contract` for its epilogue;
 * what the head of a `while` declares is in scope in its condition and body.
 */

import type { DType } from "../../core/dtype.ts";
import { byteSize, isFloat, kindOf, limits } from "../../core/dtype.ts";
import { InternalError } from "../../core/errors.ts";
import { addAffine, affineRange, constant } from "./affine.ts";
import { binaryResult, takes } from "./functions.ts";
import { isIndependent, isParallel, isSerial } from "./modes.ts";
import type {
  Affine,
  Buffer,
  Contract,
  ContractOperand,
  Expr,
  For,
  Host,
  IndexAtom,
  Local,
  LoopVar,
  Program,
  Reduce,
  Stmt,
} from "./nodes.ts";
import { printExpr, printStmt } from "./print.ts";
import { type Block, contractExtents, effects, forEachExpr } from "./visit.ts";

/**
 * Throws unless the program is valid.
 * @param afterPass the pass that made it: named in the error.
 * @throws InternalError naming the pass, what is wrong and the statement.
 */
export function verify(program: Program, afterPass: string): void {
  new Verifier(afterPass).program(program);
}

/** The largest extent of a parallel loop: the ends of pieces of work are numbers of 16 bits. */
const MAX_PARALLEL = 65_535;

/** What is known about an atom in scope. */
interface Scoped {
  /** Of a loop variable. */
  readonly extent?: number;
  /** Of a `var`: how many loops without order enclose its declaration. */
  readonly mutableAt?: number;
}

/** Whether code in a place surely runs: then an index out of range is an error even if only some iterations have it. */
type Reach = "runs" | "may run" | "never runs";

const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1);
const isCount = (n: number | undefined): boolean => n !== undefined && Number.isSafeInteger(n) && n >= 0;

class Verifier {
  readonly #pass: string;
  #scope = new Map<IndexAtom, Scoped>();
  readonly #declared = new Map<number, IndexAtom>();
  readonly #buffers = new Set<Buffer>();
  #stmt: Stmt | undefined;
  #unordered = 0;
  #inLanes = false;
  #inParallel = false;
  #reach: Reach = "runs";

  constructor(pass: string) {
    this.#pass = pass;
  }

  program(p: Program): void {
    this.#declareBuffers(p.args, "argument");
    this.#declareBuffers(p.outputs, "output");
    this.#declareBuffers(p.temps, "temp");
    this.#stmts(p.body);
    this.#stmt = undefined;
    const { reads, writes } = effects(p.body);
    for (const b of p.temps) {
      if (reads.has(b) && !writes.has(b) && b.size > 0)
        this.#fail(`temp ${b.name} is read but never stored to`);
    }
  }

  #declareBuffers(buffers: readonly Buffer[], role: Buffer["role"]): void {
    const ids = new Set([...this.#buffers].map((b) => b.id));
    for (const b of buffers) {
      if (b.role !== role) this.#fail(`${b.name} has role ${b.role} and stands among the ${role} buffers`);
      if (this.#buffers.has(b) || ids.has(b.id))
        this.#fail(`buffer ${b.name} (id ${b.id}) is declared twice`);
      if (!isCount(b.size)) this.#fail(`buffer ${b.name} has size ${b.size}`);
      ids.add(b.id);
      this.#buffers.add(b);
    }
  }

  // -------------------------------------------------------------------------------------------- plumbing

  #fail(message: string): never {
    const lines = this.#stmt ? printStmt(this.#stmt).split("\n") : [];
    const shown = lines.length > 12 ? [...lines.slice(0, 12), "…"] : lines;
    const where = shown.length ? `\nin\n  ${shown.join("\n  ")}` : "";
    throw new InternalError(`loop IR is invalid after ${this.#pass}: ${message}${where}`);
  }
  #check(condition: boolean, message: () => string): void {
    if (!condition) this.#fail(message());
  }

  #declare(atom: IndexAtom, what: Scoped = {}): void {
    const twin = this.#declared.get(atom.id);
    if (twin === atom) this.#fail(`${atom.name} is declared twice`);
    if (twin) this.#fail(`${atom.name} and ${twin.name} have the same id ${atom.id}`);
    this.#declared.set(atom.id, atom);
    this.#scope.set(atom, what);
  }

  /** Runs f; what it declares goes out of scope, and what it says about the surroundings ends. */
  #nested(f: () => void): void {
    const saved = [this.#scope, this.#unordered, this.#inLanes, this.#inParallel, this.#reach] as const;
    this.#scope = new Map(this.#scope);
    f();
    [this.#scope, this.#unordered, this.#inLanes, this.#inParallel, this.#reach] = saved;
  }

  #stmts(block: Block): void {
    for (const s of block) {
      this.#stmt = s;
      (this.#statements[s.kind] as (s: Stmt) => void)(s);
    }
  }
  #block = (block: Block): void => this.#nested(() => this.#stmts(block));

  /** Enters loops over `extents`. */
  #loops(vars: readonly LoopVar[], extents: readonly number[]): void {
    this.#check(
      vars.length === extents.length,
      () => `${vars.length} loop variables for ${extents.length} extents`,
    );
    this.#check(extents.every(isCount), () => `extents ${extents.join(", ")}`);
    for (const [i, v] of vars.entries()) this.#declare(v, { extent: extents[i]! });
    if (product(extents) === 0) this.#reach = "never runs";
  }

  #conditionally(): void {
    if (this.#reach === "runs") this.#reach = "may run";
  }

  #lanes(lanes: number, extent: number | undefined): void {
    if (lanes === 1) return;
    this.#check(isCount(lanes) && lanes > 0, () => `lanes ${lanes}`);
    this.#check(
      extent !== undefined && extent % lanes === 0,
      () => `lanes ${lanes} do not divide extent ${extent}`,
    );
    this.#check(!this.#inLanes, () => `lanes inside of a loop that has lanes`);
    this.#inLanes = true;
  }

  // -------------------------------------------------------------------------------------------- statements

  readonly #statements: { readonly [K in Stmt["kind"]]: (s: Extract<Stmt, { kind: K }>) => void } = {
    for: (s) => this.#nested(() => this.#for(s)),
    store: (s) => {
      this.#access(s.buffer, s.index, 1, "store to");
      this.#writable(s.buffer);
      this.#expr(s.value, s.buffer.dtype);
    },
    let: (s) => {
      this.#expr(s.value, s.local.dtype);
      this.#declare(s.local);
    },
    var: (s) => {
      this.#expr(s.init, s.local.dtype);
      this.#declare(s.local, { mutableAt: this.#unordered });
    },
    set: (s) => {
      this.#expr(s.value, s.local.dtype);
      this.#assignable(s.local);
    },
    reduce: (s) => this.#reduce(s),
    contract: (s) => this.#nested(() => this.#contract(s)),
    while: (s) =>
      this.#nested(() => {
        this.#stmts(s.head);
        this.#stmt = s;
        this.#expr(s.cond, "bool");
        this.#conditionally();
        this.#stmts(s.body);
      }),
    switch: (s) => {
      this.#expr(s.index, "int32");
      this.#check(s.branches.length > 0, () => "a switch needs a branch");
      this.#nested(() => {
        this.#conditionally();
        for (const branch of s.branches) this.#block(branch);
      });
    },
    host: (s) => this.#host(s),
  };

  #for(s: For): void {
    this.#check(s.lanes === 1 || isIndependent(s), () => "lanes need independent iterations");
    this.#lanes(s.lanes, s.extent);
    if (isParallel(s)) this.#parallel(s);
    this.#loops([s.v], [s.extent]);
    if (!isSerial(s)) this.#unordered++;
    this.#stmts(s.body);
  }

  #parallel(s: For): void {
    this.#check(!this.#inParallel, () => "a parallel loop inside of a parallel loop");
    this.#check(!this.#inLanes, () => "a parallel loop inside of a loop that has lanes");
    this.#check(s.extent <= MAX_PARALLEL, () => `a parallel loop over more than ${MAX_PARALLEL}`);
    this.#inParallel = true;
  }

  #reduce(s: Reduce): void {
    const { dtype } = s.acc;
    this.#check(takes(s.fn, dtype), () => `reduce with ${s.fn} of ${dtype}`);
    this.#expr(s.init, dtype);
    this.#nested(() => {
      this.#lanes(s.lanes, s.extents.at(-1));
      this.#loops(s.vars, s.extents);
      this.#unordered++;
      this.#stmts(s.body);
      this.#stmt = s;
      this.#expr(s.value, dtype);
    });
    this.#declare(s.acc);
  }

  #contract(s: Contract): void {
    this.#check(s.dtype === s.acc.dtype, () => `accumulates ${s.dtype} in a ${s.acc.dtype} local`);
    this.#check(kindOf(s.dtype) !== "bool", () => "contracts bool");
    this.#operand(s, s.lhs, s.mExtents, "left");
    this.#operand(s, s.rhs, s.nExtents, "right");
    this.#loops(s.vars, contractExtents(s));
    this.#unordered++;
    this.#declare(s.acc);
    this.#stmts(s.epilogue);
  }

  #operand(s: Contract, x: ContractOperand, free: readonly number[], side: string): void {
    this.#check(x.buffer.dtype === s.dtype, () => `${side} operand is ${x.buffer.dtype}, not ${s.dtype}`);
    const strides = [...x.batch, ...x.free, ...x.reduced];
    const extents = [...s.batchExtents, ...free, ...s.kExtents];
    const paired =
      x.batch.length === s.batchExtents.length &&
      x.free.length === free.length &&
      x.reduced.length === s.kExtents.length;
    this.#check(paired, () => `strides of the ${side} operand do not pair up with the extents`);
    this.#check(strides.every(Number.isSafeInteger), () => `strides ${strides.join(", ")}`);
    const reaches = strides.map((stride, i) => stride * (extents[i]! - 1));
    const total = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
    const [low, high] = [total(reaches.filter((r) => r < 0)), total(reaches.filter((r) => r > 0))];
    if (product(extents) === 0) this.#index(x.base);
    else this.#access(x.buffer, addAffine(x.base, constant(low)), high - low + 1, "contraction of");
  }

  #host(s: Host): void {
    this.#check(!this.#inParallel, () => "a parallel loop calls JavaScript");
    for (const { buffer, index, aval } of s.args) {
      this.#check(buffer.dtype === aval.dtype, () => `host argument ${aval} reads ${buffer.dtype}`);
      if (aval.size > 0) this.#access(buffer, index, aval.size, "host reads");
    }
  }

  #writable(b: Buffer): void {
    this.#check(b.role !== "argument", () => `store to argument ${b.name}`);
  }

  #assignable(local: Local): void {
    const scoped = this.#scope.get(local);
    if (!scoped) this.#fail(`${local.name} is not in scope`);
    if (scoped.mutableAt === undefined) this.#fail(`set of ${local.name}, which no var declares`);
    if (scoped.mutableAt !== this.#unordered) {
      this.#fail(`${local.name} is set by iterations that have no order, from outside of which it comes`);
    }
  }

  // -------------------------------------------------------------------------------------------- places

  #index(a: Affine): void {
    this.#check(Number.isSafeInteger(a.offset), () => `index offset ${a.offset}`);
    a.terms.forEach(({ atom, coeff }, i) => {
      this.#check(this.#scope.has(atom), () => `${atom.name} is not in scope`);
      this.#check(
        atom.kind === "loopVar" || atom.dtype === "int32",
        () => `${atom.name} in an index is not int32`,
      );
      this.#check(Number.isSafeInteger(coeff) && coeff !== 0, () => `coefficient ${coeff} of ${atom.name}`);
      const previous = a.terms[i - 1]?.atom.id ?? Number.NEGATIVE_INFINITY;
      this.#check(previous < atom.id, () => `index terms are not sorted by id (at ${atom.name})`);
    });
  }

  /** `count` elements from `index` on, for every value of the loop variables. */
  #access(buffer: Buffer, index: Affine, count: number, what: string): void {
    this.#check(
      this.#buffers.has(buffer),
      () => `${what} ${buffer.name}, which the program does not declare`,
    );
    this.#index(index);
    const range = affineRange(index, (atom) => this.#scope.get(atom)?.extent);
    if (!range || this.#reach === "never runs") return;
    const { min, max } = range;
    const last = max + count - 1;
    const inside = min >= 0 && last < buffer.size;
    const reachable = max >= 0 && min + count - 1 < buffer.size;
    const allowed = this.#reach === "runs" ? inside : reachable;
    this.#check(allowed, () => `${what} ${buffer.name}[${min} … ${last}], which has ${buffer.size} elements`);
  }

  // -------------------------------------------------------------------------------------------- expressions

  #expr(root: Expr, wanted: DType): void {
    forEachExpr(root, (e) => this.#node(e));
    this.#check(root.dtype === wanted, () => `${printExpr(root)} is ${root.dtype}, wanted ${wanted}`);
  }

  #node(e: Expr): void {
    const dtype = this.#dtypeOf(e);
    this.#check(e.dtype === dtype, () => `${printExpr(e)} says ${e.dtype} and is ${dtype}`);
  }

  /** What a node's dtype must be, its operands being checked already. */
  #dtypeOf(e: Expr): DType {
    switch (e.op) {
      case "const":
        this.#check(isValue(e.value, e.dtype), () => `${e.value} is no ${e.dtype}`);
        return e.dtype;
      case "index":
        this.#index(e.index);
        return "int32";
      case "local":
        this.#check(this.#scope.has(e.local), () => `${e.local.name} is not in scope`);
        return e.local.dtype;
      case "load":
        this.#access(e.buffer, e.index, 1, "load of");
        return e.buffer.dtype;
      case "convert":
        return e.dtype;
      case "bitcast":
        this.#check(sameBits(e.dtype, e.x.dtype), () => `bitcast of ${e.x.dtype} to ${e.dtype}`);
        return e.dtype;
      case "unary":
        this.#check(takes(e.fn, e.x.dtype), () => `${e.fn} of ${e.x.dtype}`);
        return e.x.dtype;
      case "binary":
        this.#alike(e, e.x, e.y);
        this.#check(takes(e.fn, e.x.dtype), () => `${e.fn} of ${e.x.dtype}`);
        return binaryResult(e.fn, e.x.dtype);
      case "fma":
        this.#alike(e, e.x, e.y, e.z);
        this.#check(isFloat(e.x.dtype), () => `fma of ${e.x.dtype}`);
        return e.x.dtype;
      case "select":
        this.#alike(e, e.x, e.y);
        this.#check(e.cond.dtype === "bool", () => `select on ${e.cond.dtype}`);
        return e.x.dtype;
    }
  }

  #alike(e: Expr, ...operands: readonly Expr[]): void {
    const dtypes = [...new Set(operands.map((x) => x.dtype))];
    this.#check(dtypes.length === 1, () => `${printExpr(e)} mixes ${dtypes.join(" and ")}`);
  }
}

const sameBits = (a: DType, b: DType): boolean =>
  byteSize(a) === byteSize(b) && (a === b || (a !== "bool" && b !== "bool"));

/** Floats are rounded where they are used; other constants must be values of their dtype. */
function isValue(x: number, dtype: DType): boolean {
  if (isFloat(dtype)) return true;
  const { min, max } = limits(dtype);
  return Number.isInteger(x) && x >= min && x <= max && !Object.is(x, -0);
}
