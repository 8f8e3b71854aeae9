/** Reads the text form of the loop IR (see `print.ts`) back into nodes. Meant for tests and for tools that edit dumps. */
import { aval } from "../../core/aval.ts";
import type { DType } from "../../core/dtype.ts";
import { DTYPES } from "../../core/dtype.ts";
import { assert, WeftValueError } from "../../core/errors.ts";
import type { HostFn } from "../../core/lowering.ts";
// A text may name any function, also one that no primitive brought.
import "../../scalars/index.ts";
import { affine } from "./affine.ts";
import "../../scalars/index.ts";
import { binaryResult, isBinaryFn, isCombine, isUnaryFn } from "./functions.ts";
import type {
  Affine,
  Buffer,
  ContractOperand,
  Expr,
  For,
  Host,
  IndexAtom,
  Kept,
  Local,
  LoopVar,
  Program,
  Span,
  Stmt,
  Time,
} from "./nodes.ts";
import { type Block, indexExpr, localExpr, newBuffer, newLocal, newLoopVar } from "./visit.ts";

/**
 * The program that a text describes.
 * @param hosts what `host #k` calls: `hosts[k]` (as `hostTable` of the printed program gives).
 * @throws WeftValueError with the line where the text stops making sense.
 */
export const parseProgram = (text: string, hosts: readonly HostFn[] = []): Program =>
  new Parser(text, hosts).program();

const DTYPE_OF: ReadonlyMap<string, DType> = new Map(
  (Object.keys(DTYPES) as DType[]).map((dtype) => [DTYPES[dtype].short, dtype]),
);
const TOKEN = /\s+|\/\/[^\n]*|(%?\w+(?:\.\d+)?(?:(?<=\d)e[+-]?\d+|(?<=\de)[+-]\d+)?|->|.)/gy;

interface Token {
  readonly text: string;
  readonly line: number;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const match of text.matchAll(TOKEN)) {
    if (match[1]) tokens.push({ text: match[1], line });
    line += match[0].split("\n").length - 1;
  }
  return [...tokens, { text: "end of text", line }];
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #hosts: readonly HostFn[];
  #at = 0;
  #scope = new Map<string, Buffer | IndexAtom>();
  /** `%n` of the statement being read. */
  readonly #shared = new Map<string, Expr>();

  constructor(text: string, hosts: readonly HostFn[]) {
    this.#tokens = tokenize(text);
    this.#hosts = hosts;
  }

  program(): Program {
    this.#expect("program");
    const args = this.#tuple(() => this.#buffer("argument"));
    this.#expect("->");
    const outputs = this.#tuple(() => this.#buffer("output"));
    this.#expect("{");
    const temps: Buffer[] = [];
    while (this.#accept("temp")) temps.push(this.#buffer("temp"));
    const body = this.#stmts();
    this.#expect("}");
    if (this.#peek() !== "end of text") this.#fail("the end");
    return { args, outputs, temps, body };
  }

  // -------------------------------------------------------------------------------------------- tokens and names

  #peek(ahead = 0): string {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!.text;
  }
  #next(): string {
    const token = this.#peek();
    this.#at++;
    return token;
  }
  #accept(text: string): boolean {
    const found = this.#peek() === text;
    if (found) this.#at++;
    return found;
  }
  #expect(text: string): void {
    if (!this.#accept(text)) this.#fail(`"${text}"`);
  }
  #fail(wanted: string): never {
    const { text, line } = this.#tokens[Math.min(this.#at, this.#tokens.length - 1)]!;
    throw new WeftValueError(`loop IR text, line ${line}: expected ${wanted}, found "${text}"`);
  }

  #list<T>(item: () => T, close: string): T[] {
    const items: T[] = [];
    while (!this.#accept(close)) {
      if (items.length) this.#expect(",");
      items.push(item());
    }
    return items;
  }
  #tuple<T>(item: () => T): T[] {
    this.#expect("(");
    return this.#list(item, ")");
  }

  #identifier(): string {
    if (!/^[A-Za-z_]\w*$/.test(this.#peek())) this.#fail("a name");
    return this.#next();
  }
  #natural = (): number => {
    if (!/^\d+$/.test(this.#peek())) this.#fail("a whole number");
    return Number(this.#next());
  };
  #integer = (): number => (this.#accept("-") ? -this.#natural() : this.#natural());
  #dtype(): DType {
    const dtype = DTYPE_OF.get(this.#peek()) ?? this.#fail("a dtype");
    this.#at++;
    return dtype;
  }

  #declare<T extends Buffer | IndexAtom>(x: T): T {
    this.#scope.set(x.name, x);
    return x;
  }
  /** What a name means here; `wanted` says what it must be. */
  #lookup<T extends Buffer | IndexAtom>(wanted: string, is: (x: Buffer | IndexAtom) => x is T): T {
    const found = this.#scope.get(this.#peek());
    if (!found || !is(found)) this.#fail(`${wanted} in scope`);
    this.#at++;
    return found;
  }
  #bufferName = (): Buffer => this.#lookup("a buffer", (x): x is Buffer => "role" in x);
  #localName = (): Local => this.#lookup("a local", (x): x is Local => "kind" in x && x.kind === "local");

  #buffer(role: Buffer["role"]): Buffer {
    const name = this.#identifier();
    this.#expect(":");
    const dtype = this.#dtype();
    this.#expect("[");
    const size = this.#natural();
    this.#expect("]");
    return this.#declare(newBuffer(name, dtype, size, role));
  }
  /** `name: dtype`, not yet in scope. */
  #local(): Local {
    const name = this.#identifier();
    this.#expect(":");
    return newLocal(name, this.#dtype());
  }
  /** `name < extent`, in scope from here. */
  #loop = (): { v: LoopVar; extent: number } => {
    const v = newLoopVar(this.#identifier());
    this.#expect("<");
    return { v: this.#declare(v), extent: this.#natural() };
  };

  #scoped<T>(f: () => T): T {
    const outer = new Map(this.#scope);
    const result = f();
    this.#scope = outer;
    return result;
  }
  /** `{ … }`; what it declares ends with it. */
  #block(): Block {
    this.#expect("{");
    const body = this.#scoped(() => this.#stmts());
    this.#expect("}");
    return body;
  }

  // -------------------------------------------------------------------------------------------- statements

  #stmts(): Stmt[] {
    const stmts: Stmt[] = [];
    for (;;) {
      while (this.#peek().startsWith("%")) this.#define();
      if (["}", "yield", "test"].includes(this.#peek())) return stmts;
      stmts.push(this.#stmt());
    }
  }

  #stmt(): Stmt {
    const read = this.#statements[this.#peek()];
    if (!read) return this.#store();
    this.#at++;
    return read();
  }

  readonly #statements: Readonly<Record<string, () => Stmt>> = {
    for: () => this.#scoped(() => this.#for()),
    let: () => this.#binding((local, value) => ({ kind: "let", local, value })),
    var: () => this.#binding((local, init) => ({ kind: "var", local, init })),
    set: () => {
      const local = this.#localName();
      this.#expect("=");
      return { kind: "set", local, value: this.#root() };
    },
    reduce: () => this.#reduce(),
    contract: () => this.#scoped(() => this.#contract()),
    while: () => this.#scoped(() => this.#while()),
    switch: () => this.#switch(),
    host: () => this.#host(),
  };

  #for(): Stmt {
    const { v, extent } = this.#loop();
    const [mode, lanes, span] = [this.#mode(), this.#lanes(), this.#span()];
    return { kind: "for", v, extent, mode, lanes, ...span, body: this.#block() };
  }
  #mode(): For["mode"] {
    if (this.#accept("parallel")) return "parallel";
    return this.#accept("independent") ? "independent" : "serial";
  }
  #lanes = (): number => (this.#accept("lanes") ? this.#natural() : 1);

  #store(): Stmt {
    const place = this.#place();
    const at = this.#time();
    const kept: Kept[] = [];
    while (this.#accept("kept")) kept.push(this.#kept());
    this.#expect("=");
    const times = at === undefined ? {} : { at, kept };
    return { kind: "store", ...place, ...times, value: this.#root() };
  }

  // Times, where there are any.

  #time = (): Time | undefined => (this.#accept("@") ? this.#natural() : undefined);
  #since(): { since?: Time } {
    const since = this.#time();
    return since === undefined ? {} : { since };
  }
  #span(): { span?: Span } {
    if (!this.#accept("times")) return {};
    const [from, to] = this.#tuple(this.#natural);
    return { span: { from: from!, to: to! } };
  }
  #kept(): Kept {
    const [since, until] = this.#tuple(() => this.#number());
    return { since: since!, until: until! };
  }

  #binding(make: (local: Local, value: Expr) => Stmt): Stmt {
    const local = this.#local();
    this.#expect("=");
    const value = this.#root();
    return make(this.#declare(local), value);
  }

  #reduce(): Stmt {
    const acc = this.#local();
    this.#expect("=");
    const fn = this.#next();
    if (!isCombine(fn)) this.#fail("a function that combines");
    this.#expect("(");
    const init = this.#root();
    this.#expect(")");
    const nest = this.#scoped(() => {
      this.#expect("over");
      const loops = this.#tuple(this.#loop);
      const lanes = this.#lanes();
      this.#expect("{");
      const body = this.#stmts();
      this.#expect("yield");
      const value = this.#root();
      this.#expect("}");
      return { vars: loops.map((l) => l.v), extents: loops.map((l) => l.extent), lanes, body, value };
    });
    return { kind: "reduce", acc: this.#declare(acc), fn, init, ...nest };
  }

  #contract(): Stmt {
    const acc = this.#declare(this.#local());
    this.#expect("=");
    const lhs = this.#operand();
    this.#expect("*");
    const rhs = this.#operand();
    this.#expect("over");
    const [batch, m, n] = ["batch", "rows", "cols"].map((word) => this.#group(word, this.#loop));
    assert(batch && m && n, "three groups were read");
    const kExtents = this.#group("depth", this.#natural);
    const extents = (loops: readonly { extent: number }[]): number[] => loops.map((l) => l.extent);
    return {
      kind: "contract",
      dtype: acc.dtype,
      lhs,
      rhs,
      batchExtents: extents(batch),
      mExtents: extents(m),
      nExtents: extents(n),
      kExtents,
      vars: [...batch, ...m, ...n].map((l) => l.v),
      acc,
      epilogue: this.#block(),
    };
  }

  #group<T>(word: string, item: () => T): T[] {
    this.#expect(word);
    return this.#tuple(item);
  }

  #operand(): ContractOperand {
    const buffer = this.#bufferName();
    this.#expect("[");
    const base = this.#index();
    const batch = this.#group("batch", this.#integer);
    const free = this.#group("free", this.#integer);
    const reduced = this.#group("reduced", this.#integer);
    this.#expect("]");
    return { buffer, base, batch, free, reduced, ...this.#since() };
  }

  #while(): Stmt {
    const span = this.#span();
    this.#expect("{");
    const head = this.#stmts();
    this.#expect("test");
    const cond = this.#root();
    this.#expect("}");
    this.#expect("do");
    return { kind: "while", head, cond, ...span, body: this.#block() };
  }

  #switch(): Stmt {
    const index = this.#root();
    this.#expect("{");
    const branches: Block[] = [];
    while (this.#accept("case")) branches.push(this.#block());
    this.#expect("}");
    return { kind: "switch", index, branches };
  }

  #host(): Stmt {
    this.#expect("#");
    const id = this.#natural();
    const fn = this.#hosts[id];
    if (!fn)
      throw new WeftValueError(
        `loop IR text calls host #${id}, of ${this.#hosts.length} host functions given`,
      );
    const args = this.#tuple((): Host["args"][number] => {
      const place = { ...this.#place(), ...this.#since() };
      this.#expect(":");
      const dtype = this.#dtype();
      const weak = this.#accept("*");
      this.#expect("[");
      return { ...place, aval: aval(this.#list(this.#natural, "]"), dtype, weak) };
    });
    return { kind: "host", fn, args };
  }

  // -------------------------------------------------------------------------------------------- expressions

  /** `%n = node`. */
  #define(): void {
    const name = this.#next();
    this.#expect("=");
    this.#shared.set(name, this.#expr());
  }

  /** The expression of a statement, after which its `%n` mean nothing. */
  #root(): Expr {
    const e = this.#expr();
    this.#shared.clear();
    return e;
  }

  #expr = (): Expr => {
    const token = this.#peek();
    if (token.startsWith("%")) {
      const e = this.#shared.get(token);
      if (!e) this.#fail("a shared node that was defined");
      this.#at++;
      return e;
    }
    if (this.#peek(1) === "[") {
      const place = this.#place();
      return { op: "load", dtype: place.buffer.dtype, ...place, ...this.#since() };
    }
    if (this.#peek(1) === "(" && this.#accept("index")) {
      const [index] = this.#tuple(() => this.#index());
      return indexExpr(index ?? this.#fail("an index"));
    }
    return DTYPE_OF.has(token) ? this.#operation(this.#dtype()) : localExpr(this.#localName());
  };

  #operation(dtype: DType): Expr {
    if (!this.#accept(".")) {
      this.#expect("(");
      const value = this.#number();
      this.#expect(")");
      return { op: "const", dtype, value };
    }
    const start = this.#at;
    const fn = this.#next();
    const args = this.#tuple(this.#expr);
    const call = makeCall(fn, dtype, args);
    if (call) return call;
    this.#at = start;
    return this.#fail(`a function of ${args.length} operands`);
  }

  #number(): number {
    const sign = this.#accept("-") ? -1 : 1;
    const text = this.#peek();
    const value = text === "inf" ? Number.POSITIVE_INFINITY : Number(text);
    if (Number.isNaN(value) && text !== "nan") this.#fail("a number");
    this.#at++;
    return sign * value;
  }

  #place(): { buffer: Buffer; index: Affine } {
    const buffer = this.#bufferName();
    this.#expect("[");
    const index = this.#index();
    this.#expect("]");
    return { buffer, index };
  }

  #index(): Affine {
    const terms: { atom: IndexAtom; coeff: number }[] = [];
    let offset = 0;
    let sign = this.#accept("-") ? -1 : 1;
    for (;;) {
      const coeff = /^\d/.test(this.#peek()) ? this.#natural() : undefined;
      if (coeff === undefined || this.#accept("*"))
        terms.push({ atom: this.#atom(), coeff: sign * (coeff ?? 1) });
      else offset += sign * coeff;
      if (this.#peek() !== "+" && this.#peek() !== "-") return affine(offset, terms);
      sign = this.#next() === "-" ? -1 : 1;
    }
  }
  #atom = (): IndexAtom => this.#lookup("a loop variable or local", (x): x is IndexAtom => "kind" in x);
}

function makeCall(fn: string, dtype: DType, args: readonly Expr[]): Expr | undefined {
  const [x, y, z] = args;
  if (x && args.length === 1) {
    if (fn === "convert" || fn === "bitcast") return { op: fn, dtype, x };
    return isUnaryFn(fn) ? { op: "unary", dtype, fn, x } : undefined;
  }
  if (x && y && args.length === 2) {
    return isBinaryFn(fn) ? { op: "binary", dtype: binaryResult(fn, dtype), fn, x, y } : undefined;
  }
  if (!x || !y || !z || args.length !== 3) return undefined;
  if (fn === "fma") return { op: "fma", dtype, x, y, z };
  return fn === "select" ? { op: "select", dtype, cond: x, x: y, y: z } : undefined;
}
