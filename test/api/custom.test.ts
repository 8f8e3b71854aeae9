import { describe, expect, test } from "vitest";
import { prepare } from "../../src/compiler/prepare.ts";
import type { NDArray } from "../../src/core/array.ts";
import type { Jaxpr } from "../../src/core/jaxpr.ts";
import {
  type CheckpointPolicy,
  checkpoint,
  checkpointName,
  customJvp,
  customVjp,
  grad,
  hessian,
  jit,
  jvp,
  lax,
  linearize,
  makeJaxpr,
  numpy as np,
  valueAndGrad,
  vmap,
} from "../../src/index.ts";
import { expectClose } from "../support/close.ts";

type A = NDArray;
const X = np.array([0.3, -0.7, 1.2]);

describe("customJvp", () => {
  // A wrong derivative on purpose: it shows whose rule was used.
  const f = customJvp(
    (x: A) => np.sin(x),
    ([x], [t]) => [np.sin(x), t.mul(10)],
  );
  test("value, forward, reverse, vmap and jit use the rule", () => {
    expectClose(f(X), np.sin(X));
    expectClose(jvp(f, [X], [np.ones([3])])[1], np.full([3], 10));
    expectClose(grad((x: A) => f(x).sum())(X), np.full([3], 10));
    expectClose(vmap(grad((x: A) => f(x)))(X), np.full([3], 10));
    expectClose(jit(grad((x: A) => jit(f)(x).sum()))(X), np.full([3], 10));
  });
  test("inside a scan", () => {
    const g = (x: A): A => lax.scan((c: A) => [f(c) as A, null] as const, x, null, { length: 2 })[0].sum();
    expectClose(grad(g)(X), np.full([3], 100));
  });
  test("reverse mode through lanes that each take a branch, of a rule that is the derivative", () => {
    const branch = (x: A): A =>
      lax.cond(
        x.sum().greater(0),
        () => x.mul(3),
        () => np.sqrt(x),
      );
    const own = customJvp(branch, ([x], [t]) => jvp(branch, [x!], [t!]) as [A, A]);
    const lanes = (h: (x: A) => A) => grad((x: A) => vmap(h)(x).sum());
    const at = np.array([
      [1, 4],
      [-1, -4],
    ]);
    expect((lanes(own)(at) as A).js()).toEqual((lanes(branch)(at) as A).js());
    expectClose(lanes(own)(at.slice([0, 1])), np.full([1, 2], 3));
  });
  test("a rule that is not linear in its tangents has no reverse mode", () => {
    const bent = customJvp(
      (x: A) => np.sin(x),
      ([x], [t]) => [np.sin(x!), np.exp(t!)],
    );
    expect(() => grad((x: A) => bent(x).sum())(X)).toThrow(
      /needs the transpose of exp, which is not linear\. A rule of customJvp must be linear in its tangents/,
    );
  });
});

describe("customVjp", () => {
  const clip = customVjp(
    (x: A, scale: A) => x.mul(scale),
    (x: A, scale: A) => [x.mul(scale), { scale }],
    ({ scale }: { scale: A }, ct: A) => [np.clip(ct.mul(scale), -1, 1), null],
  );
  test("reverse mode uses bwd; null is zero", () => {
    const [dx, ds] = grad((x: A, s: A) => clip(x, s).mul(5).sum(), { argnums: [0, 1] })(X, 3);
    expectClose(dx, np.ones([3]));
    expectClose(ds, 0);
  });
  test("through jit, scan and vmap, also with a shared argument", () => {
    const loss = (x: A, s: A): A =>
      lax.scan((c: A) => [clip(c, s) as A, null] as const, x, null, { length: 3 })[0].sum();
    expectClose(jit(grad(loss))(X, 0.5), np.full([3], 0.125));
    expectClose(vmap(grad(loss), [0, null])(np.stack([X, X]), 0.5), np.full([2, 3], 0.125));
    expectClose(grad((x: A) => vmap((v: A) => clip(v, np.array(2)) as A)(x).sum())(X), np.ones([3]));
  });
  test("forward mode says why not", () => {
    expect(() => jvp(clip, [X, 2], [X, 0])).toThrow(/customVjp: it only knows how to pull cotangents back/);
  });
  test("forward mode that nobody reads is not missed", () => {
    const unread = (x: A): A => {
      const y = clip(x, np.array(1)) as A;
      return lax.cond(
        x.sum().greater(0),
        (_: A, b: A) => b,
        (a: A, b: A) => lax.scan((c: A, __: A) => [c, null] as const, b, a)[0],
        y,
        x,
      );
    };
    const push = jit((x: A) => linearize(unread, [x])[1](x));
    expectClose(push(X), X);
  });
});

describe("checkpoint", () => {
  const body = (c: A, x: A): [A, A] => {
    const h = np.sin(np.sin(c).mul(x));
    return [h, h];
  };
  const run =
    (step: (c: A, x: A) => readonly [A, A]) =>
    (c: A): A =>
      lax.scan(step as never, c, np.array([0.5, 0.2, 0.9]) as never)[0] as unknown as A;
  const kept = checkpoint(body) as unknown as typeof body;
  const cosines = (jaxpr: Jaxpr): string[] =>
    jaxpr.eqns.filter((e) => e.primitive.name === "scan").map((e) => String(e.params["jaxpr"]));

  test("the same values and derivatives", () => {
    const [f, g] = [run(body), run(kept)];
    expectClose(g(np.array(0.3)), f(np.array(0.3)));
    expectClose(grad(g)(0.3), grad(f)(0.3));
    expectClose(jit(grad(g))(0.3), grad(f)(0.3));
    expectClose(hessian(g)(np.array(0.3)), hessian(f)(np.array(0.3)), 1e-4);
    expectClose(vmap(grad(g))(X), vmap(grad(f))(X));
  });
  test("around a scan's body the backward loop computes again what the forward loop does not store", () => {
    const scans = makeJaxpr(grad(run(kept)))(0.3).jaxpr.eqns.filter((e) => e.primitive.name === "scan");
    const stored = scans[0]!.outputs.length;
    const plain = makeJaxpr(grad(run(body)))(0.3).jaxpr.eqns.find((e) => e.primitive.name === "scan")!;
    expect(stored).toBeLessThan(plain.outputs.length);
    expect(cosines(makeJaxpr(grad(run(kept)))(0.3).jaxpr).at(-1)).toContain("cos");
  });
  test("everything saveable stores more", () => {
    const everything = checkpoint(body, {
      policy: checkpoint.policies.everythingSaveable,
    }) as unknown as typeof body;
    const outputs = (step: typeof body): number =>
      makeJaxpr(grad(run(step)))(0.3).jaxpr.eqns.find((e) => e.primitive.name === "scan")!.outputs.length;
    expect(outputs(everything)).toBeGreaterThan(outputs(kept));
  });

  /** How often each is computed for value and gradient, after common subexpressions were merged; JAX's numbers. */
  const { policies } = checkpoint;
  const COUNTED = ["sin", "cos", "exp", "tanh", "dot_general"];
  const POLICIES: [string, CheckpointPolicy | undefined, ...number[]][] = [
    ["no checkpoint", undefined, 1, 1, 1, 1, 4],
    ["nothing", policies.nothingSaveable, 2, 1, 2, 2, 6],
    ["everything", policies.everythingSaveable, 1, 1, 1, 1, 4],
    ["dots", policies.dotsSaveable, 2, 1, 2, 2, 4],
    ["dots without batch", policies.dotsWithNoBatchDimsSaveable, 2, 1, 2, 2, 4],
    ["a name", policies.saveOnlyTheseNames("a"), 1, 1, 2, 2, 6],
    ["another name", policies.saveOnlyTheseNames("b"), 2, 1, 2, 2, 6],
    ["any name but one", policies.saveAnyNamesButThese("a"), 2, 1, 2, 2, 6],
    ["anything but a name", policies.saveAnythingExceptTheseNames("a"), 1, 1, 1, 1, 4],
    [
      "two policies",
      policies.saveFromBothPolicies(policies.dotsSaveable, policies.saveOnlyTheseNames("a")),
      1,
      1,
      2,
      2,
      4,
    ],
  ];
  test.each(POLICIES)("policy: %s", (_, policy, ...counts) => {
    const W = np.array([
      [0.5, -0.2, 0.1],
      [0.3, 0.8, -0.6],
      [-0.4, 0.2, 0.7],
    ]);
    const f = (x: A): A => {
      const y = checkpointName(np.sin(np.dot(W, x)), "a");
      return np.tanh(np.dot(W, checkpointName(np.exp(y.mul(y)), "b"))).sum();
    };
    const g = policy ? (checkpoint(f, { policy }) as typeof f) : f;
    const { eqns } = prepare(makeJaxpr(valueAndGrad(g))(X).jaxpr);
    expect(COUNTED.map((name) => eqns.filter((e) => e.primitive.name === name).length)).toEqual(counts);
    expectClose(jit(valueAndGrad(g))(X), valueAndGrad(f)(X));
    expectClose(hessian(g)(X), hessian(f)(X), 1e-4);
  });
  test("no barrier hides anything from the passes over loops", () => {
    const loops = prepare(makeJaxpr(grad(run(kept)))(0.3).jaxpr).eqns.map((e) => String(e.params["jaxpr"]));
    expect(loops.filter((text) => text.includes("optimization_barrier"))).toEqual([]);
  });
  test("a policy that is none", () => {
    expect(() => checkpoint(body, { policy: "dots" as never })).toThrow(
      "one of checkpoint.policies (nothingSaveable",
    );
  });
});
