/** Compilation of whole functions: `jit`, and its opposite for debugging, `disableJit`. */
import type { NDArray } from "../core/array.ts";
import { DeviceArray } from "../core/array.ts";
import type { ShapedArray } from "../core/aval.ts";
import { axisScopeKey } from "../core/axes.ts";
import { checkIntegers } from "../core/check.ts";
import { type Device, type DeviceLike, deviceNamed, withDefaultDevice } from "../core/device.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { execute, executeHere } from "../core/placement.ts";
import { isWhole, type NumberType, stage } from "../core/stage.ts";
import { switchedOff } from "../core/switches.ts";
import { isEager, isStepwise, Tracer, withStepwise } from "../core/trace.ts";
import { convertTo } from "../lax/cast.ts";
import { callPrimitive } from "../lax/control/call.ts";
import { STEPWISE } from "../lax/control/stepwise.ts";
import * as tree from "../tree/index.ts";
import { structuralKey } from "../util/key.ts";
import { checkOptions } from "../util/options.ts";
import {
  type AnyFunction,
  type Argument,
  type ArrayFunction,
  argumentLeaves,
  checkArgnums,
  checkCallable,
  flatten,
  type Inputs,
  type Output,
  typeOf,
} from "./functions.ts";
import { type Lowered, lowered } from "./lowered.ts";

export interface JitOptions {
  /** Arguments that are ordinary JavaScript values: not traced; a new value compiles anew. */
  readonly staticArgnums?: number | readonly number[];
  /** Arguments whose memory may be reused for the results. They must not be used afterwards. */
  readonly donateArgnums?: number | readonly number[];
  /** Where the program runs (default: where its arguments are bound to, or else `defaultDevice()`). */
  readonly device?: DeviceLike | undefined;
}

const JIT_OPTIONS: readonly (keyof JitOptions)[] = ["staticArgnums", "donateArgnums", "device"];

export interface JitFunction<F extends AnyFunction> {
  (...args: Inputs<F>): Output<F>;
  /** The compiled form for arguments like these, without running it. */
  lower(...args: Inputs<F>): Lowered;
  /** Forgets all traces and compiled programs of this function. */
  clearCache(): void;
  dispose(): void;
}

/** One trace of a function: valid for arguments of the same trees, types and static values. */
export interface Traced {
  readonly jaxpr: Jaxpr;
  readonly consts: NDArray[];
  readonly outTree: tree.TreeDef;
  readonly donated: readonly boolean[];
  /** The types of the inputs that each leaf becomes; null if each becomes one. */
  readonly inputs: readonly (readonly ShapedArray[])[] | null;
}

/**
 * Compiles `f`: at the first call with arguments of some types it is traced, and the whole of it, loops included, becomes
 * one program; later calls run that program.
 *
 * @param f a pure function over trees of arrays
 * @returns a function of the same signature, with `.lower(...args)` to look at the program and `.clearCache()`
 * @throws WeftTypeError for arguments that are no arrays (mark them with staticArgnums); ConcretizationTypeError when `f`
 *   needs a concrete value while it is traced
 * Source: `jax.jit`.
 * @example
 * let traces = 0;
 * const f = jit((x) => { traces++; return x.mul(x).sum(); });
 * [f(np.array([1, 2])), f(np.array([3, 4])), traces]; // => [5, 25, 1]
 * jit((x, n) => x.pow(n), { staticArgnums: [1] })(np.array([2, 3]), 3).js() // => [8, 27]
 */
export function jit<F extends AnyFunction = ArrayFunction>(f: F, options: JitOptions = {}): JitFunction<F> {
  checkCallable(f, "jit");
  const { staticArgnums = [], donateArgnums = [], device } = checkOptions("jit", options, JIT_OPTIONS);
  const compiled = new Jitted(f, {
    statics: checkIntegers("jit: staticArgnums", staticArgnums),
    donations: checkIntegers("jit: donateArgnums", donateArgnums),
    device: device === undefined ? undefined : deviceNamed("jit: device", device),
  });
  const call = (...args: unknown[]): unknown => compiled.call(args);
  const extras = {
    lower: (...args: unknown[]) => lowered(compiled.trace(args).jaxpr),
    clearCache: () => compiled.clear(),
    dispose: () => compiled.clear(),
  };
  Object.defineProperty(call, "name", { value: f.name });
  compilations.set(call, compiled);
  return Object.assign(call, extras) as unknown as JitFunction<F>;
}

const compilations = new WeakMap<AnyFunction, Jitted>();

/** A trace of `f` that is made now, to look at; static and donated arguments are those of a jitted function. */
export const traceAnew = (caller: string, f: AnyFunction, args: readonly unknown[]): Traced =>
  (compilations.get(f) ?? new Jitted(f, PLAIN, caller)).traceAnew(args);

/** The options of a jitted function, checked. */
interface Checked {
  readonly statics: readonly number[];
  readonly donations: readonly number[];
  readonly device: Device | undefined;
}
const PLAIN: Checked = { statics: [], donations: [], device: undefined };

/** Traces that a function keeps; beyond that, the one that was not used for longest goes. */
const MOST_TRACES = 1024;

class Jitted {
  readonly #f: AnyFunction;
  readonly #statics: readonly number[];
  readonly #donations: readonly number[];
  readonly #device: Device | undefined;
  readonly #cache = new Map<string, Traced>();
  #latest: Recent | undefined;
  /** How errors call each argument. */
  readonly #places: string[] = [];
  readonly #caller: string;

  constructor(f: AnyFunction, { statics, donations, device }: Checked, caller = "jit") {
    this.#f = f;
    this.#caller = caller;
    this.#statics = statics;
    this.#donations = donations;
    this.#device = device;
  }

  clear(): void {
    this.#cache.clear();
    this.#latest = undefined;
  }

  call(args: readonly unknown[]): unknown {
    if (isStepwise()) return this.#f(...args);
    const { leaves, traced } = this.#lookup(args);
    return tree.unflatten(traced.outTree, this.#run(traced, operandsOf(traced, leaves), args));
  }

  trace(args: readonly unknown[]): Traced {
    return this.#lookup(args).traced;
  }

  traceAnew(args: readonly unknown[]): Traced {
    const leaves: Argument[] = [];
    return this.#record(args, this.#definitions(args, leaves), leaves);
  }

  /** What is made while the function is traced shall be where it runs. */
  #onDevice<T>(body: () => T): T {
    return this.#device ? withDefaultDevice(this.#device, body) : body();
  }

  #run(traced: Traced, operands: NDArray[], args: readonly unknown[]): NDArray[] {
    const { jaxpr, donated } = traced;
    const outs = isEager() && !this.#device ? executeHere(jaxpr, operands, donated) : undefined;
    if (outs) return outs;
    if (!isEager() || !operands.every((x) => x instanceof DeviceArray))
      return callPrimitive.bind(operands, { jaxpr, name: this.#f.name || "<lambda>" });
    const names = {
      name: `jit(${this.#f.name || "function"})`,
      argument: (i: number) => this.#operandName(i, traced, args),
    };
    return execute(jaxpr, operands as DeviceArray[], names, donated, this.#device);
  }

  /** How errors call operand `i` of the program. */
  #operandName(i: number, { consts, inputs }: Traced, args: readonly unknown[]): string {
    if (i < consts.length) return `an array ${consts[i]!.aval} that the function closes over`;
    let leaf = i - consts.length;
    if (inputs) leaf = inputs.flatMap((types, k) => types.map(() => k))[leaf]!;
    const paths = this.#definitions(args, []).flatMap((def, argument) =>
      (def?.paths() ?? []).map((path) => `argument ${argument}${tree.keystr(path)}`),
    );
    return paths[leaf]!;
  }

  #lookup(args: readonly unknown[]): { leaves: Argument[]; traced: Traced } {
    const leaves: Argument[] = [];
    const defs = this.#definitions(args, leaves);
    const recent = this.#latest;
    if (recent && isLike(recent, defs, leaves)) return { leaves, traced: recent.traced };
    const traced = this.#find(args, defs, leaves);
    // Static values are compared by content, which their key does.
    if (this.#statics.length === 0 && isReusable(traced))
      this.#latest = {
        defs,
        types: leaves.map(typeOf),
        off: switchedOff(),
        scope: axisScopeKey(),
        traced,
      };
    return { leaves, traced };
  }

  /** The tree of each argument, whose leaves go `into`. */
  #definitions(args: readonly unknown[], into: Argument[]): Definitions {
    const statics = this.#argumentsOf("staticArgnums", this.#statics, args.length);
    return args.map((a, i) => (statics.includes(i) ? undefined : this.#flatten(a, i, into)));
  }

  /** Which arguments of a call are meant: negative numbers count from its end. */
  #argumentsOf(what: string, argnums: readonly number[], count: number): readonly number[] {
    if (argnums.length === 0) return argnums;
    const given = argnums.filter((i) => i < count || i >= parameterCount(this.#f));
    return checkArgnums(`jit(${this.#f.name || "function"})`, what, given, count);
  }

  #flatten(argument: unknown, i: number, into: Argument[]): tree.TreeDef {
    const where = (this.#places[i] ??= `${this.#caller}(${this.#f.name || "function"}): argument ${i}`);
    const [leaves, def] = argumentLeaves(argument, where, "mark other arguments with staticArgnums");
    for (const x of leaves) into.push(x);
    return def;
  }

  #find(args: readonly unknown[], defs: Definitions, leaves: readonly Argument[]): Traced {
    const key = keyOf(args, defs, leaves);
    const found = this.#cache.get(key);
    if (found) {
      // The last key of a Map is the newest one.
      this.#cache.delete(key);
      this.#cache.set(key, found);
      return found;
    }
    const traced = this.#record(args, defs, leaves);
    if (isReusable(traced)) this.#cache.set(key, traced);
    if (this.#cache.size > MOST_TRACES) this.#cache.delete(this.#cache.keys().next().value!);
    return traced;
  }

  #record(args: readonly unknown[], defs: Definitions, leaves: readonly Argument[]): Traced {
    const dynamic = defs.filter((def) => def !== undefined);
    const withStatics: AnyFunction = (...trees) =>
      this.#f(...defs.map((def, i) => (def ? trees.shift() : args[i])));
    const flat = flatten(withStatics, dynamic, false, this.#caller);
    const { jaxpr, consts, inputs } = this.#onDevice(() => stage(flat, leaves.map(typeOf)));
    const owner = defs.flatMap((def, i) => Array<number>(def?.numLeaves ?? 0).fill(i));
    const donations = this.#argumentsOf("donateArgnums", this.#donations, args.length);
    const donated = [
      ...consts.map(() => false),
      ...inputs.flatMap((types, k) => types.map(() => donations.includes(owner[k]!))),
    ];
    const split = leaves.some((x) => typeof x === "number") ? inputs : null;
    return { jaxpr, consts, outTree: flat.outTree(), donated, inputs: split };
  }
}

/** What a program is called with: a plain number once for each dtype that it meets. */
function operandsOf({ consts, inputs }: Traced, leaves: readonly Argument[]): NDArray[] {
  const operands = inputs
    ? leaves.flatMap((x, k) => (typeof x === "number" ? inputs[k]!.map((type) => convertTo(x, type)) : [x]))
    : (leaves as NDArray[]);
  return consts.length ? [...consts, ...operands] : operands;
}

/** How many parameters a function has; without limit if some may be left out or come in any number. */
function parameterCount(f: AnyFunction): number {
  const parameters =
    /^[^{]*?\(((?:[^()]|\([^()]*\))*)\)/.exec(Function.prototype.toString.call(f))?.[1] ?? "";
  return /\.\.\.|=/.test(parameters) ? Number.POSITIVE_INFINITY : f.length;
}

/** The tree of each argument; undefined for static ones. */
type Definitions = readonly (tree.TreeDef | undefined)[];

/** The arguments of a call, as far as the trace depends on them. */
interface Recent {
  readonly defs: Definitions;
  readonly types: readonly (ShapedArray | NumberType)[];
  /** Optimisations that were switched off: some act on traces. */
  readonly off: readonly string[];
  /** The named axes of the vmaps around the call: their sizes are in the trace. */
  readonly scope: string;
  readonly traced: Traced;
}

/** Trees and types are interned, so that most calls need no key: they are like the one before. */
function isLike(
  { defs, types, off, scope }: Recent,
  otherDefs: Definitions,
  leaves: readonly Argument[],
): boolean {
  if (defs.length !== otherDefs.length || types.length !== leaves.length || off !== switchedOff())
    return false;
  if (scope !== axisScopeKey()) return false;
  for (let i = 0; i < defs.length; i++) if (defs[i] !== otherDefs[i]) return false;
  for (let i = 0; i < types.length; i++) if (types[i] !== typeOf(leaves[i]!)) return false;
  return true;
}

/** A trace that closed over tracers of an outer function is only good for this call. */
const isReusable = ({ consts }: Traced): boolean => !consts.some((c) => c instanceof Tracer);

function keyOf(args: readonly unknown[], defs: Definitions, leaves: readonly Argument[]): string {
  let key = `${switchedOff()};${axisScopeKey()};`;
  defs.forEach((def, i) => (key += def ? `${def.id};` : `s${structuralKey(args[i])};`));
  for (const x of leaves) key += typeof x === "number" ? (isWhole(x) ? "i," : "f,") : `${x.aval.id},`;
  return key;
}

/**
 * Runs `body` with every jitted function and loop step by step in JavaScript, so that an ordinary debugger works inside.
 * Source: `jax.disable_jit`.
 * @example
 * const step = (sum, x) => [sum.add(x.item()), null]; // item() works, and a breakpoint here sees numbers
 * disableJit(() => lax.scan(step, 0, np.array([1, 2, 3])))[0].item() // => 6
 */
export function disableJit<T>(body: () => T): T {
  checkCallable(body, "disableJit");
  return withStepwise(STEPWISE, body);
}
