/**
 * The loop IR as text: what dumps and golden tests show, and what `parse.ts` reads back.
 *
 *     program(arg0: f32[64], arg1: f32[8]) -> (out0: f32[64]) {
 *       temp t0: f32[8]
 *       for i < 8 independent lanes 4 {
 *         %1 = f32.exp(arg1[i])
 *         t0[i] = f32.add(%1, f32.mul(%1, f32(0.5)))
 *       }
 *     }
 *
 * `%n` names a node that its statement uses more than once. A name that is taken where it would be declared gets a
 * suffix; so the text of a parsed text is that text. Times are shown on demand: `t0[i]@7 kept(8, 20) = arg0[i]@3`, and of loops
 * `times(2, 9)`.
 */
import type { DType } from "../../core/dtype.ts";
import { DTYPES } from "../../core/dtype.ts";
import type { HostFn } from "../../core/lowering.ts";
import type {
  Affine,
  Buffer,
  Contract,
  ContractOperand,
  Expr,
  Host,
  IndexAtom,
  Local,
  LoopVar,
  Program,
  Reduce,
  Span,
  Stmt,
  Store,
  Time,
  While,
} from "./nodes.ts";
import { type Block, forEachStmt, sharedNodes } from "./visit.ts";

type Named = Buffer | IndexAtom;

const KEYWORDS =
  "program temp for independent parallel lanes let var set reduce over yield contract while test do switch case host".split(
    " ",
  );
/** Words that no buffer, local or loop variable is printed as. */
const RESERVED: readonly string[] = [
  ...KEYWORDS,
  ...Object.values(DTYPES).map((info) => info.short),
  "index",
];

interface PrintOptions {
  /** Whether loads, stores and loops show their times. Default: false. */
  readonly times?: boolean;
}

/** The text of a program. */
export const printProgram = (program: Program, { times = false }: PrintOptions = {}): string =>
  new Printer(hostTable(program), times).program(program);

/** The text of one statement out of context: names are as they are declared, maybe ambiguous. */
export const printStmt = (s: Stmt): string => new Printer(hostTable({ body: [s] })).lone((p) => p.stmt(s));

/** The text of one expression out of context. */
export const printExpr = (e: Expr): string => new Printer([]).lone((p) => p.line(p.root(e)));

/** The host functions of a program, in order of first appearance: what `#k` means in its text. */
export function hostTable(program: { readonly body: Block }): HostFn[] {
  const found = new Set<HostFn>();
  forEachStmt(program.body, (s) => {
    if (s.kind === "host") found.add(s.fn);
  });
  return [...found];
}

/** A number so that it reads back as itself: -0, infinities and NaN included. */
function printNumber(x: number): string {
  if (Object.is(x, -0)) return "-0";
  if (Number.isFinite(x) || Number.isNaN(x)) return String(x).replace("NaN", "nan");
  return x > 0 ? "inf" : "-inf";
}

const short = (dtype: DType): string => DTYPES[dtype].short;
const lanes = (s: { readonly lanes: number }): string => (s.lanes === 1 ? "" : ` lanes ${s.lanes}`);
const list = (xs: readonly number[]): string => `(${xs.join(", ")})`;

class Printer {
  readonly #hosts: readonly HostFn[];
  readonly #times: boolean;
  readonly #lines: string[] = [];
  #indent = "";
  /** Names of what is in scope. */
  #taken: Set<string> = new Set(RESERVED);
  readonly #names = new Map<Named, string>();
  readonly #order = new Map<Named, number>();
  /** `%n` of the root being printed. */
  #shared = new Map<Expr, string>();

  constructor(hosts: readonly HostFn[], times = false) {
    this.#hosts = hosts;
    this.#times = times;
  }

  lone(print: (p: Printer) => void): string {
    print(this);
    return this.#lines.join("\n");
  }

  program(p: Program): string {
    const declared = (buffers: readonly Buffer[]): string => buffers.map((b) => this.#buffer(b)).join(", ");
    this.#braced(
      () => `program(${declared(p.args)}) -> (${declared(p.outputs)})`,
      () => {
        for (const b of p.temps) this.line(`temp ${this.#buffer(b)}`);
        this.#stmts(p.body);
      },
    );
    return `${this.#lines.join("\n")}\n`;
  }

  // -------------------------------------------------------------------------------------------- lines and names

  line(text: string): void {
    this.#lines.push(this.#indent + text);
  }

  /** `head { body }`; what head and body declare is free again after it. */
  #braced(head: () => string, body: () => void): void {
    const [indent, taken] = [this.#indent, new Set(this.#taken)];
    this.line(`${head()} {`);
    this.#indent += "  ";
    body();
    this.#indent = indent;
    this.#taken = taken;
    this.line("}");
  }

  #stmts(block: Block): void {
    for (const s of block) this.stmt(s);
  }

  /** Gives a declaration its name: its own when it is free and spelt as an identifier. */
  #declare(x: Named): string {
    const base = x.name.replace(/\W/g, "_").replace(/^(?=\d|$)/, "_");
    let name = base;
    for (let n = 1; this.#taken.has(name); n++) name = `${base}_${n}`;
    this.#taken.add(name);
    this.#names.set(x, name);
    this.#order.set(x, this.#order.size);
    return name;
  }

  #buffer = (b: Buffer): string => `${this.#declare(b)}: ${short(b.dtype)}[${b.size}]`;
  #local = (l: Local): string => `${this.#declare(l)}: ${short(l.dtype)}`;
  #loop = (v: LoopVar, extent: number | undefined): string => `${this.#declare(v)} < ${extent ?? "?"}`;
  #nest = (vars: readonly LoopVar[], extents: readonly number[]): string =>
    vars.map((v, i) => this.#loop(v, extents[i])).join(", ");
  #name = (x: Named): string => this.#names.get(x) ?? x.name;

  // -------------------------------------------------------------------------------------------- statements

  stmt(s: Stmt): void {
    (this.#statements[s.kind] as (s: Stmt) => void)(s);
  }

  readonly #statements: { readonly [K in Stmt["kind"]]: (s: Extract<Stmt, { kind: K }>) => void } = {
    for: (s) => {
      const mode = s.mode === "serial" ? "" : ` ${s.mode}`;
      const head = (): string => `for ${this.#loop(s.v, s.extent)}${mode}${lanes(s)}${this.#span(s)}`;
      this.#braced(head, () => this.#stmts(s.body));
    },
    store: (s) => this.line(`${this.#place(s)}${this.#kept(s)} = ${this.root(s.value)}`),
    let: (s) => this.#assign((l) => `let ${this.#local(l)}`, s.local, s.value),
    var: (s) => this.#assign((l) => `var ${this.#local(l)}`, s.local, s.init),
    set: (s) => this.#assign((l) => `set ${this.#name(l)}`, s.local, s.value),
    reduce: (s) => this.#reduce(s),
    contract: (s) => {
      const head = (): string => `contract ${this.#local(s.acc)} = ${this.#contraction(s)}`;
      this.#braced(head, () => this.#stmts(s.epilogue));
    },
    while: (s) => this.#while(s),
    switch: (s) => {
      const index = this.root(s.index);
      const branch = (b: Block): void =>
        this.#braced(
          () => "case",
          () => this.#stmts(b),
        );
      this.#braced(
        () => `switch ${index}`,
        () => s.branches.forEach(branch),
      );
    },
    host: (s) => this.#host(s),
  };

  #assign(head: (l: Local) => string, local: Local, value: Expr): void {
    const text = this.root(value);
    this.line(`${head(local)} = ${text}`);
  }

  #reduce(s: Reduce): void {
    const init = this.root(s.init);
    const acc = this.#local(s.acc);
    const head = (): string =>
      `reduce ${acc} = ${s.fn}(${init}) over (${this.#nest(s.vars, s.extents)})${lanes(s)}`;
    this.#braced(head, () => {
      this.#stmts(s.body);
      this.line(`yield ${this.root(s.value)}`);
    });
  }

  #contraction(s: Contract): string {
    const operands = `${this.#operand(s.lhs)} * ${this.#operand(s.rhs)}`;
    const [rows, cols] = [s.batchExtents.length, s.batchExtents.length + s.mExtents.length];
    const batch = this.#nest(s.vars.slice(0, rows), s.batchExtents);
    const m = this.#nest(s.vars.slice(rows, cols), s.mExtents);
    const n = this.#nest(s.vars.slice(cols), s.nExtents);
    return `${operands} over batch(${batch}) rows(${m}) cols(${n}) depth${list(s.kExtents)}`;
  }

  #operand(x: ContractOperand): string {
    const strides = `batch${list(x.batch)} free${list(x.free)} reduced${list(x.reduced)}`;
    return `${this.#name(x.buffer)}[${this.#index(x.base)} ${strides}]${this.#time(x.since)}`;
  }

  /** What the head declares is in scope in the condition and in the body. */
  #while(s: While): void {
    const [indent, taken] = [this.#indent, new Set(this.#taken)];
    this.line(`while${this.#span(s)} {`);
    this.#indent += "  ";
    this.#stmts(s.head);
    this.line(`test ${this.root(s.cond)}`);
    this.#indent = indent;
    this.#braced(
      () => "} do",
      () => this.#stmts(s.body),
    );
    this.#taken = taken;
  }

  #host(s: Host): void {
    const args = s.args.map((a) => {
      const weak = a.aval.weakType ? "*" : "";
      return `${this.#place(a)}: ${short(a.aval.dtype)}${weak}[${a.aval.shape.join(", ")}]`;
    });
    this.line(`host #${this.#hosts.indexOf(s.fn)}(${args.join(", ")})`);
  }

  // -------------------------------------------------------------------------------------------- expressions

  /** A root expression; lines that define its shared nodes come before. */
  root(e: Expr): string {
    this.#shared = new Map();
    for (const node of sharedNodes(e)) {
      const name = `%${this.#shared.size + 1}`;
      this.line(`${name} = ${this.#node(node)}`);
      this.#shared.set(node, name);
    }
    return this.#expr(e);
  }

  #expr = (e: Expr): string => this.#shared.get(e) ?? this.#node(e);
  #call = (e: Expr, fn: string, args: readonly Expr[]): string =>
    `${short(e.dtype)}.${fn}(${args.map(this.#expr).join(", ")})`;

  #node(e: Expr): string {
    switch (e.op) {
      case "const":
        return `${short(e.dtype)}(${printNumber(e.value)})`;
      case "index":
        return `index(${this.#index(e.index)})`;
      case "local":
        return this.#name(e.local);
      case "load":
        return this.#place(e);
      case "unary":
        return this.#call(e, e.fn, [e.x]);
      case "binary":
        return this.#call(e, e.fn, [e.x, e.y]);
      case "fma":
        return this.#call(e, "fma", [e.x, e.y, e.z]);
      case "select":
        return this.#call(e, "select", [e.cond, e.x, e.y]);
      case "convert":
      case "bitcast":
        return this.#call(e, e.op, [e.x]);
    }
  }

  #place = (x: Pick<Store, "buffer" | "index" | "at"> & Pick<ContractOperand, "since">): string =>
    `${this.#name(x.buffer)}[${this.#index(x.index)}]${this.#time(x.at ?? x.since)}`;

  #time = (t: Time | undefined): string => (this.#times && t !== undefined ? `@${t}` : "");
  #span = ({ span }: { readonly span?: Span }): string =>
    this.#times && span ? ` times${list([span.from, span.to])}` : "";
  #kept = ({ kept = [] }: Store): string =>
    this.#times ? kept.map(({ since, until }) => ` kept(${since}, ${printNumber(until)})`).join("") : "";

  /** Terms in order of declaration, so that the text does not depend on ids. */
  #index(a: Affine): string {
    const place = (atom: IndexAtom): number => this.#order.get(atom) ?? Number.MAX_SAFE_INTEGER;
    const terms = [...a.terms].sort((s, t) => place(s.atom) - place(t.atom));
    const parts = terms.map(({ atom, coeff }) => {
      const factor = Math.abs(coeff) === 1 ? "" : `${Math.abs(coeff)}*`;
      return { negative: coeff < 0, text: factor + this.#name(atom) };
    });
    if (a.offset !== 0 || parts.length === 0)
      parts.push({ negative: a.offset < 0, text: String(Math.abs(a.offset)) });
    return parts
      .map(({ negative, text }, i) =>
        i === 0 ? (negative ? `-${text}` : text) : ` ${negative ? "-" : "+"} ${text}`,
      )
      .join("");
  }
}
