/**
 * Random valid loop programs, to check that passes and backends keep their meaning:
 *
 *     fc.assert(fc.property(programs({ exact: true }), fc.nat(), (program, seed) => {
 *       expectSameMeaning(program, pass(program, target), { seed });
 *     }));
 *
 * A program is a sequence of stages (map, reduction, recurrence, contraction, …); each fills one buffer that later ones read.
 * Everything comes from a tape of numbers in which 0 always means the simplest choice, so that failures shrink well.
 */
import fc from "fast-check";
import { affine, constant, scaledAtom } from "../../src/compiler/ir/affine.ts";
import type {
  Affine,
  Buffer,
  ContractOperand,
  Expr,
  Local,
  LoopVar,
  Program,
  Stmt,
} from "../../src/compiler/ir/nodes.ts";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { indexExpr, localExpr, newBuffer, newLocal, newLoopVar } from "../../src/compiler/ir/visit.ts";
import { aval } from "../../src/core/aval.ts";
import { type DType, isFloat } from "../../src/core/dtype.ts";
import type { BinaryFn, Combine, HostFn, UnaryFn } from "../../src/core/lowering.ts";

export { expectSameMeaning, expectSameOutputs, randomArgs } from "./same-meaning.ts";

export interface RandomIrOptions {
  /**
   * Only operations whose results do not depend on rounding choices: no transcendental functions, and sums and
   * contractions of integers only. Without it, compare with a tolerance; nothing then jumps where a float varies a little.
   */
  readonly exact?: boolean;
  /** Some innermost loops come with lanes (as after vectorisation). */
  readonly lanes?: boolean;
  /** Functions that `host` statements may call. */
  readonly hosts?: readonly HostFn[];
  /** Largest number of stages; 4 unless given. */
  readonly stages?: number;
  readonly dtypes?: readonly DType[];
}

/** Valid programs; see the file's header. */
export const programs = (options: RandomIrOptions = {}): fc.Arbitrary<Program> =>
  fc
    .array(fc.nat(0x7fffffff), { maxLength: 400, size: "max" })
    .map((tape) => new Generator(tape, options).program())
    .map((program) => Object.assign(program, { toString: () => printProgram(program) }));

// ---------------------------------------------------------------------------------------------- the generator

/** What an expression may use where it stands. */
interface Scope {
  readonly loops: readonly { readonly v: LoopVar; readonly extent: number }[];
  readonly values: readonly Expr[];
}
const EMPTY: Scope = { loops: [], values: [] };

const FLOAT_BINARY: readonly BinaryFn[] = ["add", "mul", "sub", "max", "min"];
const INTEGER_BINARY: readonly BinaryFn[] = [
  ...FLOAT_BINARY,
  ...(["and", "or", "xor", "shl", "shrLogical", "shrArith", "div", "rem"] as const),
];
const BOOL_BINARY: readonly BinaryFn[] = ["and", "or", "xor"];
const EXACT_UNARY: readonly UnaryFn[] = ["neg", "abs", "floor", "ceil", "trunc", "rint"];
const SMOOTH_UNARY: readonly UnaryFn[] = ["neg", "abs", "tanh", "logistic", "sin", "exp", "erf"];
const COMPARISONS: readonly BinaryFn[] = ["lt", "le", "eq", "ne", "ge", "gt"];
const EXTENTS = [4, 3, 1, 2, 5, 7, 8, 16];

const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1);
const constExpr = (value: number, dtype: DType): Expr => ({ op: "const", dtype, value });
const binary = (fn: BinaryFn, x: Expr, y: Expr): Expr => ({
  op: "binary",
  fn,
  dtype: COMPARISONS.includes(fn) ? "bool" : x.dtype,
  x,
  y,
});
/** The index that goes so far with each variable. */
const walk = (vars: readonly LoopVar[], strides: readonly number[]): Affine =>
  affine(
    0,
    vars.map((atom, i) => ({ atom, coeff: strides[i]! })),
  );
const inOrder = (v: LoopVar, extent: number, body: readonly Stmt[]): Stmt => {
  return { kind: "for", v, extent, mode: "serial", lanes: 1, body };
};
const clamp = (x: Expr, low: number, high: number): Expr =>
  binary("min", binary("max", x, constExpr(low, x.dtype)), constExpr(high, x.dtype));

class Generator {
  readonly #tape: readonly number[];
  readonly #options: RandomIrOptions;
  readonly #dtypes: readonly DType[];
  #at = 0;
  readonly #buffers: Buffer[] = [];
  /** Buffers whose elements all have values. */
  readonly #filled: Buffer[] = [];

  constructor(tape: readonly number[], options: RandomIrOptions) {
    this.#tape = tape;
    this.#options = options;
    this.#dtypes = options.dtypes ?? [
      "float32",
      "int32",
      "float32",
      "bool",
      "float64",
      "uint8",
      "uint32",
      "int16",
    ];
  }

  program(): Program {
    this.#filled.push(this.#buffer("float32", 16, "argument"), this.#buffer("int32", 8, "argument"));
    const count = 1 + this.#pick(this.#options.stages ?? 4);
    const body = Array.from({ length: count }, (_, i) => this.#stage(i === count - 1)).flat();
    const of = (role: Buffer["role"]): Buffer[] => this.#buffers.filter((b) => b.role === role);
    return { args: of("argument"), outputs: of("output"), temps: of("temp"), body };
  }

  // -------------------------------------------------------------------------------------------- choices

  /** A number below n; 0 when the tape has ended. */
  #pick(n: number): number {
    return (this.#tape[this.#at++] ?? 0) % n;
  }
  #from<T>(xs: readonly T[]): T {
    return xs[this.#pick(xs.length)]!;
  }
  /** True once in n times, never after the tape has ended. */
  #chance(n: number): boolean {
    return this.#pick(n) === n - 1;
  }
  #extents(rank: number): number[] {
    return Array.from({ length: rank }, () => this.#from(rank > 2 ? EXTENTS.slice(0, 5) : EXTENTS));
  }
  /** Strides of a dense layout of these extents, the axes in some order. */
  #strides(extents: readonly number[]): number[] {
    const strides = extents.map(() => 1);
    let stride = 1;
    const axes = extents.map((_, i) => i).reverse();
    while (axes.length) {
      const [axis] = axes.splice(this.#pick(4) === 3 ? axes.length - 1 : 0, 1);
      strides[axis!] = stride;
      stride *= extents[axis!]!;
    }
    return strides;
  }

  #buffer(dtype: DType, size: number, role: Buffer["role"]): Buffer {
    const prefix = { argument: "arg", output: "out", temp: "t" }[role];
    const b = newBuffer(`${prefix}${this.#buffers.filter((x) => x.role === role).length}`, dtype, size, role);
    this.#buffers.push(b);
    return b;
  }
  #result(dtype: DType, size: number, last: boolean): Buffer {
    return this.#buffer(dtype, size, last || this.#chance(3) ? "output" : "temp");
  }
  /** A buffer of at least `size` elements to read: an argument when nothing else fits. */
  #source(dtype: DType, size: number): Buffer {
    const found = this.#filled.findLast((b) => b.dtype === dtype && b.size >= size);
    if (found) return found;
    const made = this.#buffer(dtype, size, "argument");
    this.#filled.push(made);
    return made;
  }

  // -------------------------------------------------------------------------------------------- expressions

  /** An index in range of `size` over some of the loops. */
  #index(size: number, scope: Scope): Affine {
    let [min, max] = [0, 0];
    const terms = [];
    for (const { v, extent } of [...scope.loops].reverse()) {
      const coeff = this.#from([1, 1, extent, 0, 2, -1, 3]);
      const reach = coeff * (extent - 1);
      const [low, high] = [min + Math.min(0, reach), max + Math.max(0, reach)];
      if (coeff === 0 || high - low >= size) continue;
      [min, max] = [low, high];
      terms.push({ atom: v, coeff });
    }
    return affine(this.#pick(size - (max - min)) - min, terms);
  }
  #load(buffer: Buffer, index: Affine): Expr {
    return { op: "load", dtype: buffer.dtype, buffer, index };
  }

  #leaf(dtype: DType, scope: Scope): Expr {
    const values = scope.values.filter((e) => e.dtype === dtype);
    const sources = this.#filled.filter((b) => b.dtype === dtype && b.size > 0);
    if (values.length && !this.#chance(3)) return this.#from(values);
    if (sources.length && !this.#chance(4)) {
      const source = this.#from(sources);
      return this.#load(source, this.#index(source.size, scope));
    }
    if (dtype === "int32" && scope.loops.length) return indexExpr(this.#index(64, scope));
    return constExpr(this.#from(isFloat(dtype) ? [1, 0.5, -1.5, -0, 3] : [1, 0, 1]), dtype);
  }

  #expr(dtype: DType, scope: Scope, depth = 3): Expr {
    if (depth === 0 || this.#pick(4) === 0) return this.#leaf(dtype, scope);
    const operand = (d: DType = dtype): Expr => this.#expr(d, scope, depth - 1);
    const shape = this.#pick(6);
    if (shape === 4)
      return { op: "select", dtype, cond: this.#condition(scope, depth - 1), x: operand(), y: operand() };
    if (shape === 5) return this.#converted(dtype, operand(this.#from(this.#convertible(dtype))));
    if (dtype === "bool")
      return shape === 3 ? this.#condition(scope, depth - 1) : this.#shared(BOOL_BINARY, operand);
    if (!isFloat(dtype))
      return shape === 3
        ? this.#unary(["neg", "abs", "not"], operand())
        : this.#shared(INTEGER_BINARY, operand);
    if (shape === 3) return this.#unary(this.#options.exact ? EXACT_UNARY : SMOOTH_UNARY, operand());
    return this.#shared(FLOAT_BINARY, operand);
  }

  /** A binary node; sometimes both operands are the same node. */
  #shared(fns: readonly BinaryFn[], operand: () => Expr): Expr {
    const x = operand();
    return binary(this.#from(fns), x, this.#chance(5) ? x : operand());
  }
  #unary(fns: readonly UnaryFn[], x: Expr): Expr {
    const fn = this.#from(fns);
    return { op: "unary", dtype: x.dtype, fn, x: fn === "exp" ? clamp(x, -20, 3) : x };
  }
  #condition(scope: Scope, depth: number): Expr {
    const dtype = this.#from<DType>(this.#options.exact ? ["int32", "float32"] : ["int32"]);
    return binary(this.#from(COMPARISONS), this.#expr(dtype, scope, depth), this.#expr(dtype, scope, depth));
  }
  #convertible(to: DType): readonly DType[] {
    if (isFloat(to)) return ["int32", "float32", "bool"];
    return this.#options.exact ? ["int32", "float32", "bool"] : ["int32", "bool"];
  }
  #converted(dtype: DType, x: Expr): Expr {
    return x.dtype === dtype ? x : { op: "convert", dtype, x };
  }
  /** Keeps recurrences and products of large values finite. */
  #bounded(x: Expr): Expr {
    return isFloat(x.dtype) ? clamp(x, -1000, 1000) : x;
  }

  // -------------------------------------------------------------------------------------------- statements

  /** Loops over `extents` around what `body` makes. */
  #nest(
    extents: readonly number[],
    outer: Scope,
    body: (scope: Scope, vars: readonly LoopVar[]) => Stmt[],
  ): Stmt[] {
    const vars = extents.map((_, i) => newLoopVar("ijklmn"[i + outer.loops.length] ?? "v"));
    const mode = this.#chance(6) ? "serial" : "independent";
    const scope = { ...outer, loops: [...outer.loops, ...vars.map((v, i) => ({ v, extent: extents[i]! }))] };
    const vector = this.#options.lanes && mode === "independent" && extents.at(-1)! % 4 === 0;
    const lanes = vector && this.#chance(2) ? 4 : 1;
    return vars.reduceRight<Stmt[]>(
      (inner, v, i) => {
        const last = i === vars.length - 1;
        return [{ kind: "for", v, extent: extents[i]!, mode, lanes: last ? lanes : 1, body: inner }];
      },
      body(scope, vars),
    );
  }

  /** Some `let`s, and the scope that has them. */
  #lets(scope: Scope): { stmts: Stmt[]; scope: Scope } {
    const stmts: Stmt[] = [];
    let values = scope.values;
    while (stmts.length < 3 && this.#chance(3)) {
      const local = newLocal("x", this.#from(this.#dtypes));
      stmts.push({ kind: "let", local, value: this.#expr(local.dtype, { ...scope, values }) });
      values = [...values, localExpr(local)];
    }
    return this.#chance(4)
      ? this.#gather(stmts, { ...scope, values })
      : { stmts, scope: { ...scope, values } };
  }

  /** A load at a computed index. */
  #gather(stmts: Stmt[], scope: Scope): { stmts: Stmt[]; scope: Scope } {
    const source = this.#from(this.#filled);
    const local = newLocal("at", "int32");
    const value = clamp(this.#expr("int32", scope), 0, source.size - 1);
    const loaded = this.#load(source, scaledAtom(local));
    return {
      stmts: [...stmts, { kind: "let", local, value }],
      scope: { ...scope, values: [...scope.values, loaded] },
    };
  }

  #stage(last: boolean): Stmt[] {
    const kinds = [
      this.#map,
      this.#reduction,
      this.#recurrence,
      this.#layers,
      this.#contraction,
      this.#running,
      this.#counted,
      this.#branches,
    ];
    const stmts = this.#from(kinds).call(this, last);
    return this.#options.hosts?.length && this.#chance(3) ? [...stmts, this.#host()] : stmts;
  }

  #host(): Stmt {
    const buffer = this.#filled.at(-1)!;
    const args = [{ buffer, index: constant(0), aval: aval([buffer.size], buffer.dtype) }];
    return { kind: "host", fn: this.#from(this.#options.hosts!), args };
  }

  #map(last: boolean): Stmt[] {
    const extents = this.#extents(1 + this.#pick(3));
    const out = this.#result(this.#from(this.#dtypes), product(extents), last);
    const extra = this.#chance(3)
      ? this.#result(this.#from(this.#dtypes), product(extents), false)
      : undefined;
    const strides = this.#strides(extents);
    const stmts = this.#nest(extents, EMPTY, (outer, vars) => {
      const { stmts: lets, scope } = this.#lets(outer);
      const index = walk(vars, strides);
      const store = (buffer: Buffer, values: readonly Expr[]): Stmt => {
        const value = this.#bounded(
          this.#expr(buffer.dtype, { ...scope, values: [...scope.values, ...values] }),
        );
        return { kind: "store", buffer, index, value };
      };
      const first = store(out, []);
      return [...lets, first, ...(extra ? [store(extra, [this.#load(out, index)])] : [])];
    });
    this.#filled.push(out, ...(extra ? [extra] : []));
    return stmts;
  }

  #combine(dtype: DType): Combine {
    if (dtype === "bool") return this.#from(["and", "or", "add", "mul"]);
    if (isFloat(dtype)) return this.#from(this.#options.exact ? ["max", "min"] : ["add", "max", "min"]);
    return this.#from(["add", "mul", "max", "min", "and", "or"]);
  }

  #reduction(last: boolean): Stmt[] {
    const [outer, inner] = [this.#extents(this.#pick(3)), this.#extents(1 + this.#pick(2))];
    const acc = newLocal("acc", this.#from(this.#dtypes));
    const out = this.#result(acc.dtype, product(outer), last);
    const strides = this.#strides(outer);
    const stmts = this.#nest(outer, EMPTY, (scope, vars) => {
      const extents = inner;
      const reduced = inner.map((_, i) => newLoopVar("rs"[i]!));
      const loops = [...scope.loops, ...reduced.map((v, i) => ({ v, extent: extents[i]! }))];
      const init = this.#leaf(acc.dtype, scope);
      const { stmts: body, scope: within } = this.#lets({ ...scope, loops });
      const value = this.#expr(acc.dtype, within);
      const fn = this.#combine(acc.dtype);
      const result = this.#bounded(this.#expr(out.dtype, { ...scope, values: [localExpr(acc)] }));
      const index = walk(vars, strides);
      return [
        { kind: "reduce", acc, fn, init, vars: reduced, extents, lanes: 1, body, value },
        { kind: "store", buffer: out, index, value: result },
      ];
    });
    this.#filled.push(out);
    return stmts;
  }

  /** A scan: `carry` in place, every step's value into `ys`. */
  #recurrence(last: boolean): Stmt[] {
    const [[steps], [n]] = [this.#extents(1), this.#extents(1)] as [[number], [number]];
    const dtype = this.#from(this.#dtypes);
    const carry = this.#buffer(dtype, n, "temp");
    const ys = this.#result(dtype, steps * n, last);
    const start = this.#nest([n], EMPTY, (scope, [v]) => [
      { kind: "store", buffer: carry, index: scaledAtom(v!), value: this.#leaf(dtype, scope) },
    ]);
    const t = newLoopVar("t");
    const inStep: Scope = { loops: [{ v: t, extent: steps }], values: [] };
    const step = this.#nest([n], inStep, (scope, [v]) => {
      const before = this.#load(carry, scaledAtom(v!));
      const after = newLocal("next", dtype);
      const value = this.#bounded(this.#expr(dtype, { ...scope, values: [before] }));
      const at = walk([t, v!], [n, 1]);
      return [
        { kind: "let", local: after, value },
        { kind: "store", buffer: carry, index: scaledAtom(v!), value: localExpr(after) },
        { kind: "store", buffer: ys, index: at, value: localExpr(after) },
      ];
    });
    this.#filled.push(carry, ys);
    return [...start, inOrder(t, steps, step)];
  }

  /** A scan over layers in a scan over time: each layer prepares what it reads, in every step anew. */
  #layers(last: boolean): Stmt[] {
    const [steps, layers, n] = this.#extents(3) as [number, number, number];
    const dtype = this.#from(this.#dtypes);
    const part = this.#buffer(dtype, n, "temp");
    const ys = this.#result(dtype, steps * layers * n, last);
    const [t, l] = [newLoopVar("t"), newLoopVar("l")];
    const inLayer: Scope = { loops: [{ v: l, extent: layers }], values: [] };
    const prepared = this.#nest([n], inLayer, (scope, [i]) => [
      { kind: "store", buffer: part, index: scaledAtom(i!), value: this.#expr(dtype, scope) },
    ]);
    const inStep: Scope = { loops: [{ v: t, extent: steps }, ...inLayer.loops], values: [] };
    const used = this.#nest([n], inStep, (scope, [i]) => {
      const value = this.#bounded(
        this.#expr(dtype, { ...scope, values: [this.#load(part, scaledAtom(i!))] }),
      );
      return [{ kind: "store", buffer: ys, index: walk([t, l, i!], [layers * n, n, 1]), value }];
    });
    this.#filled.push(ys);
    return [inOrder(t, steps, [inOrder(l, layers, [...prepared, ...used])])];
  }

  #contraction(last: boolean): Stmt[] {
    const dtype: DType = this.#options.exact ? "int32" : "float32";
    const sizes = (rank: number): number[] => Array.from({ length: rank }, () => this.#from([4, 2, 3, 5, 9]));
    const [batch, m, n, k] = [sizes(this.#pick(2)), sizes(1), sizes(this.#pick(2)), sizes(1)] as const;
    const operand = (free: readonly number[]): ContractOperand => {
      const extents = [...batch, ...free, ...k];
      const strides = this.#strides(extents);
      const parts = [
        strides.slice(0, batch.length),
        strides.slice(batch.length, -k.length),
        strides.slice(-k.length),
      ];
      const buffer = this.#source(dtype, product(extents));
      return { buffer, base: constant(0), batch: parts[0]!, free: parts[1]!, reduced: parts[2]! };
    };
    const [lhs, rhs] = [operand(m), operand(n)];
    const extents = [...batch, ...m, ...n];
    const vars = extents.map((_, i) => newLoopVar("bmn"[i + 1 - batch.length]!));
    const acc = newLocal("acc", dtype);
    const out = this.#result(dtype, product(extents), last);
    const scope = { loops: vars.map((v, i) => ({ v, extent: extents[i]! })), values: [localExpr(acc)] };
    const strides = this.#strides(extents);
    const index = walk(vars, strides);
    const epilogue: Stmt[] = [
      { kind: "store", buffer: out, index, value: this.#bounded(this.#expr(dtype, scope, this.#pick(3))) },
    ];
    this.#filled.push(out);
    const groups = { batchExtents: batch, mExtents: m, nExtents: n, kExtents: k };
    return [{ kind: "contract", dtype, lhs, rhs, ...groups, vars, acc, epilogue }];
  }

  /** A mutable scalar carried through a serial loop. */
  #running(last: boolean): Stmt[] {
    const [extent] = this.#extents(1) as [number];
    const local = newLocal("sum", this.#from(this.#dtypes));
    const out = this.#result(local.dtype, extent, last);
    const v = newLoopVar("i");
    const init = this.#leaf(local.dtype, EMPTY);
    const scope = { loops: [{ v, extent }], values: [localExpr(local)] };
    const body: Stmt[] = [
      { kind: "set", local, value: this.#bounded(this.#expr(local.dtype, scope)) },
      { kind: "store", buffer: out, index: scaledAtom(v), value: localExpr(local) },
    ];
    this.#filled.push(out);
    return [{ kind: "var", local, init }, inOrder(v, extent, body)];
  }

  /** A `while` that counts. */
  #counted(last: boolean): Stmt[] {
    const [extent] = this.#extents(1) as [number];
    const out = this.#result(this.#from(this.#dtypes), extent, last);
    const [counter, at]: [Local, Local] = [newLocal("n", "int32"), newLocal("at", "int32")];
    const value = this.#expr(out.dtype, { loops: [], values: [localExpr(at)] });
    const next = binary("add", localExpr(at), constExpr(1, "int32"));
    const body: Stmt[] = [
      { kind: "let", local: at, value: localExpr(counter) },
      { kind: "store", buffer: out, index: scaledAtom(at), value: this.#bounded(value) },
      { kind: "set", local: counter, value: next },
    ];
    this.#filled.push(out);
    const cond = binary("lt", localExpr(counter), constExpr(extent, "int32"));
    return [
      { kind: "var", local: counter, init: constExpr(0, "int32") },
      { kind: "while", head: [], cond, body },
    ];
  }

  /** A `switch` per element. */
  #branches(last: boolean): Stmt[] {
    const extents = this.#extents(1);
    const out = this.#result(this.#from(this.#dtypes), product(extents), last);
    const stmts = this.#nest(extents, EMPTY, (scope, [v]) => {
      const count = 1 + this.#pick(3);
      const index = clamp(this.#expr("int32", scope), 0, count - 1);
      const branches = Array.from({ length: count }, (): Stmt[] => {
        const value = this.#bounded(this.#expr(out.dtype, scope));
        return [{ kind: "store", buffer: out, index: scaledAtom(v!), value }];
      });
      return [{ kind: "switch", index, branches }];
    });
    this.#filled.push(out);
    return stmts;
  }
}
