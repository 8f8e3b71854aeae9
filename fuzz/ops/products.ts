/** Contractions and what is made of them. */
import type { ArrayType, DType } from "../program.ts";
import { both, type Chooser, filled, floats, numbers, type Op, op, rank, snake } from "./op.ts";

const accepted = (g: Chooser): ((t: ArrayType) => boolean) =>
  g.x64 || g.rng.chance(0.85) ? floats : numbers;
const size = (g: Chooser): number => g.rng.pick([1, 2, 3, 4, 5, 8]);

/** Two operands with the dtype of the first. */
const pair = (g: Chooser, x: number, shape: readonly number[]): number[] => [
  x,
  g.of({ shape, dtype: g.type(x).dtype }),
];

/** Vectors of one length. */
const vectors = (names: string): Op[] =>
  names.split(" ").map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], a[1])`,
      jax: `jnp.${snake(name)}(a[0], a[1])`,
      choose: (g) => {
        const x = g.value(both(rank(1, 3), accepted(g)));
        return { args: pair(g, x, g.type(x).shape) };
      },
    }),
  );

/** Batched products as matmul takes them. */
function matmulShapes(g: Chooser, shape: readonly number[]): readonly number[] {
  const k = shape.at(-1)!;
  if (g.rng.chance(0.25)) return [k];
  const batch = shape.slice(0, -2).map((d) => (g.rng.chance(0.3) ? 1 : d));
  return [...batch.slice(g.rng.int(0, batch.length)), k, size(g)];
}

/** Subscripts for operands of the given ranks: letters for axes, shared where sizes agree. */
function subscripts(g: Chooser, shapes: readonly (readonly number[])[]): string | undefined {
  const sizes: number[] = [];
  const terms = shapes.map((shape) => {
    let term = "";
    for (const d of shape) {
      const known = [...sizes.keys()].filter(
        (k) => sizes[k] === d && (g.rng.chance(0.15) || !term.includes(letter(k))),
      );
      const k = known.length > 0 && g.rng.chance(0.7) ? g.rng.pick(known) : sizes.push(d) - 1;
      term += letter(k);
    }
    return term;
  });
  const out = g.rng
    .shuffled([...sizes.keys()])
    .slice(0, g.rng.int(0, Math.min(3, sizes.length)))
    .map(letter)
    .join("");
  return g.rng.chance(0.8) ? `${terms.join()}->${out}` : terms.join();
}
const letter = (k: number): string => "abcdefghijklmnopqrstuvwxyz"[k]!;

/** Two operands whose contracted and batch axes agree. */
function dotGeneral(g: Chooser): { args: number[]; params: { dims: number[][][] } } {
  const x = g.value(both(accepted(g), rank(1, 4)));
  const { shape, dtype } = g.type(x);
  const axes = g.rng.shuffled([...shape.keys()]);
  const nBatch = g.rng.int(0, Math.min(2, shape.length));
  const nContract = g.rng.int(0, shape.length - nBatch);
  const [batch, contract] = [axes.slice(0, nBatch), axes.slice(nBatch, nBatch + nContract)];
  const free = Array.from({ length: g.rng.int(0, 2) }, () => size(g));
  const own = g.rng.shuffled([...batch, ...contract, ...free.map((_, i) => -1 - i)]);
  const rhs = own.map((k) => (k < 0 ? free[-1 - k]! : shape[k]!));
  const at = (ks: number[]): number[] => ks.map((k) => own.indexOf(k));
  const y = g.of({ shape: rhs, dtype });
  return {
    args: [x, y],
    params: {
      dims: [
        [contract, at(contract)],
        [batch, at(batch)],
      ],
    },
  };
}

export const PRODUCTS: readonly Op[] = [
  op({
    name: "np.matmul",
    weft: "np.matmul(a[0], a[1])",
    jax: "jnp.matmul(a[0], a[1])",
    weight: 3,
    choose: (g) => {
      const x = g.value(both(rank(1, 4), accepted(g)));
      return { args: pair(g, x, matmulShapes(g, g.type(x).shape)) };
    },
  }),
  op({
    name: "np.dot",
    weft: "np.dot(a[0], a[1])",
    jax: "jnp.dot(a[0], a[1])",
    weight: 2,
    choose: (g) => {
      const x = g.value(both(rank(0, 3), accepted(g)));
      const { shape } = g.type(x);
      const k = shape.at(-1) ?? 1;
      return { args: pair(g, x, shape.length === 0 ? [] : g.rng.pick([[k], [k, size(g)], [2, k, 3]])) };
    },
  }),
  ...vectors("inner vdot vecdot"),
  op({
    name: "np.outer",
    weft: "np.outer(a[0], a[1])",
    jax: "jnp.outer(a[0], a[1])",
    choose: (g) => {
      const x = g.value(both(numbers, (t) => t.shape.reduce((p, q) => p * q, 1) < 20));
      return { args: pair(g, x, [size(g)]) };
    },
  }),
  op({
    name: "np.matvec",
    weft: "np.matvec(a[0], a[1])",
    jax: "jnp.matvec(a[0], a[1])",
    choose: (g) => {
      const x = g.value(both(rank(2, 3), floats));
      return { args: pair(g, x, [g.type(x).shape.at(-1)!]) };
    },
  }),
  op({
    name: "np.vecmat",
    weft: "np.vecmat(a[0], a[1])",
    jax: "jnp.vecmat(a[0], a[1])",
    choose: (g) => {
      const x = g.value(both(rank(1, 2), floats));
      return { args: pair(g, x, [g.type(x).shape.at(-1)!, size(g)]) };
    },
  }),
  op({
    name: "np.tensordot",
    weft: "np.tensordot(a[0], a[1], p.axes)",
    jax: "jnp.tensordot(a[0], a[1], p.axes)",
    choose: (g) => {
      const x = g.value(both(rank(1, 3), accepted(g)));
      const { shape } = g.type(x);
      const n = g.rng.int(0, Math.min(2, shape.length));
      return { args: pair(g, x, [...shape.slice(shape.length - n), size(g)]), params: { axes: n } };
    },
  }),
  op({
    name: "np.einsum",
    weft: "np.einsum(p.subscripts, ...a)",
    jax: "jnp.einsum(p.subscripts, *a)",
    weight: 3,
    choose: (g) => {
      const x = g.value(both(rank(1, 3), accepted(g)));
      const { shape, dtype } = g.type(x);
      const others = Array.from({ length: g.rng.int(0, 2) }, () =>
        g.of({ shape: g.rng.shuffled(shape).slice(0, g.rng.int(1, 2)), dtype }),
      );
      const args = [x, ...others];
      const text = subscripts(
        g,
        args.map((id) => g.type(id).shape),
      );
      return text === undefined ? undefined : { args, params: { subscripts: text } };
    },
  }),
  op({
    name: "lax.dotGeneral",
    weft: "lax.dotGeneral(a[0], a[1], p.dims)",
    jax: "lax.dot_general(a[0], a[1], p.dims)",
    weight: 2,
    choose: dotGeneral,
  }),
  op({
    name: "lax.dotGeneral preferred",
    weft: "lax.dotGeneral(a[0], a[1], p.dims, { preferredElementType: p.dtype })",
    jax: "lax.dot_general(a[0], a[1], p.dims, preferred_element_type=p.dtype)",
    choose: (g) => {
      const { args, params } = dotGeneral(g);
      const { dtype } = g.type(args[0]!);
      const wide: DType = dtype.startsWith("float") ? (g.x64 ? "float64" : "float32") : "int32";
      return { args, params: { ...params, dtype: wide } };
    },
  }),
  op({
    name: "lax.dot",
    weft: "lax.dot(a[0], a[1])",
    jax: "lax.dot(a[0], a[1])",
    choose: (g) => {
      const x = g.value(both(rank(1, 2), accepted(g)));
      const k = g.type(x).shape.at(-1)!;
      return { args: pair(g, x, g.rng.pick([[k], [k, size(g)]])) };
    },
  }),
  op({
    name: "np.cross",
    weft: "np.cross(a[0], a[1])",
    jax: "jnp.cross(a[0], a[1])",
    choose: (g) => {
      const x = g.of({ shape: g.rng.pick([[3], [2, 3]]), dtype: g.type(g.value(floats)).dtype });
      return { args: pair(g, x, g.type(x).shape) };
    },
  }),
  op({
    name: "np.linalg.matrixPower",
    weft: "np.linalg.matrixPower(a[0], p.n)",
    jax: "jnp.linalg.matrix_power(a[0], p.n)",
    choose: (g) => {
      const n = g.rng.int(1, 3);
      return {
        args: [g.of({ shape: [n, n], dtype: g.type(g.value(floats)).dtype })],
        params: { n: g.rng.int(0, 4) },
      };
    },
  }),
  op({
    name: "np.linalg.multiDot",
    weft: "np.linalg.multiDot(a)",
    jax: "jnp.linalg.multi_dot(a)",
    choose: (g) => {
      const x = g.value(both(rank(2, 2), floats));
      const { shape, dtype } = g.type(x);
      const n = size(g);
      return { args: [x, g.of({ shape: [shape[1]!, n], dtype }), g.of({ shape: [n, 2], dtype })] };
    },
  }),
  ...["convolve", "correlate"].map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], a[1], p.mode)`,
      jax: `jnp.${name}(a[0], a[1], p.mode)`,
      choose: (g) => {
        const x = g.value(both(floats, rank(1, 1), filled));
        return {
          args: pair(g, x, [g.rng.int(1, 4)]),
          params: { mode: g.rng.pick(["full", "same", "valid"]) },
        };
      },
    }),
  ),
];
