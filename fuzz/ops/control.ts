/** Loops, branches, functions with derivatives of their own. */
import type { ArrayType, Body } from "../program.ts";
import { both, type Chooser, filled, floats, numbers, type Op, op, rank } from "./op.ts";

/** Values that a loop carries: of this program, perhaps whole numbers. */
function carried(g: Chooser): number[] {
  return Array.from({ length: g.rng.int(1, 3) }, () => g.value(rank(0, 3)));
}

const typesOf = (g: Chooser, ids: readonly number[]): ArrayType[] => ids.map((id) => g.type(id));

/** The next value of a carry: the same, another carry, updated in place, or computed. */
function next(g: Chooser, mine: number, carries: readonly number[]): number {
  const t = g.type(mine);
  const alike = carries.filter((id) => same(g.type(id), t));
  const how = g.rng.next();
  if (how < 0.12) return mine;
  if (how < 0.22) return g.rng.pick(alike);
  if (how < 0.5 && t.shape.length > 0 && filled(t) && t.dtype !== "bool") return inPlace(g, mine);
  const value = g.of(t, g.value());
  if (t.dtype === "bool" || !t.dtype.startsWith("float")) return value;
  return g.rng.chance(0.5)
    ? value
    : g.emit("np.multiply", [
        g.emit("lax.add", [g.rng.pick([mine, mine, g.rng.pick(alike)]), value])[0]!,
        g.literal(0.5),
      ])[0]!;
}

const same = (a: ArrayType, b: ArrayType): boolean =>
  a.dtype === b.dtype && String(a.shape) === String(b.shape);

function inPlace(g: Chooser, x: number): number {
  const { shape, dtype } = g.type(x);
  const row = shape.slice(1);
  const at = g.rng.chance(0.6)
    ? g.of({ shape: [], dtype: "int32" })
    : g.literal(g.rng.int(-1, shape[0]! - 1));
  const kind = g.rng.pick(["set", "add", "mul", "slice"]);
  let out =
    kind === "slice"
      ? g.emit("lax.dynamicUpdateSlice", [
          x,
          g.of({ shape: [1, ...row], dtype }),
          at,
          ...row.map(() => g.literal(0)),
        ])[0]!
      : g.emit(`array.at.${kind} [i]`, [x, g.of({ shape: row, dtype }), at])[0]!;
  if (dtype.startsWith("float") && g.rng.chance(0.5))
    out = g.rng.chance(0.5) ? g.emit("np.tanh", [out])[0]! : g.emit("np.multiply", [out, g.literal(0.5)])[0]!;
  return out;
}

/** Ys: anything that there is, the carry before or after included. */
const outputs = (g: Chooser, carries: readonly number[]): number[] =>
  Array.from({ length: g.rng.int(0, 2) }, () => (g.rng.chance(0.4) ? g.rng.pick(carries) : g.value()));

function loopBody(
  g: Chooser,
  carries: readonly ArrayType[],
  others: readonly ArrayType[],
  ys: boolean,
  first: readonly ArrayType[] = [],
): Body {
  return g.body([...first, ...carries, ...others], (params) => {
    const mine = params.slice(first.length, first.length + carries.length);
    const after = mine.map((id) => next(g, id, mine));
    return [...after, ...(ys ? outputs(g, [...mine, ...after]) : [])];
  });
}

/** Branches give what the first gives, in type. */
function branches(g: Chooser, operands: readonly number[], count: number): Body[] {
  const types = typesOf(g, operands);
  const first = g.body(types, () => Array.from({ length: g.rng.int(1, 2) }, () => g.value()));
  const outs = g.outTypes(first);
  const others = Array.from({ length: count - 1 }, () =>
    g.body(types, () => outs.map((t) => g.of(t, g.value()))),
  );
  return [first, ...others];
}

const scanOptions = (g: Chooser): { reverse: boolean; unroll: number } => ({
  reverse: g.rng.chance(0.3),
  unroll: g.rng.chance(0.25) ? g.rng.int(2, 4) : 1,
});

function scan(g: Chooser): { args: number[]; params: Record<string, number | boolean>; bodies: Body[] } {
  const carry = carried(g);
  const x = g.value(rank(1, 4));
  const length = g.type(x).shape[0]!;
  const others = g.rng.chance(0.3) ? [g.of({ shape: [length], dtype: g.type(g.value()).dtype })] : [];
  const xs = g.rng.chance(0.2) ? [] : [x, ...others];
  const elements = typesOf(g, xs).map((t) => ({ ...t, shape: t.shape.slice(1) }));
  const body = loopBody(g, typesOf(g, carry), elements, true);
  return {
    args: [...carry, ...xs],
    params: { n: carry.length, length: xs.length ? length : g.rng.int(0, 4), ...scanOptions(g) },
    bodies: [body],
  };
}

const PAIRS = {
  weft: "(c, x) => { const o = f[0](...c, ...(x ?? [])); return [o.slice(0, p.n), o.slice(p.n)]; }",
  jax: "lambda c, x: parts(f[0](*c, *(x or [])), p.n)",
};
const SCAN = {
  weft: "a.slice(0, p.n), a.length > p.n ? a.slice(p.n) : null, { length: p.length, reverse: p.reverse, unroll: p.unroll }",
  jax: "a[:p.n], a[p.n:] or None, length=p.length, reverse=p.reverse, unroll=p.unroll",
};

/** Associative functions of two values of one type. */
const ASSOCIATIVE: Readonly<Record<string, readonly [weft: string, jax: string]>> = {
  add: ["(x, y) => np.add(x, y)", "lambda x, y: x + y"],
  mul: ["(x, y) => np.multiply(x, y)", "lambda x, y: x * y"],
  max: ["(x, y) => np.maximum(x, y)", "lambda x, y: jnp.maximum(x, y)"],
};

export const CONTROL: readonly Op[] = [
  op({
    name: "lax.scan",
    weft: `lax.scan(${PAIRS.weft}, ${SCAN.weft}).flat()`,
    jax: `flat(lax.scan(${PAIRS.jax}, ${SCAN.jax}))`,
    weight: 14,
    choose: scan,
  }),
  op({
    name: "lax.scan checkpoint",
    weft: `lax.scan(checkpoint(${PAIRS.weft}), ${SCAN.weft}).flat()`,
    jax: `flat(lax.scan(jax.checkpoint(${PAIRS.jax}), ${SCAN.jax}))`,
    weight: 2,
    choose: scan,
  }),
  op({
    name: "lax.foriLoop",
    weft: "lax.foriLoop(p.lo, p.hi, (i, c) => f[0](i, ...c), a)",
    jax: "lax.fori_loop(p.lo, p.hi, lambda i, c: f[0](narrow(i), *c), a)",
    weight: 5,
    choose: (g) => {
      const carry = carried(g);
      const body = loopBody(g, typesOf(g, carry), [], false, [{ shape: [], dtype: "int32" }]);
      const lo = g.rng.int(-1, 2);
      return { args: carry, params: { lo, hi: lo + g.rng.int(-1, 4) }, bodies: [body] };
    },
  }),
  op({
    name: "lax.foriLoop traced",
    weft: "lax.foriLoop(0, np.clip(a[0], 0, 4), (i, c) => f[0](i, ...c), a.slice(1))",
    jax: "lax.fori_loop(whole(0), jnp.clip(a[0], 0, 4), lambda i, c: f[0](narrow(i), *c), a[1:])",
    weight: 2,
    choose: (g) => {
      if (g.backwards) return undefined;
      const carry = carried(g);
      const body = loopBody(g, typesOf(g, carry), [], false, [{ shape: [], dtype: "int32" }]);
      return { args: [g.of({ shape: [], dtype: "int32" }), ...carry], bodies: [body] };
    },
  }),
  op({
    name: "lax.whileLoop",
    weft: "lax.whileLoop(([i, c]) => np.logicalAnd(np.less(i, p.n), f[0](...c)[0]), ([i, c]) => [np.add(i, 1), f[1](...c)], [0, a]).flat().slice(1)",
    jax: "lax.while_loop(lambda s: (s[0] < p.n) & f[0](*s[1])[0], lambda s: (s[0] + 1, f[1](*s[1])), (0, a))[1]",
    weight: 4,
    choose: (g) => {
      if (g.backwards) return undefined;
      const carry = carried(g);
      const types = typesOf(g, carry);
      const condition = g.body(types, () => [g.of({ shape: [], dtype: "bool" })]);
      return {
        args: carry,
        params: { n: g.rng.int(0, 4) },
        bodies: [condition, loopBody(g, types, [], false)],
      };
    },
  }),
  op({
    name: "lax.cond",
    weft: "lax.cond(a[0], f[0], f[1], ...a.slice(1))",
    jax: "lax.cond(a[0], f[0], f[1], *a[1:])",
    weight: 5,
    choose: (g) => {
      const pred = g.of({ shape: [], dtype: g.rng.chance(0.8) ? "bool" : "int32" });
      const operands = Array.from({ length: g.rng.int(0, 2) }, () => g.value());
      return { args: [pred, ...operands], bodies: branches(g, operands, 2) };
    },
  }),
  op({
    name: "lax.switch",
    weft: "lax.switch(a[0], f, ...a.slice(1))",
    jax: "lax.switch(a[0], f, *a[1:])",
    weight: 3,
    choose: (g) => {
      const index = g.of({ shape: [], dtype: "int32" });
      const operands = Array.from({ length: g.rng.int(0, 2) }, () => g.value());
      return { args: [index, ...operands], bodies: branches(g, operands, g.rng.int(1, 3)) };
    },
  }),
  op({
    name: "lax.map",
    weft: "lax.map((x) => f[0](x), a[0], { batchSize: p.batch })",
    jax: "lax.map(lambda x: f[0](x), a[0], batch_size=p.batch)",
    weight: 3,
    choose: (g) => {
      const x = g.value(rank(1, 4));
      const t = g.type(x);
      const body = g.body([{ ...t, shape: t.shape.slice(1) }], () =>
        Array.from({ length: g.rng.int(1, 2) }, () => g.value()),
      );
      return {
        args: [x],
        params: { batch: g.rng.chance(0.3) ? g.rng.int(1, 3) : undefined },
        bodies: [body],
      };
    },
  }),
  ...Object.entries(ASSOCIATIVE).map(([name, [weft, jax]]) =>
    op({
      name: `lax.associativeScan ${name}`,
      weft: `lax.associativeScan(${weft}, a[0], { reverse: p.reverse, axis: p.axis })`,
      jax: `lax.associative_scan(${jax}, a[0], reverse=p.reverse, axis=p.axis)`,
      choose: (g) => {
        const x = g.value(both(numbers, rank(1, 3)));
        return {
          args: [x],
          params: { reverse: g.rng.chance(0.4), axis: g.rng.int(0, g.type(x).shape.length - 1) },
        };
      },
    }),
  ),
  op({
    name: "lax.associativeScan pair",
    weft: "lax.associativeScan(([m, b], [n, c]) => [np.multiply(m, n), np.add(np.multiply(n, b), c)], a, { reverse: p.reverse })",
    jax: "lax.associative_scan(lambda x, y: [x[0] * y[0], y[0] * x[1] + y[1]], a, reverse=p.reverse)",
    choose: (g) => {
      const x = g.value(both(floats, rank(1, 3)));
      return { args: [x, g.of(g.type(x))], params: { reverse: g.rng.chance(0.4) } };
    },
  }),
  op({
    name: "checkpoint",
    weft: "checkpoint((...xs) => f[0](...xs))(...a)",
    jax: "jax.checkpoint(lambda *xs: f[0](*xs))(*a)",
    weight: 2,
    choose: wrapped,
  }),
  op({
    name: "checkpoint named",
    weft: 'checkpoint((x) => checkpointName(f[0](x)[0], "kept"), { policy: checkpoint.policies.saveOnlyTheseNames("kept") })(a[0])',
    jax: 'jax.checkpoint(lambda x: checkpoint_name(f[0](x)[0], "kept"), policy=jax.checkpoint_policies.save_only_these_names("kept"))(a[0])',
    choose: (g) => {
      const x = g.value();
      return { args: [x], bodies: [g.body([g.type(x)], () => [g.value()])] };
    },
  }),
  op({
    name: "jit",
    weft: "jit((...xs) => f[0](...xs))(...a)",
    jax: "jax.jit(lambda *xs: f[0](*xs))(*a)",
    weight: 2,
    choose: wrapped,
  }),
  op({
    name: "vmap",
    weft: "vmap((x) => f[0](x), p.axis, p.axis)(a[0])",
    jax: "jax.vmap(lambda x: f[0](x), p.axis, p.axis)(a[0])",
    weight: 2,
    choose: (g) => {
      const x = g.value(both(rank(1, 3), filled));
      const t = g.type(x);
      const axis = g.rng.int(0, t.shape.length - 1);
      const inner = { ...t, shape: t.shape.toSpliced(axis, 1) };
      return { args: [x], params: { axis }, bodies: [g.body([inner], () => [g.of(inner, g.value())])] };
    },
  }),
  op({
    name: "grad",
    weft: "grad((x) => total(f[0](x)))(a[0])",
    jax: "jax.grad(lambda x: total(f[0](x)))(a[0])",
    weight: 2,
    choose: (g) => {
      if (!g.backwards) return undefined;
      const x = g.value(floats);
      return { args: [x], bodies: [g.body([g.type(x)], () => [g.value(floats)])] };
    },
  }),
  op({
    name: "customJvp",
    weft: "customJvp((...xs) => f[0](...xs), (xs, ts) => { const [out, t] = jvp((...ys) => f[0](...ys), xs, ts); return [out, t.map((x) => np.multiply(x, 0.75))]; })(...a)",
    jax: "custom_jvp(f[0], lambda t: t * 0.75)(*a)",
    weight: 3,
    choose: (g) => smooth(g),
  }),
  op({
    name: "customVjp",
    weft: "customVjp((...xs) => f[0](...xs), (...xs) => [f[0](...xs), xs], (xs, cts) => vjp((...ys) => f[0](...ys), xs)[1](cts).map((x) => np.multiply(x, 0.75)))(...a)",
    jax: "custom_vjp(f[0], lambda t: t * 0.75)(*a)",
    weight: 3,
    choose: (g) => (g.backwards ? smooth(g) : undefined),
  }),
];

function wrapped(g: Chooser): { args: number[]; bodies: Body[] } {
  const args = Array.from({ length: g.rng.int(1, 2) }, () => g.value());
  return {
    args,
    bodies: [g.body(typesOf(g, args), () => Array.from({ length: g.rng.int(1, 2) }, () => g.value()))],
  };
}

/** A function of floats that sees only its arguments: what a custom rule may close over differs between traces. */
function smooth(g: Chooser): { args: number[]; bodies: Body[] } {
  const args = Array.from({ length: g.rng.int(1, 2) }, () => g.value(floats));
  const types = typesOf(g, args);
  return { args, bodies: [g.body(types, () => [g.value(floats)], true)] };
}
