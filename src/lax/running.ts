/** How a value that runs along an axis is computed: in a register, or row after row. */
import { aval, type ShapedArray } from "../core/aval.ts";
import { type DType, isFloat } from "../core/dtype.ts";
import type {
  BasicBinary,
  Emitter,
  Index,
  Operand,
  Scalar,
  ScalarBuilder,
  Target,
} from "../core/lowering.ts";
import * as scalars from "../scalars/index.ts";

export type AlongParams = { readonly axis: number; readonly reverse: boolean };

/** What is carried along the axis, and the result at each place. */
export interface Fold {
  readonly init: readonly number[];
  readonly step: (s: ScalarBuilder, state: State, xs: readonly Scalar[]) => State;
  /** Default: the one value that is carried. */
  readonly result?: (s: ScalarBuilder, state: State) => Scalar;
  /** Done to the state after every {@link BLOCK} steps. */
  readonly settle?: (s: ScalarBuilder, state: State) => State;
}
type State = readonly Scalar[];

/** Numbers that a plain sum takes in before it is added to a compensated one. */
const BLOCK = 32;
const isLong = (n: number): boolean => n > 2 * BLOCK;

/**
 * y[i] is the result of folding xs[0 … i] along the axis. Along the last axis the state stays in registers; along any other,
 * whole rows follow each other so that the inner axes remain independent.
 */
export function lowerAlong(
  emit: Emitter,
  args: readonly Operand[],
  out: ShapedArray,
  p: AlongParams,
  fold: Fold,
): Operand {
  const way = p.axis === out.ndim - 1 ? inRegisters : fold.result ? byRowsWithState : byRows;
  return way(new Run(emit, args, out, p, fold));
}

class Run {
  readonly n: number;
  readonly outer: readonly number[];
  readonly inner: readonly number[];
  readonly init: State;
  readonly emit: Emitter;
  readonly out: ShapedArray;
  readonly fold: Fold;
  readonly #args: readonly Operand[];
  readonly #params: AlongParams;

  constructor(emit: Emitter, args: readonly Operand[], out: ShapedArray, params: AlongParams, fold: Fold) {
    this.emit = emit;
    this.out = out;
    this.fold = fold;
    this.#args = args;
    this.#params = params;
    this.n = out.shape[params.axis]!;
    this.outer = out.shape.slice(0, params.axis);
    this.inner = out.shape.slice(params.axis + 1);
    this.init = fold.init.map((value) => emit.s.const(value, out.dtype));
  }

  /** The place of step k. */
  at(outer: readonly Index[], k: Index, inner: readonly Index[] = []): Index[] {
    return [...outer, this.#params.reverse ? this.emit.ix.sub(this.n - 1, k) : k, ...inner];
  }
  next(state: State, place: readonly Index[]): State {
    const xs = this.#args.map((x) => x.at(place));
    return this.fold.step(this.emit.s, state, xs);
  }
  result(state: State): Scalar {
    return this.fold.result?.(this.emit.s, state) ?? state[0]!;
  }
  /** All steps, and `settle` after each block of them. */
  steps(step: (k: Index) => void, settle: (settled: (state: State) => State) => void): void {
    const { emit, n, fold } = this;
    const blocks = fold.settle && isLong(n) ? Math.floor(n / BLOCK) : 0;
    const block = ([b]: Index[]): void => {
      emit.loop([BLOCK], ([k]) => step(emit.ix.add(emit.ix.mul(b!, BLOCK), k!)), "serial");
      settle((state) => fold.settle!(emit.s, state));
    };
    emit.loop([blocks], block, "serial");
    emit.loop([n - blocks * BLOCK], ([k]) => step(emit.ix.add(k!, blocks * BLOCK)), "serial");
  }
}

function inRegisters(run: Run): Operand {
  const { emit } = run;
  const lane = (target: Target, outer: Index[]): void => {
    const cells = run.init.map((value) => emit.cell(value));
    const change = (f: (state: State) => State): State => {
      const next = f(cells.map((cell) => cell.get()));
      for (const [i, cell] of cells.entries()) cell.set(next[i]!);
      return next;
    };
    const step = (k: Index): void => {
      const place = run.at(outer, k);
      target.store(place, run.result(change((state) => run.next(state, place))));
    };
    run.steps(step, change);
  };
  return emit.build(run.out, (target) => emit.loop(run.outer, (outer) => lane(target, outer)));
}

/** The row before has the state. */
function byRows(run: Run): Operand {
  const { emit, n } = run;
  const lane = (target: Target, outer: Index[]): void => {
    const row = (k: Index, before: (inner: Index[]) => Scalar): void =>
      emit.loop(run.inner, (inner) => {
        const place = run.at(outer, k, inner);
        target.store(place, run.next([before(inner)], place)[0]!);
      });
    if (n > 0) row(0, () => run.init[0]!);
    const step = ([k]: Index[]): void =>
      row(emit.ix.add(k!, 1), (inner) => target.at(run.at(outer, k!, inner)));
    emit.loop([Math.max(0, n - 1)], step, "serial");
  };
  return emit.build(run.out, (target) => emit.loop(run.outer, (outer) => lane(target, outer)));
}

/** The state has rows of its own. */
function byRowsWithState(run: Run): Operand {
  const { emit, inner } = run;
  const type = aval([...run.outer, ...inner], run.out.dtype);
  const types = [run.out, ...run.init.map(() => type)];
  const lane = (target: Target, states: readonly Target[], outer: Index[]): void => {
    const change = (at: readonly Index[], f: (state: State) => State): State => {
      const before = states.map((state) => state.at(at));
      const next = f(before);
      for (const [i, state] of states.entries()) if (next[i] !== before[i]) state.store(at, next[i]!);
      return next;
    };
    const row = (k: Index): void =>
      emit.loop(inner, (at) => {
        const place = run.at(outer, k, at);
        const next = change([...outer, ...at], (state) => run.next(state, place));
        target.store(place, run.result(next));
      });
    emit.loop(inner, (at) => {
      for (const [i, state] of states.entries()) state.store([...outer, ...at], run.init[i]!);
    });
    run.steps(row, (settled) => emit.loop(inner, (at) => void change([...outer, ...at], settled)));
  };
  return emit.buildMany(types, ([target, ...states]) =>
    emit.loop(run.outer, (outer) => lane(target!, states, outer)),
  )[0]!;
}

/** The state is the result. */
export const plain = (
  init: number,
  step: (s: ScalarBuilder, acc: Scalar, xs: readonly Scalar[]) => Scalar,
): Fold => ({
  init: [init],
  step: (s, [acc], xs) => [step(s, acc!, xs)],
});
/* @__NO_SIDE_EFFECTS__ */
export const plainly = (init: number, fn: BasicBinary): Fold =>
  plain(init, (s, acc, [x]) => s.binary(fn, acc, x!));

/** A sum of blocks, what rounding took from it last, and the sum of the block that is not complete. */
const BLOCKED_SUM: Fold = {
  init: [0, 0, 0],
  step: (s, [sum, lost, part], [x]) => [sum!, lost!, s.binary("add", part!, x!)],
  result: (s, [sum, , part]) => s.binary("add", sum!, part!),
  settle,
};

/** A sum of n numbers whose error does not grow with n; integers have none. */
export const runningSum = (dtype: DType, n: number): Fold =>
  isFloat(dtype) && isLong(n) ? BLOCKED_SUM : plainly(0, "add");

/** Adds the block to the sum of blocks (Kahan 1965). What an infinite sum loses is not known, and counts as nothing. */
function settle(s: ScalarBuilder, [sum, lost, part]: State): State {
  const [zero, infinity] = [0, Number.POSITIVE_INFINITY].map((value) => s.const(value, sum!.dtype));
  const x = s.binary("add", part!, lost!);
  const next = s.binary("add", sum!, x);
  const missing = s.binary("sub", x, s.binary("sub", next, sum!));
  const known = s.binary("lt", s.unary("abs", missing), infinity!);
  return [next, s.select(known, missing, zero!), zero!];
}

/**
 * `log Σ exp`: the largest x so far, and the sum of exp(x - largest) over the others, as above. Of equal values, infinite ones too, the
 * weight is 1, so that infinities are never subtracted from each other.
 */
export const RUNNING_LOG_SUM_EXP: Fold = {
  init: [0, 0, 0, Number.NEGATIVE_INFINITY],
  step: (s, [sum, lost, part, top], [x]) => {
    const one = s.const(1, x!.dtype);
    const below = s.unary("neg", s.unary("abs", s.binary("sub", x!, top!)));
    const weight = s.select(s.binary("eq", x!, top!), one, s.unary(scalars.exp, below));
    const scale = s.select(s.binary("gt", x!, top!), weight, one);
    const [a, b, c] = [sum, lost, part].map((y) => s.binary("mul", y!, scale));
    return [a!, b!, s.binary("add", c!, weight), s.binary("max", top!, x!)];
  },
  result: (s, [sum, , part, top]) =>
    s.binary("add", top!, s.unary(scalars.log1p, s.binary("add", sum!, part!))),
  settle: (s, [sum, lost, part, top]) => [...settle(s, [sum!, lost!, part!]), top!],
};
