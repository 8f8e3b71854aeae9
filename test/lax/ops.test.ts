import { describe, expect, test } from "vitest";
import { vjp } from "../../src/api/autodiff.ts";
import { jit } from "../../src/api/jit.ts";
import { vmap } from "../../src/api/vmap.ts";
import type { NDArray } from "../../src/core/array.ts";
import { isFloat } from "../../src/core/dtype.ts";
import { type MaybeZero, Zero } from "../../src/core/primitive.ts";
import * as lax from "../../src/lax/index.ts";
import { jvpFlat } from "../../src/transforms/jvp.ts";
import { instantiate } from "../../src/transforms/zero.ts";
import { OPS, type OpRow } from "./ops.ts";
import { array, distance, outputs, random, samples, values } from "./support.ts";

const floats = (xs: NDArray[]): NDArray[] => xs.filter((x) => isFloat(x.dtype));
const like = (x: NDArray, next: () => number): NDArray =>
  array(
    Array.from({ length: x.size }, () => next() * 2 - 1),
    x.shape,
    x.dtype,
  );
const inner = (xs: NDArray[], ys: NDArray[]): number =>
  xs.flatMap((x, i) => values(x).map((v, k) => v * values(ys[i]!)[k]!)).reduce((a, b) => a + b, 0);

/** The row as a function of its differentiable arguments, to its floating results. */
function restricted(row: OpRow, args: NDArray[]): (xs: NDArray[]) => NDArray[] {
  return (xs) => {
    const all = [...args];
    for (const [i, k] of row.diff.entries()) all[k] = xs[i]!;
    return floats(outputs(row, all));
  };
}

/** The derivative of `f` at `xs` in direction `ts`, by the rules. */
const push = (f: (xs: NDArray[]) => NDArray[], xs: NDArray[], ts: MaybeZero[]): NDArray[] =>
  jvpFlat(f, xs, ts)[1].map(instantiate);

/** … and by central differences, in float64. */
function differences(f: (xs: NDArray[]) => NDArray[], xs: NDArray[], ts: NDArray[]): number[] {
  const h = 1e-6;
  const at = (sign: number): number[] =>
    f(
      xs.map((x, i) =>
        array(
          values(x).map((v, k) => v + sign * h * values(ts[i]!)[k]!),
          x.shape,
          x.dtype,
        ),
      ),
    ).flatMap(values);
  const [up, down] = [at(1), at(-1)];
  return up.map((v, i) => (v - down[i]!) / (2 * h));
}

/** Which operand element meets which result element: scalars meet all. */
const elementwise = (row: OpRow, args: NDArray[], n: number): number[] =>
  Array.from({ length: n }, (_, i) => row.ref!(...args.map((x) => values(x)[x.ndim ? i : 0]!)));

const named = (rows: readonly OpRow[]): [string, OpRow][] => rows.map((row) => [row.name, row]);
const DIFFERENTIABLE = OPS.filter((row) => row.diff.length > 0);

test.each(named(OPS.filter((row) => row.ref)))("%s computes what JavaScript computes", (_, row) => {
  const args = samples(row, "float32");
  const [out] = outputs(row, args);
  expect(distance(values(out!), elementwise(row, args, out!.size))).toBeLessThan(row.tol ?? 1e-6);
});

describe.each(named(OPS))("%s", (_, row) => {
  test("is the same when jitted", () => {
    const args = samples(row, "float32");
    const jitted = jit((...xs: NDArray[]) => outputs(row, xs))(...args) as NDArray[];
    outputs(row, args).forEach((out, i) => {
      expect(String(jitted[i]!.aval)).toBe(String(out.aval));
      expect(values(jitted[i]!)).toEqual(values(out));
    });
  });

  test.each(subsets(row.args.length))("is a loop over examples when mapped over %j", (mapped) => {
    const next = samples(row, "float32", 2, [3]);
    const single = samples(row, "float32", 3);
    const args = single.map((x, i) => (mapped[i] ? next[i]! : x));
    const axes = mapped.map((m) => (m ? 0 : null));
    const together = vmap((...xs: NDArray[]) => outputs(row, xs), axes)(...args) as NDArray[];
    const each = [0, 1, 2].map((k) =>
      outputs(
        row,
        args.map((x, i) => (mapped[i] ? lax.indexInDim(x, k, 0, false) : x)),
      ),
    );
    together.forEach((out, i) => {
      expect(out.shape).toEqual([3, ...each[0]![i]!.shape]);
      expect(
        distance(
          values(out),
          each.flatMap((outs) => values(outs[i]!)),
        ),
      ).toBeLessThan(row.tol ?? 1e-6);
    });
  });

  test("can be mapped over inner axes", () => {
    const args = samples(row, "float32", 2, [3]);
    const inward = args.map((x) =>
      lax.transpose(x, [...Array(x.ndim - 1).keys()].map((a) => a + 1).concat(0)),
    );
    const axes = inward.map((x) => x.ndim - 1);
    const f = (...xs: NDArray[]): NDArray[] => outputs(row, xs);
    const [a, b] = [vmap(f, axes)(...inward) as NDArray[], vmap(f)(...args) as NDArray[]];
    a.forEach((out, i) => {
      expect(out.shape).toEqual(b[i]!.shape);
      expect(distance(values(out), values(b[i]!))).toBeLessThan(row.tol ?? 1e-6);
    });
  });
});

/** All ways to map some of n arguments. */
function subsets(n: number): [boolean[]][] {
  return Array.from({ length: 2 ** n - 1 }, (_, bits) => [
    Array.from({ length: n }, (_, i) => (((bits + 1) >> i) & 1) === 1),
  ]);
}

describe.each(named(DIFFERENTIABLE))("derivative of %s", (_, row) => {
  const args = samples(row, "float64", 5);
  const xs = row.diff.map((k) => args[k]!);
  const next = random(7);
  const ts = xs.map((x) => like(x, next));
  const f = restricted(row, args);
  const tol = row.gradTol ?? 1e-5;

  test("agrees with finite differences", () => {
    expect(distance(push(f, xs, ts).flatMap(values), differences(f, xs, ts))).toBeLessThan(tol);
  });

  test.each(xs.map((_, i) => i))("with only operand %i moving", (i) => {
    const alone = xs.map((x, k): MaybeZero => (k === i ? ts[k]! : new Zero(x.aval)));
    const zeros = xs.map((x, k) => (k === i ? ts[k]! : lax.zerosLike(x)));
    expect(distance(push(f, xs, alone).flatMap(values), push(f, xs, zeros).flatMap(values))).toBeLessThan(
      1e-12,
    );
  });

  test("backwards is the transpose of forwards", () => {
    const [outs, pullback] = vjp((...ys: NDArray[]) => f(ys), xs) as unknown as [
      NDArray[],
      (ct: NDArray[]) => NDArray[],
    ];
    const cts = outs.map((x) => like(x, next));
    const back = pullback(cts);
    expect(back.map((ct) => String(ct.aval))).toEqual(xs.map((x) => String(x.aval)));
    const forward = inner(push(f, xs, ts), cts);
    expect(distance([inner(back, ts)], [forward])).toBeLessThan(1e-9);
  });

  test("has a second derivative", () => {
    const first = (ys: NDArray[]): NDArray[] => push(f, ys, ts);
    expect(distance(push(first, xs, ts).flatMap(values), differences(first, xs, ts))).toBeLessThan(10 * tol);
  });

  test("backwards has a derivative", () => {
    const cts = f(xs).map((x) => like(x, next));
    const back = (ys: NDArray[]): NDArray[] => {
      const [, pullback] = vjp((...zs: NDArray[]) => f(zs), ys) as unknown as [
        unknown,
        (ct: NDArray[]) => NDArray[],
      ];
      return pullback(cts);
    };
    expect(distance(push(back, xs, ts).flatMap(values), differences(back, xs, ts))).toBeLessThan(10 * tol);
  });
});
