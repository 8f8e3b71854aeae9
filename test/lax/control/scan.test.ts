/** scan against a plain loop, in every combination of transformations (JAX: lax_control_flow_test.py). */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../../src/core/array.ts";
import {
  disableJit,
  evalShape,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  makeJaxpr,
  numpy as np,
  random,
  tree,
  valueAndGrad,
  vjp,
  vmap,
} from "../../../src/index.ts";
import { expectClose } from "../../support/close.ts";

type A = NDArray;
type Body = (carry: A, x: A) => [A, A];

/** A body that mixes a constant (weights), the carry and x, and has a y that is not the carry. */
const rnnBody =
  (w: A): Body =>
  (h, x) => {
    const next = np.tanh(np.dot(h, w).add(x));
    return [next, next.mul(x).sum()];
  };

/** What scan must equal. */
function plainLoop(body: Body, init: A, xs: A, reverse = false): [A, A] {
  let carry = init;
  const n = xs.shape[0]!;
  const ys: A[] = Array(n);
  for (let k = 0; k < n; k++) {
    const i = reverse ? n - 1 - k : k;
    [carry, ys[i]] = body(carry, xs.slice(i));
  }
  return [carry, np.stack(ys)];
}

const W = np.array([
  [0.3, -0.5, 0.1],
  [0.2, 0.4, -0.3],
  [-0.6, 0.1, 0.5],
]);
const H0 = np.array([0.1, -0.2, 0.3]);
const XS = np.array([
  [0.5, -1, 0.2],
  [1, 0.3, -0.4],
  [-0.7, 0.6, 0.9],
  [0.1, -0.2, 0.8],
  [0.4, 0.4, -0.9],
]);
const TANGENTS = [np.ones([3, 3]).mul(0.3), np.array([1, -1, 0.5]), XS.mul(0.7).add(0.1)] as const;

type Fn = (w: A, h: A, xs: A) => [A, A];
const loss =
  (f: Fn) =>
  (w: A, h: A, xs: A): A => {
    const [c, ys] = f(w, h, xs);
    return c
      .mul(np.array([1, 2, 3]))
      .sum()
      .add(ys.mul(ys).sum());
  };

const reference =
  (reverse: boolean): Fn =>
  (w, h, xs) =>
    plainLoop(rnnBody(w), h, xs, reverse);

const OBSERVATIONS: Record<string, (f: Fn) => unknown> = {
  value: (f) => f(W, H0, XS),
  jvp: (f) => jvp(f, [W, H0, XS], [...TANGENTS]),
  linearize: (f) => {
    const [y, push] = linearize(f, [W, H0, XS]);
    return [y, push(...TANGENTS)];
  },
  vjp: (f) => {
    const [y, back] = vjp(f, [W, H0, XS]);
    return [y, back([np.array([1, 2, 3]), np.arange(5).astype("float32")])];
  },
  grad: (f) => valueAndGrad(loss(f), { argnums: [0, 1, 2] })(W, H0, XS),
  vmap: (f) => vmap(f, [null, 0, 1])(W, np.stack([H0, H0.mul(2)]), np.stack([XS, XS.neg()], 1)),
  "vmap of grad": (f) => vmap(grad(loss(f)), [null, 0, null])(W, np.stack([H0, H0.mul(2)]), XS),
  "grad of vmap": (f) =>
    grad((w: A) => vmap((h: A) => loss(f)(w, h, XS))(np.stack([H0, H0.mul(2)])).sum())(W),
  "second order": (f) => jvp((w: A) => grad(loss(f))(w, H0, XS), [W], [TANGENTS[0]]),
};

describe.each([false, true])("reverse %s", (reverse) => {
  const expected = Object.fromEntries(
    Object.entries(OBSERVATIONS).map(([name, look]) => [name, look(reference(reverse))]),
  );
  for (const jitOuter of [false, true])
    for (const jitBody of [false, true])
      for (const unroll of [1, 2, true])
        describe(`jit outer ${jitOuter}, jit body ${jitBody}, unroll ${unroll}`, () => {
          const f: Fn = (w, h, xs) => {
            const body = rnnBody(w);
            return lax.scan(jitBody ? (jit(body) as Body) : body, h, xs, { unroll, reverse });
          };
          const subject = (jitOuter ? jit(f) : f) as Fn;
          test.each(Object.keys(OBSERVATIONS))("%s", (name) => {
            expectClose(OBSERVATIONS[name]!(subject), expected[name], 2e-5);
          });
        });
});

describe("trees, lengths and types", () => {
  test("xs null with length", () => {
    const [c, ys] = lax.scan((c: A) => [c.mul(2), c] as const, np.array(1), null, { length: 4 });
    expect([c.js(), ys.js()]).toEqual([16, [1, 2, 4, 8]]);
  });
  test("pytree carry, xs and ys, with empty parts", () => {
    const [c, ys] = lax.scan(
      ({ a, b: [p, q] }: { a: A; b: [A, A]; none: null }, { x }: { x: A; nothing: [] }) =>
        [
          { a: a.add(x), b: [q, p] as [A, A], none: null },
          { sum: a.add(q), empty: [] as [] },
        ] as const,
      { a: np.array(0), b: [np.array(1), np.array(2)] as [A, A], none: null },
      { x: np.array([1, 2, 3]), nothing: [] as [] },
    );
    expectClose(c, { a: 6, b: [2, 1], none: null });
    expectClose(ys, { sum: np.array([2, 2, 5]), empty: [] });
  });
  test("length 0", () => {
    const run = jit(() =>
      lax.scan((c: A, x: A) => [c.add(x), c.mul(x)] as const, np.array(3), np.zeros([0])),
    );
    const [c, ys] = run();
    expect([c.js(), ys.shape, ys.js()]).toEqual([3, [0], []]);
    const g = grad((h: A) => lax.scan((c: A, x: A) => [c.mul(2).add(x), c] as const, h, np.zeros([0]))[0]);
    expect(g(3).js()).toBe(1);
  });
  test.each(["float32", "int32", "uint32", "uint8"] as const)(
    "a plain 0 as carry takes the type of %s",
    (dtype) => {
      const [c] = lax.scan((c: A, x: A) => [c.add(x), null] as const, 0, np.array([1, 2, 3], { dtype }));
      expect([c.dtype, c.js()]).toEqual([dtype, 6]);
    },
  );
  test("a plain counter stays an integer", () => {
    const [c] = lax.scan((i: A) => [i.add(1), i] as const, 0, null, { length: 3 });
    expect([c.dtype, c.js()]).toEqual(["int32", 3]);
  });
  test("a chain of weak carries settles", () => {
    const body = ([_a, b, c]: [A, A, A], x: A): [[A, A, A], null] => [[b, c, c.add(x)], null];
    const [out] = lax.scan(body, [0, 0, 0] as unknown as [A, A, A], np.array([1, 2, 3]));
    expectClose(out, [1, 3, 6]);
  });
  test("integer and bool leaves under grad", () => {
    const f = (x: A): A =>
      lax.scan(
        ([s, i, on]: [A, A, A], v: A) =>
          [[np.where(on, s.add(v.mul(x)), s), i.add(1), np.logicalNot(on)], i] as [[A, A, A], A],
        [np.array(0), np.array(0, { dtype: "int32" }), np.array(true)] as [A, A, A],
        np.array([1, 10, 100]),
      )[0][0];
    expect([f(np.array(2)).js(), grad(f)(2).js()]).toEqual([202, 101]);
  });
  test("a random key as carry under grad", () => {
    const f = (x: A): A =>
      lax.scan(
        ([key, s]: [A, A]) => {
          const [next, sub] = [random.split(key).slice(0), random.split(key).slice(1)];
          return [[next, s.add(random.uniform(sub).mul(x))], null] as [[A, A], null];
        },
        [random.key(0), np.array(0)] as [A, A],
        null,
        { length: 3 },
      )[0][1];
    expectClose(grad(f)(1), f(np.array(1)));
  });
  test("evalShape and disableJit", () => {
    const f = (h: A, xs: A) => lax.scan(rnnBody(W), h, xs);
    expect(evalShape(f, H0, XS)[0].shape).toEqual([3]);
    expectClose(
      disableJit(() => f(H0, XS)),
      f(H0, XS),
    );
    for (const [lower, upper] of [
      [0, 0],
      [1, 0],
      [3, -1],
    ] as const)
      expect(disableJit(() => lax.foriLoop(lower, upper, (_, c: A) => c.add(1), np.array(5))).item()).toBe(5);
    expect(() => disableJit(() => lax.scan((c: A) => [c, c] as const, 0, null, { length: 0 }))).toThrow(
      "zero-length scan is not supported in disableJit() mode because the output type is unknown.",
    );
  });
});

describe("nesting", () => {
  /** A time scan over a layer scan with stacked weights: the shape of a multi-layer RNN. */
  const stacked = (ws: A, hs: A, xs: A): [A, A] =>
    lax.scan(
      (carry: A, x: A) => {
        const [y, next] = lax.scan(
          (input: A, [w, h]: [A, A]) => {
            const out = np.tanh(input.add(np.dot(h, w)));
            return [out, out] as const;
          },
          x,
          [ws, carry] as [A, A],
        );
        return [next, y] as const;
      },
      hs,
      xs,
    );
  const byHand = (ws: A, hs: A, xs: A): [A, A] => {
    const layers = ws.shape[0]!;
    let state = Array.from({ length: layers }, (_, l) => hs.slice(l));
    const ys: A[] = [];
    for (let t = 0; t < xs.shape[0]!; t++) {
      let input = xs.slice(t);
      state = state.map((h, l) => (input = np.tanh(input.add(np.dot(h, ws.slice(l))))));
      ys.push(input);
    }
    return [np.stack(state), np.stack(ys)];
  };
  const WS = np.stack([W, W.neg(), W.mul(0.5)]);
  const HS = np.stack([H0, H0.mul(-1), H0.mul(2)]);
  test.each(
    Object.keys(OBSERVATIONS).filter(
      (n) => !n.includes("vmap") && n !== "jvp" && n !== "linearize" && n !== "vjp",
    ),
  )("scan over time of scan over layers: %s", (name) => {
    const look = (f: Fn): unknown =>
      name === "value"
        ? f(WS, HS, XS)
        : name === "grad"
          ? grad((w: A) =>
              f(w, HS, XS)[1]
                .mul(f(w, HS, XS)[1])
                .sum(),
            )(WS)
          : jvp((w: A) => grad((v: A) => f(v, HS, XS)[1].sum())(w), [WS], [WS.mul(0.1)]);
    expectClose(look(stacked), look(byHand), 2e-5);
    expectClose(look(jit(stacked) as Fn), look(byHand), 2e-5);
  });
  test("grad inside the body, then grad outside", () => {
    const inner = (x: A): A => x.mul(x).mul(x);
    const f = (x: A): A =>
      lax.scan((c: A, v: A) => [c.add(grad(inner)(c.mul(v))), null] as const, x, np.array([0.5, 0.2]))[0];
    const g = (x: A): A => {
      let c = x;
      for (const v of [0.5, 0.2]) c = c.add(c.mul(v).mul(c.mul(v)).mul(3));
      return c;
    };
    expectClose(grad(f)(0.7), grad(g)(0.7));
    expectClose(jacfwd(f)(0.7), grad(g)(0.7));
    expectClose(grad(grad(f))(0.7), grad(grad(g))(0.7), 1e-4);
  });
  test("jacobians and hessian", () => {
    const f = (h: A): A => lax.scan(rnnBody(W), h, XS)[0];
    expectClose(jacfwd(f)(H0), jacrev(f)(H0));
    const s = (h: A): A => f(h).sum();
    const eager = (h: A): A => plainLoop(rnnBody(W), h, XS)[0].sum();
    expectClose(hessian(s)(H0), hessian(eager)(H0), 2e-5);
  });
});

describe("vmap", () => {
  const f = (c: A, x: A): A =>
    c
      .sub(x)
      .mul(0.5)
      .add(np.sin(x.mul(c)));
  const run = (c: A, xs: A): [A, A] => lax.scan((s: A, x: A) => [f(s, x), s.mul(x)] as const, c, xs);
  const C = np.arange(6).reshape([2, 3]).mul(0.3);
  const X = np.arange(24).reshape([2, 4, 3]).mul(0.1);
  for (const cAxis of [null, 0, 1])
    for (const xAxis of [null, 0, 1, 2]) {
      if (cAxis === null && xAxis === null) continue;
      test(`carry ${cAxis}, xs ${xAxis}`, () => {
        const c = cAxis === null ? H0 : np.moveaxis(C, 0, cAxis);
        const xs = xAxis === null ? X.slice(0) : np.moveaxis(X, 0, xAxis);
        const rows = [0, 1].map((i) =>
          run(cAxis === null ? H0 : C.slice(i), xAxis === null ? X.slice(0) : X.slice(i)),
        );
        const expected = [np.stack(rows.map((r) => r[0])), np.stack(rows.map((r) => r[1]))];
        expectClose(vmap(run, [cAxis, xAxis])(c, xs), expected);
        expectClose(jit(vmap(run, [cAxis, xAxis]))(c, xs), expected);
      });
    }
  test("batchedness spreads through the carry", () => {
    const shift = (x: A): A =>
      lax.scan(
        ([a, b, c]: [A, A, A]) => [[b, c, a.mul(x)], null] as [[A, A, A], null],
        [1, 2, 3].map((v) => np.array(v)) as [A, A, A],
        null,
        {
          length: 5,
        },
      )[0][0];
    expectClose(vmap(shift)(np.array([2, 3])), np.stack([shift(np.array(2)), shift(np.array(3))]));
  });
});

describe("what is stored", () => {
  test("weights are not stacked over time, and an xs is not stored again", () => {
    const f = (w: A, h: A, xs: A): A =>
      lax.scan((c: A, x: A) => [np.tanh(np.dot(w, c).mul(x)), null] as const, h, xs)[0].sum();
    const { jaxpr } = makeJaxpr(grad(f))(W, H0, XS);
    const forward = jaxpr.eqns.find((e) => e.primitive.name === "scan")!;
    const stacked = forward.outputs.slice(1).map((v) => v.aval.shape);
    expect(stacked.every((s) => s[0] === 5 && s.length === 2)).toBe(true);
    const bytes = forward.outputs.slice(1).reduce((n, v) => n + v.aval.byteLength, 0);
    // Per step: the carry, the product and what tanh's derivative needs: at most five vectors of three floats.
    expect(bytes).toBeLessThanOrEqual(5 * 5 * 3 * 4);
  });
  test("what depends on constants only is computed before the loop", () => {
    const f = (w: A): A =>
      lax.scan((c: A) => [np.dot(np.sin(w), c), null] as const, H0, null, { length: 3 })[0].sum();
    const { jaxpr } = makeJaxpr(grad(f))(W);
    const inLoops = jaxpr.eqns
      .filter((e) => e.primitive.name === "scan")
      .map((e) => String(e.params["jaxpr"]));
    expect(inLoops.length).toBe(2);
    expect(inLoops.some((text) => text.includes("sin"))).toBe(false);
  });
  test("unused outputs and what leads to them disappear", () => {
    const f = jit(
      (x: A) =>
        lax.scan(
          ([a, b]: [A, A]) => [[a.mul(2), np.exp(b)], np.exp(b)] as [[A, A], A],
          [x, x] as [A, A],
          null,
          { length: 3 },
        )[0][0],
    );
    expect(f.lower(1).asText("loops")).not.toContain("exp");
  });
});

describe("carries and outputs that are only passed on", () => {
  /** Slot k of the next carry is slot order[k] of this one, or computed (-1); ys forward xs and carries. */
  const ORDERS = [
    [0, 1, 2],
    [1, 0, 2],
    [-1, 1, 0],
    [2, -1, 2],
    [-1, -1, 1],
  ];
  test.each(ORDERS.map((order): [number[]] => [order]))("slots %j", (order) => {
    const body = (c: A[], [x, z]: [A, A]): [A[], A[]] => {
      const next = order.map((k, i) => (k < 0 ? c[i]!.mul(x).add(np.sin(z)) : c[k]!));
      return [next, [x, c[0]!, z, next[1]!, x.mul(2)]];
    };
    const f = (a: A, b: A, xs: A): unknown =>
      lax.scan(body as never, [a, b, a.mul(b)] as never, [xs, xs.slice([]).mul(0.5)] as never);
    const plain = (a: A, b: A, xs: A): unknown => {
      let carry = [a, b, a.mul(b)];
      const ys: A[][] = [];
      for (let i = 0; i < xs.shape[0]!; i++) {
        const [next, y] = body(carry, [xs.slice(i), xs.slice(i).mul(0.5)]);
        [carry] = [next];
        ys.push(y);
      }
      return [carry, ys[0]!.map((_, k) => np.stack(ys.map((y) => y[k]!)))];
    };
    const args = [np.array(0.7), np.array(-0.4), np.array([0.5, -1, 2, 0.1])] as const;
    const total =
      (g: typeof f) =>
      (...xs: A[]): A =>
        (tree.leaves(g(...(xs as [A, A, A])) as never) as A[])
          .map((x, i) => x.mul(i + 1).sum())
          .reduce((p, q) => p.add(q));
    expectClose(f(...args), plain(...args));
    expectClose(jit(f)(...args), plain(...args));
    const argnums = [0, 1, 2] as const;
    expectClose(grad(total(f), { argnums })(...args), grad(total(plain), { argnums })(...args));
    expectClose(jit(grad(total(f), { argnums }))(...args), grad(total(plain), { argnums })(...args));
    const lanes = [np.array([0.7, 0.2]), args[1], args[2]] as const;
    expectClose(vmap(total(f), [0, null, null])(...lanes), vmap(total(plain), [0, null, null])(...lanes));
  });
  test("a slot with zero tangent next to one without", () => {
    const f = (x: A): A =>
      lax.scan(
        ([a, b]: [A, A]) => [[a.add(1), b.mul(x)], null] as [[A, A], null],
        [np.array(0), np.array(1)] as [A, A],
        null,
        {
          length: 3,
        },
      )[0][1];
    expectClose([jit(grad(f))(2), grad(grad(f))(2)], [12, 12]);
  });
  test("a carry that is replaced by constants ends the derivative", () => {
    const f = (x: A): A =>
      lax.scan((_: A) => [np.zeros([2]), null] as const, np.stack([x, x]), null, { length: 2 })[0].sum();
    expectClose([grad(f)(3), jit(grad(f))(3)], [0, 0]);
  });
});

describe("branches and callers", () => {
  test("a cond in the body, linearized (weights in one branch only)", () => {
    const f = (w: A, xs: A): A =>
      lax
        .scan(
          (c: A, x: A) =>
            [
              lax.cond(
                x.greater(0),
                (v: A) => np.tanh(np.dot(w, v)),
                (v: A) => v.mul(x),
                c,
              ),
              null,
            ] as const,
          H0,
          xs,
        )[0]
        .sum();
    const plain = (w: A, xs: A): A => {
      let c = H0;
      for (let i = 0; i < 4; i++)
        c = (xs.slice(i).item() as number) > 0 ? np.tanh(np.dot(w, c)) : c.mul(xs.slice(i));
      return c.sum();
    };
    const xs = np.array([1, -0.5, 2, -3]);
    expectClose(grad(f)(W, xs), grad(plain)(W, xs));
    expectClose(jit(grad(f))(W, xs), grad(plain)(W, xs));
    const [value, push] = linearize((w: A) => f(w, xs), [W]);
    expectClose(
      [value, push(TANGENTS[0])],
      jvp((w: A) => plain(w, xs), [W], [TANGENTS[0]]),
    );
  });
  test("bodies are recorded once per compiled function", () => {
    let traces = 0;
    const body = (c: A, x: A): [A, A] => {
      traces++;
      return [c.add(x), c];
    };
    const f = jit((h: A, xs: A) => lax.scan(body, h, xs));
    f(H0, XS);
    f(H0.mul(2), XS);
    expect(traces).toBe(1);
    f(H0, XS.slice([0, 2]));
    expect(traces).toBe(2);
  });
  test("many scalar leaves", () => {
    const names = Array.from({ length: 40 }, (_, i) => `p${i}`);
    const start = Object.fromEntries(names.map((n, i) => [n, np.array(i / 40)]));
    const f = (s: Record<string, A>): A => {
      const [last] = lax.scan(
        (c: Record<string, A>) =>
          [
            Object.fromEntries(names.map((n, i) => [n, c[n]!.add(c[names[(i + 1) % 40]!]!).mul(0.5)])),
            null,
          ] as const,
        s,
        null,
        { length: 3 },
      );
      return names.map((n, i) => last[n]!.mul(i)).reduce((a, b) => a.add(b));
    };
    // A linear map: the gradient does not depend on where it is taken.
    const g = jit(grad(f))(start) as Record<string, A>;
    const zero = Object.fromEntries(names.map((n) => [n, np.array(0)]));
    expectClose(grad(f)(zero), g);
    const inner = names.map((n) => g[n]!.mul(start[n]!)).reduce((a, b) => a.add(b));
    expectClose(inner, f(start));
  });
});
