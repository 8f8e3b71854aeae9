/** Random programs as users write them: arrays of a few shapes combined by functions, loops and branches. */
import fc from "fast-check";
import type { NDArray } from "../../src/core/array.ts";
import type { DType } from "../../src/core/dtype.ts";
import { lax, numpy as np } from "../../src/index.ts";

type A = NDArray;

/** One step: a function of two values made so far (taken modulo their number), whose result joins them. */
export interface Step {
  readonly op: string;
  readonly a: number;
  readonly b: number;
  /** Inner programs, for loops and branches. */
  readonly bodies: readonly (readonly Step[])[];
}
export type RandomProgram = readonly Step[];

/** One vector of four and a remainder of three. */
const N = 7;

const half = (x: A): A => x.mul(0.5);
const matrix = (x: A): A =>
  x.ndim === 2 ? x : x.ndim === 1 ? np.stack([x, x.mul(-0.5)]) : np.broadcastTo(x, [2, N]);
const vector = (x: A): A => (x.ndim === 1 ? x : x.ndim === 2 ? x.sum(0) : np.broadcastTo(x, [N]));
const indices = (): A =>
  np.array(
    Array.from({ length: N + 1 }, (_, i) => (5 * i + 2) % (N - 1)),
    { dtype: "int32" },
  );

/** Functions without inner programs. They keep magnitudes near 1, so that programs of any length are well-conditioned. */
const PLAIN: Record<string, (a: A, b: A) => A> = {
  sin: (a) => np.sin(a),
  tanh: (a) => np.tanh(a),
  exp: (a) => np.exp(a.mul(0.3)).sub(1),
  logistic: (a) => lax.logistic(a),
  square: (a) => half(np.square(a)),
  root: (a) => np.sqrt(np.square(a).add(0.1)),
  neg: (a) => a.neg(),
  add: (a, b) => a.add(b).mul(0.7),
  sub: (a, b) => half(a.sub(b)),
  mul: (a, b) => half(a.mul(b)),
  div: (a, b) => half(a.div(np.square(b).add(1))),
  maximum: (a, b) => np.maximum(a, b.mul(0.9)),
  where: (a, b) => np.where(a.greater(b.mul(0.3)), half(a), b),
  clip: (a) => np.clip(a, -0.4, 0.6),
  mean: (a) => a.mean(),
  rows: (a) => lax.pad(matrix(a).mean(1), 0.5, [[1, N - 3, 0]]),
  largest: (a) => vector(a).max(),
  cumulate: (a) => half(np.cumsum(matrix(a), 0)),
  product: (a) => np.cumprod(vector(a).add(0.1)),
  transpose: (a) => half(np.matmul(np.matmul(matrix(a), matrix(a).transpose()), matrix(a))).mul(0.3),
  dot: (a, b) => np.dot(vector(a), vector(b)).mul(0.3),
  matvec: (a, b) => np.dot(matrix(a), vector(b)).mul(0.3).sum(),
  outer: (a, b) => half(np.outer(vector(a), vector(b))).slice([0, 2]),
  flip: (a, b) => np.concatenate([np.flip(vector(a)).slice([0, N - 1]), vector(b).slice([0, 1])]),
  take: (a) => np.take(vector(a), indices(), 0, { mode: "clip" }).slice([1, N + 1]),
  write: (a, b) => lax.dynamicUpdateSlice(matrix(a), matrix(b).slice([0, 1]), [1, 0]),
  scatter: (a, b) =>
    vector(a)
      .at(indices().slice([0, N]))
      .add(half(vector(b))),
  sort: (a) => np.sort(vector(a)),
  reshape: (a) => half(np.reshape(matrix(a), [N, 2]).sum(1)),
  pad: (a) => lax.pad(vector(a), 0.25, [[2, 1, 1]]).slice([1, N + 1]),
};

const last = (values: readonly A[]): A => values[values.length - 1]!;

/** Functions with inner programs, which see the values made so far and their own arguments. */
const NESTED: Record<string, (a: A, b: A, bodies: Step["bodies"], env: readonly A[]) => A> = {
  scan: (a, b, [body], env) => {
    const [carry, ys] = lax.scan(
      (c: A, x: A) => {
        const out = last(runSteps(body!, [...env, c, x]));
        return [half(c).add(out.mean().mul(0.4)), half(c.sum()).add(x.mean())] as const;
      },
      a,
      matrix(b),
    );
    return half(carry.add(ys.sum()));
  },
  reverse: (a, b, [body], env) =>
    lax.scan(
      (c: A, x: A) => [half(c.add(last(runSteps(body!, [...env, c, x])).mean())), c.mul(x)] as const,
      a.mean(),
      vector(b),
      { reverse: true, unroll: 2 },
    )[1],
  fori: (a, b, [body], env) =>
    lax.foriLoop(
      0,
      3,
      (i, c: A) => half(c.add(last(runSteps(body!, [...env, c, b])).mean()).add(i.mul(0.1))),
      a,
    ),
  cond: (a, b, [yes, no], env) =>
    lax.cond(
      a.sum().greater(b.mean()),
      (x: A) => half(x.add(last(runSteps(yes!, [...env, x])).mean())),
      (x: A) => x.sub(last(runSteps(no!, [...env, x])).mean()).mul(0.4),
      b,
    ),
  switch: (a, b, [one, two], env) =>
    lax.switch(
      np.floor(a.mean().mul(4)).astype("int32").add(1),
      [
        (x: A) => half(x.add(last(runSteps(one!, [...env, x])).mean())),
        (x: A) => x.mul(0.7),
        (x: A) => x.sub(last(runSteps(two!, [...env, x])).mean()).mul(0.3),
      ],
      b,
    ) as A,
};

/** The same, but with loops whose length depends on the values: no derivative backwards. */
const FORWARD: typeof NESTED = {
  while: (a, b, [body], env) =>
    lax.whileLoop(
      ([n, c]: [A, A]) => lax.bitwiseAnd(n.less(5), c.mean().less(b.mean().add(0.5))),
      ([n, c]: [A, A]) =>
        [
          n.add(1),
          half(c)
            .add(last(runSteps(body!, [...env, c])).mean())
            .add(0.2),
        ] as [A, A],
      [np.array(0, { dtype: "int32" }), a] as [A, A],
    )[1],
};

function runSteps(steps: RandomProgram, inputs: readonly A[]): A[] {
  const env = [...inputs];
  for (const { op, a, b, bodies } of steps) {
    const [x, y] = [env[a % env.length]!, env[b % env.length]!];
    const nested = NESTED[op] ?? FORWARD[op];
    env.push(nested ? nested(x, y, bodies, env) : PLAIN[op]!(x, y));
  }
  return env;
}

/** The shapes of a program's inputs. */
export const INPUTS: readonly (readonly number[])[] = [[], [N], [2, N]];

/** What the program computes of inputs of shapes {@link INPUTS}: its last values. */
export const run = (program: RandomProgram, inputs: readonly A[]): A[] => runSteps(program, inputs).slice(-3);

export const inputs = (seed: number, dtype: DType, batch: readonly number[] = []): A[] =>
  filled(INPUTS, seed, dtype, batch);

/** Arrays of these shapes, with batch axes in front, of numbers between -1 and 1. */
export function filled(
  shapes: readonly (readonly number[])[],
  seed: number,
  dtype: DType,
  batch: readonly number[] = [],
): A[] {
  let state = seed * 7919 + 13;
  const next = (): number => ((state = (state * 48271) % 2147483647) / 2147483647) * 2 - 1;
  return shapes.map((shape) => {
    const full = [...batch, ...shape];
    const n = full.reduce((p, q) => p * q, 1);
    return np.array(Array.from({ length: n }, next), { dtype }).reshape(full);
  });
}

function steps(depth: number, backwards: boolean): fc.Arbitrary<Step[]> {
  const names = depth > 0 ? [...Object.keys(NESTED), ...(backwards ? [] : Object.keys(FORWARD))] : [];
  const of = (ops: string[], bodies: fc.Arbitrary<Step[][]>): fc.Arbitrary<Step> =>
    fc.record({ op: fc.constantFrom(...ops), a: fc.nat(20), b: fc.nat(20), bodies });
  const plain = of(Object.keys(PLAIN), fc.constant([]));
  if (names.length === 0) return fc.array(plain, { minLength: 1, maxLength: 3 });
  const inner = steps(depth - 1, backwards);
  const nested = of(names, fc.tuple(inner, inner));
  return fc.array(fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: nested }), {
    minLength: 2,
    maxLength: 7,
  });
}

/** Programs with up to two levels of loops and branches; `backwards`: only what has a reverse derivative. */
export const anyProgram = (backwards: boolean): fc.Arbitrary<RandomProgram> => steps(2, backwards);
