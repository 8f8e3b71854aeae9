/** What moves elements: views, joins, padding, tiles. */
import type { ArrayType } from "../program.ts";
import { sizeOf } from "../program.ts";
import {
  anAxis,
  anything,
  axesOrNull,
  both,
  type Chooser,
  filled,
  numbers,
  type Op,
  op,
  rank,
  snake,
  someAxes,
} from "./op.ts";

const words = (text: string): string[] => text.trim().split(/\s+/);

/** One array of enough axes and whatever parameters; exact. */
const view = (
  name: string,
  weft: string,
  jax: string,
  params: (g: Chooser, t: ArrayType) => Record<string, unknown>,
  accept: (t: ArrayType) => boolean = anything,
): Op =>
  op({
    name,
    weft,
    jax,
    choose: (g) => {
      const x = g.value(accept);
      return { args: [x], params: params(g, g.type(x)) as never };
    },
  });

const none = (): Record<string, never> => ({});
const plain = (names: string, accept: (t: ArrayType) => boolean): Op[] =>
  words(names).map((name) =>
    view(`np.${name}`, `np.${name}(a[0])`, `jnp.${snake(name)}(a[0])`, none, accept),
  );

/** The same number of elements in another shape. */
function reshaped(g: Chooser, { shape }: ArrayType): number[] {
  const size = sizeOf(shape);
  if (size === 0) return g.rng.shuffled(shape);
  const out: number[] = [];
  let left = size;
  while (left > 1 && out.length < 4) {
    const divisors = [...Array(left).keys()].map((d) => d + 1).filter((d) => left % d === 0);
    const d = g.rng.pick(divisors);
    out.push(d);
    left /= d;
  }
  return left > 1 ? [...out, left] : out;
}

function permutation(g: Chooser, { shape }: ArrayType): number[] {
  return g.rng.shuffled([...shape.keys()]);
}

/** A larger shape to which this one broadcasts. */
function larger(g: Chooser, { shape }: ArrayType): number[] {
  const grown = shape.map((d) => (d === 1 ? g.rng.int(1, 4) : d));
  return [...Array.from({ length: g.rng.int(0, 2) }, () => g.rng.int(1, 3)), ...grown];
}

const padding = (g: Chooser, { shape }: ArrayType): number[][] =>
  shape.map(() => [g.rng.int(0, 2), g.rng.int(0, 2)]);

function slice(g: Chooser, { shape }: ArrayType): Record<string, unknown> {
  const starts = shape.map((d) => g.rng.int(0, d));
  const limits = shape.map((d, i) => g.rng.int(starts[i]!, d));
  return { starts, limits, strides: shape.map(() => g.rng.int(1, 3)) };
}

/** Arrays that agree but for one axis. */
function joinable(g: Chooser): { args: number[]; axis: number } {
  const x = g.value(rank(1, 4));
  const { shape, dtype } = g.type(x);
  const axis = g.rng.int(0, shape.length - 1);
  const others = Array.from({ length: g.rng.int(0, 2) }, () =>
    g.of({ shape: shape.with(axis, g.rng.chance(0.5) ? shape[axis]! : g.rng.int(0, 3)), dtype }),
  );
  return { args: g.rng.shuffled([x, ...others]), axis };
}

/** Arrays of one shape, perhaps of several dtypes. */
function alike(g: Chooser, accept: (t: ArrayType) => boolean): number[] {
  const x = g.value(accept);
  const { shape } = g.type(x);
  return [
    x,
    ...Array.from({ length: g.rng.int(0, 2) }, () =>
      g.of({ shape, dtype: g.type(g.rng.chance(0.7) ? x : g.value()).dtype }),
    ),
  ];
}

export const VIEWS: readonly Op[] = [
  ...plain("ravel transpose flip atleast1d atleast2d", anything),
  ...plain("matrixTranspose fliplr", rank(2)),
  ...plain("flipud", rank(1)),
  view("np.reshape", "np.reshape(a[0], p.shape)", "jnp.reshape(a[0], p.shape)", (g, t) => ({
    shape: reshaped(g, t),
  })),
  view("lax.reshape", "lax.reshape(a[0], p.shape)", "lax.reshape(a[0], p.shape)", (g, t) => ({
    shape: reshaped(g, t),
  })),
  view("np.permuteDims", "np.permuteDims(a[0], p.axes)", "jnp.permute_dims(a[0], p.axes)", (g, t) => ({
    axes: permutation(g, t),
  })),
  view("lax.transpose", "lax.transpose(a[0], p.axes)", "lax.transpose(a[0], p.axes)", (g, t) => ({
    axes: permutation(g, t),
  })),
  view(
    "np.swapaxes",
    "np.swapaxes(a[0], p.i, p.j)",
    "jnp.swapaxes(a[0], p.i, p.j)",
    (g, t) => ({ i: anAxis(g, t.shape.length), j: anAxis(g, t.shape.length) }),
    rank(1),
  ),
  view(
    "np.moveaxis",
    "np.moveaxis(a[0], p.i, p.j)",
    "jnp.moveaxis(a[0], p.i, p.j)",
    (g, t) => ({ i: anAxis(g, t.shape.length), j: anAxis(g, t.shape.length) }),
    rank(1),
  ),
  view("np.squeeze", "np.squeeze(a[0])", "jnp.squeeze(a[0])", none),
  view("lax.squeeze", "lax.squeeze(a[0], p.axes)", "lax.squeeze(a[0], p.axes)", (_, t) => ({
    axes: [...t.shape.keys()].filter((i) => t.shape[i] === 1),
  })),
  view(
    "np.expandDims",
    "np.expandDims(a[0], p.axis)",
    "jnp.expand_dims(a[0], p.axis)",
    (g, t) => ({ axis: anAxis(g, t.shape.length + 1) }),
    rank(0, 5),
  ),
  view(
    "lax.expandDims",
    "lax.expandDims(a[0], p.axes)",
    "lax.expand_dims(a[0], p.axes)",
    (g, t) => ({ axes: [g.rng.int(0, t.shape.length)] }),
    rank(0, 5),
  ),
  view(
    "np.broadcastTo",
    "np.broadcastTo(a[0], p.shape)",
    "jnp.broadcast_to(a[0], p.shape)",
    (g, t) => ({ shape: larger(g, t) }),
    rank(0, 4),
  ),
  view(
    "lax.broadcast",
    "lax.broadcast(a[0], p.sizes)",
    "lax.broadcast(a[0], p.sizes)",
    (g) => ({ sizes: [g.rng.int(0, 3)] }),
    rank(0, 5),
  ),
  op({
    name: "lax.broadcastInDim",
    weft: "lax.broadcastInDim(a[0], p.shape, p.dims)",
    jax: "lax.broadcast_in_dim(a[0], p.shape, p.dims)",
    choose: (g) => {
      const x = g.value(rank(0, 4));
      const { shape } = g.type(x);
      const total = shape.length + g.rng.int(0, 2);
      const dims = g.rng
        .shuffled([...Array(total).keys()])
        .slice(0, shape.length)
        .sort((i, j) => i - j);
      const out: number[] = Array.from({ length: total }, () => g.rng.int(1, 3));
      dims.forEach((d, i) => {
        if (shape[i] !== 1) out[d] = shape[i]!;
      });
      return { args: [x], params: { shape: out, dims } };
    },
  }),
  view("lax.rev", "lax.rev(a[0], p.axes)", "lax.rev(a[0], p.axes)", (g, t) => ({
    axes: someAxes(g, t.shape.length),
  })),
  view("np.flip axes", "np.flip(a[0], p.axis)", "jnp.flip(a[0], p.axis)", (g, t) => ({
    axis: axesOrNull(g, t.shape.length),
  })),
  view("np.rot90", "np.rot90(a[0], p.k)", "jnp.rot90(a[0], p.k)", (g) => ({ k: g.rng.int(-1, 3) }), rank(2)),
  view(
    "lax.slice",
    "lax.slice(a[0], p.starts, p.limits, p.strides)",
    "lax.slice(a[0], p.starts, p.limits, p.strides)",
    slice,
  ),
  view(
    "lax.sliceInDim",
    "lax.sliceInDim(a[0], p.lo, p.hi, 1, p.axis)",
    "lax.slice_in_dim(a[0], p.lo, p.hi, 1, p.axis)",
    (g, t) => {
      const axis = g.rng.int(0, t.shape.length - 1);
      const lo = g.rng.int(0, t.shape[axis]!);
      return { lo, hi: g.rng.int(lo, t.shape[axis]!), axis };
    },
    rank(1),
  ),
  view(
    "lax.indexInDim",
    "lax.indexInDim(a[0], p.i, p.axis, p.keep)",
    "lax.index_in_dim(a[0], p.i, p.axis, p.keep)",
    (g, t) => {
      const axis = g.rng.int(0, t.shape.length - 1);
      const n = t.shape[axis]!;
      return { i: g.rng.int(-n, n - 1), axis, keep: g.rng.chance(0.5) };
    },
    both(rank(1), filled),
  ),
  op({
    name: "lax.pad",
    weft: "lax.pad(a[0], a[1], p.config)",
    jax: "lax.pad(a[0], a[1], p.config)",
    weight: 2,
    choose: (g) => {
      const x = g.value();
      const { shape, dtype } = g.type(x);
      const config = shape.map((d) => [
        g.rng.int(d > 1 ? -1 : 0, 2),
        g.rng.int(d > 2 ? -1 : 0, 2),
        g.rng.int(0, 2),
      ]);
      return { args: [x, g.of({ shape: [], dtype })], params: { config } };
    },
  }),
  view(
    "np.pad",
    "np.pad(a[0], p.width)",
    "jnp.pad(a[0], p.width)",
    (g, t) => ({ width: padding(g, t) }),
    rank(1),
  ),
  view(
    "np.pad modes",
    "np.pad(a[0], p.width, { mode: p.mode })",
    "jnp.pad(a[0], p.width, mode=p.mode)",
    (g, t) => ({ width: padding(g, t), mode: g.rng.pick(["edge", "wrap", "symmetric", "reflect"]) }),
    both(rank(1, 3), filled),
  ),
  view(
    "np.tile",
    "np.tile(a[0], p.reps)",
    "jnp.tile(a[0], p.reps)",
    (g) => ({ reps: Array.from({ length: g.rng.int(1, 3) }, () => g.rng.int(0, 2)) }),
    rank(0, 4),
  ),
  view(
    "np.repeat",
    "np.repeat(a[0], p.n, p.axis)",
    "jnp.repeat(a[0], p.n, p.axis)",
    (g, t) => ({ n: g.rng.int(0, 3), axis: anAxis(g, t.shape.length) }),
    rank(1),
  ),
  view(
    "np.roll",
    "np.roll(a[0], p.shift, p.axis)",
    "jnp.roll(a[0], p.shift, p.axis)",
    (g, t) => ({ shift: g.rng.int(-4, 4), axis: g.rng.chance(0.3) ? null : anAxis(g, t.shape.length) }),
    rank(1),
  ),
  view(
    "np.diagonal",
    "np.diagonal(a[0], p.k)",
    "jnp.diagonal(a[0], p.k)",
    (g) => ({ k: g.rng.int(-2, 2) }),
    rank(2),
  ),
  view("np.diag", "np.diag(a[0], p.k)", "jnp.diag(a[0], p.k)", (g) => ({ k: g.rng.int(-2, 2) }), rank(1, 2)),
  view(
    "np.diagflat",
    "np.diagflat(a[0], p.k)",
    "jnp.diagflat(a[0], p.k)",
    (g) => ({ k: g.rng.int(-1, 1) }),
    (t) => sizeOf(t.shape) < 12,
  ),
  view("np.tril", "np.tril(a[0], p.k)", "jnp.tril(a[0], p.k)", (g) => ({ k: g.rng.int(-1, 1) }), rank(2)),
  view("np.triu", "np.triu(a[0], p.k)", "jnp.triu(a[0], p.k)", (g) => ({ k: g.rng.int(-1, 1) }), rank(2)),
  view(
    "np.trace",
    "np.trace(a[0], p.k)",
    "jnp.trace(a[0], p.k)",
    (g) => ({ k: g.rng.int(-1, 1) }),
    both(numbers, rank(2)),
  ),
  view(
    "np.unstack",
    "np.unstack(a[0], p.axis)",
    "jnp.unstack(a[0], axis=p.axis)",
    (g, t) => ({ axis: anAxis(g, t.shape.length) }),
    both(rank(1), filled),
  ),
  view(
    "np.arraySplit",
    "np.arraySplit(a[0], p.n, p.axis)",
    "jnp.array_split(a[0], p.n, p.axis)",
    (g, t) => ({ n: g.rng.int(1, 3), axis: g.rng.int(0, t.shape.length - 1) }),
    rank(1),
  ),
  view(
    "np.split",
    "np.split(a[0], p.at, p.axis)",
    "jnp.split(a[0], p.at, p.axis)",
    (g, t) => {
      const axis = g.rng.int(0, t.shape.length - 1);
      return { at: [g.rng.int(0, t.shape[axis]!)], axis };
    },
    rank(1),
  ),
  view(
    "lax.split",
    "lax.split(a[0], p.sizes, p.axis)",
    "lax.split(a[0], p.sizes, p.axis)",
    (g, t) => {
      const axis = g.rng.int(0, t.shape.length - 1);
      const n = g.rng.int(0, t.shape[axis]!);
      return { sizes: [n, t.shape[axis]! - n], axis };
    },
    rank(1),
  ),
  op({
    name: "lax.concatenate",
    weft: "lax.concatenate(a, p.axis)",
    jax: "lax.concatenate(a, p.axis)",
    weight: 2,
    choose: (g) => {
      const { args, axis } = joinable(g);
      return { args, params: { axis } };
    },
  }),
  op({
    name: "np.concatenate",
    weft: "np.concatenate(a, p.axis)",
    jax: "jnp.concatenate(a, p.axis)",
    choose: (g) => {
      const { args, axis } = joinable(g);
      return { args, params: { axis: g.rng.chance(0.2) ? null : axis } };
    },
  }),
  op({
    name: "np.stack",
    weft: "np.stack(a, p.axis)",
    jax: "jnp.stack(a, p.axis)",
    choose: (g) => {
      const args = alike(g, rank(0, 4));
      return { args, params: { axis: anAxis(g, g.type(args[0]!).shape.length + 1) } };
    },
  }),
  ...["hstack", "vstack", "dstack", "columnStack"].map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a)`,
      jax: `jnp.${snake(name)}(a)`,
      choose: (g) => ({ args: alike(g, rank(0, 3)) }),
    }),
  ),
  op({
    name: "np.append",
    weft: "np.append(a[0], a[1])",
    jax: "jnp.append(a[0], a[1])",
    choose: (g) => ({ args: [g.value(), g.value()] }),
  }),
  op({
    name: "np.broadcastArrays",
    weft: "np.broadcastArrays(a[0], a[1])",
    jax: "jnp.broadcast_arrays(a[0], a[1])",
    choose: (g) => {
      const x = g.value();
      // A plain number alone becomes an array: an integer in Python, a float in JavaScript.
      return { args: [x, g.partner(x, anything, false)] };
    },
  }),
];
