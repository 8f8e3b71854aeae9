/**
 * Random programs that are dense in what a compiler may get wrong about memory: arrays that are changed in place inside of loops,
 * while the same values are carried, stacked, forwarded, swapped, viewed, closed over and read again later.
 *
 * All values are vectors of {@link N} or square matrices, so that any may become any other's part, row, carry or x.
 */
import fc from "fast-check";
import type { NDArray } from "../../src/core/array.ts";
import { lax, numpy as np, vmap } from "../../src/index.ts";

type A = NDArray;

export const N = 4;

/** A function of two values made so far (taken modulo their number) and a small number; its result joins them. */
export interface Step {
  readonly op: string;
  readonly a: number;
  readonly b: number;
  readonly k: number;
  /** Inner programs, for loops and branches. */
  readonly bodies: readonly Body[];
}
/** Steps, and which of the last values are results: those of a loop are its carries and then its ys. */
export interface Body {
  readonly steps: readonly Step[];
  readonly picks: readonly number[];
}

/** Where steps run: the values so far, and the counters of the loops around. */
interface Scope {
  readonly values: readonly A[];
  readonly counters: readonly A[];
}

const vector = (x: A, k: number): A =>
  x.ndim === 1 ? x : [x.slice(k % N), x.transpose().slice(k % N), x.sum(0).mul(0.3), np.diagonal(x)][k % 4]!;
const matrix = (x: A, k: number): A =>
  x.ndim === 2
    ? x
    : [np.broadcastTo(x, [N, N]), np.outer(x, np.ones([N])), np.stack([x, x.mul(2), x, x.neg()])][k % 3]!;
/** Whatever a is, b as such a thing. */
const like = (a: A, b: A, k: number): A => (a.ndim === 2 ? matrix(b, k) : vector(b, k));

/** A place in a vector: known when the program is traced, or the counter of a loop. */
const place = ({ counters }: Scope, k: number): A | number =>
  counters.length > 0 && k % 2 === 1 ? counters[(k >> 1) % counters.length]! : k % N;
/** As an index that no wrapping rule touches. */
const start = (scope: Scope, k: number): A => np.asarray(place(scope, k)).astype("int32");
const part = (b: A, k: number): A => vector(b, k).slice([0, 2]);
const places = (k: number): A => np.array([k % N, 1, (k + 2) % N], { dtype: "int32" });

type Op = (a: A, b: A, k: number, scope: Scope) => A;

const UPDATES: Readonly<Record<string, Op>> = {
  set: (a, b, k, s) => a.at(place(s, k)).set(a.ndim === 2 ? vector(b, k) : vector(b, k).slice(1)),
  addAt: (a, b, k, s) => a.at(place(s, k)).add(a.ndim === 2 ? vector(b, k).mul(0.5) : vector(b, k).slice(2)),
  mulAt: (a, _b, k, s) => a.at(place(s, k)).mul(-0.5),
  box: (a, b, k, s) =>
    a.ndim === 2
      ? lax.dynamicUpdateSlice(a, matrix(b, k).slice([0, 2]), [start(s, k), np.array(0, { dtype: "int32" })])
      : lax.dynamicUpdateSlice(a, part(b, k), [start(s, k)]),
  fixedBox: (a, b, k) => a.at([k % 3, (k % 3) + 2]).set(like(a, b, k).slice([1, 3])),
  scatter: (a, b, k) => a.at(places(k)).set(like(a, b, k).slice([1, 4])),
  scatterAdd: (a, b, k) => a.at(places(k)).add(like(a, b, k).slice([0, 3]).mul(0.5)),
  twice: (a, b, k, s) => UPDATES["mulAt"]!(UPDATES["set"]!(a, b, k, s), b, k + 1, s),
  whereAt: (a, b, k, s) => {
    const c = UPDATES["set"]!(a, b, k, s);
    return np.where(vector(b, k).slice(0).greater(0), c, a);
  },
};

const PLAIN: Readonly<Record<string, Op>> = {
  tanh: (a) => np.tanh(a),
  half: (a) => a.mul(0.5),
  neg: (a) => a.neg(),
  add: (a, b, k) => a.add(like(a, b, k)).mul(0.5),
  mul: (a, b, k) => np.tanh(a.mul(like(a, b, k))),
  flip: (a) => np.flip(a, 0),
  roll: (a) => np.roll(a, 1, 0),
  transpose: (a, _b, k) => matrix(a, k).transpose(),
  vector: (a, _b, k) => vector(a, k),
  matrix: (a, _b, k) => matrix(a, k),
  reshape: (a) => a.reshape([-1]).slice([0, N]),
  product: (a, b, k) => np.tanh(np.matmul(matrix(a, k), vector(b, k))),
  products: (a, b, k) => np.tanh(np.matmul(matrix(a, k), matrix(b, k)).mul(0.4)),
  sums: (a, b, k) => like(b, np.broadcastTo(a.mean(), [N]), k).mul(0.7),
  sort: (a) => np.sort(a, 0),
  cumsum: (a) => np.cumsum(a, 0).mul(0.4),
  take: (a, _b, k, s) => np.broadcastTo(lax.dynamicSlice(vector(a, k), [start(s, k)], [1]), [N]),
};

const last = (values: readonly A[]): A => values[values.length - 1]!;
const picked = (values: readonly A[], body: Body, from: number, likes: readonly A[]): A[] =>
  likes.map((x, i) => like(x, values.at(-1 - (body.picks[from + i]! % Math.min(values.length, 7)))!, i));

/** Two carries, the same value at times, and what a step makes of them. */
const carries = (a: A, b: A, k: number): [A, A] => (k % 5 === 0 ? [a, a] : [a, b]);
const inner = (s: Scope, body: Body, counter: A | undefined, ...values: A[]): A[] =>
  runSteps(body.steps, {
    values: [...s.values, ...values],
    counters: counter ? [...s.counters, counter] : s.counters,
  });

type Nest = (a: A, b: A, k: number, scope: Scope, bodies: readonly Body[]) => A[];

const UNROLLS = [1, 1, 1, 2, 3, true] as const;

const NESTED: Readonly<Record<string, Nest>> = {
  scan: (a, b, k, s, [body]) => {
    const xs = matrix(b, k);
    const counted = k % 3 !== 0;
    const [[, ...ends], ys] = lax.scan(
      ([i, ...cs]: A[], x: A) => {
        const values = inner(s, body!, counted ? i : undefined, ...cs, x!);
        const next = picked(values, body!, 0, cs);
        return [[i!.add(1), ...next], picked(values, body!, 2, [x!, cs[0]!])] as [A[], A[]];
      },
      [np.array(0, { dtype: "int32" }), ...carries(a, b, k)] as A[],
      xs,
      { reverse: k % 4 === 1, unroll: UNROLLS[k % UNROLLS.length]! },
    ) as [A[], A[]];
    // The second stack is a stack of what the carry is: of matrices, a cube of which one is taken.
    const [first, second] = ys as [A, A];
    return [...ends, first, second.ndim === 2 ? second : second.slice(k % N)];
  },
  repeat: (a, b, k, s, [body]) => {
    const [ends, ys] = lax.scan(
      (cs: A[]) => {
        const values = inner(s, body!, undefined, ...cs);
        const [y] = picked(values, body!, 2, [cs[0]!]);
        return [picked(values, body!, 0, cs), y!] as [A[], A];
      },
      carries(a, b, k) as A[],
      null,
      { length: 1 + (k % 4), reverse: k % 3 === 1, unroll: UNROLLS[(k + 1) % UNROLLS.length]! },
    ) as [A[], A];
    return [...ends, ys.mean(0), ys.slice(0)];
  },
  fori: (a, b, k, s, [body]) =>
    lax.foriLoop(
      0,
      1 + (k % 4),
      (i: A, cs: A[]) => picked(inner(s, body!, i, ...cs), body!, 0, cs),
      carries(a, b, k) as A[],
    ) as A[],
  cond: (a, b, k, s, [yes, no]) => {
    const run =
      (body: Body) =>
      (...xs: A[]) =>
        picked(inner(s, body, undefined, ...xs), body, 0, xs);
    return lax.cond(vector(b, k).sum().greater(0.1), run(yes!), run(no!), ...carries(a, b, k)) as A[];
  },
  switch: (a, b, k, s, [one, two]) => {
    const index = s.counters.at(-1) ?? np.floor(a.sum()).astype("int32");
    const run = (body: Body) => (x: A, y: A) => picked(inner(s, body, undefined, x, y), body, 0, [x, y]);
    const pass = (x: A, y: A): A[] => [x, like(y, x, k)];
    return lax.switch(index, [run(one!), pass, run(two!)], ...carries(a, b, k)) as A[];
  },
  map: (a, b, k, s, [body]) => [
    lax.map(
      (x: A) => vector(last(inner(s, body!, undefined, x, a)), k),
      matrix(b, k),
      k % 3 === 0 ? { batchSize: 3 } : {},
    ),
  ],
};

/** What is inside of it has a reverse derivative. */
const MAPPED: Readonly<Record<string, Nest>> = {
  vmap: (a, b, k, s, [body]) => [
    vmap((x: A) => vector(last(inner(s, body!, undefined, x, a)), k))(matrix(b, k)) as A,
  ],
};

/** The same, but with loops whose length depends on the values: no derivative backwards. */
const FORWARD: Readonly<Record<string, Nest>> = {
  while: (a, b, k, s, [body]) => {
    const [, ...ends] = lax.whileLoop(
      ([n, c]: A[]) => lax.bitwiseAnd(n!.less(1 + (k % 4)), c!.mean().less(b.mean().add(1.5))),
      ([n, ...cs]: A[]) => [n!.add(1), ...picked(inner(s, body!, n, ...cs), body!, 0, cs)],
      [np.array(0, { dtype: "int32" }), ...carries(a, b, k)] as A[],
    ) as A[];
    return ends;
  },
};

function runSteps(steps: readonly Step[], scope: Scope): A[] {
  const values = [...scope.values];
  for (const { op, a, b, k, bodies } of steps) {
    const now = { ...scope, values };
    const [x, y] = [values.at(-1 - (a % values.length))!, values.at(-1 - (b % values.length))!];
    const plain = PLAIN[op] ?? UPDATES[op];
    if (plain) values.push(plain(x, y, k, now));
    else values.push(...(NESTED[op] ?? MAPPED[op] ?? FORWARD[op])!(x, y, k, now, bodies));
  }
  return values;
}

/** The shapes of a program's inputs. */
export const INPUTS: readonly (readonly number[])[] = [[N], [N, N], [N]];

/** What the program computes of inputs of shapes {@link INPUTS}. */
export const run = (body: Body, inputs: readonly A[]): A[] => {
  const values = runSteps(body.steps, { values: inputs, counters: [] });
  return body.picks.map((p) => values.at(-1 - (p % values.length))!);
};

const from = (table: object): fc.Arbitrary<string> => fc.constantFrom(...Object.keys(table));

function steps(depth: number, backwards: boolean): fc.Arbitrary<Step[]> {
  const numbers = { a: fc.nat(9), b: fc.nat(9), k: fc.nat(59) };
  const flat = (op: fc.Arbitrary<string>): fc.Arbitrary<Step> =>
    fc.record({ op, ...numbers, bodies: fc.constant([]) });
  const simple = fc.oneof(
    { weight: 3, arbitrary: flat(from(UPDATES)) },
    { weight: 2, arbitrary: flat(from(PLAIN)) },
  );
  if (depth === 0) return fc.array(simple, { minLength: 1, maxLength: 4 });
  const nest = (ops: readonly string[], inside: boolean): fc.Arbitrary<Step> => {
    const picks = fc.array(fc.nat(6), { minLength: 4, maxLength: 4 });
    const body = fc.record({ steps: steps(depth - 1, inside), picks });
    return fc.record({ op: fc.constantFrom(...ops), ...numbers, bodies: fc.tuple(body, body) });
  };
  const loops = Object.keys(backwards ? NESTED : { ...NESTED, ...FORWARD });
  // One operation at a time, a loop inside of vmap cannot ask for a value to decide whether to go on.
  const nested = fc.oneof(
    { weight: loops.length, arbitrary: nest(loops, backwards) },
    { weight: 1, arbitrary: nest(Object.keys(MAPPED), true) },
  );
  return fc.array(fc.oneof({ weight: 3, arbitrary: simple }, { weight: 2, arbitrary: nested }), {
    minLength: 1,
    maxLength: 5,
  });
}

/** Programs with loops and branches in up to `depth` levels; `backwards`: only what has a reverse derivative. */
export const updatingProgram = (backwards: boolean, depth = 2): fc.Arbitrary<Body> =>
  fc.record({ steps: steps(depth, backwards), picks: fc.array(fc.nat(6), { minLength: 3, maxLength: 3 }) });
