/**
 * The oracle: runs the loop IR by the letter of its semantics, one scalar at a time.
 *
 * Statements and expressions become closures over one frame of registers (a slot per local, loop variable and shared node),
 * which is quick enough for some million operations. Every access is checked: that it lies in its buffer, and that what is read
 * was stored before in this run. Given a memory plan, temps share the bytes that the plan gives them, and a temp that
 * another one was stored over counts as never stored.
 */

import { strided } from "../../compiler/ir/affine.ts";
import { isSerial } from "../../compiler/ir/modes.ts";
import type {
  Affine,
  Buffer,
  Contract,
  ContractOperand,
  Expr,
  For,
  Host,
  IndexAtom,
  LoopVar,
  Program,
  Reduce,
  Stmt,
} from "../../compiler/ir/nodes.ts";
import { type Block, contractExtents, sharedNodes } from "../../compiler/ir/visit.ts";
import type { MemoryPlan } from "../../compiler/passes/plan.ts";
import { type DType, isFloat, type TypedArray } from "../../core/dtype.ts";
import { assert } from "../../core/errors.ts";
import type { Combine, HostFn } from "../../core/lowering.ts";
import { conversion, wrap } from "../../core/scalar.ts";
import { arrayOf, ShadowMemory } from "./memory.ts";
import { type Binary, bitcast, functionOf, type Unary } from "./scalar.ts";

/** How to call the functions of `host` statements. */
export type HostCall = (fn: HostFn, values: Parameters<HostFn>[0]) => void;
/** Which way `independent` loops, reductions and results of contractions run: valid programs cannot tell. */
export type Order = "forward" | "backward";

/**
 * Runs a program and returns its outputs; bool arrays are Uint8Arrays of 0 and 1.
 *
 * `lanes` change nothing: the iterations of a vector run one after the other, each with its own locals.
 * @param args one array per argument buffer, of its dtype and size; not changed.
 * @param plan where temps lie; without one, each has memory of its own.
 * @throws InternalError when the program reads or writes out of range, reads what was not stored, or a `switch` has no such
 *   branch.
 */
export function interpret(
  program: Program,
  args: readonly TypedArray[],
  host: HostCall = (fn, values) => fn(values),
  order: Order = "forward",
  plan?: MemoryPlan,
): TypedArray[] {
  const memory = new ShadowMemory(program, args, plan);
  new Compiler(memory, host, order).block(program.body)();
  return program.outputs.map((b) => memory.data(b));
}

type Run = () => void;
type Value = () => number;

class Compiler {
  readonly #memory: ShadowMemory;
  readonly #host: HostCall;
  readonly #order: Order;
  /** Registers. */
  readonly #frame: number[] = [];
  readonly #slots = new Map<IndexAtom, number>();

  constructor(memory: ShadowMemory, host: HostCall, order: Order) {
    this.#memory = memory;
    this.#host = host;
    this.#order = order;
  }

  #newSlot = (): number => this.#frame.push(0) - 1;
  #slot(atom: IndexAtom): number {
    const slot = this.#slots.get(atom) ?? this.#newSlot();
    this.#slots.set(atom, slot);
    return slot;
  }
  // -------------------------------------------------------------------------------------------- statements

  block(block: Block): Run {
    const runs = block.map((s) => (this.#statements[s.kind] as (s: Stmt) => Run)(s));
    const [only] = runs;
    if (only && runs.length === 1) return only;
    return () => {
      for (const run of runs) run();
    };
  }

  readonly #statements: { readonly [K in Stmt["kind"]]: (s: Extract<Stmt, { kind: K }>) => Run } = {
    for: (s) => this.#for(s),
    store: (s) => {
      const [store, at, value] = [this.#memory.store(s.buffer), this.#index(s.index), this.#root(s.value)];
      return () => store(at(), value());
    },
    let: (s) => this.#assign(s.local, s.value),
    var: (s) => this.#assign(s.local, s.init),
    set: (s) => this.#assign(s.local, s.value),
    reduce: (s) => this.#reduce(s),
    contract: (s) => this.#contract(s),
    while: (s) => {
      const [head, cond, body] = [this.block(s.head), this.#root(s.cond), this.block(s.body)];
      return () => {
        for (head(); cond() !== 0; head()) body();
      };
    },
    switch: (s) => {
      const [index, branches] = [this.#root(s.index), s.branches.map((b) => this.block(b))];
      return () => {
        const chosen = index();
        const branch = branches[chosen];
        assert(branch, `switch has no branch ${chosen} of ${branches.length}`);
        branch();
      };
    },
    host: (s) => this.#callHost(s),
  };

  #assign(atom: IndexAtom, value: Expr): Run {
    const [frame, slot, compute] = [this.#frame, this.#slot(atom), this.#root(value)];
    return () => {
      frame[slot] = compute();
    };
  }

  /** Runs `body` for every value of the loop variable. */
  #loop(v: LoopVar, extent: number, backward: boolean, body: Run): Run {
    const [frame, slot] = [this.#frame, this.#slot(v)];
    return () => {
      for (let i = 0; i < extent; i++) {
        frame[slot] = backward ? extent - 1 - i : i;
        body();
      }
    };
  }
  #for(s: For): Run {
    return this.#loop(s.v, s.extent, !isSerial(s) && this.#order === "backward", this.block(s.body));
  }
  /** Runs `body` over a nest that has no order. */
  #nest(vars: readonly LoopVar[], extents: readonly number[], body: Run): Run {
    return vars.reduceRight((run, v, i) => this.#loop(v, extents[i]!, this.#order === "backward", run), body);
  }

  #reduce(s: Reduce): Run {
    const [frame, acc, sum] = [this.#frame, this.#slot(s.acc), this.#newSlot()];
    const { combine, round } = combination(s.fn, s.acc.dtype);
    const [init, body, value] = [this.#root(s.init), this.block(s.body), this.#root(s.value)];
    const nest = this.#nest(s.vars, s.extents, () => {
      body();
      frame[sum] = combine(frame[sum]!, value());
    });
    return () => {
      frame[sum] = init();
      nest();
      frame[acc] = round(frame[sum]!);
    };
  }

  #contract(s: Contract): Run {
    const [frame, acc] = [this.#frame, this.#slot(s.acc)];
    const mul = taking("mul", s.dtype);
    const { combine: add, round } = combination("add", s.dtype);
    const ks = s.kExtents.map((_, i): LoopVar => ({ kind: "loopVar", id: -1 - i, name: `k${i}` }));
    const [b, m] = [s.batchExtents.length, s.batchExtents.length + s.mExtents.length];
    const [batch, rows, cols] = [s.vars.slice(0, b), s.vars.slice(b, m), s.vars.slice(m)];
    const element = (x: ContractOperand, free: readonly LoopVar[]): Value => {
      const index = strided(x.base, [...x.batch, ...x.free, ...x.reduced], [...batch, ...free, ...ks]);
      return this.#load(x.buffer, index);
    };
    const [lhs, rhs, epilogue] = [element(s.lhs, rows), element(s.rhs, cols), this.block(s.epilogue)];
    const sum = this.#nest(ks, s.kExtents, () => {
      frame[acc] = add(frame[acc]!, mul(lhs(), rhs()));
    });
    return this.#nest(s.vars, contractExtents(s), () => {
      frame[acc] = 0;
      sum();
      frame[acc] = round(frame[acc]!);
      epilogue();
    });
  }

  #callHost(s: Host): Run {
    const args = s.args.map(({ buffer, index, aval }) => ({
      load: this.#memory.load(buffer),
      at: this.#index(index),
      aval,
    }));
    return () => {
      const values = args.map(({ load, at, aval }) => {
        const start = at();
        const data = arrayOf(aval.dtype, aval.size);
        for (let i = 0; i < data.length; i++) data[i] = load(start + i);
        return { aval, data };
      });
      this.#host(s.fn, values);
    };
  }

  // -------------------------------------------------------------------------------------------- expressions

  #index(a: Affine): Value {
    const frame = this.#frame;
    const terms = a.terms.map((t) => ({ slot: this.#slot(t.atom), coeff: t.coeff }));
    return () => {
      let sum = a.offset;
      for (const { slot, coeff } of terms) sum += coeff * frame[slot]!;
      return sum;
    };
  }

  #load(buffer: Buffer, index: Affine): Value {
    const [load, at] = [this.#memory.load(buffer), this.#index(index)];
    return () => load(at());
  }

  /** A root expression: shared nodes are computed once, before it. */
  #root(root: Expr): Value {
    const frame = this.#frame;
    const slots = new Map<Expr, number>();
    const known = (e: Expr): Value => {
      const slot = slots.get(e);
      return slot === undefined ? this.#node(e, known) : () => frame[slot]!;
    };
    const first = sharedNodes(root).map((e) => {
      const compute = this.#node(e, known);
      const slot = this.#newSlot();
      slots.set(e, slot);
      return { slot, compute };
    });
    const value = known(root);
    if (first.length === 0) return value;
    return () => {
      for (const { slot, compute } of first) frame[slot] = compute();
      return value();
    };
  }

  /** One node; `get` compiles operands. */
  #node(e: Expr, get: (e: Expr) => Value): Value {
    switch (e.op) {
      case "const": {
        const value = wrap(e.dtype)(e.value);
        return () => value;
      }
      case "index": {
        const index = this.#index(e.index);
        return () => index() | 0;
      }
      case "local": {
        const [frame, slot] = [this.#frame, this.#slot(e.local)];
        return () => frame[slot]!;
      }
      case "load":
        return this.#load(e.buffer, e.index);
      case "unary":
        return apply1(taking(e.fn, e.x.dtype) as Unary, get(e.x));
      case "convert":
        return apply1(conversion(e.x.dtype, e.dtype), get(e.x));
      case "bitcast":
        return apply1(bitcast(e.x.dtype, e.dtype), get(e.x));
      case "binary": {
        const [f, x, y] = [taking(e.fn, e.x.dtype), get(e.x), get(e.y)];
        return () => f(x(), y());
      }
      case "fma": {
        const [round, x, y, z] = [wrap(e.dtype), get(e.x), get(e.y), get(e.z)];
        return () => round(x() * y() + z());
      }
      case "select": {
        const [cond, x, y] = [get(e.cond), get(e.x), get(e.y)];
        return () => {
          const [a, b] = [x(), y()];
          return cond() !== 0 ? a : b;
        };
      }
    }
  }
}

/** How numbers are combined one after the other, and what is done in the end: sums of floats are rounded once. */
function combination(fn: Combine, dtype: DType): { combine: Binary; round: Unary } {
  if (fn === "add" && isFloat(dtype)) return { combine: (x, y) => x + y, round: wrap(dtype) };
  return { combine: taking(fn, dtype), round: (x) => x };
}

const apply1 =
  (f: Unary, x: Value): Value =>
  () =>
    f(x());

function taking(name: string, dtype: DType): Binary {
  const f = functionOf(name, dtype);
  assert(f, `${name} does not take ${dtype}`);
  return f;
}
