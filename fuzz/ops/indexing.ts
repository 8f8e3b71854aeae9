/** Reads and writes at positions, known or computed; in-place updates of loop carries are made of these. */
import type { ArrayType, DType } from "../program.ts";
import { anAxis, anything, both, type Chooser, filled, floats, numbers, type Op, op, rank } from "./op.ts";

/** Positions along an axis of n, sometimes outside. */
const position =
  (g: Chooser, n: number): (() => number) =>
  () =>
    g.rng.chance(0.1) ? g.rng.int(-n - 2, n + 2) : g.rng.int(-n, n - 1);

function positions(g: Chooser, shape: readonly number[], n: number, dtype: DType = "int32"): number {
  if (g.rng.chance(0.3)) return g.of({ shape, dtype });
  const draw = position(g, n);
  return g.constant({ shape, dtype }, dtype.startsWith("u") ? () => Math.abs(draw()) : draw);
}

/** A scalar position: a number, an array, or what the program computed (a loop's counter). */
function scalarPosition(g: Chooser, n: number): number {
  if (g.rng.chance(0.4)) return g.of({ shape: [], dtype: "int32" });
  return g.rng.chance(0.5)
    ? g.literal(position(g, n)())
    : g.constant({ shape: [], dtype: "int32" }, position(g, n));
}

/** Updates need an array of this many axes with something in it, mostly. */
const target = (g: Chooser, lo: number, accept: (t: ArrayType) => boolean = anything): number =>
  g.value(g.rng.chance(0.9) ? both(rank(lo, 4), filled, accept) : both(rank(lo, 4), accept));

const UPDATES = ["set", "add", "mul", "min", "max"];
const JAX_UPDATE: Readonly<Record<string, string>> = {
  set: "set",
  add: "add",
  mul: "multiply",
  min: "min",
  max: "max",
};

/** `x.at[index].update(value)` in the ways to index; `choose` gives index and the shape of what is replaced. */
const updates = (
  form: string,
  weftIndex: string,
  jaxIndex: string,
  choose: (g: Chooser, t: ArrayType) => { index: number[]; shape: number[]; params?: Record<string, number> },
): Op[] =>
  UPDATES.map((update) =>
    op({
      name: `array.at.${update} ${form}`,
      weft: `np.asarray(a[0]).at(${weftIndex}).${update}(a[1])`,
      jax: `jnp.asarray(a[0]).at[${jaxIndex}].${JAX_UPDATE[update]}(a[1])`,
      choose: (g) => {
        const x = target(g, 1, numbers);
        const t = g.type(x);
        const { index, shape, params = {} } = choose(g, t);
        const value = g.rng.chance(0.3)
          ? g.literal(g.rng.int(-2, 2))
          : g.of({ shape: g.rng.chance(0.8) ? shape : [], dtype: t.dtype });
        return { args: [x, value, ...index], params };
      },
    }),
  );

export const INDEXING: readonly Op[] = [
  ...updates("[i]", "a[2]", "a[2]", (g, { shape }) => ({
    index: [scalarPosition(g, shape[0]!)],
    shape: shape.slice(1),
  })),
  ...updates("[lo:hi]", "[p.lo, p.hi]", "p.lo:p.hi", (g, { shape }) => {
    const lo = g.rng.int(0, shape[0]!);
    const hi = g.rng.int(lo, shape[0]!);
    return { index: [], shape: [hi - lo, ...shape.slice(1)], params: { lo, hi } };
  }),
  ...updates("[is]", "a[2]", "a[2]", (g, { shape }) => {
    const n = g.rng.int(1, 4);
    return { index: [positions(g, [n], shape[0]!)], shape: [n, ...shape.slice(1)] };
  }),
  op({
    name: "array.at.get",
    weft: "np.asarray(a[0]).at(a[1]).get({ mode: p.mode })",
    jax: "jnp.asarray(a[0]).at[a[1]].get(mode=p.mode)",
    choose: (g) => {
      const x = target(g, 1);
      return {
        args: [x, positions(g, [g.rng.int(0, 3)], g.type(x).shape[0]!)],
        params: { mode: g.rng.pick(["clip", "fill"]) },
      };
    },
  }),
  op({
    name: "array.slice i",
    weft: "np.asarray(a[0]).slice(a[1])",
    jax: "jnp.asarray(a[0])[a[1]]",
    weight: 2,
    choose: (g) => {
      const x = target(g, 1);
      return { args: [x, scalarPosition(g, g.type(x).shape[0]!)] };
    },
  }),
  op({
    name: "array.slice is",
    weft: "np.asarray(a[0]).slice(a[1])",
    jax: "jnp.asarray(a[0])[a[1]]",
    weight: 2,
    choose: (g) => {
      const x = target(g, 1);
      return {
        args: [
          x,
          positions(
            g,
            g.rng.pick([[3], [2, 2], [0], [1]]),
            g.type(x).shape[0]!,
            g.rng.pick(["int32", "int8", "uint8"]),
          ),
        ],
      };
    },
  }),
  op({
    name: "array.slice rows",
    weft: "np.asarray(a[0]).slice([], a[1])",
    jax: "jnp.asarray(a[0])[:, a[1]]",
    choose: (g) => {
      const x = target(g, 2);
      return { args: [x, positions(g, [g.rng.int(1, 3)], g.type(x).shape[1]!)] };
    },
  }),
  op({
    name: "array.slice mixed",
    weft: "np.asarray(a[0]).slice(a[1], [p.lo], null)",
    jax: "jnp.asarray(a[0])[a[1], p.lo:, None]",
    choose: (g) => {
      const x = target(g, 2);
      const { shape } = g.type(x);
      return {
        args: [x, positions(g, g.rng.pick([[], [2]]), shape[0]!)],
        params: { lo: g.rng.int(0, shape[1]!) },
      };
    },
  }),
  op({
    name: "array.slice pairs",
    weft: "np.asarray(a[0]).slice(a[1], a[2])",
    jax: "jnp.asarray(a[0])[a[1], a[2]]",
    choose: (g) => {
      const x = target(g, 2);
      const { shape } = g.type(x);
      return {
        args: [x, positions(g, [2], shape[0]!), positions(g, g.rng.pick([[2], [3, 1], []]), shape[1]!)],
      };
    },
  }),
  op({
    name: "np.take",
    weft: "np.take(a[0], a[1], p.axis, { mode: p.mode })",
    jax: "jnp.take(a[0], a[1], p.axis, mode=p.mode)",
    choose: (g) => {
      const x = target(g, 1);
      const { shape } = g.type(x);
      const axis = g.rng.chance(0.2) ? null : anAxis(g, shape.length);
      const n = axis === null ? shape.reduce((p, q) => p * q, 1) : shape.at(axis)!;
      return {
        args: [x, positions(g, g.rng.pick([[], [3], [2, 1]]), n)],
        params: { axis, mode: g.rng.pick(["fill", "clip", "wrap"]) },
      };
    },
  }),
  op({
    name: "np.takeAlongAxis",
    weft: "np.takeAlongAxis(a[0], a[1], p.axis)",
    jax: "jnp.take_along_axis(a[0], a[1], p.axis)",
    choose: (g) => {
      const x = target(g, 1);
      const { shape } = g.type(x);
      const axis = g.rng.int(0, shape.length - 1);
      return { args: [x, positions(g, shape.with(axis, g.rng.int(1, 3)), shape[axis]!)], params: { axis } };
    },
  }),
  op({
    name: "lax.dynamicSlice",
    weft: "lax.dynamicSlice(a[0], a.slice(1), p.sizes)",
    jax: "lax.dynamic_slice(a[0], starts(a[1:]), p.sizes)",
    choose: (g) => {
      const x = g.value(rank(1, 3));
      const { shape } = g.type(x);
      return {
        args: [x, ...shape.map((n) => scalarPosition(g, n))],
        params: { sizes: shape.map((n) => g.rng.int(0, n)) },
      };
    },
  }),
  op({
    name: "lax.dynamicUpdateSlice",
    weft: "lax.dynamicUpdateSlice(a[0], a[1], a.slice(2))",
    jax: "lax.dynamic_update_slice(a[0], a[1], starts(a[2:]))",
    weight: 2,
    choose: (g) => {
      const x = g.value(rank(1, 3));
      const { shape, dtype } = g.type(x);
      const update = g.of({ shape: shape.map((n) => g.rng.int(0, n)), dtype });
      return { args: [x, update, ...shape.map((n) => scalarPosition(g, n))] };
    },
  }),
  op({
    name: "lax.dynamicIndexInDim",
    weft: "lax.dynamicIndexInDim(a[0], a[1], p.axis, p.keep)",
    jax: "lax.dynamic_index_in_dim(a[0], a[1], p.axis, p.keep)",
    choose: (g) => {
      const x = target(g, 1);
      const { shape } = g.type(x);
      const axis = g.rng.int(0, shape.length - 1);
      return { args: [x, scalarPosition(g, shape[axis]!)], params: { axis, keep: g.rng.chance(0.5) } };
    },
  }),
  op({
    name: "lax.dynamicSliceInDim",
    weft: "lax.dynamicSliceInDim(a[0], a[1], p.size, p.axis)",
    jax: "lax.dynamic_slice_in_dim(a[0], a[1], p.size, p.axis)",
    choose: (g) => {
      const x = g.value(rank(1));
      const { shape } = g.type(x);
      const axis = g.rng.int(0, shape.length - 1);
      return {
        args: [x, scalarPosition(g, shape[axis]!)],
        params: { axis, size: g.rng.int(0, shape[axis]!) },
      };
    },
  }),
  op({
    name: "lax.dynamicUpdateSliceInDim",
    weft: "lax.dynamicUpdateSliceInDim(a[0], a[1], a[2], p.axis)",
    jax: "lax.dynamic_update_slice_in_dim(a[0], a[1], a[2], p.axis)",
    choose: (g) => {
      const x = target(g, 1);
      const { shape, dtype } = g.type(x);
      const axis = g.rng.int(0, shape.length - 1);
      const update = g.of({ shape: shape.with(axis, g.rng.int(0, shape[axis]!)), dtype });
      return { args: [x, update, scalarPosition(g, shape[axis]!)], params: { axis } };
    },
  }),
  op({
    name: "lax.dynamicUpdateIndexInDim",
    weft: "lax.dynamicUpdateIndexInDim(a[0], a[1], a[2], p.axis)",
    jax: "lax.dynamic_update_index_in_dim(a[0], a[1], a[2], p.axis)",
    choose: (g) => {
      const x = target(g, 1);
      const { shape, dtype } = g.type(x);
      const axis = g.rng.int(0, shape.length - 1);
      return {
        args: [x, g.of({ shape: shape.toSpliced(axis, 1), dtype }), scalarPosition(g, shape[axis]!)],
        params: { axis },
      };
    },
  }),
  op({
    name: "lax.gather",
    weft: `lax.gather(a[0], a[1], { offsetDims: p.offset, collapsedSliceDims: p.collapsed, startIndexMap: p.map }, p.sizes, { mode: p.mode })`,
    jax: `lax.gather(a[0], a[1], lax.GatherDimensionNumbers(offset_dims=p.offset, collapsed_slice_dims=p.collapsed, start_index_map=p.map), p.sizes, mode=p.mode)`,
    choose: (g) => {
      const x = target(g, 1);
      const { shape } = g.type(x);
      const map = g.rng.shuffled([...shape.keys()]).slice(0, g.rng.int(1, shape.length));
      const sizes = shape.map((n) => g.rng.int(Math.min(1, n), n));
      const collapsed = [...shape.keys()].filter((i) => sizes[i] === 1 && g.rng.chance(0.6));
      const count = g.rng.int(0, 3);
      const offset = Array.from({ length: shape.length - collapsed.length }, (_, i) => i + 1);
      const indices = positions(g, [count, map.length], Math.max(1, ...shape));
      return {
        args: [x, indices],
        params: { offset, collapsed, map, sizes, mode: g.rng.pick(["clip", "fill"]) },
      };
    },
  }),
  ...["scatter", "scatterAdd", "scatterMul", "scatterMax", "scatterMin"].map((name) =>
    op({
      name: `lax.${name}`,
      weft: `lax.${name}(a[0], a[1], a[2], { updateWindowDims: p.window, insertedWindowDims: p.inserted, scatterDimsToOperandDims: p.map }, { mode: p.mode, uniqueIndices: p.unique })`,
      jax: `lax.${name === "scatter" ? name : `scatter_${name.slice(7).toLowerCase()}`}(a[0], a[1], a[2], lax.ScatterDimensionNumbers(update_window_dims=p.window, inserted_window_dims=p.inserted, scatter_dims_to_operand_dims=p.map), mode=p.mode, unique_indices=p.unique)`,
      choose: (g) => {
        const x = target(g, 1, name === "scatterMul" ? floats : numbers);
        const { shape, dtype } = g.type(x);
        const map = g.rng.shuffled([...shape.keys()]).slice(0, g.rng.int(1, shape.length));
        const sizes = shape.map((n) => g.rng.int(Math.min(1, n), n));
        const inserted = [...shape.keys()].filter((i) => sizes[i] === 1 && g.rng.chance(0.6));
        const unique = name === "scatterMul";
        const count = unique ? 1 : g.rng.int(0, 3);
        const windowSizes = sizes.filter((_, i) => !inserted.includes(i));
        const updatesOf = g.of({ shape: [count, ...windowSizes], dtype });
        const indices = positions(g, [count, map.length], Math.max(1, ...shape));
        return {
          args: [x, indices, updatesOf],
          params: {
            window: windowSizes.map((_, i) => i + 1),
            inserted,
            map,
            mode: g.rng.pick(["fill", "clip"]),
            unique,
          },
        };
      },
    }),
  ),
];
