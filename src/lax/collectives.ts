/**
 * Collectives: what the elements of a mapped axis tell each other. The axis is found by the name that vmap gave it; the rule of
 * its batch does the work, so that none is left when a program is compiled.
 */
import { type NDArray, scalar } from "../core/array.ts";
import { aval, type Shape } from "../core/aval.ts";
import { axisInScope, type MappedAxis, namesInScope } from "../core/axes.ts";
import { checkIntegers, checkList } from "../core/check.ts";
import { isFloat } from "../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { bind1, type Params, type Primitive } from "../core/primitive.ts";
import { type MapTree, unflatten } from "../tree/index.ts";
import { checkOptions } from "../util/options.ts";
import { canonicalAxis } from "../util/shape.ts";
import { cut, show } from "../util/text.ts";
import { add, div, mul } from "./arithmetic.ts";
import { insert, range, without } from "./axes.ts";
import { reduceSum, zerosLike } from "./broadcast.ts";
import { convertElementType } from "./cast.ts";
import { concatenate } from "./join.ts";
import { arrayLeaves } from "./leaves.ts";
import { reduceMax, reduceMin } from "./reduce.ts";
import { define, defineLinear, moveBatchAxis, transposeFirst } from "./rules.ts";
import { sliceInDim } from "./slice.ts";
import { iota, moveAxis, reshape } from "./views.ts";

interface Collective extends Params {
  readonly axis_name: string;
  readonly axis_size: number;
}
type Arrays<T> = MapTree<T, NDArray>;
/** The name of a mapped axis, or of several, which act as one: the last varies fastest. */
export type AxisName = string | readonly string[];

interface Spec<P extends Collective> {
  readonly name: string;
  shape(shape: Shape, params: P): readonly number[];
  /** The work: x has its lanes along axis 0; also returns where the lanes of the result are, null if they are all the same. */
  exchange(x: NDArray, params: P): readonly [NDArray, number | null];
  transpose(ct: NDArray, params: P): NDArray;
}

function collective<P extends Collective>({ name, shape, exchange, transpose }: Spec<P>): Primitive<P> {
  const primitive: Primitive<P> = defineLinear<P>({
    name,
    kind: "write",
    axisName: (p) => p.axis_name,
    abstractEval: ([x], p) => [aval(shape(x!.shape, p), x!.dtype, x!.weakType)],
    transpose: transposeFirst((ct, _, p) => transpose(ct, p)),
    batch: ([x], [dim], p, size, axis) => {
      if (axis.name === p.axis_name) {
        const [out, outDim] = exchange(moveBatchAxis(x!, dim!, 0, size), p);
        return [[out], [outDim]];
      }
      // Another axis goes last, where it moves none of those that the parameters count.
      const out = bind1(primitive, [moveAxis(x!, dim!, x!.ndim - 1)], p);
      return [[out], [out.ndim - 1]];
    },
    lower: (_emit, _args, p) => {
      throw unbound(name, p.axis_name);
    },
  });
  return primitive;
}

function unbound(what: string, name: string): WeftValueError {
  const names = namesInScope();
  return new WeftValueError(
    `${what}: Found an unbound axis name: ${cut(name, 60)}. ${what} works inside of a function that is mapped by vmap(f, { axisName: "${name}" }); ` +
      `the names bound here are ${names.length ? names.join(", ") : "none"}.`,
  );
}

const psumP: Primitive<Collective> = collective({
  name: "psum",
  shape: (shape) => shape,
  exchange: (x) => [reduceSum(x, [0]), null],
  transpose: (ct, p) => bind1(psumP, [ct], p),
});

type GatherParams = Collective & { readonly all_gather_dimension: number };
const allGatherP: Primitive<GatherParams> = collective<GatherParams>({
  name: "all_gather",
  shape: (shape, p) => insert(shape, p.all_gather_dimension, p.axis_size),
  exchange: (x, p) => [moveAxis(x, 0, p.all_gather_dimension), null],
  transpose: (ct, { all_gather_dimension, ...p }) =>
    bind1(psumScatterP, [ct], { ...p, scatter_dimension: all_gather_dimension }),
});

type ScatterParams = Collective & { readonly scatter_dimension: number };
const psumScatterP: Primitive<ScatterParams> = collective<ScatterParams>({
  name: "reduce_scatter",
  shape: (shape, p) => without(shape, [p.scatter_dimension]),
  exchange: (x, p) => [reduceSum(x, [0]), p.scatter_dimension],
  transpose: (ct, { scatter_dimension, ...p }) =>
    bind1(allGatherP, [ct], { ...p, all_gather_dimension: scatter_dimension }),
});

type PermuteParams = Collective & { readonly perm: readonly (readonly [number, number])[] };
const ppermuteP: Primitive<PermuteParams> = collective<PermuteParams>({
  name: "ppermute",
  shape: (shape) => shape,
  exchange: (x, p) => [permuted(x, p), 0],
  transpose: (ct, p) =>
    bind1(ppermuteP, [ct], { ...p, perm: p.perm.map(([from, to]) => [to, from] as const) }),
});

type AllToAllParams = Collective & { readonly split_axis: number; readonly concat_axis: number };
const allToAllP: Primitive<AllToAllParams> = collective<AllToAllParams>({
  name: "all_to_all",
  shape: (shape, p) => insert(without(shape, [p.split_axis]), p.concat_axis, p.axis_size),
  exchange: (x, p) => [moveAxis(moveAxis(x, p.split_axis + 1, 0), 1, p.concat_axis + 1), 0],
  transpose: (ct, p) =>
    bind1(allToAllP, [ct], { ...p, split_axis: p.concat_axis, concat_axis: p.split_axis }),
});

const axisIndexP: Primitive<Collective> = define<Collective>({
  name: "axis_index",
  kind: "generate",
  axisName: (p) => p.axis_name,
  abstractEval: () => [aval([], "int32")],
  jvp: "zero",
  transpose: "not linear",
  batch: (_args, _dims, p) => [[iota("int32", p.axis_size)], [0]],
  lower: (_emit, _args, p) => {
    throw unbound("lax.axisIndex", p.axis_name);
  },
});

/** Lanes along axis 0 in another order, in runs of lanes that stay together; who receives nothing gets zeros. */
function permuted(x: NDArray, { perm, axis_size }: PermuteParams): NDArray {
  const sourceOf = new Map(perm.map(([from, to]) => [to, from]));
  const starts = range(axis_size).filter(
    (to) => to === 0 || sourceOf.get(to) !== follower(sourceOf.get(to - 1)),
  );
  const runs = starts.map((to, i) => {
    const length = (starts[i + 1] ?? axis_size) - to;
    const from = sourceOf.get(to);
    return from === undefined ? zerosLike(sliceInDim(x, 0, length)) : sliceInDim(x, from, from + length);
  });
  return runs.length === 1 ? runs[0]! : concatenate(runs, 0);
}
const follower = (lane: number | undefined): number | undefined =>
  lane === undefined ? undefined : lane + 1;

function namesOf(what: string, axisName: AxisName): readonly string[] {
  const names: readonly unknown[] = Array.isArray(axisName) ? axisName : [axisName];
  if (Array.from(names).every((name) => typeof name === "string")) return names as string[];
  throw new WeftTypeError(
    `lax.${what}: axisName must be a string, the name that vmap gave the axis, or a list of such names, got ${show(axisName)}.`,
  );
}

function axisOf(what: string, name: string): MappedAxis {
  const axis = axisInScope(name);
  if (!axis) throw unbound(`lax.${what}`, name);
  return axis;
}

const paramsOf = (what: string, name: string): Collective => ({
  axis_name: name,
  axis_size: axisOf(what, name).size,
});

/** `f` of every leaf, for one name after the other. */
const along = <T>(
  what: string,
  tree: T,
  axisName: AxisName,
  f: (x: NDArray, axis: Collective) => NDArray,
): Arrays<T> => {
  const axes = namesOf(what, axisName).map((name) => paramsOf(what, name));
  const [leaves, def] = arrayLeaves(tree, { where: `lax.${what}: x` });
  return unflatten(
    def,
    leaves.map((leaf) => axes.reduce(f, leaf)),
  ) as Arrays<T>;
};

/**
 * The sum over a mapped axis, the same for all of its elements.
 *
 * @param x a tree of arrays; bools count as int32
 * @param axisName the name that `vmap` gave the axis, or several names
 * @throws WeftValueError outside of an axis of that name
 * Source: `jax.lax.psum`.
 * @example vmap((x) => x.div(lax.psum(x, "batch")), { axisName: "batch" })(np.array([1, 3])) // [0.25, 0.75]
 */
export const psum = <T>(x: T, axisName: AxisName): Arrays<T> =>
  along("psum", x, axisName, (leaf, axis) =>
    bind1(psumP, [leaf.dtype === "bool" ? convertElementType(leaf, "int32") : leaf], axis),
  );

/**
 * The mean over a mapped axis, in float32 for integers; see {@link psum}. Source: `jax.lax.pmean`.
 * @throws WeftValueError outside of an axis of that name
 * @example vmap((x) => x.sub(pmean(x, "i")), { axisName: "i" })(np.array([1, 2, 6])) // => [-2, -1, 3]
 */
export const pmean = <T>(x: T, axisName: AxisName): Arrays<T> =>
  along("pmean", x, axisName, (leaf, axis) => {
    const float = isFloat(leaf.dtype) ? leaf : convertElementType(leaf, "float32");
    return div(bind1(psumP, [float], axis), axis.axis_size);
  });

const extremum =
  (what: string, reduce: (x: NDArray, axes: readonly number[]) => NDArray) =>
  <T>(x: T, axisName: AxisName): Arrays<T> =>
    along(what, x, axisName, (leaf, axis) =>
      reduce(bind1(allGatherP, [leaf], { ...axis, all_gather_dimension: 0 }), [0]),
    );
/**
 * The largest element along a mapped axis; see {@link psum}. Source: `jax.lax.pmax`, here differentiable.
 * @throws WeftValueError outside of an axis of that name
 * @example vmap((x) => pmax(x, "i"), { axisName: "i" })(np.array([[1, 6], [5, 2]])) // => [[5, 6], [5, 6]]
 */
export const pmax: <T>(x: T, axisName: AxisName) => Arrays<T> = extremum("pmax", reduceMax);
/**
 * The smallest element along a mapped axis; see {@link psum}. Source: `jax.lax.pmin`, here differentiable.
 * @throws WeftValueError outside of an axis of that name
 * @example vmap((x) => x.div(pmin(x, "i")), { axisName: "i" })(np.array([2, 3, 8])) // => [1, 1.5, 4]
 */
export const pmin: <T>(x: T, axisName: AxisName) => Arrays<T> = extremum("pmin", reduceMin);

/** Axis `axis` together with the one behind it. */
const merged = (x: NDArray, axis: number): NDArray =>
  reshape(x, [...x.shape.slice(0, axis), x.shape[axis]! * x.shape[axis + 1]!, ...x.shape.slice(axis + 2)]);

/** Axis `axis` as one of `size` and one of the rest. */
function divided(what: string, x: NDArray, axis: number, size: number): NDArray {
  const n = x.shape[axis]!;
  if (n % size !== 0)
    throw new WeftValueError(
      `lax.${what} with tiled: axis ${axis} of ${x.aval} must be divisible by the size ${size} of the mapped axis.`,
    );
  return reshape(x, [...x.shape.slice(0, axis), size, n / size, ...x.shape.slice(axis + 1)]);
}

function checkSplit(what: string, x: NDArray, axis: number, { axis_name, axis_size }: Collective): void {
  if (x.shape[axis] === axis_size) return;
  throw new WeftValueError(
    `lax.${what} requires the size of the mapped axis ${axis_name} to equal the size of axis ${axis} of the operand ${x.aval}, but they ` +
      `are ${axis_size} and ${x.shape[axis]}. With tiled: true a multiple will do.`,
  );
}

export interface TiledOptions {
  /** Put the parts one behind the other along an axis that is there, instead of making or removing one. */
  readonly tiled?: boolean;
}

/**
 * The values of all elements of a mapped axis, stacked along a new axis, for each of them.
 *
 * @param options.axis where the new axis goes (default 0); with `tiled` the axis along which they are concatenated
 * @throws WeftValueError outside of an axis of that name or when `axis` is out of bounds
 * Source: `jax.lax.all_gather`.
 * @example vmap((x) => lax.allGather(x, "i"), { axisName: "i" })(np.array([1, 2])) // [[1, 2], [1, 2]]
 */
export const allGather = <T>(
  x: T,
  axisName: string,
  options: TiledOptions & { readonly axis?: number } = {},
): Arrays<T> => {
  const { axis = 0, tiled = false } = checkOptions("lax.allGather", options, ["axis", "tiled"]);
  return along("allGather", x, axisName, (leaf, params) => {
    const at = canonicalAxis("lax.allGather: axis", axis, leaf.ndim + (tiled ? 0 : 1));
    const out = bind1(allGatherP, [leaf], { ...params, all_gather_dimension: at });
    return tiled ? merged(out, at) : out;
  });
};

/**
 * The sum over a mapped axis, of which each element keeps its own part along `scatterDimension`.
 *
 * @throws WeftValueError when that dimension has not the size of the mapped axis (with `tiled`, a multiple)
 * Source: `jax.lax.psum_scatter`.
 * @example vmap((x) => lax.psumScatter(x, "i"), { axisName: "i" })(np.ones([2, 2])) // [2, 2]
 */
export const psumScatter = <T>(
  x: T,
  axisName: string,
  options: TiledOptions & { readonly scatterDimension?: number } = {},
): Arrays<T> => {
  const known = ["scatterDimension", "tiled"] as const;
  const { scatterDimension = 0, tiled = false } = checkOptions("lax.psumScatter", options, known);
  return along("psumScatter", x, axisName, (leaf, params) => {
    const at = canonicalAxis("lax.psumScatter: scatterDimension", scatterDimension, leaf.ndim);
    const parts = tiled ? divided("psumScatter", leaf, at, params.axis_size) : leaf;
    checkSplit("psumScatter", parts, at, params);
    return bind1(psumScatterP, [parts], { ...params, scatter_dimension: at });
  });
};

/**
 * Sends values along a mapped axis: `perm` lists pairs [from, to]; who is sent nothing gets zeros.
 *
 * @throws WeftValueError when an index is out of range or stands twice on one side
 * Source: `jax.lax.ppermute`.
 * @example vmap((x) => lax.ppermute(x, "i", [[0, 1], [1, 0]]), { axisName: "i" })(np.array([1, 2])) // [2, 1]
 */
export function ppermute<T>(x: T, axisName: string, perm: readonly (readonly [number, number])[]): Arrays<T> {
  const { size } = axisOf("ppermute", namesOf("ppermute", axisName).join());
  const pairs = checkList("lax.ppermute: perm", perm).map((pair) => checkPair(pair));
  for (const side of [0, 1] as const) {
    const lanes = pairs.map((pair) => pair[side]);
    const bad = lanes.find(
      (lane, i) => !Number.isInteger(lane) || lane < 0 || lane >= size || lanes.indexOf(lane) !== i,
    );
    if (bad !== undefined)
      throw new WeftValueError(
        `lax.ppermute: the ${side === 0 ? "sources" : "destinations"} must be different indices of the axis ${axisName} of size ${size}, got ${bad} ` +
          `in [${pairs.map((pair) => `[${pair.join(", ")}]`).join(", ")}].`,
      );
  }
  return along("ppermute", x, axisName, (leaf, params) =>
    bind1(ppermuteP, [leaf], { ...params, perm: pairs }),
  );
}

function checkPair(pair: readonly number[]): readonly [from: number, to: number] {
  const [from, to, ...more] = checkIntegers("lax.ppermute: an entry of perm", pair);
  if (to !== undefined && more.length === 0) return [from!, to];
  throw new WeftTypeError(`lax.ppermute: an entry of perm must be a pair [from, to], got ${show(pair)}.`);
}

/**
 * Cuts `splitAxis` into one part per element of a mapped axis, sends each its part and puts what arrives along `concatAxis`.
 *
 * @throws WeftValueError when splitAxis has not the size of the mapped axis (with `tiled`, a multiple)
 * Source: `jax.lax.all_to_all`.
 * @example vmap((x) => lax.allToAll(x, "i", 0, 0), { axisName: "i" })(np.array([[1, 2], [3, 4]])) // [[1, 3], [2, 4]]
 */
export const allToAll = <T>(
  x: T,
  axisName: string,
  splitAxis: number,
  concatAxis: number,
  options: TiledOptions = {},
): Arrays<T> => {
  const { tiled = false } = checkOptions("lax.allToAll", options, ["tiled"]);
  return along("allToAll", x, axisName, (leaf, params) => {
    const [split_axis, concat_axis] = [splitAxis, concatAxis].map((a) =>
      canonicalAxis("lax.allToAll: a", a, leaf.ndim),
    ) as [number, number];
    const parts = tiled ? divided("allToAll", leaf, split_axis, params.axis_size) : leaf;
    checkSplit("allToAll", parts, split_axis, params);
    const out = bind1(allToAllP, [parts], { ...params, split_axis, concat_axis });
    return tiled ? merged(out, concat_axis) : out;
  });
};

/**
 * The position along a mapped axis, an int32 scalar; of several names, the row-major position among all of them.
 * @throws WeftValueError outside of an axis of that name
 * Source: `jax.lax.axis_index`.
 * @example vmap((x) => lax.axisIndex("i"), { axisName: "i" })(np.zeros([3])) // [0, 1, 2]
 */
export const axisIndex = (axisName: AxisName): NDArray =>
  namesOf("axisIndex", axisName)
    .map((name) => paramsOf("axisIndex", name))
    .reduce<NDArray | undefined>((outer, axis) => {
      const index = bind1(axisIndexP, [], axis);
      return outer ? add(mul(outer, axis.axis_size), index) : index;
    }, undefined) ?? scalar(0, "int32");

/**
 * The number of elements of a mapped axis, or of several together: a plain number. Source: `jax.lax.axis_size`.
 * @throws WeftValueError outside of an axis of that name
 * @example vmap((x) => x.mul(axisSize("i")), { axisName: "i" })(np.array([1, 2, 3])) // => [3, 6, 9]
 */
export const axisSize = (axisName: AxisName): number =>
  namesOf("axisSize", axisName).reduce((n, name) => n * axisOf("axisSize", name).size, 1);
