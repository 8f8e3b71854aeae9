/** Functions of sequences: differences, interpolation, polynomials, statistics, searching, comparing. */
import type { ArrayType } from "../program.ts";
import {
  anAxis,
  anything,
  both,
  type Chooser,
  filled,
  floats,
  ints,
  numbers,
  type Op,
  op,
  rank,
  snake,
} from "./op.ts";

const line = rank(1, 1);
const floatLine = both(floats, line, filled);

/** A vector whose elements rise: positions for interpolation and searching. */
const rising = (g: Chooser, n: number, dtype: ArrayType["dtype"]): number => {
  let at = g.rng.int(-3, 0);
  return g.constant({ shape: [n], dtype }, () => (at += g.rng.pick([0.5, 1, 1, 2])));
};

/** Two polynomials, the highest power first. */
const polynomials = (names: string): Op[] =>
  names.split(" ").map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], a[1])`,
      jax: `jnp.${name}(a[0], a[1])`,
      choose: (g) => {
        const x = g.value(floatLine);
        return { args: [x, g.of({ shape: [g.rng.int(1, 4)], dtype: g.type(x).dtype })] };
      },
    }),
  );

const splits = (names: readonly (readonly [name: string, axis: number])[]): Op[] =>
  names.map(([name, axis]) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], p.at)`,
      jax: `jnp.${name}(a[0], p.at)`,
      choose: (g) => {
        const x = g.value(rank(axis + 1));
        return { args: [x], params: { at: [g.rng.int(0, g.type(x).shape[axis]!)] } };
      },
    }),
  );

const equalities = (names: string): Op[] =>
  names.split(" ").map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], a[1])`,
      jax: `jnp.${snake(name)}(a[0], a[1])`,
      choose: (g) => {
        const x = g.value();
        return { args: [x, g.partner(x, anything)] };
      },
    }),
  );

export const SERIES: readonly Op[] = [
  op({
    name: "np.diff",
    weft: "np.diff(a[0], p.n, p.axis)",
    jax: "jnp.diff(a[0], p.n, p.axis)",
    choose: (g) => {
      const x = g.value(both(numbers, rank(1)));
      return { args: [x], params: { n: g.rng.int(0, 2), axis: anAxis(g, g.type(x).shape.length) } };
    },
  }),
  op({
    name: "np.diff ends",
    weft: "np.diff(a[0], p.n, -1, { prepend: a[1], append: a[1] })",
    jax: "jnp.diff(a[0], p.n, -1, prepend=a[1], append=a[1])",
    choose: (g) => {
      const x = g.value(both(numbers, rank(1, 3)));
      const { shape, dtype } = g.type(x);
      return { args: [x, g.of({ shape: shape.with(-1, 1), dtype })], params: { n: g.rng.int(1, 2) } };
    },
  }),
  op({
    name: "np.ediff1d",
    weft: "np.ediff1d(a[0])",
    jax: "jnp.ediff1d(a[0])",
    choose: (g) => ({ args: [g.value(numbers)] }),
  }),
  op({
    name: "np.trapezoid",
    weft: "np.trapezoid(a[0], a[1], { axis: p.axis })",
    jax: "jnp.trapezoid(a[0], a[1], axis=p.axis)",
    choose: (g) => {
      const y = g.value(both(floats, rank(1, 3), filled));
      const { shape, dtype } = g.type(y);
      const axis = g.rng.int(0, shape.length - 1);
      return { args: [y, g.of({ shape: [shape[axis]!], dtype })], params: { axis } };
    },
  }),
  op({
    name: "np.trapezoid even",
    weft: "np.trapezoid(a[0], null, { dx: p.dx, axis: p.axis })",
    jax: "jnp.trapezoid(a[0], None, p.dx, p.axis)",
    choose: (g) => {
      const y = g.value(both(floats, rank(1, 3), filled));
      return { args: [y], params: { dx: g.rng.pick([1, 0.5]), axis: anAxis(g, g.type(y).shape.length) } };
    },
  }),
  op({
    name: "np.interp",
    weft: "np.interp(a[0], a[1], a[2])",
    jax: "jnp.interp(a[0], a[1], a[2])",
    choose: (g) => {
      const x = g.value(floats);
      const { dtype } = g.type(x);
      const n = g.rng.int(1, 5);
      return { args: [x, rising(g, n, dtype), g.of({ shape: [n], dtype })] };
    },
  }),
  op({
    name: "np.unwrap",
    weft: "np.unwrap(a[0], null, p.axis)",
    jax: "jnp.unwrap(a[0], None, p.axis)",
    choose: (g) => {
      const x = g.value(both(floats, rank(1, 3)));
      return { args: [x], params: { axis: anAxis(g, g.type(x).shape.length) } };
    },
  }),
  op({
    name: "np.cov",
    weft: "np.cov(a[0], null, { rowvar: p.rows })",
    jax: "jnp.cov(a[0], rowvar=p.rows)",
    choose: (g) => ({
      args: [g.value(both(floats, rank(1, 2), filled))],
      params: { rows: g.rng.chance(0.6) },
    }),
  }),
  op({
    name: "np.corrcoef",
    weft: "np.corrcoef(a[0])",
    jax: "jnp.corrcoef(a[0])",
    choose: (g) => ({ args: [g.value(both(floats, rank(1, 2), filled))] }),
  }),
  ...polynomials("polyadd polysub polymul"),
  op({
    name: "np.polyval",
    weft: "np.polyval(a[0], a[1])",
    jax: "jnp.polyval(a[0], a[1])",
    choose: (g) => {
      const x = g.value(floats);
      return { args: [g.of({ shape: [g.rng.int(1, 4)], dtype: g.type(x).dtype }), x] };
    },
  }),
  op({
    name: "np.polyder",
    weft: "np.polyder(a[0], p.m)",
    jax: "jnp.polyder(a[0], p.m)",
    choose: (g) => ({ args: [g.value(floatLine)], params: { m: g.rng.int(0, 2) } }),
  }),
  op({
    name: "np.vander",
    weft: "np.vander(a[0], { n: p.n, increasing: p.increasing })",
    jax: "jnp.vander(a[0], p.n, p.increasing)",
    choose: (g) => ({
      args: [g.value(both(floats, line))],
      params: { n: g.rng.int(1, 4), increasing: g.rng.chance(0.5) },
    }),
  }),
  op({
    name: "np.searchsorted",
    weft: "np.searchsorted(a[0], a[1], { side: p.side })",
    jax: "jnp.searchsorted(a[0], a[1], side=p.side)",
    choose: (g) => {
      const v = g.value(numbers);
      return {
        args: [rising(g, g.rng.int(0, 5), g.type(v).dtype), v],
        params: { side: g.rng.pick(["left", "right"]) },
      };
    },
  }),
  op({
    name: "np.isin",
    weft: "np.isin(a[0], a[1], { invert: p.invert })",
    jax: "jnp.isin(a[0], a[1], invert=p.invert)",
    choose: (g) => ({ args: [g.value(), g.value(rank(0, 2))], params: { invert: g.rng.chance(0.3) } }),
  }),
  ...equalities("arrayEqual arrayEquiv"),
  op({
    name: "np.isclose",
    weft: "np.isclose(a[0], a[1], { equalNaN: p.nan })",
    jax: "jnp.isclose(a[0], a[1], equal_nan=p.nan)",
    choose: (g) => {
      const x = g.value(floats);
      return { args: [x, g.partner(x)], params: { nan: g.rng.chance(0.5) } };
    },
  }),
  ...splits([
    ["vsplit", 0],
    ["dsplit", 2],
  ]),
  op({
    name: "np.hsplit",
    weft: "np.hsplit(a[0], p.at)",
    jax: "jnp.hsplit(a[0], p.at)",
    choose: (g) => {
      const x = g.value(rank(1));
      const { shape } = g.type(x);
      return { args: [x], params: { at: [g.rng.int(0, shape[Math.min(1, shape.length - 1)]!)] } };
    },
  }),
  op({
    name: "np.meshgrid",
    weft: "np.meshgrid(a, { indexing: p.indexing })",
    jax: "jnp.meshgrid(*a, indexing=p.indexing)",
    choose: (g) => ({
      args: Array.from({ length: g.rng.int(1, 2) }, () => g.value(line)),
      params: { indexing: g.rng.pick(["xy", "ij"]) },
    }),
  }),
  op({
    name: "np.applyAlongAxis",
    weft: "np.applyAlongAxis((x) => f[0](x)[0], p.axis, a[0])",
    jax: "jnp.apply_along_axis(lambda x: f[0](x)[0], p.axis, a[0])",
    choose: (g) => {
      const x = g.value(both(rank(1, 3), filled));
      const { shape, dtype } = g.type(x);
      const axis = anAxis(g, shape.length);
      const body = g.body([{ shape: [shape.at(axis)!], dtype }], () => [g.value(rank(0, 2))]);
      return { args: [x], params: { axis }, bodies: [body] };
    },
  }),
  op({
    name: "np.applyOverAxes",
    weft: "np.applyOverAxes((x, axis) => np.sum(x, axis), a[0], p.axes)",
    jax: "jnp.apply_over_axes(jnp.sum, a[0], p.axes)",
    choose: (g) => {
      const x = g.value(both(floats, rank(1)));
      return { args: [x], params: { axes: [anAxis(g, g.type(x).shape.length)] } };
    },
  }),
  op({
    name: "lax.linearRecurrence",
    weft: "lax.linearRecurrence(a[0], a[1], p.axis, { reverse: p.reverse })",
    jax: "linear_recurrence(a[0], a[1], p.axis, p.reverse)",
    choose: (g) => {
      const x = g.value(both(floats, rank(1, 3)));
      const { shape } = g.type(x);
      return {
        args: [x, g.of(g.type(x))],
        params: { axis: g.rng.int(0, shape.length - 1), reverse: g.rng.chance(0.4) },
      };
    },
  }),
  op({
    name: "np.diagIndicesFrom",
    weft: "np.diagIndicesFrom(a[0])",
    jax: "jnp.diag_indices_from(a[0])",
    choose: (g) => {
      const n = g.rng.int(0, 3);
      return { args: [g.of({ shape: [n, n], dtype: g.type(g.value(ints)).dtype })] };
    },
  }),
];
