/** Statements as text: one walker over the loop IR for all C-like languages. See {@link Dialect}. */
import { coeffOf } from "../../compiler/ir/affine.ts";
import type { Mode } from "../../compiler/ir/modes.ts";
import type {
  Buffer,
  Expr,
  For,
  IndexAtom,
  Let,
  Local,
  Reduce,
  Stmt,
  Store,
  Switch,
  While,
} from "../../compiler/ir/nodes.ts";
import { type Block, forEachExprIn, isLeaf, newLocal } from "../../compiler/ir/visit.ts";
import { variesIn, varyingAtoms } from "../../compiler/passes/lanes.ts";
import type { DType } from "../../core/dtype.ts";
import { assert, InternalError } from "../../core/errors.ts";
import type { Combine } from "../../core/lowering.ts";
import { withPossibleLanes } from "../common/lanes.ts";
import { notExpanded } from "../common/not-expanded.ts";
import { identityOf, nestOf } from "../common/reduction.ts";
import type { Dialect, Form, Written } from "./dialect.ts";
import { type Lanes, type Surroundings, Values } from "./values.ts";

/** How large code is handled that stands in functions of its own, and that of several threads. */
export interface Functions {
  /** A loop as a call of a function of its own; false where it stays where it is. */
  apart(loop: For, printer: Printer): boolean;
  parallel(loop: For, printer: Printer): void;
}

/** The text of one function. */
export class Printer implements Surroundings {
  readonly dialect: Dialect;
  lanes: Lanes | undefined = undefined;
  /** How deep in blocks it is. */
  depth = 1;
  readonly lines: string[] = [];
  /** The buffers that are used, in the order of their first use, and what they are called. */
  readonly pointers: Map<Buffer, string> = new Map();
  readonly #functions: Functions;
  readonly #vectorBytes: number;
  readonly #names: Map<IndexAtom, readonly string[]> = new Map();
  #count = 0;

  /** `vectorBytes`: of a register; values with more lanes than fit one are several. */
  constructor(dialect: Dialect, vectorBytes: number, functions: Functions) {
    this.dialect = dialect;
    this.#vectorBytes = vectorBytes;
    this.#functions = functions;
  }

  // -------------------------------------------------------------------------------------------- text

  line(text: string): void {
    this.lines.push("  ".repeat(this.depth) + text);
  }

  #braces(head: string, emit: () => void): void {
    this.line(`${head} {`);
    this.depth++;
    emit();
    this.depth--;
    this.line("}");
  }

  /** Names are numbered in the order of the text, so that equal programs give equal texts. */
  #fresh(name: string): string {
    return `${name.replace(/\W/g, "_")}_${this.#count++}`;
  }

  // -------------------------------------------------------------------------------------------- surroundings

  /** A name for something that comes from outside of the function. */
  parameter(atom: IndexAtom): string {
    this.#names.set(atom, [this.#fresh(atom.name)]);
    return this.nameOf(atom);
  }

  typeOf(atom: IndexAtom): string {
    return atom.kind === "local"
      ? this.dialect.type({ dtype: atom.dtype, lanes: 1 })
      : this.dialect.indexType;
  }

  nameOf(atom: IndexAtom): string {
    const [name, ...more] = this.partsOf(atom);
    assert(name !== undefined && more.length === 0, `${atom.name} has lanes where a scalar is needed`);
    return name;
  }

  partsOf(atom: IndexAtom): readonly string[] {
    const names = this.#names.get(atom);
    if (!names) throw new InternalError(`${atom.name} is used outside of its scope.`);
    return names;
  }

  pointerTo(buffer: Buffer): string {
    const known = this.pointers.get(buffer);
    if (known !== undefined) return known;
    const name = `p${this.pointers.size}`;
    this.pointers.set(buffer, name);
    return name;
  }

  define(type: string, text: string): string {
    const name = `t${this.#count++}`;
    this.line(this.dialect.constant(type, name, text));
    return name;
  }

  // -------------------------------------------------------------------------------------------- statements

  statements(block: Block): void {
    for (const s of block) (this.#handlers[s.kind] as (s: Stmt) => void)(s);
  }

  readonly #handlers: { readonly [K in Stmt["kind"]]: (s: Extract<Stmt, { kind: K }>) => void } = {
    for: (s) => this.#modes[s.mode](s),
    store: (s) => this.#store(s),
    let: (s) => this.#let(s),
    var: (s) => this.#declare(s.local, this.#valuesFor(s.local, s.init)),
    set: (s) => this.#assign(s.local, this.#valuesFor(s.local, s.value)),
    reduce: (s) => this.#reduce(s),
    while: (s) => this.#while(s),
    switch: (s) => this.#switch(s),
    host: () => notExpanded(this.dialect.language, "a host statement"),
    contract: () => notExpanded(this.dialect.language, "a contract statement"),
  };

  #isVector(local: Local): boolean {
    return this.lanes?.varying.has(local) ?? false;
  }

  /** What is assigned to a local: one value per part. */
  #valuesFor(local: Local, value: Expr): readonly string[] {
    const values = new Values(this);
    return this.#isVector(local) ? values.parts(value) : [values.scalar(value)];
  }

  /** What was computed has a name already; a variable may change under the name it has. */
  #let({ local, value }: Let): void {
    const values = this.#valuesFor(local, value);
    if (isLeaf(value)) this.#declare(local, values);
    else this.#names.set(local, values);
  }

  #declare(local: Local, values: readonly string[]): void {
    const lanes = this.#isVector(local) ? this.lanes!.width : 1;
    const type = this.dialect.type({ dtype: local.dtype, lanes });
    const names = values.map(() => this.#fresh(local.name));
    for (const [i, name] of names.entries()) this.line(this.dialect.variable(type, name, values[i]!));
    this.#names.set(local, names);
  }

  #assign(local: Local, values: readonly string[]): void {
    for (const [i, name] of this.partsOf(local).entries()) this.line(`${name} = ${values[i]};`);
  }

  #store(s: Store): void {
    const values = new Values(this);
    const stride = this.lanes ? coeffOf(s.index, this.lanes.v) : 0;
    if (stride !== 0) {
      this.#storeLanes(s, values, stride);
      return;
    }
    assert(!this.lanes?.varies(s.value), `a store to ${s.buffer.name} puts every lane in one place`);
    const value = values.scalar(s.value);
    this.line(`${values.element(s.buffer, s.index)} = ${value};`);
  }

  #storeLanes({ buffer, index, value }: Store, values: Values, stride: number): void {
    const { dialect } = this;
    const form = { dtype: buffer.dtype, lanes: this.lanes!.width };
    for (const [i, part] of values.parts(value).entries()) {
      const first = i * form.lanes;
      if (stride === 1) {
        this.line(`${values.run(buffer, index, first)} = ${dialect.packed(form, part)};`);
        continue;
      }
      const whole = this.define(dialect.type(form), part);
      for (let lane = 0; lane < form.lanes; lane++) {
        const element = values.element(buffer, index, stride * (first + lane));
        this.line(`${element} = ${dialect.laneOf(whole, lane, buffer.dtype)};`);
      }
    }
  }

  // -------------------------------------------------------------------------------------------- control

  #while(s: While): void {
    this.#braces(this.dialect.forever, () => {
      this.statements(s.head);
      this.line(this.dialect.leaveUnless(this.#condition(s.cond)));
      this.statements(s.body);
    });
  }

  #switch(s: Switch): void {
    this.#braces(this.dialect.choose(this.#condition(s.index)), () => {
      for (const [i, branch] of s.branches.entries())
        this.#braces(this.dialect.branch(i), () => {
          this.statements(branch);
          this.line(this.dialect.endBranch);
        });
    });
  }

  #condition(e: Expr): string {
    assert(!this.lanes?.varies(e), `a ${e.op} that decides what runs next differs between lanes`);
    return new Values(this).scalar(e);
  }

  // -------------------------------------------------------------------------------------------- loops

  readonly #modes: Readonly<Record<Mode, (loop: For) => void>> = {
    serial: (loop) => this.#onThread(loop),
    independent: (loop) => this.#onThread(loop),
    parallel: (loop) => this.#functions.parallel(loop, this),
  };

  #onThread(loop: For): void {
    if (this.lanes || !this.#functions.apart(loop, this)) this.serial(loop, 0, loop.extent);
  }

  /** The iterations [low, high) of a loop, one after the other. */
  serial(loop: For, low: number | string, high: number | string): void {
    const s = this.lanes ? loop : withPossibleLanes(loop);
    if (s.lanes === 1 || this.lanes) this.#loop(s, low, high);
    else this.#inLanes(s, [s.v], () => this.#loop(s, low, high));
  }

  #loop(s: For, low: number | string, high: number | string): void {
    const v = this.parameter(s.v);
    this.#braces(this.dialect.loop(v, low, high, s.lanes), () => this.statements(s.body));
  }

  #inLanes(s: For, roots: readonly IndexAtom[], emit: () => void): void {
    this.lanes = this.#lanesOf(s, roots);
    emit();
    this.lanes = undefined;
  }

  #lanesOf({ v, lanes, body }: For, roots: readonly IndexAtom[]): Lanes {
    const varying = varyingAtoms(body, roots);
    const varies = variesIn(varying);
    let bytes = 4;
    forEachExprIn(body, (e) => {
      if (e.dtype === "float64" && varies(e)) bytes = 8;
    });
    const width = this.#partWidth(lanes, bytes);
    return { v, width, parts: lanes / width, varies, varying };
  }

  /** Values with lanes that fit one register, however many bytes its lanes have. */
  #partWidth(lanes: number, laneBytes: number): number {
    let width = Math.max(1, this.#vectorBytes / laneBytes);
    while (lanes % width !== 0) width /= 2;
    return width;
  }

  // -------------------------------------------------------------------------------------------- reductions

  #reduce(reduce: Reduce): void {
    const s = this.lanes ? reduce : withPossibleLanes(reduce);
    if (s.lanes > 1 && s.extents.every((n) => n > 0)) {
      this.#reduceLanes(s);
    } else {
      this.#declare(s.acc, this.#valuesFor(s.acc, s.init));
      this.statements(nestOf(s, s.acc));
    }
  }

  /** One accumulator per lane, brought together after the loops. */
  #reduceLanes(s: Reduce): void {
    const { dialect } = this;
    const { dtype } = s.acc;
    const partial = newLocal(s.acc.name, dtype);
    const [outermost] = nestOf(s, partial);
    let innermost = outermost as For;
    while (innermost.lanes === 1) innermost = innermost.body[0] as For;
    const roots = [innermost.v, partial];
    const { width, parts } = this.#lanesOf(innermost, roots);
    this.#inLanes(innermost, roots, () => {
      const identity = dialect.literal(identityOf(s.fn, dtype), dtype);
      this.#declare(partial, Array<string>(parts).fill(dialect.splat({ dtype, lanes: width }, identity)));
      this.statements([outermost!]);
    });
    const init = new Values(this).scalar(s.init);
    const total = this.#acrossLanes(s.fn, dtype, this.partsOf(partial), width);
    this.#declare(s.acc, [dialect.binary(s.fn, { dtype, lanes: 1 }, known(init), known(total))]);
  }

  #acrossLanes(fn: Combine, dtype: DType, parts: readonly string[], width: number): string {
    const { dialect } = this;
    const combined =
      (form: Form) =>
      (a: string, b: string): string =>
        this.define(dialect.type(form), dialect.binary(fn, form, known(a), known(b)));
    const [vector, scalar] = [
      { dtype, lanes: width },
      { dtype, lanes: 1 },
    ];
    const one = halved(parts, combined(vector));
    const lanes = Array.from({ length: width }, (_, lane) =>
      this.define(dialect.type(scalar), dialect.laneOf(one, lane, dtype)),
    );
    return halved(lanes, combined(scalar));
  }
}

const known = (text: string): Written => ({ constant: undefined, text: () => text });

/** Combines the first half with the second until one is left: short chains. */
function halved(items: readonly string[], combine: (a: string, b: string) => string): string {
  let rest = [...items];
  while (rest.length > 1) {
    const half = Math.ceil(rest.length / 2);
    rest = rest
      .slice(0, half)
      .map((a, i) => (rest[half + i] === undefined ? a : combine(a, rest[half + i]!)));
  }
  return rest[0]!;
}
