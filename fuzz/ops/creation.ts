/** Arrays out of nothing: constants, ranges, random numbers. */
import { both, type Chooser, filled, floats, ints, type Op, op, rank } from "./op.ts";

const made = (name: string, weft: string, jax: string, params: (g: Chooser) => Record<string, unknown>): Op =>
  op({ name, weft, jax, weight: 0.3, choose: (g) => ({ args: [], params: params(g) as never }) });

const shape = (g: Chooser): number[] =>
  Array.from({ length: g.rng.int(0, 3) }, () => g.rng.int(g.rng.chance(0.1) ? 0 : 1, 4));
const fewDTypes = (g: Chooser): string => g.rng.pick(["float32", "int32", "uint8", "bool"]);

const key = (g: Chooser): number => g.emit("random.key", [], { seed: g.rng.int(-3, 1000) })[0]!;

/** A sampler of a shape; `params` adds to it. */
const sampler = (
  name: string,
  weft: string,
  jax: string,
  params: (g: Chooser) => Record<string, unknown> = () => ({}),
): Op =>
  op({
    name: `random.${name}`,
    weft,
    jax,
    weight: 0.4,
    choose: (g) => ({ args: [key(g)], params: { shape: shape(g), ...params(g) } as never }),
  });

const RANDOM: readonly Op[] = [
  op({
    name: "random.key",
    weft: "random.key(p.seed)",
    jax: "random.PRNGKey(p.seed)",
    weight: 0.3,
    choose: (g) => ({ args: [], params: { seed: g.rng.int(-3, 1000) } }),
  }),
  op({
    name: "random.split",
    weft: "random.split(a[0], p.n)",
    jax: "random.split(a[0], p.n)",
    weight: 0.4,
    choose: (g) => ({ args: [key(g)], params: { n: g.rng.int(1, 3) } }),
  }),
  op({
    name: "random.foldIn",
    weft: "random.foldIn(a[0], a[1])",
    jax: "random.fold_in(a[0], a[1])",
    weight: 0.4,
    choose: (g) => ({ args: [key(g), g.of({ shape: [], dtype: "int32" })] }),
  }),
  sampler("bits", "random.bits(a[0], p.shape)", "random.bits(a[0], p.shape, 'uint32')", () => ({})),
  sampler(
    "uniform",
    "random.uniform(a[0], p.shape, { minval: p.lo, maxval: 2 })",
    "random.uniform(a[0], p.shape, 'float32', minval=p.lo, maxval=2)",
    (g) => ({ lo: g.rng.pick([0, -1.5]) }),
  ),
  sampler("normal", "random.normal(a[0], p.shape)", "random.normal(a[0], p.shape, 'float32')", () => ({})),
  sampler(
    "bernoulli",
    "random.bernoulli(a[0], p.p, p.shape)",
    "random.bernoulli(a[0], np.float32(p.p), p.shape)",
    (g) => ({ p: g.rng.pick([0.3, 0.5]) }),
  ),
  sampler("exponential", "random.exponential(a[0], p.shape)", "random.exponential(a[0], p.shape, 'float32')"),
  sampler("laplace", "random.laplace(a[0], p.shape)", "random.laplace(a[0], p.shape, 'float32')"),
  sampler("gumbel", "random.gumbel(a[0], p.shape)", "random.gumbel(a[0], p.shape, 'float32')"),
  sampler(
    "truncatedNormal",
    "random.truncatedNormal(a[0], -1, 2, p.shape)",
    "random.truncated_normal(a[0], -1, 2, p.shape, 'float32')",
    () => ({}),
  ),
  sampler(
    "randint",
    "random.randint(a[0], p.shape, p.lo, 9)",
    "random.randint(a[0], p.shape, p.lo, 9, 'int32')",
    (g) => ({ lo: g.rng.int(-5, 3) }),
  ),
  op({
    name: "random.permutation",
    weft: "random.permutation(a[0], a[1])",
    jax: "random.permutation(a[0], a[1])",
    weight: 0.4,
    choose: (g) => ({ args: [key(g), g.value(rank(1))] }),
  }),
  op({
    name: "random.choice",
    weft: "random.choice(a[0], a[1], { shape: p.shape, replace: p.replace })",
    jax: "random.choice(a[0], a[1], p.shape, p.replace)",
    weight: 0.4,
    choose: (g) => {
      const x = g.value(both(rank(1), filled));
      return { args: [key(g), x], params: { shape: g.rng.pick([[], [1]]), replace: g.rng.chance(0.5) } };
    },
  }),
  op({
    name: "random.categorical",
    weft: "random.categorical(a[0], a[1])",
    jax: "random.categorical(a[0], a[1])",
    weight: 0.4,
    choose: (g) => ({ args: [key(g), g.value(both(floats, rank(1), filled))] }),
  }),
  op({
    name: "lax.threefry2x32",
    weft: "lax.threefry2x32(a[0], a[1], a[2], a[3])",
    jax: "threefry(a[0], a[1], a[2], a[3])",
    weight: 0.4,
    choose: (g) => {
      const x = g.of({ shape: g.type(g.value(ints)).shape, dtype: "uint32" });
      const t = g.type(x);
      const word = { ...t, shape: [] };
      return { args: [g.of(word), g.of(word), x, g.of(t)] };
    },
  }),
];

export const CREATION: readonly Op[] = [
  ...RANDOM,
  op({
    name: "literal",
    weft: "p.value",
    jax: "p.value",
    weight: 0,
    choose: (g) => ({ args: [], params: { value: g.rng.int(-2, 2) } }),
  }),
  op({
    name: "np.array",
    weft: "np.array(p.values, { dtype: p.dtype, shape: p.shape })",
    jax: "jnp.array(p.values, p.dtype).reshape(p.shape)",
    weight: 0,
    choose: () => ({ args: [], params: { values: [1, 2], dtype: "float32", shape: [2] } }),
  }),
  made("np.zeros", "np.zeros(p.shape, { dtype: p.dtype })", "jnp.zeros(p.shape, p.dtype)", (g) => ({
    shape: shape(g),
    dtype: fewDTypes(g),
  })),
  made("np.ones", "np.ones(p.shape, { dtype: p.dtype })", "jnp.ones(p.shape, p.dtype)", (g) => ({
    shape: shape(g),
    dtype: fewDTypes(g),
  })),
  made(
    "np.full",
    "np.full(p.shape, p.value, { dtype: p.dtype })",
    "jnp.full(p.shape, p.value, p.dtype)",
    (g) => ({ shape: shape(g), value: g.rng.int(0, 3), dtype: fewDTypes(g) }),
  ),
  made(
    "np.arange",
    "np.arange(p.lo, p.hi, p.step, { dtype: p.dtype })",
    "jnp.arange(p.lo, p.hi, p.step, p.dtype)",
    (g) => ({
      lo: g.rng.int(-2, 2),
      hi: g.rng.int(0, 7),
      step: g.rng.int(1, 2),
      dtype: g.rng.pick(["float32", "int32"]),
    }),
  ),
  made(
    "np.linspace",
    "np.linspace(p.lo, p.hi, p.n, p.end)",
    "jnp.linspace(p.lo, p.hi, p.n, p.end, dtype='float32')",
    (g) => ({ lo: g.rng.int(-2, 2), hi: g.rng.int(0, 7), n: g.rng.int(0, 6), end: g.rng.chance(0.5) }),
  ),
  made("np.eye", "np.eye(p.n, p.m, { k: p.k })", "jnp.eye(p.n, p.m, p.k, 'float32')", (g) => ({
    n: g.rng.int(1, 4),
    m: g.rng.int(1, 4),
    k: g.rng.int(-1, 1),
  })),
  made("np.tri", "np.tri(p.n, p.m, p.k)", "jnp.tri(p.n, p.m, p.k, 'float32')", (g) => ({
    n: g.rng.int(1, 4),
    m: g.rng.int(1, 4),
    k: g.rng.int(-1, 1),
  })),
  made("lax.iota", "lax.iota(p.dtype, p.n)", "lax.iota(p.dtype, p.n)", (g) => ({
    dtype: g.rng.pick(["float32", "int32", "uint8"]),
    n: g.rng.int(0, 5),
  })),
  made(
    "lax.broadcastedIota",
    "lax.broadcastedIota(p.dtype, p.shape, p.axis)",
    "lax.broadcasted_iota(p.dtype, p.shape, p.axis)",
    (g) => ({
      dtype: g.rng.pick(["float32", "int32"]),
      shape: [g.rng.int(1, 3), g.rng.int(1, 3)],
      axis: g.rng.int(0, 1),
    }),
  ),
  made(
    "np.empty",
    "np.zeros(np.empty(p.shape).shape)",
    "jnp.zeros(jnp.empty(p.shape).shape, 'float32')",
    (g) => ({ shape: shape(g) }),
  ),
  made("lax.full", "lax.full(p.shape, p.value, p.dtype)", "lax.full(p.shape, p.value, p.dtype)", (g) => ({
    shape: shape(g),
    value: g.rng.int(0, 3),
    dtype: fewDTypes(g),
  })),
  made(
    "np.logspace",
    "np.logspace(p.lo, p.hi, p.n, p.end)",
    "jnp.logspace(p.lo, p.hi, p.n, p.end, dtype='float32')",
    (g) => ({ lo: g.rng.int(-2, 2), hi: g.rng.int(0, 3), n: g.rng.int(0, 6), end: g.rng.chance(0.5) }),
  ),
  made(
    "np.geomspace",
    "np.geomspace(p.lo, p.hi, p.n, p.end)",
    "jnp.geomspace(p.lo, p.hi, p.n, p.end, dtype='float32')",
    (g) => ({ lo: g.rng.int(1, 3), hi: g.rng.int(1, 30), n: g.rng.int(0, 6), end: g.rng.chance(0.5) }),
  ),
  made("np.identity", "np.identity(p.n)", "jnp.identity(p.n, 'float32')", (g) => ({ n: g.rng.int(0, 4) })),
  made("np.indices", "np.indices(p.shape)", "jnp.indices(p.shape, 'int32')", (g) => ({
    shape: [g.rng.int(0, 3), g.rng.int(1, 3)],
  })),
  made("np.diagIndices", "np.diagIndices(p.n)", "jnp.diag_indices(p.n)", (g) => ({ n: g.rng.int(0, 4) })),
  made(
    "np.fromfunction",
    "np.fromfunction((i, j) => np.add(i, np.multiply(j, 2)), p.shape)",
    "jnp.fromfunction(lambda i, j: i + j * 2, p.shape, dtype='float32')",
    (g) => ({ shape: [g.rng.int(0, 3), g.rng.int(1, 3)] }),
  ),
  ...["bartlett", "hamming", "blackman"].map((name) =>
    made(`np.${name}`, `np.${name}(p.n)`, `jnp.${name}(p.n).astype('float32')`, (g) => ({
      n: g.rng.int(0, 6),
    })),
  ),
  made("np.hann", "np.hann(p.n)", "jnp.hanning(p.n).astype('float32')", (g) => ({ n: g.rng.int(0, 6) })),
  op({
    name: "random.keyData",
    weft: "random.keyData(random.wrapKeyData(a[0]))",
    jax: "random.key_data(random.wrap_key_data(a[0]))",
    weight: 0.2,
    choose: (g) => ({ args: [key(g)] }),
  }),
  ...["zeros", "ones"].map((name) =>
    op({
      name: `lax.${name}Like`,
      weft: `lax.${name}Like(a[0])`,
      jax: `jnp.${name}_like(a[0])`,
      weight: 0.3,
      choose: (g) => ({ args: [g.value()] }),
    }),
  ),
  op({
    name: "lax.fullLike",
    weft: "lax.fullLike(a[0], p.value)",
    jax: "lax.full_like(a[0], p.value)",
    weight: 0.3,
    choose: (g) => ({ args: [g.value()], params: { value: g.rng.int(0, 3) } }),
  }),
  ...["zeros", "ones"].map((name) =>
    op({
      name: `np.${name}Like`,
      weft: `np.${name}Like(a[0])`,
      jax: `jnp.${name}_like(a[0])`,
      weight: 0.3,
      choose: (g) => ({ args: [g.value()] }),
    }),
  ),
  op({
    name: "np.fullLike",
    weft: "np.fullLike(a[0], p.value)",
    jax: "jnp.full_like(a[0], p.value)",
    weight: 0.3,
    choose: (g) => ({ args: [g.value()], params: { value: g.rng.int(0, 3) } }),
  }),
  op({
    name: "nn.oneHot",
    weft: "nn.oneHot(a[0], p.n)",
    jax: "nn.one_hot(a[0], p.n, dtype='float32')",
    choose: (g) => ({ args: [g.value(both(ints, rank(0, 3)))], params: { n: g.rng.int(0, 4) } }),
  }),
];
