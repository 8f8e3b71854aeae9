/** A planned program as one WebAssembly module. */

import { hasParallelLoop } from "../../compiler/ir/modes.ts";
import type { Buffer, For, Host, IndexAtom, LoopVar, MachineFn, Program } from "../../compiler/ir/nodes.ts";
import { type Block, forEachExprIn, forEachStmt } from "../../compiler/ir/visit.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import type { Target } from "../../compiler/target.ts";
import { InternalError } from "../../core/errors.ts";
import type { Bytes } from "../../util/bytes.ts";
import type { Layout, LoopInfo, Place } from "./address.ts";
import { unsupported, valTypeOf } from "./classes.ts";
import { Crew } from "./crew.ts";
import {
  type FuncBuilder,
  type FuncRef,
  type GlobalRef,
  type MemoryLimits,
  ModuleBuilder,
  type Scalar,
} from "./encoder/index.ts";
import { importMath, isFarFn } from "./far.ts";
import { FunctionEmitter, type ModuleContext, paramType } from "./function.ts";
import { outline } from "./outline.ts";
import { prepare, withoutThreads } from "./prepare.ts";
import { defineRemainder } from "./remainder.ts";
import { accessesIn, type Kernel, type Kernels } from "./walk.ts";
import { blockWork, WORK_LIMITS, type WorkLimits } from "./work.ts";

export interface EmitOptions {
  /** Import a shared memory; parallel loops then may run on several threads. */
  readonly shared?: boolean;
  /** Where functions begin and end; for tests and tuning. */
  readonly limits?: WorkLimits;
}

export interface WasmCode {
  readonly bytes: Bytes;
  /** What `env.host<k>` calls, by the id it gets. */
  readonly hosts: Host[];
  /** Whether there are parallel loops; without a shared memory they run on one thread. */
  readonly parallel: boolean;
}

const WORD = 4;
const MAX_PAGES = 65_536;

/**
 * The program as a module that imports `env.memory`, functions of `Math` and, for each number k of operands of its host statements,
 * `env.host<k>(id, address…)`, and exports `run(frame)`. At `frame` lie the i32 addresses of the arguments, the outputs
 * and the arena for temporaries; arrays lie at or above address 64. With parallel loops and a shared memory, the address of a
 * control block or 0 follows, `help` is exported for workers, and `env.watch()` imported (`common/handover.ts`).
 *
 * Requires: `contract` statements and transcendental functions are expanded.
 * @throws InternalError naming what should have been expanded.
 */
export function emitWasm(
  program: Program,
  plan: MemoryPlan,
  target: Target,
  options: EmitOptions = {},
): WasmCode {
  return new ModuleEmitter(program, plan, target, options).emit();
}

class ModuleEmitter implements ModuleContext {
  readonly target: Target;
  readonly layout: Layout;
  readonly kernels: Kernels;
  readonly #body: Block;
  readonly #module: ModuleBuilder = new ModuleBuilder();
  readonly #hosts: Host[] = [];
  readonly #hostImports: ReadonlyMap<number, FuncRef>;
  readonly #math: ReadonlyMap<MachineFn, FuncRef>;
  /** In the order of the frame: arguments, outputs, arena. */
  readonly #globals: readonly GlobalRef[];
  readonly #limits: WorkLimits;
  readonly #parallel: boolean;
  readonly #crew: Crew | undefined;
  #remainder: FuncRef | undefined;

  constructor(program: Program, plan: MemoryPlan, target: Target, options: EmitOptions) {
    const limits = options.limits ?? WORK_LIMITS;
    const source = options.shared ? program.body : withoutThreads(program.body);
    this.#parallel = hasParallelLoop(program.body);
    const { body, kernels } = outline(prepare(source, limits), limits);
    this.#limits = limits;
    this.target = target;
    this.kernels = kernels;
    this.#body = body;
    this.#module.importMemory("env", "memory", memoryLimits(options));
    this.#hostImports = importHosts(this.#module, body);
    const bound = [...program.args, ...program.outputs];
    this.#globals = [...bound, "arena"].map(() => this.#module.global());
    this.layout = { places: placesOf(bound, program.temps, plan, this.#globals), loops: loopsIn(body) };
    this.#math = importedMath(this.#module, body);
    const needed = [...kernels.values()].some((kernel) => kernel.loop);
    const watch = needed ? this.#module.importFunc("env", "watch", [], []) : -1;
    this.#crew = needed ? new Crew(this.#module, (f) => this.#bind(f), watch) : undefined;
  }

  emit(): WasmCode {
    this.#module.func("run", ["i32"], [], (f) => this.#run(f), { export: true });
    this.#crew?.finish();
    return { bytes: this.#module.finish(), hosts: this.#hosts, parallel: this.#parallel };
  }

  #run(f: FuncBuilder): void {
    this.#bind(f);
    if (this.#crew) loadWord(f, this.#globals.length, this.#crew.control);
    this.#function(f, this.#body).body(this.#body, [], []);
  }

  /** Loads the base addresses from the frame in local 0. */
  #bind(f: FuncBuilder): void {
    for (const [i, global] of this.#globals.entries()) loadWord(f, i, global);
  }

  /** Starts a function: the base addresses that its own accesses need become locals. */
  #function(f: FuncBuilder, body: Block): FunctionEmitter {
    const roots = new Map<GlobalRef, number>();
    for (const { buffer } of accessesIn(body, this.kernels)) {
      const root = this.layout.places.get(buffer)?.root;
      if (root === undefined || roots.has(root)) continue;
      const local = f.local("i32");
      f.globalGet(root);
      f.set(local);
      roots.set(root, local);
    }
    return new FunctionEmitter(f, this, roots);
  }

  kernel({ name, body, results, loop }: Kernel, params: readonly IndexAtom[]): FuncRef {
    if (loop) return this.#region(name, loop, params);
    const resultTypes = results.map((local) => valTypeOf(local.dtype));
    return this.#module.func(name, params.map(paramType), resultTypes, (f) =>
      this.#function(f, body).body(body, params, results),
    );
  }

  #region(name: string, loop: For, params: readonly IndexAtom[]): FuncRef {
    const types = params.map(paramType) as Scalar[];
    const range = this.#module.func(name, ["i32", "i32", ...types], [], (f) =>
      this.#function(f, loop.body).range(loop, params),
    );
    const grain = Math.max(1, Math.round(this.#limits.piece / (1 + blockWork(loop.body))));
    return this.#crew!.region({ name, params: types, range, extent: loop.extent, grain });
  }

  host(arity: number): FuncRef {
    return this.#hostImports.get(arity)!;
  }

  hostId(s: Host): number {
    return this.#hosts.push(s) - 1;
  }

  math(fn: MachineFn): FuncRef {
    return this.#math.get(fn)!;
  }

  remainder(): FuncRef {
    return (this.#remainder ??= defineRemainder(this.#module));
  }
}

/** Word `i` of the frame in local 0. */
function loadWord(f: FuncBuilder, i: number, into: GlobalRef): void {
  f.get(0);
  f.load("i32.load", i * WORD);
  f.globalSet(into);
}

/** A module accepts any memory of the same kind. */
const memoryLimits = ({ shared = false }: EmitOptions): MemoryLimits =>
  shared ? { min: 0, max: MAX_PAGES, shared } : { min: 0 };

function importHosts(module: ModuleBuilder, body: Block): Map<number, FuncRef> {
  const imports = new Map<number, FuncRef>();
  forEachStmt(body, (s) => {
    if (s.kind !== "host" || imports.has(s.args.length)) return;
    const params = ["i32", ...s.args.map(() => "i32" as const)] as const;
    imports.set(s.args.length, module.importFunc("env", `host${s.args.length}`, params, []));
  });
  return imports;
}

function importedMath(module: ModuleBuilder, body: Block): Map<MachineFn, FuncRef> {
  const imports = new Map<MachineFn, FuncRef>();
  forEachExprIn(body, (e) => {
    if (e.op === "binary" && isFarFn(e.fn) && !imports.has(e.fn)) imports.set(e.fn, importMath(module, e.fn));
  });
  return imports;
}

function placesOf(
  bound: readonly Buffer[],
  temps: readonly Buffer[],
  plan: MemoryPlan,
  globals: readonly GlobalRef[],
): Map<Buffer, Place> {
  const arena = globals.at(-1)!;
  const places = new Map<Buffer, Place>();
  for (const [i, buffer] of bound.entries()) places.set(buffer, { root: globals[i]!, bytes: 0 });
  for (const buffer of temps) {
    const bytes = plan.offsets.get(buffer);
    if (bytes !== undefined) places.set(buffer, { root: arena, bytes });
  }
  return places;
}

function loopsIn(body: Block): Map<LoopVar, LoopInfo> {
  const loops = new Map<LoopVar, LoopInfo>();
  const add = (v: LoopVar, extent: number, lanes: number): void => {
    if (loops.has(v)) throw new InternalError(`Two loops share the variable ${v.name}.`);
    loops.set(v, { last: extent - lanes, lanes });
  };
  forEachStmt(body, (s) => {
    if (s.kind === "contract") unsupported("a contract statement");
    if (s.kind === "for") add(s.v, s.extent, s.lanes);
    if (s.kind !== "reduce") return;
    for (const [i, v] of s.vars.entries()) add(v, s.extents[i]!, i === s.vars.length - 1 ? s.lanes : 1);
  });
  return loops;
}
