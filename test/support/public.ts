/**
 * Every public function of the library with arguments that it accepts. What is not named here takes one or two matrices, and a
 * test fails when that is not so: a new function needs either a row or nothing.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as weft from "../../src/index.ts";

const { numpy: np, random, lax, nn, optim, io, tree } = weft;

// biome-ignore lint/suspicious/noExplicitAny: functions of any signature
export type AnyFunction = (...args: any[]) => unknown;

const m = np.array([
  [1, 2],
  [3, 4],
]);
const v = np.array([1, 2, 3]);
const ints = np.array([0, 1], { dtype: "int32" });
const intMatrix = np.ones([2, 2], { dtype: "int32" });
const bools = np.array([true, false]);
const key = random.key(0);
const cell = nn.elmanCell(2, 2);
const params = cell.init(key);
const identity = (x: unknown): unknown => x;
const total = (x: weft.NDArray): weft.NDArray => np.sum(x);
const inside = { updateWindowDims: [1], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };
const at = np.array([[0], [1]], { dtype: "int32" });
const gathering = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0] };
const path = [{ kind: "key", key: "a" }];
const scatterArgs = [m, at, m, inside, {}];
const axisArgs = [m, 0, {}];

/** What a function accepts. */
export interface Row {
  readonly args: readonly unknown[];
  /** Functions that give functions are called with these, so that what they return is tried, too. */
  readonly then?: readonly unknown[];
  /** The place of a number of steps, of which many are no mistake. */
  readonly steps?: number;
}
const row = (...args: unknown[]): Row => ({ args });
const makes = (args: readonly unknown[], ...then: unknown[]): Row => ({ args, then });

const each = (names: string, made: Row): Record<string, Row> =>
  Object.fromEntries(names.split(" ").map((name) => [name, made]));

const eachOf = (namespace: string, names: string, made: Row): Record<string, Row> =>
  each(names.replace(/\w+/g, `${namespace}.$&`), made);

export const ROWS: Readonly<Record<string, Row>> = {
  // transformations
  // A new array for each call: it may be donated.
  jit: makes([identity, {}], new Float32Array([1, 2])),
  ...each("explain makeJaxpr", makes([identity], m)),
  ...each("grad valueAndGrad hessian", makes([total, {}], m)),
  ...each("jacfwd jacrev", makes([identity, {}], v)),
  ...each("vjp linearize", row(identity, [m], {})),
  jvp: row(identity, [m], [m], {}),
  vmap: makes([identity, 0, 0], m),
  checkpoint: makes([identity, {}], m),
  customJvp: makes([identity, (p: unknown[], t: unknown[]) => [p[0], t[0]]], m),
  customVjp: makes([identity, (x: unknown) => [x, null], (_: unknown, ct: unknown) => [ct]], m),
  disableJit: row(() => 1),
  evalShape: row(identity, m),
  memoryStats: row(),
  ...each("defaultDevice devices init", row("cpu")),
  devicePut: row({ a: m }, "cpu"),
  blockUntilReady: row({ a: m }),
  checkpointName: row(m, "m"),
  // debug, io
  "debug.callback": row(identity, m),
  "debug.print": row("", {}, {}),
  "io.decodeSafetensors": row(io.encodeSafetensors({ a: m })),
  "io.encodeSafetensors": row({ a: m }, {}),
  "io.saveSafetensors": row(null, { a: m }, {}),
  "io.fitTree": row({ a: m }, { a: m }, "text"),
  // lax
  ...each("lax.argmax lax.argmin", row(m, 0, "int32")),
  ...each("lax.cumlogsumexp lax.cummax lax.cummin lax.cumprod lax.cumsum lax.sort", row(...axisArgs)),
  "lax.argsort": row(m, 0),
  "lax.associativeScan": row(lax.add, v, {}),
  ...each("lax.bitcastConvertType lax.convertElementType", row(m, "int32")),
  ...each("lax.bitwiseAnd lax.bitwiseOr lax.bitwiseXor", row(ints, ints)),
  ...each("lax.shiftLeft lax.shiftRightArithmetic lax.shiftRightLogical", row(ints, ints)),
  ...each("lax.bitwiseNot lax.populationCount lax.clz", row(ints)),
  "lax.broadcast": row(m, [2]),
  "lax.broadcastInDim": row(m, [2, 2, 2], [1, 2]),
  "lax.broadcastedIota": row("int32", [2, 2], 0),
  "lax.clamp": row(m, m, m),
  "lax.concatenate": row([m, m], 0),
  "lax.cond": row(true, identity, identity, m),
  "lax.dot": row(m, m, { lhsContractingDims: [1], rhsContractingDims: [0] }),
  "lax.dotGeneral": row(
    m,
    m,
    [
      [[1], [0]],
      [[], []],
    ],
    {},
  ),
  "lax.dynamicIndexInDim": row(m, 0, 0, true),
  "lax.dynamicSlice": row(m, [0, 0], [1, 1]),
  "lax.dynamicSliceInDim": row(m, 0, 1, 0),
  "lax.dynamicUpdateIndexInDim": row(m, [1, 2], 0, 0),
  "lax.dynamicUpdateSlice": row(m, m, [0, 0]),
  "lax.dynamicUpdateSliceInDim": row(m, m, 0, 0),
  "lax.expandDims": row(m, [0]),
  "lax.foriLoop": { ...row(0, 2, (_: unknown, x: unknown) => x, m, {}), steps: 1 },
  "lax.full": row([2], 1, "float32"),
  "lax.fullLike": row(m, 1),
  "lax.gather": row(m, at, gathering, [1, 2], {}),
  ...each("lax.scatter lax.scatterAdd lax.scatterMax lax.scatterMin lax.scatterMul", row(...scatterArgs)),
  "lax.indexInDim": row(m, 0, 0, true),
  "lax.integerPow": row(m, 2),
  "lax.iota": row("int32", 2),
  "lax.linearRecurrence": row(m, m, 0),
  "lax.map": row(identity, m, {}),
  "lax.pad": row(m, 0, [
    [0, 1, 0],
    [0, 0, 1],
  ]),
  ...each("lax.reduceMax lax.reduceMin lax.reduceProd lax.reduceSum lax.rev", row(m, [0])),
  ...each("lax.reduceAnd lax.reduceOr", row(bools, [0])),
  "lax.reshape": row(m, [4]),
  "lax.round": row(m, 0),
  "lax.scan": row((c: unknown, x: unknown) => [c, x], m, v, {}),
  "lax.select": row(np.greater(m, 1), m, m),
  "lax.selectN": row(np.greater(m, 1), m, m),
  "lax.slice": row(m, [0, 0], [1, 1], [1, 1]),
  "lax.sliceInDim": row(m, 0, 1, 1, 0),
  "lax.split": row(m, [1, 1], 0),
  "lax.squeeze": row(np.ones([1, 2]), [0]),
  ...each("lax.switch lax.switchCase", row(0, [identity, identity], m)),
  "lax.threefry2x32": row(...[0, 1, 2, 3].map((x) => np.array(x, { dtype: "uint32" }))),
  "lax.topK": row(m, 1, 0),
  "lax.transpose": row(m, [1, 0]),
  "lax.whileLoop": row((x: weft.NDArray) => np.less(x, 0), identity, 1),
  // collectives
  ...each("lax.psum lax.pmean lax.pmax lax.pmin", row(m, "i")),
  ...each("lax.axisIndex lax.axisSize", row("i")),
  ...each("lax.allGather lax.psumScatter", row(m, "i", {})),
  "lax.allToAll": row(m, "i", 0, 0, {}),
  "lax.ppermute": row(m, "i", [[0, 1]]),
  // nn
  ...each("nn.dense nn.embedding nn.elmanCell nn.gruCell nn.lstmCell", row(2, 2, {})),
  ...each("nn.celu nn.elu nn.leakyRelu nn.squareplus", row(m, 1)),
  "nn.gelu": row(m, {}),
  "nn.glu": row(m, 1),
  ...each("nn.logSoftmax nn.softmax", row(m, 0)),
  ...each("nn.logmeanexp nn.logsumexp nn.standardize", row(m, 0, {})),
  "nn.oneHot": row(ints, 3, {}),
  "nn.run": row(cell, params, cell.initialCarry([3]), np.ones([4, 3, 2]), {}),
  "nn.stack": row(cell, 2),
  ...each("nn.initializers.ones nn.initializers.zeros", row(key, [2, 2], {})),
  "nn.initializers.varianceScaling": makes([1, "fanIn", "normal"], key, [2, 2], {}),
  "nn.initializers.truncatedNormal": makes([1, -2, 2], key, [2, 2], {}),
  ...each(
    "nn.initializers.constant nn.initializers.normal nn.initializers.uniform",
    makes([1], key, [2, 2], {}),
  ),
  ...eachOf(
    "nn.initializers",
    "glorotNormal glorotUniform heNormal heUniform lecunNormal lecunUniform",
    makes([], key, [2, 2], {}),
  ),
  // numpy
  ...eachOf(
    "numpy",
    "all any countNonzero max mean min nanargmax nanargmin nanmax nanmean nanmin nanprod nanstd nansum nanvar prod ptp std sum var_ average argmax argmin",
    row(...axisArgs),
  ),
  ...eachOf(
    "numpy",
    "argsort cumprod cumsum nancumprod nancumsum size sort unstack flip squeeze",
    row(np.ones([1, 2]), 0),
  ),
  ...each("numpy.allclose numpy.arrayEqual numpy.isclose", row(m, m, {})),
  "numpy.append": row(m, m, 0),
  "numpy.applyAlongAxis": row(identity, 0, m),
  "numpy.applyOverAxes": row((x: weft.NDArray, axis: number) => x.sum(axis), m, [0]),
  "numpy.arange": row(0, 4, 1, {}),
  ...each("numpy.around numpy.round", row(m, 1)),
  ...each("numpy.array numpy.asarray", row([1, 2], {})),
  ...each("numpy.arraySplit numpy.split", row(m, 2, 0)),
  ...each("numpy.dsplit", row(np.ones([2, 2, 2]), 2)),
  ...each("numpy.hsplit numpy.vsplit", row(m, 2)),
  "numpy.astype": row(m, "int32"),
  ...each("numpy.bartlett numpy.blackman numpy.hamming numpy.hann", row(4)),
  ...eachOf(
    "numpy",
    "bitwiseAnd bitwiseOr bitwiseXor bitwiseLeftShift bitwiseRightShift leftShift rightShift",
    row(intMatrix, intMatrix),
  ),
  ...each("numpy.bitwiseCount numpy.bitwiseInvert numpy.bitwiseNot numpy.invert", row(intMatrix)),
  "numpy.broadcastArrays": row(m, v.slice([0, 2])),
  "numpy.broadcastShapes": row([2, 1], [3]),
  "numpy.broadcastTo": row(m, [2, 2, 2]),
  "numpy.clip": row(m, 1, 2),
  ...eachOf("numpy", "columnStack dstack hstack vstack", row([m, m])),
  ...each("numpy.concatenate numpy.stack", row([m, m], 0)),
  ...each("numpy.convolve numpy.correlate", row(v, v, "full")),
  "numpy.cov": row(m, m, {}),
  "numpy.corrcoef": row(m, m),
  ...each("numpy.cross numpy.linalg.cross", row(v, v, {})),
  ...each("numpy.cumulativeProd numpy.cumulativeSum", row(v, {})),
  ...each("numpy.diag numpy.diagflat numpy.tril numpy.triu", row(m, 0)),
  "numpy.diagIndices": row(2, 2),
  ...each("numpy.diagonal numpy.linalg.diagonal numpy.trace numpy.linalg.trace", row(m, 0, 0, 1)),
  "numpy.diff": row(m, 1, 0, {}),
  "numpy.ediff1d": row(m, {}),
  "numpy.einsum": row("ij,jk->ik", m, m),
  ...each("numpy.empty numpy.ones numpy.zeros numpy.indices", row([2, 3], {})),
  ...each("numpy.emptyLike numpy.onesLike numpy.zerosLike", row(m, {})),
  "numpy.expandDims": row(m, 0),
  "numpy.eye": row(2, 2, {}),
  "numpy.finfo": row("float32"),
  "numpy.iinfo": row("int32"),
  "numpy.fromfunction": row((i: weft.NDArray, j: weft.NDArray) => np.add(i, j), [2, 2], {}),
  "numpy.full": row([2], 1, {}),
  "numpy.fullLike": row(m, 1, {}),
  ...each("numpy.geomspace numpy.linspace", row(1, 2, 3, true, {})),
  "numpy.logspace": row(1, 2, 3, true, 10, {}),
  "numpy.identity": row(2, {}),
  "numpy.interp": row(v, v, v),
  "numpy.isin": row(v, v, {}),
  "numpy.issubdtype": row("int32", "integer"),
  "numpy.linalg.matrixNorm": row(m, {}),
  "numpy.linalg.matrixPower": row(m, 2),
  "numpy.linalg.multiDot": row([m, m, m]),
  "numpy.linalg.norm": row(m, {}),
  "numpy.linalg.vectorNorm": row(v, {}),
  ...each("numpy.tensordot numpy.linalg.tensordot", row(m, m, 1)),
  ...each("numpy.vecdot numpy.linalg.vecdot", row(v, v, {})),
  ...each("numpy.matvec", row(m, v.slice([0, 2]))),
  ...each("numpy.vecmat", row(v.slice([0, 2]), m)),
  "numpy.meshgrid": row([v, v], {}),
  "numpy.moveaxis": row(m, 0, 1),
  "numpy.nanToNum": row(m, {}),
  "numpy.pad": row(v, 1, {}),
  ...each("numpy.permuteDims numpy.transpose", row(m, [1, 0])),
  ...each("numpy.polyadd numpy.polymul numpy.polysub", row(v, v)),
  "numpy.polyder": row(v, 1),
  "numpy.polyval": row(v, 2),
  "numpy.promoteTypes": row("int32", "float32"),
  "numpy.repeat": row(m, 2, 0),
  "numpy.reshape": row(m, [4]),
  "numpy.resultType": row("int32", m),
  "numpy.roll": row(m, 1, 0),
  "numpy.rot90": row(m, 1, [0, 1]),
  "numpy.searchsorted": row(v, 2, {}),
  "numpy.select": row([m], [m], 0),
  "numpy.swapaxes": row(m, 0, 1),
  "numpy.take": row(m, ints, 0, {}),
  "numpy.takeAlongAxis": row(m, intMatrix, 0, {}),
  "numpy.tile": row(m, [2, 2]),
  "numpy.trapezoid": row(m, null, {}),
  "numpy.tri": row(2, 2, 0, {}),
  "numpy.unwrap": row(m, null, 0, 6),
  "numpy.vander": row(v, {}),
  "numpy.where": row(m, m, m),
  // optim
  ...each("optim.adam optim.adamw optim.sgd", row(0.1, {})),
  "optim.applyUpdates": row({ a: m }, { a: m }),
  "optim.chain": row(optim.sgd(1), optim.sgd(1)),
  "optim.globalNorm": row({ a: m }),
  "optim.momentumTrace": row(0.9, true),
  "optim.scaleByAdam": row({}),
  "optim.scaleBySchedule": row(() => 0.1),
  ...eachOf("optim", "addDecayedWeights clipByGlobalNorm clipByValue scale scaleByLearningRate", row(1)),
  // methods
  "Array.view": row("int32"),
  "Array.squeeze": row([]),
  "Array.sort": row(0),
  "Array.argsort": row(0),
  ...each("Array.slice Array.at", row(0)),
  ...each("Array.at.set Array.at.add Array.at.mul Array.at.min Array.at.max", row(0, v.slice([0, 2]))),
  "Array.at.get": row(0, {}),
  // random
  "random.bernoulli": row(key, 0.5, [2]),
  "random.bits": row(key, [2], "uint32"),
  "random.categorical": row(key, v, {}),
  "random.choice": row(key, v, {}),
  ...eachOf("random", "exponential gumbel laplace normal uniform", row(key, [2], {})),
  "random.foldIn": row(key, 1),
  "random.key": row(0),
  ...each("random.keyData random.wrapKeyData", row(key)),
  "random.permutation": row(key, 3, {}),
  "random.randint": row(key, [2], 0, 9, {}),
  "random.split": row(key, 2),
  "random.truncatedNormal": row(key, -1, 1, [2], {}),
  // trees
  "tree.all": row({ a: true }),
  "tree.broadcastPrefix": row(0, [1, 2], () => false),
  ...each("tree.equalityErrors tree.prefixErrors", row([1], [1])),
  ...each(
    "tree.flatten tree.leaves tree.leavesWithPath tree.structure",
    row([1], () => false),
  ),
  "tree.flattenUpTo": row(tree.structure([1]), [1]),
  "tree.keystr": row(path, {}),
  ...each(
    "tree.map tree.mapWithPath",
    row(() => 1, [1], [1]),
  ),
  "tree.reduce": row(() => 1, [1], 0),
  "tree.register": row(class {}, { flatten: () => [[], null], unflatten: () => ({}) }),
  "tree.stack": row([{ a: m }, { a: m }]),
  "tree.transpose": row(tree.structure([0]), tree.structure([0, 0]), [[1, 2]]),
  "tree.unflatten": row(tree.structure([0]), [1]),
  "tree.unstack": row({ a: m }),
};

/** Classes, what is for humans to call, and what is tried with files. */
const ELSEWHERE = /Error$|^numpy\.Array$|^tree\.TreeDef$|^io\.loadSafetensors$/;

/** Collectives are called where there is a mapped axis. */
const COLLECTIVES = /^lax\.(p[ms]\w+|ppermute|all(Gather|ToAll)|axis(Index|Size))$/;
const mapped =
  (f: AnyFunction): AnyFunction =>
  (...args) =>
    weft.vmap(
      (x) => {
        f(...args);
        return x;
      },
      { axisName: "i" },
    )(m);

/** What is written goes into this folder, whatever the name; whoever calls takes it away. */
export const folder: string = mkdtempSync(join(tmpdir(), "weft-bad-values-"));
const inFolder =
  (f: AnyFunction): AnyFunction =>
  (path, ...rest) =>
    f(typeof path === "string" ? join(folder, `${path}.safetensors`) : path, ...rest);

const callable = (name: string, f: AnyFunction): AnyFunction => {
  if (COLLECTIVES.test(name)) return mapped(f);
  return name.startsWith("io.save") ? inFolder(f) : f;
};

/** All functions below the index by their paths, and the methods of arrays. */
export function publicFunctions(): Map<string, AnyFunction> {
  const found = new Map<string, AnyFunction>();
  const visit = (value: unknown, at: string): void => {
    if (typeof value === "function") {
      if (!ELSEWHERE.test(at)) found.set(at, callable(at, value as AnyFunction));
    } else if (typeof value === "object" && value !== null)
      for (const [name, part] of Object.entries(value)) visit(part, at ? `${at}.${name}` : name);
  };
  visit({ ...weft }, "");
  for (const [name, method] of methods()) found.set(`Array.${name}`, method);
  return found;
}

/** The methods of the matrix, without its end, which would be that of the others, and what one of its size has not, and those of its updates. */
function methods(): [string, AnyFunction][] {
  const named = Object.entries(Object.getOwnPropertyDescriptors(np.Array.prototype)).filter(
    ([name, { value }]) => typeof value === "function" && !/^(constructor|dispose|item)$/.test(name),
  );
  const updates = Object.keys(m.at(0)).map((name): [string, AnyFunction] => [
    `at.${name}`,
    (i, value) => (m.at(i) as unknown as Record<string, AnyFunction>)[name]!(value),
  ]);
  return [...named.map(([name, { value }]): [string, AnyFunction] => [name, value.bind(m)]), ...updates];
}

/** The row of a function. Without one: that of the function of the same name for a method, else as many matrices as parameters. */
export function rowOf(name: string, f: AnyFunction): Row {
  const known = ROWS[name] ?? methodRow(name);
  return known ?? row(...Array.from({ length: Math.max(1, f.length) }, () => m));
}

function methodRow(name: string): Row | undefined {
  const [, method] = /^Array\.(\w+)$/.exec(name) ?? [];
  const like = method && (ROWS[`numpy.${method}`] ?? ROWS[`numpy.${method}_`]);
  return like ? row(...like.args.slice(1)) : undefined;
}
