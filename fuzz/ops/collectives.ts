/** What the elements of a mapped axis tell each other. */
import type { ArrayType, Params } from "../program.ts";
import {
  anything,
  both,
  type Choice,
  type Chooser,
  filled,
  floats,
  ints,
  numbers,
  type Op,
  op,
  rank,
} from "./op.ts";

interface Spec {
  readonly weft: string;
  readonly jax: string;
  /** What is mapped, along its first axis. */
  readonly operand: (g: Chooser) => number;
  readonly params?: (g: Chooser, size: number, ndim: number) => Params;
}

/** The expressions are of one lane x; the lanes are called "lanes". */
const lanes = (name: string, { weft, jax, operand, params }: Spec): Op =>
  op({
    name: `lax.${name}`,
    weft: `vmap((x) => ${weft}, { axisName: "lanes" })(a[0])`,
    jax: `jax.vmap(lambda x: ${jax}, axis_name="lanes")(a[0])`,
    weight: 0.5,
    choose: (g): Choice => {
      const x = operand(g);
      const { shape } = g.type(x);
      return { args: [x], ...(params && { params: params(g, shape[0]!, shape.length - 1) }) };
    },
  });

const anArray =
  (accept: (t: ArrayType) => boolean, lo = 1) =>
  (g: Chooser): number =>
    g.value(both(accept, rank(lo, 4), filled));

/** One part for every lane. */
function square(g: Chooser): number {
  const { shape, dtype } = g.type(g.value(both(numbers, rank(1, 3), filled)));
  return g.of({ shape: [shape[0]!, ...shape], dtype });
}

export const COLLECTIVES: readonly Op[] = [
  lanes("psum", {
    weft: 'lax.psum(x, "lanes")',
    jax: 'lax.psum(x, "lanes")',
    operand: anArray(numbers),
  }),
  lanes("pmean", {
    weft: 'lax.pmean(x, "lanes")',
    jax: 'lax.pmean(x, "lanes")',
    operand: anArray(floats),
  }),
  // JAX has no derivative of these.
  lanes("pmax", { weft: 'lax.pmax(x, "lanes")', jax: 'lax.pmax(x, "lanes")', operand: anArray(ints) }),
  lanes("pmin", { weft: 'lax.pmin(x, "lanes")', jax: 'lax.pmin(x, "lanes")', operand: anArray(ints) }),
  lanes("allGather", {
    weft: 'lax.allGather(x, "lanes", { axis: p.axis, tiled: p.tiled })',
    jax: 'lax.all_gather(x, "lanes", axis=p.axis, tiled=p.tiled)',
    operand: anArray(anything, 2),
    params: (g, _, ndim) => ({ axis: g.rng.int(0, ndim - 1), tiled: g.rng.chance(0.5) }),
  }),
  lanes("psumScatter", {
    weft: 'lax.psumScatter(x, "lanes", { tiled: p.tiled })',
    jax: 'lax.psum_scatter(x, "lanes", tiled=p.tiled)',
    operand: square,
    params: (g) => ({ tiled: g.rng.chance(0.5) }),
  }),
  lanes("allToAll", {
    weft: 'lax.allToAll(x, "lanes", 0, p.axis, { tiled: p.tiled })',
    jax: 'lax.all_to_all(x, "lanes", 0, p.axis, tiled=p.tiled)',
    operand: square,
    params: (g, _, ndim) => ({ axis: g.rng.int(0, ndim - 1), tiled: g.rng.chance(0.5) }),
  }),
  lanes("ppermute", {
    weft: 'lax.ppermute(x, "lanes", p.perm)',
    jax: 'lax.ppermute(x, "lanes", p.perm)',
    operand: anArray(numbers),
    params: (g, size) => ({ perm: g.rng.shuffled([...Array(size).keys()]).map((to, from) => [from, to]) }),
  }),
  lanes("axisIndex", {
    weft: 'np.multiply(x, lax.axisIndex("lanes"))',
    jax: 'x * lax.axis_index("lanes")',
    operand: anArray(floats),
  }),
  lanes("axisSize", {
    weft: 'np.multiply(x, lax.axisSize("lanes"))',
    jax: 'x * lax.axis_size("lanes")',
    operand: anArray(floats),
  }),
];
