/** Reductions, running reductions, positions of extrema, norms. */
import type { ArrayType } from "../program.ts";
import {
  anAxis,
  anything,
  axesOrNull,
  both,
  type Chooser,
  filled,
  floats,
  inexact,
  numbers,
  type Op,
  op,
  rank,
  snake,
  someAxes,
} from "./op.ts";

type Accept = (t: ArrayType) => boolean;
const words = (text: string): string[] => text.trim().split(/\s+/);

function overAxes(names: string, accept: (g: Chooser) => Accept): Op[] {
  return words(names).map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], p.axis, { keepdims: p.keepdims })`,
      jax: `jnp.${name === "var_" ? "var" : snake(name)}(a[0], p.axis, keepdims=p.keepdims)`,
      choose: (g) => {
        const x = g.value(accept(g));
        return {
          args: [x],
          params: { axis: axesOrNull(g, g.type(x).shape.length), keepdims: g.rng.chance(0.3) },
        };
      },
    }),
  );
}

const ofNumbers = (): Accept => numbers;
const ofAny = (): Accept => anything;
const ofFilled = (): Accept => filled;
const floatsFilled = (): Accept => both(floats, filled);

function oneAxis(names: string, accept: (g: Chooser) => Accept): Op[] {
  return words(names).map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], p.axis)`,
      jax: `jnp.${snake(name)}(a[0], p.axis)`,
      choose: (g) => {
        const x = g.value(both(accept(g), rank(1)));
        return { args: [x], params: { axis: g.rng.chance(0.2) ? null : anAxis(g, g.type(x).shape.length) } };
      },
    }),
  );
}

const cumulative = (names: string, accept: Accept): Op[] =>
  words(names).map((name) =>
    op({
      name: `lax.${name}`,
      weft: `lax.${name}(a[0], p.axis, { reverse: p.reverse })`,
      jax: `lax.${name}(a[0], p.axis, reverse=p.reverse)`,
      choose: (g) => {
        const x = g.value(both(accept, rank(1)));
        const ndim = g.type(x).shape.length;
        return { args: [x], params: { axis: g.rng.int(0, ndim - 1), reverse: g.rng.chance(0.4) } };
      },
    }),
  );

const laxReduction = (names: string, accept: Accept): Op[] =>
  words(names).map((name) =>
    op({
      name: `lax.${name}`,
      weft: `lax.${name}(a[0], p.axes)`,
      jax: `lax.${snake(name)}(a[0], p.axes)`,
      choose: (g) => {
        const x = g.value(both(accept, rank(1)));
        return { args: [x], params: { axes: someAxes(g, g.type(x).shape.length) } };
      },
    }),
  );

export const REDUCTIONS: readonly Op[] = [
  ...overAxes("sum mean", (g) => (g.x64 ? floats : anything)),
  ...overAxes("prod", ofNumbers),
  ...overAxes("max min", ofFilled),
  ...overAxes("any all countNonzero", ofAny),
  ...overAxes("ptp", () => both(numbers, filled)),
  ...overAxes("var_ std", (g) => both(inexact(g), filled)),
  ...overAxes("nansum nanprod nanmean nanvar nanstd", () => floats),
  ...overAxes("nanmax nanmin", floatsFilled),
  ...oneAxis("argmax argmin", ofFilled),
  ...oneAxis("nanargmax nanargmin", floatsFilled),
  ...oneAxis("cumsum cumprod", ofNumbers),
  ...oneAxis("nancumsum nancumprod", () => floats),
  ...oneAxis("sort argsort", ofAny),
  ...cumulative("cumsum cumprod", numbers),
  ...cumulative("cummax cummin", numbers),
  ...cumulative("cumlogsumexp", floats),
  ...laxReduction("reduceSum reduceProd", numbers),
  ...laxReduction("reduceMax reduceMin", both(numbers, filled)),
  ...laxReduction("reduceAnd reduceOr", (t) => t.dtype === "bool"),
  ...["argmax", "argmin"].map((name) =>
    op({
      name: `lax.${name}`,
      weft: `lax.${name}(a[0], p.axis, "int32")`,
      jax: `lax.${name}(a[0], p.axis, "int32")`,
      choose: (g) => {
        const x = g.value(both(filled, rank(1)));
        return { args: [x], params: { axis: g.rng.int(0, g.type(x).shape.length - 1) } };
      },
    }),
  ),
  ...["cumulativeSum", "cumulativeProd"].map((name) =>
    op({
      name: `np.${name}`,
      weft: `np.${name}(a[0], { axis: p.axis, includeInitial: p.initial })`,
      jax: `jnp.${snake(name)}(a[0], axis=p.axis, include_initial=p.initial)`,
      choose: (g) => {
        const x = g.value(both(floats, rank(1)));
        return { args: [x], params: { axis: anAxis(g, g.type(x).shape.length), initial: g.rng.chance(0.5) } };
      },
    }),
  ),
  op({
    name: "np.average",
    weft: "np.average(a[0], p.axis, { weights: a[1] })",
    jax: "jnp.average(a[0], p.axis, weights=a[1])",
    choose: (g) => {
      const x = g.value(both(floats, rank(1), filled));
      const { shape, dtype } = g.type(x);
      const axis = g.rng.int(0, shape.length - 1);
      return { args: [x, g.of({ shape: [shape[axis]!], dtype })], params: { axis } };
    },
  }),
  op({
    name: "np.sort axis",
    weft: "np.sort(a[0], p.axis)",
    jax: "jnp.sort(a[0], p.axis)",
    choose: (g) => {
      const x = g.value(rank(1));
      return { args: [x], params: { axis: anAxis(g, g.type(x).shape.length) } };
    },
  }),
  op({
    name: "lax.sort",
    weft: "lax.sort(a, p.axis, { numKeys: p.keys })",
    jax: "lax.sort(a, dimension=p.axis, num_keys=p.keys)",
    choose: (g) => {
      const x = g.value(rank(1));
      const { shape } = g.type(x);
      const others = Array.from({ length: g.rng.int(1, 2) }, () =>
        g.of({ shape, dtype: g.type(g.value()).dtype }),
      );
      return {
        args: [x, ...others],
        params: { axis: g.rng.int(0, shape.length - 1), keys: g.rng.int(1, 2) },
      };
    },
  }),
  op({
    name: "lax.argsort",
    weft: "lax.argsort(a[0], p.axis)",
    jax: "jnp.argsort(a[0], p.axis)",
    choose: (g) => {
      const x = g.value(rank(1));
      return { args: [x], params: { axis: anAxis(g, g.type(x).shape.length) } };
    },
  }),
  op({
    name: "lax.topK",
    weft: "lax.topK(a[0], p.k, p.axis)",
    jax: "lax.top_k(a[0], p.k, axis=p.axis)",
    choose: (g) => {
      const x = g.value(rank(1));
      const { shape } = g.type(x);
      const axis = anAxis(g, shape.length);
      return { args: [x], params: { k: g.rng.int(0, shape.at(axis)!), axis } };
    },
  }),
  ...["softmax", "logSoftmax"].map((name) =>
    op({
      name: `nn.${name}`,
      weft: `nn.${name}(a[0], p.axis)`,
      jax: `nn.${snake(name)}(a[0], p.axis)`,
      choose: (g) => {
        const x = g.value(both(floats, rank(1), filled));
        const ndim = g.type(x).shape.length;
        return { args: [x], params: { axis: g.rng.chance(0.2) ? someAxes(g, ndim, 1) : anAxis(g, ndim) } };
      },
    }),
  ),
  ...["logsumexp", "logmeanexp"].map((name) =>
    op({
      name: `nn.${name}`,
      weft: `nn.${name}(a[0], p.axis, { keepdims: p.keepdims })`,
      jax: `nn.${name}(a[0], p.axis, keepdims=p.keepdims)`,
      choose: (g) => {
        const x = g.value(both(floats, filled));
        return {
          args: [x],
          params: { axis: axesOrNull(g, g.type(x).shape.length), keepdims: g.rng.chance(0.3) },
        };
      },
    }),
  ),
  op({
    name: "nn.standardize",
    weft: "nn.standardize(a[0], p.axis)",
    jax: "nn.standardize(a[0], p.axis)",
    choose: (g) => {
      const x = g.value(both(floats, rank(1), filled));
      return { args: [x], params: { axis: anAxis(g, g.type(x).shape.length) } };
    },
  }),
  op({
    name: "nn.glu",
    weft: "nn.glu(a[0], p.axis)",
    jax: "nn.glu(a[0], p.axis)",
    choose: (g) => {
      const x = g.value((t) => floats(t) && t.shape.length > 0 && t.shape.at(-1)! % 2 === 0);
      return { args: [x], params: { axis: -1 } };
    },
  }),
  op({
    name: "np.linalg.norm",
    weft: "np.linalg.norm(a[0], { ord: p.ord, axis: p.axis, keepdims: p.keepdims })",
    jax: "jnp.linalg.norm(a[0], ord=p.ord, axis=p.axis, keepdims=p.keepdims)",
    choose: (g) => {
      const x = g.value(both(floats, rank(1), filled));
      const params = { axis: anAxis(g, g.type(x).shape.length), keepdims: g.rng.chance(0.3) };
      return { args: [x], params: { ord: g.rng.pick([null, 1, 2, 3, "inf", "-inf", 0]), ...params } };
    },
  }),
  op({
    name: "np.linalg.vectorNorm",
    weft: "np.linalg.vectorNorm(a[0], { ord: p.ord, axis: p.axis })",
    jax: "jnp.linalg.vector_norm(a[0], ord=p.ord, axis=p.axis)",
    choose: (g) => {
      const x = g.value(both(floats, rank(1), filled));
      return {
        args: [x],
        params: { ord: g.rng.pick([1, 2, 3, "inf", 0]), axis: anAxis(g, g.type(x).shape.length) },
      };
    },
  }),
  op({
    name: "np.linalg.matrixNorm",
    weft: "np.linalg.matrixNorm(a[0], { ord: p.ord })",
    jax: "jnp.linalg.matrix_norm(a[0], ord=p.ord)",
    choose: (g) => ({
      args: [g.value(both(floats, rank(2), filled))],
      params: { ord: g.rng.pick(["fro", 1, -1, "inf"]) },
    }),
  }),
];
