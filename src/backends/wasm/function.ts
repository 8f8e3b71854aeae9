/** Statements to WebAssembly: the body of one function. */

import type { Mode } from "../../compiler/ir/modes.ts";
import type {
  Affine,
  Buffer,
  Expr,
  For,
  Host,
  IndexAtom,
  Local,
  LoopVar,
  MachineFn,
  Reduce,
  Stmt,
  Store,
  Switch,
  While,
} from "../../compiler/ir/nodes.ts";
import { type Block, forEachExpr, freeAtoms, newLocal, visitParts } from "../../compiler/ir/visit.ts";
import { variesIn, varyingAtoms } from "../../compiler/passes/lanes.ts";
import type { Target } from "../../compiler/target.ts";
import type { DType } from "../../core/dtype.ts";
import { assert, InternalError } from "../../core/errors.ts";
import type { Combine } from "../../core/lowering.ts";
import { identityOf, nestOf } from "../common/reduction.ts";
import { Addressing, type Bump, type Layout, type Site } from "./address.ts";
import { lanesPerVector, partsOf, splatConstant, unsupported, valTypeOf } from "./classes.ts";
import type { FuncBuilder, FuncRef, GlobalRef, ValType } from "./encoder/index.ts";
import { i32, type Node, NodeWriter, pushAll, read } from "./machine.ts";
import { scalarBinary } from "./ops-scalar.ts";
import { vectorBinary } from "./ops-vector.ts";
import { ScalarSelector, type Surroundings } from "./select-scalar.ts";
import { extract, type Lanes, VectorSelector } from "./select-vector.ts";
import { storeParts, storeScalar } from "./stores.ts";
import { accessesIn, forEachInline, type Kernel, type Kernels } from "./walk.ts";

/** The module around the functions. */
export interface ModuleContext {
  readonly target: Target;
  readonly layout: Layout;
  readonly kernels: Kernels;
  /** The function of a kernel, whose parameters are these atoms. */
  kernel(kernel: Kernel, params: readonly IndexAtom[]): FuncRef;
  /** The import for this many operands. */
  host(arity: number): FuncRef;
  /** The number by which JavaScript knows a host statement. */
  hostId(s: Host): number;
  remainder(): FuncRef;
  math(fn: MachineFn): FuncRef;
}

/** Loop variables and locals that a block needs from outside, in an order that does not change from run to run. */
const parametersOf = (body: Block): IndexAtom[] => [...freeAtoms(body)].sort((a, b) => a.id - b.id);
export const paramType = (atom: IndexAtom): ValType =>
  atom.kind === "local" ? valTypeOf(atom.dtype) : "i32";

export class FunctionEmitter implements Surroundings {
  readonly fma: boolean;
  readonly #f: FuncBuilder;
  readonly #module: ModuleContext;
  readonly #addressing: Addressing;
  readonly #loopValues: Map<LoopVar, Node> = new Map();
  /** The WebAssembly locals of each local in scope: one, or a register per part of a vector. */
  readonly #locals: Map<Local, readonly number[]> = new Map();
  /** Locals declared by each open block. */
  readonly #scopes: Local[][] = [];
  #lanes: (Lanes & { readonly varying: ReadonlySet<IndexAtom> }) | undefined;

  constructor(f: FuncBuilder, module: ModuleContext, roots: ReadonlyMap<GlobalRef, number>) {
    this.#f = f;
    this.#module = module;
    this.fma = module.target.fma;
    this.#addressing = new Addressing(f, module.layout, roots, (atom) => this.value(atom));
  }

  /** A function whose parameters 0, 1, … are these atoms; leaves the values of `results` on the stack. */
  body(body: Block, params: readonly IndexAtom[], results: readonly Local[]): void {
    this.#bindParams(params, 0);
    this.#scoped(() => {
      this.#addressing.enter(body, accessesIn(body, this.#module.kernels));
      this.#statements(body);
      pushAll(
        this.#f,
        results.map((local) => this.value(local)),
      );
      this.#addressing.leave();
    });
  }

  /** A function whose parameters are low, high and these atoms: iterations low ≤ v < high of a loop, at least one. */
  range({ v, body }: For, params: readonly IndexAtom[]): void {
    const [low, high] = [0, 1];
    this.#bindParams(params, 2);
    this.#loopValues.set(v, read(low, "i32"));
    this.#f.loop((again) => {
      this.#addressing.enter(body, accessesIn(body, this.#module.kernels));
      this.#block(body);
      this.#addressing.leave();
      this.#advance(low, 1);
      this.#f.get(low);
      this.#f.get(high);
      this.#f.op("i32.ne");
      this.#f.br_if(again);
    });
  }

  #bindParams(params: readonly IndexAtom[], first: number): void {
    for (const [i, atom] of params.entries()) {
      if (atom.kind === "local") this.#locals.set(atom, [first + i]);
      else this.#loopValues.set(atom, read(first + i, "i32"));
    }
  }

  // -------------------------------------------------------------------------------------------- surroundings

  value(atom: IndexAtom): Node {
    if (atom.kind === "loopVar") return this.#loopValues.get(atom) ?? missing(atom);
    const [local, ...more] = this.#locals.get(atom) ?? missing(atom);
    assert(local !== undefined && more.length === 0, `${atom.name} has lanes where a scalar is needed`);
    return read(local, valTypeOf(atom.dtype));
  }

  parts(local: Local): readonly Node[] {
    return (this.#locals.get(local) ?? missing(local)).map((part) => read(part, "v128"));
  }

  site(buffer: Buffer, index: Affine): Site {
    return this.#addressing.site(buffer, index);
  }

  remainder(): FuncRef {
    return this.#module.remainder();
  }

  math(fn: MachineFn): FuncRef {
    return this.#module.math(fn);
  }

  // -------------------------------------------------------------------------------------------- values

  /** Selection starts afresh with each statement. */
  #selectors(): { scalars: ScalarSelector; vectors: VectorSelector | undefined } {
    this.#addressing.beginStatement();
    const scalars = new ScalarSelector(this);
    return { scalars, vectors: this.#lanes && new VectorSelector(scalars, this, this.#lanes) };
  }

  /** The nodes of a value that is assigned to `local`. */
  #valueFor(local: Local, value: Expr): readonly Node[] {
    const { scalars, vectors } = this.#selectors();
    return vectors && this.#lanes!.varying.has(local) ? vectors.select(value) : [scalars.select(value)];
  }

  #pushScalar(e: Expr): void {
    assert(!this.#lanes?.varies(e), `a ${e.op} that decides what runs next differs between lanes`);
    pushAll(this.#f, [this.#selectors().scalars.select(e)]);
  }

  /** Pops values into locals, the last one first. */
  #popInto(locals: readonly number[]): void {
    for (const local of locals.toReversed()) this.#f.set(local);
  }

  // -------------------------------------------------------------------------------------------- blocks

  #scoped(emit: () => void): void {
    this.#scopes.push([]);
    emit();
    for (const local of this.#scopes.pop()!) {
      for (const part of this.#locals.get(local)!) this.#f.freeLocal(part);
      this.#locals.delete(local);
    }
  }

  #block(block: Block): void {
    this.#scoped(() => this.#statements(block));
  }

  #statements(block: Block): void {
    for (const s of block) {
      const kernel = this.#module.kernels.get(s);
      if (kernel) this.#call(kernel);
      else (this.#handlers[s.kind] as (s: Stmt) => void)(s);
    }
  }

  readonly #handlers: { readonly [K in Stmt["kind"]]: (s: Extract<Stmt, { kind: K }>) => void } = {
    for: (s) => this.#modes[s.mode](s),
    store: (s) => this.#store(s),
    let: (s) => this.#declare(s.local, s.value),
    var: (s) => this.#declare(s.local, s.init),
    set: (s) => this.#assign(s.local, s.value),
    reduce: (s) => this.#reduce(s),
    while: (s) => this.#while(s),
    switch: (s) => this.#switch(s),
    host: (s) => this.#host(s),
    contract: () => unsupported("a contract statement"),
  };

  #newLocals(local: Local, types: readonly ValType[]): readonly number[] {
    const parts = types.map((type) => this.#f.local(type));
    this.#locals.set(local, parts);
    this.#scopes.at(-1)!.push(local);
    return parts;
  }

  #declare(local: Local, value: Expr): void {
    const nodes = this.#valueFor(local, value);
    pushAll(this.#f, nodes);
    this.#popInto(
      this.#newLocals(
        local,
        nodes.map((n) => n.type),
      ),
    );
  }

  #assign(local: Local, value: Expr): void {
    const nodes = this.#valueFor(local, value);
    pushAll(this.#f, nodes);
    this.#popInto(this.#locals.get(local) ?? missing(local));
  }

  // -------------------------------------------------------------------------------------------- memory

  #store(s: Store): void {
    const { scalars, vectors } = this.#selectors();
    const site = this.site(s.buffer, s.index);
    const writes =
      vectors && site.stride !== 0
        ? storeParts(s.buffer.dtype, vectors.select(s.value), site, this.#lanes!.count)
        : [
            {
              address: site.address,
              value: this.#sameInAllLanes(s, scalars),
              write: storeScalar(s.buffer.dtype, site.offset),
            },
          ];
    const writer = new NodeWriter(
      this.#f,
      writes.flatMap((w) => [w.address, w.value]),
    );
    for (const { address, value, write } of writes) {
      writer.push(address);
      writer.push(value);
      write(this.#f);
    }
  }

  #sameInAllLanes(s: Store, scalars: ScalarSelector): Node {
    assert(!this.#lanes?.varies(s.value), `a store to ${s.buffer.name} puts every lane in one place`);
    return scalars.select(s.value);
  }

  #host(s: Host): void {
    this.#addressing.beginStatement();
    this.#f.i32Const(this.#module.hostId(s));
    pushAll(
      this.#f,
      s.args.map((a) => this.#addressing.exact(a.buffer, a.index)),
    );
    this.#f.call(this.#module.host(s.args.length));
  }

  // -------------------------------------------------------------------------------------------- control

  #call(kernel: Kernel): void {
    const params = parametersOf(kernel.body);
    pushAll(
      this.#f,
      params.map((atom) => this.value(atom)),
    );
    this.#f.call(this.#module.kernel(kernel, params));
    this.#popInto(
      kernel.results.flatMap(
        (local) => this.#locals.get(local) ?? this.#newLocals(local, [valTypeOf(local.dtype)]),
      ),
    );
  }

  #while(s: While): void {
    this.#f.block((exit) =>
      this.#f.loop((again) => {
        this.#scoped(() => {
          this.#statements(s.head);
          this.#pushScalar(s.cond);
          this.#f.op("i32.eqz");
          this.#f.br_if(exit);
          this.#statements(s.body);
        });
        this.#f.br(again);
      }),
    );
  }

  #switch(s: Switch): void {
    const [first, second, ...more] = s.branches;
    if (first && !second) this.#block(first);
    else if (more.length > 0) this.#jumpTable(s);
    else if (first && second) this.#if(s.index, second, first);
  }

  #if(cond: Expr, then: Block, otherwise: Block): void {
    this.#pushScalar(cond);
    this.#f.if_(
      () => this.#block(then),
      () => this.#block(otherwise),
    );
  }

  /** One block per branch around the jump, so that leaving the i-th block arrives at branch i. */
  #jumpTable(s: Switch): void {
    const done = this.#f.block();
    const arrivals = s.branches.map(() => this.#f.block()).reverse();
    this.#pushScalar(s.index);
    this.#f.br_table(arrivals.slice(0, -1), arrivals.at(-1)!);
    for (const branch of s.branches) {
      this.#f.end();
      this.#block(branch);
      this.#f.br(done);
    }
    this.#f.end();
  }

  // -------------------------------------------------------------------------------------------- loops

  readonly #modes: Readonly<Record<Mode, (s: For) => void>> = {
    serial: (s) => this.#for(s),
    independent: (s) => this.#for(s),
    parallel: () => unsupported("a parallel loop inside of a function"),
  };

  #for(s: For): void {
    if (s.extent === 0) return;
    const nested = this.#lanes !== undefined && this.#lanes.v !== s.v;
    assert(s.lanes === 1 || !nested, `loop ${s.v.name} has lanes inside of a loop that has lanes`);
    if (s.lanes === 1 || this.#lanes) this.#loop(s);
    else this.#inLanes(s, [s.v], () => this.#loop(s));
  }

  #inLanes(s: For, roots: readonly IndexAtom[], emit: () => void): void {
    const varying = varyingAtoms(s.body, roots);
    this.#lanes = { v: s.v, count: s.lanes, varying, varies: variesIn(varying) };
    emit();
    this.#lanes = undefined;
  }

  /** The body runs at least once, so the only branch stands at its end. */
  #loop(s: For): void {
    const trips = s.extent / s.lanes;
    const bumps = this.#addressing.enter(s.body, accessesIn(s.body, this.#module.kernels), s.v, s.lanes);
    if (trips === 1) {
      this.#loopValues.set(s.v, i32(0));
      this.#block(s.body);
    } else {
      const counter = this.#counter(s, trips, bumps);
      this.#f.loop((again) => {
        this.#block(s.body);
        for (const { pointer, bytes } of bumps)
          if (pointer !== counter.pointer) this.#advance(pointer, bytes);
        counter.test();
        this.#f.br_if(again);
      });
      counter.free();
    }
    this.#loopValues.delete(s.v);
    this.#addressing.leave();
  }

  /** Leaves `local + amount` in the local. */
  #advance(local: number, amount: number): void {
    this.#f.get(local);
    this.#f.i32Const(amount);
    this.#f.op("i32.add");
    this.#f.set(local);
  }

  /** What is compared at the end of an iteration: the variable if it has to exist, else a pointer, else a count. */
  #counter(s: For, trips: number, bumps: readonly Bump[]): Counter {
    if (isValueNeeded(s, this.#module.kernels)) {
      const local = this.#counterLocal(0);
      this.#loopValues.set(s.v, read(local, "i32"));
      return this.#countTo(local, s.lanes, () => this.#f.i32Const(s.extent));
    }
    const [bump] = bumps;
    if (!bump) return this.#countTo(this.#counterLocal(trips), -1, () => this.#f.i32Const(0));
    const end = this.#f.local("i32");
    this.#f.get(bump.pointer);
    this.#f.i32Const(bump.bytes * trips);
    this.#f.op("i32.add");
    this.#f.set(end);
    const pointerTest = this.#countTo(bump.pointer, bump.bytes, () => this.#f.get(end));
    return { ...pointerTest, pointer: bump.pointer, free: () => this.#f.freeLocal(end) };
  }

  #counterLocal(start: number): number {
    const local = this.#f.local("i32");
    this.#f.i32Const(start);
    this.#f.set(local);
    return local;
  }

  #countTo(local: number, step: number, pushEnd: () => void): Counter {
    const test = (): void => {
      this.#f.get(local);
      this.#f.i32Const(step);
      this.#f.op("i32.add");
      this.#f.tee(local);
      pushEnd();
      this.#f.op("i32.ne");
    };
    return { test, free: () => this.#f.freeLocal(local), pointer: undefined };
  }

  // -------------------------------------------------------------------------------------------- reductions

  #reduce(s: Reduce): void {
    if (s.lanes > 1 && s.extents.every((e) => e > 0)) {
      this.#reduceLanes(s);
    } else {
      this.#declare(s.acc, s.init);
      this.#statements(nestOf(s, s.acc));
    }
  }

  /** One accumulator per lane, brought together after the loops. */
  #reduceLanes(s: Reduce): void {
    assert(!this.#lanes, `the reduction to ${s.acc.name} has lanes inside of a loop that has lanes`);
    const dtype = s.acc.dtype;
    const partial = newLocal(s.acc.name, dtype);
    let total: Node | undefined;
    this.#scoped(() => {
      const identity = splatConstant(identityOf(s.fn, dtype), dtype);
      const parts = Array<Node>(partsOf(dtype, s.lanes)).fill(identity);
      pushAll(this.#f, parts);
      this.#popInto(
        this.#newLocals(
          partial,
          parts.map(() => "v128"),
        ),
      );
      this.#laneNest(s, partial);
      total = this.#acrossLanes(s.fn, dtype, this.parts(partial), s.lanes);
      pushAll(this.#f, [scalarBinary(s.fn, dtype, this.#selectors().scalars.select(s.init), total)]);
    });
    this.#popInto(this.#newLocals(s.acc, [valTypeOf(dtype)]));
  }

  /** The loops of a reduction; the innermost one has the lanes, and only it. */
  #laneNest(s: Reduce, partial: Local): void {
    const [outermost] = nestOf(s, partial);
    let innermost = outermost as For;
    while (innermost.lanes === 1) innermost = innermost.body[0] as For;
    this.#inLanes(innermost, [innermost.v, partial], () => this.#statements([outermost!]));
  }

  #acrossLanes(fn: Combine, dtype: DType, parts: readonly Node[], lanes: number): Node {
    const one = parts.reduce((a, b) => vectorBinary(fn, dtype, a, b)!);
    const count = Math.min(lanes, lanesPerVector(dtype));
    const scalars = Array.from({ length: count }, (_, lane) => extract(one, lane, dtype));
    return scalars.reduce((a, b) => scalarBinary(fn, dtype, a, b));
  }
}

interface Counter {
  /** Steps and leaves on the stack whether another iteration follows. */
  readonly test: () => void;
  readonly free: () => void;
  /** The pointer that `test` advances. */
  readonly pointer: number | undefined;
}

function missing(atom: IndexAtom): never {
  throw new InternalError(`${atom.name} is used outside of its scope.`);
}

/** Whether a body computes with the loop variable itself rather than with addresses. */
function isValueNeeded({ v, body }: For, kernels: Kernels): boolean {
  let needed = false;
  const look = (e: Expr): void => {
    needed ||= e.op === "index" && e.index.terms.some((t) => t.atom === v);
  };
  forEachInline(body, kernels, (s) => {
    const kernel = kernels.get(s);
    if (kernel) needed ||= freeAtoms(kernel.body).has(v);
    else visitParts(s, { expr: (root) => forEachExpr(root, look) });
  });
  return needed;
}
