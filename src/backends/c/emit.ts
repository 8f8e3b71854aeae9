/**
 * A planned program as C: one translation unit that exports
 *
 *     void weft_run(char *mem, const int *frame)
 *
 * where `frame` holds the addresses, counted from `mem`, of the arguments, the outputs and the arena for temporaries. Only
 * language extensions that GCC and Clang share are used, and no header. With parallel loops, the address of a control block or 0
 * follows in the frame, and `weft_run_help` is exported for workers (`common/handover.ts`).
 *
 * Floats keep their meaning: nothing is reassociated, and a multiply-add is fused only where the program says `fma`. Compile
 * with {@link C_FLAGS}.
 *
 * Requires: `contract` statements and transcendental functions are expanded; no `host` statements.
 */

import { coeffOf } from "../../compiler/ir/affine.ts";
import { hasParallelLoop, type Mode } from "../../compiler/ir/modes.ts";
import type {
  Buffer,
  Expr,
  For,
  IndexAtom,
  Let,
  Local,
  Program,
  Reduce,
  Stmt,
  Store,
  Switch,
  While,
} from "../../compiler/ir/nodes.ts";
import {
  type Block,
  countExprs,
  effects,
  forEachExprIn,
  freeAtoms,
  isLeaf,
  newLocal,
} from "../../compiler/ir/visit.ts";
import { variesIn, varyingAtoms } from "../../compiler/passes/lanes.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import { Stopwatch } from "../../compiler/passes/support/time.ts";
import type { Target } from "../../compiler/target.ts";
import type { DType } from "../../core/dtype.ts";
import { assert, InternalError } from "../../core/errors.ts";
import type { Combine } from "../../core/lowering.ts";
import { withPossibleLanes } from "../common/lanes.ts";
import { identityOf, nestOf } from "../common/reduction.ts";
import { Crew, helpName } from "./crew.ts";
import { binary, unsupported } from "./ops.ts";
import { type Body, lengthOf, Parts, Places, UNIT_MACROS, type UnitText } from "./parts.ts";
import { Prelude } from "./prelude.ts";
import { ELEMENT_TYPES, Form, literal, splat } from "./types.ts";
import { type Lanes, type Surroundings, Values } from "./values.ts";

/**
 * How the text has to be compiled for floats to mean what the program says. Without -fno-trapping-math, which is no faster: with
 * it GCC 12 rounds a float that becomes an integer and a float again, so that -0.5 becomes -0 instead of 0.
 */
export const C_FLAGS: readonly string[] = [
  "-std=gnu11",
  "-ffp-contract=off",
  "-fno-math-errno",
  "-fno-strict-aliasing",
];

/** What stands first in a translation unit. */
export const HEAD: string = [
  ELEMENT_TYPES,
  "#define INLINE inline __attribute__((always_inline))",
  // Functions that several threads enter. GCC 12 gives wrong code for them when it specialises them for their callers.
  "#ifdef __clang__",
  "#define APART __attribute__((noinline))",
  "#else",
  "#define APART __attribute__((noipa))",
  "#endif",
  "#ifdef _WIN32",
  "#define EXPORT __declspec(dllexport)",
  "#else",
  '#define EXPORT __attribute__((visibility("default")))',
  "#endif",
  UNIT_MACROS,
].join("\n");

/** A program as C. */
export interface CText {
  readonly source: string;
  /** How long each unit that the text may be compiled in takes; `[]` when only as one ({@link UnitText.weights}). */
  readonly units: readonly number[];
  /** The function that workers call; undefined when there are no parallel loops. */
  readonly help: string | undefined;
}

/** How code is divided. */
export interface Division {
  /** Nanoseconds of work that a thread takes at a time, about. */
  readonly pieceNs: number;
  /** Nodes of a loop from which it is a function: compilers take longer for long functions than in proportion. */
  readonly large: number;
  /** Characters from which a loop that runs once is one: it may have twins, and another compiler may take it. */
  readonly long: number;
}
const DIVISION: Division = { pieceNs: 5_000, large: 150, long: 800 };

/** @throws InternalError naming what should have been expanded. */
export function emitC(
  program: Program,
  plan: MemoryPlan,
  target: Target,
  division: Partial<Division> = {},
): CText {
  const prelude = new Prelude();
  const name = "weft_run";
  const { text, weights } = emitFunction(name, program, plan, target, prelude, division);
  const help = hasParallelLoop(program.body) ? helpName(name) : undefined;
  return { source: `${HEAD}\n${prelude}\n${text}`, units: weights, help };
}

/** The exported functions of one program in a translation unit that starts with {@link HEAD} and the prelude. */
export function emitFunction(
  name: string,
  program: Program,
  plan: MemoryPlan,
  target: Target,
  prelude: Prelude,
  division: Partial<Division> = {},
): UnitText {
  const time = new Stopwatch(target);
  const places = new Places(program, plan);
  const parts = new Parts(name, places);
  const unit: Unit = { name, program, target, prelude, time, places, parts, ...DIVISION, ...division };
  const crew = hasParallelLoop(program.body) ? new Crew(name, prelude) : undefined;
  const run = new Emitter(unit, crew).run();
  return parts.text(crew?.head ?? "", `${run}${crew ?? ""}`);
}

/** Whether a loop may be a function: it leaves nothing in locals, which a function could not do. */
function mayStandApart(loop: For): boolean {
  if (hasParallelLoop(loop.body)) return false;
  const free = freeAtoms([loop]);
  return ![...effects([loop]).assigns].some((local) => free.has(local));
}

/** What the functions of a program share. */
interface Unit extends Division {
  readonly name: string;
  readonly program: Program;
  readonly target: Target;
  readonly prelude: Prelude;
  readonly time: Stopwatch;
  readonly places: Places;
  readonly parts: Parts;
}

/** A function, and what it is called with. */
interface Calling {
  readonly name: string;
  readonly free: readonly IndexAtom[];
  readonly values: readonly string[];
}

/** Values with lanes that fit one register, however many bytes its lanes have. */
function partWidth(lanes: number, laneBytes: number, target: Target): number {
  let width = target.vectorBytes / laneBytes;
  while (lanes % width !== 0) width /= 2;
  return width;
}

/** One function. */
class Emitter implements Surroundings {
  readonly prelude: Prelude;
  readonly fma: boolean;
  lanes: Lanes | undefined = undefined;
  readonly #unit: Unit;
  readonly #crew: Crew | undefined;
  #isEntry = false;
  readonly #lines: string[] = [];
  readonly #names: Map<IndexAtom, readonly string[]> = new Map();
  readonly #pointers: Map<Buffer, string> = new Map();
  #depth = 1;
  #count = 0;

  constructor(unit: Unit, crew: Crew | undefined) {
    this.prelude = unit.prelude;
    this.fma = unit.target.fma;
    this.#unit = unit;
    this.#crew = crew;
  }

  /** The entry point. */
  run(): string {
    const { name, program, places } = this.#unit;
    this.#isEntry = true;
    if (this.#crew) {
      this.#line(`const u32 crew = frame[${program.args.length + program.outputs.length + 1}];`);
      this.#line("char *const control = crew ? mem + crew : 0;");
    }
    this.#statements(program.body);
    const lines = [...places.declare(this.#pointers), ...this.#lines];
    return `EXPORT void ${name}(char *mem, const int *frame) {\n${lines.join("\n")}\n}\n`;
  }

  /** A function that runs the iterations [low, high) of a loop with these free locals. */
  part(loop: For, free: readonly IndexAtom[]): Body {
    const params = free.map((atom) => {
      this.#names.set(atom, [this.#fresh(atom.name)]);
      return `${this.#typeOf(atom)} ${this.nameOf(atom)}`;
    });
    this.#serial(loop, "low", "high");
    return { params, lines: this.#lines, pointers: this.#pointers };
  }

  /** The C type of a scalar. */
  #typeOf(atom: IndexAtom): string {
    return atom.kind === "local" ? new Form(this.prelude, atom.dtype, 1).type : "i64";
  }

  // -------------------------------------------------------------------------------------------- text

  #line(text: string): void {
    this.#lines.push("  ".repeat(this.#depth) + text);
  }

  #braces(head: string, emit: () => void): void {
    this.#line(`${head} {`);
    this.#depth++;
    emit();
    this.#depth--;
    this.#line("}");
  }

  /** Names are numbered in the order of the text, so that equal programs give equal texts. */
  #fresh(name: string): string {
    return `${name.replace(/\W/g, "_")}_${this.#count++}`;
  }

  // -------------------------------------------------------------------------------------------- surroundings

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
    const known = this.#pointers.get(buffer);
    if (known !== undefined) return known;
    if (!this.#unit.places.has(buffer))
      throw new InternalError(`Buffer ${buffer.name} is not in the program.`);
    const name = `p${this.#pointers.size}`;
    this.#pointers.set(buffer, name);
    return name;
  }

  define(type: string, text: string): string {
    const name = `t${this.#count++}`;
    this.#line(`const ${type} ${name} = ${text};`);
    return name;
  }

  // -------------------------------------------------------------------------------------------- statements

  #statements(block: Block): void {
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
    host: () => unsupported("a host statement"),
    contract: () => unsupported("a contract statement"),
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
    const width = this.#isVector(local) ? this.lanes!.width : 1;
    const { type } = new Form(this.prelude, local.dtype, width);
    const names = values.map(() => this.#fresh(local.name));
    for (const [i, name] of names.entries()) this.#line(`${type} ${name} = ${values[i]};`);
    this.#names.set(local, names);
  }

  #assign(local: Local, values: readonly string[]): void {
    for (const [i, name] of this.partsOf(local).entries()) this.#line(`${name} = ${values[i]};`);
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
    this.#line(`${values.element(s.buffer, s.index)} = ${value};`);
  }

  #storeLanes({ buffer, index, value }: Store, values: Values, stride: number): void {
    const { width } = this.lanes!;
    for (const [i, part] of values.parts(value).entries()) {
      const first = i * width;
      if (stride === 1) {
        this.#line(`${values.run(buffer, index, first)} = ${values.packed(part, buffer.dtype)};`);
        continue;
      }
      const whole = this.define(new Form(this.prelude, buffer.dtype, width).type, part);
      for (let lane = 0; lane < width; lane++)
        this.#line(
          `${values.element(buffer, index, stride * (first + lane))} = ${laneOf(whole, lane, buffer.dtype)};`,
        );
    }
  }

  // -------------------------------------------------------------------------------------------- control

  #while(s: While): void {
    this.#braces("for (;;)", () => {
      this.#statements(s.head);
      this.#line(`if (!(${this.#condition(s.cond)})) break;`);
      this.#statements(s.body);
    });
  }

  #switch(s: Switch): void {
    this.#braces(`switch (${this.#condition(s.index)})`, () => {
      for (const [i, branch] of s.branches.entries())
        this.#braces(`case ${i}:`, () => {
          this.#statements(branch);
          this.#line("break;");
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
    parallel: (loop) => this.#parallel(loop),
  };

  #onThread(loop: For): void {
    const part = this.lanes ? undefined : this.#standingApart(loop);
    if (part) this.#line(`${part.name}(${["mem", "frame", 0, loop.extent, ...part.values].join(", ")});`);
    else this.#serial(loop);
  }

  #serial(loop: For, low: number | string = 0, high: number | string = loop.extent): void {
    const s = this.lanes ? loop : withPossibleLanes(loop);
    if (s.lanes === 1 || this.lanes) this.#loop(s, low, high);
    else this.#inLanes(s, [s.v], () => this.#loop(s, low, high));
  }

  #loop(s: For, low: number | string, high: number | string): void {
    const v = this.#fresh(s.v.name);
    this.#names.set(s.v, [v]);
    this.#braces(`for (i64 ${v} = ${low}; ${v} < ${high}; ${v} += ${s.lanes})`, () =>
      this.#statements(s.body),
    );
  }

  #parallel(loop: For): void {
    const { time, pieceNs } = this.#unit;
    const { name, free, values } = this.#part(loop, 0)!;
    const grain = Math.max(1, Math.round(pieceNs / (1 + time.block(loop.body))));
    const part = { name, types: free.map((atom) => this.#typeOf(atom)), extent: loop.extent, grain };
    for (const line of this.#crew!.call(part, values)) this.#line(line);
  }

  /** The function for a loop that shall be one. */
  #standingApart(loop: For): Calling | undefined {
    const { large, long } = this.#unit;
    const runsOnce = this.#isEntry && this.#depth === 1;
    const isLarge = loop.lanes === 1 && countExprs(loop.body) >= large;
    if (!(isLarge || runsOnce) || !mayStandApart(loop)) return undefined;
    return this.#part(loop, isLarge ? 0 : long);
  }

  /** A function for a loop, and what the free locals that it takes are here; undefined when its text is shorter than `least`. */
  #part(loop: For, least: number): Calling | undefined {
    const free = [...freeAtoms([loop])];
    const body = new Emitter(this.#unit, undefined).part(loop, free);
    if (lengthOf(body) < least) return undefined;
    return { name: this.#unit.parts.add(body), free, values: free.map((atom) => this.nameOf(atom)) };
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
    const width = partWidth(lanes, bytes, this.#unit.target);
    return { v, width, parts: lanes / width, varies, varying };
  }

  // -------------------------------------------------------------------------------------------- reductions

  #reduce(reduce: Reduce): void {
    const s = this.lanes ? reduce : withPossibleLanes(reduce);
    if (s.lanes > 1 && s.extents.every((n) => n > 0)) {
      this.#reduceLanes(s);
    } else {
      this.#declare(s.acc, this.#valuesFor(s.acc, s.init));
      this.#statements(nestOf(s, s.acc));
    }
  }

  /** One accumulator per lane, brought together after the loops. */
  #reduceLanes(s: Reduce): void {
    const partial = newLocal(s.acc.name, s.acc.dtype);
    const [outermost] = nestOf(s, partial);
    let innermost = outermost as For;
    while (innermost.lanes === 1) innermost = innermost.body[0] as For;
    const roots = [innermost.v, partial];
    const { width, parts } = this.#lanesOf(innermost, roots);
    this.#inLanes(innermost, roots, () => {
      const form = new Form(this.prelude, s.acc.dtype, width);
      const identity = splat(form, literal(identityOf(s.fn, s.acc.dtype), s.acc.dtype));
      this.#declare(partial, Array<string>(parts).fill(identity));
      this.#statements([outermost!]);
    });
    const init = new Values(this).scalar(s.init);
    const total = this.#acrossLanes(s.fn, s.acc.dtype, this.partsOf(partial), width);
    const form = new Form(this.prelude, s.acc.dtype, 1);
    this.#declare(s.acc, [binary(s.fn, form, init, total)]);
  }

  #acrossLanes(fn: Combine, dtype: DType, parts: readonly string[], width: number): string {
    const [vector, scalar] = [new Form(this.prelude, dtype, width), new Form(this.prelude, dtype, 1)];
    const one = halved(parts, (a, b) => this.define(vector.type, binary(fn, vector, a, b)));
    const lanes = Array.from({ length: width }, (_, lane) =>
      this.define(scalar.type, laneOf(one, lane, dtype)),
    );
    return halved(lanes, (a, b) => this.define(scalar.type, binary(fn, scalar, a, b)));
  }
}

/** One lane as a scalar; masks become 0 or 1. */
const laneOf = (vector: string, lane: number, dtype: DType): string =>
  dtype === "bool" ? `(${vector}[${lane}] & 1)` : `${vector}[${lane}]`;

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
