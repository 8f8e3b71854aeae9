/** Contractions: matrix products and their kin. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { checkAxisList, checkIntegers } from "../core/check.ts";
import { checkDType, type DType, promote } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { Operand } from "../core/lowering.ts";
import { bind1, type MaybeZero, type Primitive, type TransposeRule, Zero } from "../core/primitive.ts";
import { checkOptions } from "../util/options.ts";
import { show } from "../util/text.ts";
import { zip } from "../util/zip.ts";
import { bump, complement, inverse, pick, range } from "./axes.ts";
import { convertTo } from "./cast.ts";
import { allWeak, checkAxes, checkDTypes, checkSameDTypes, NUMBER, require, tuple } from "./check.ts";
import { ne } from "./compare.ts";
import { operands, place } from "./convert.ts";
import { addTangents, define, isLinear, isZero } from "./rules.ts";
import { transpose } from "./views.ts";

type Axes = readonly number[];
/** `[[lhs contracting, rhs contracting], [lhs batch, rhs batch]]`, as in JAX. */
export type DotDimensionNumbers = readonly [readonly [Axes, Axes], readonly [Axes, Axes]];
export type DotParams = {
  readonly dimension_numbers: DotDimensionNumbers;
  readonly preferred_element_type: DType | null;
};

/** The axes of one side that are neither contracted nor batched. */
const freeAxes = (ndim: number, contract: Axes, batch: Axes): number[] =>
  complement(ndim, [...contract, ...batch]);

function checkPaired(what: string, [lhs, rhs]: ShapedArray[], [l, r]: readonly [Axes, Axes]): void {
  require(l.length === r.length, () =>
    `dot_general requires equal numbers of lhs and rhs ${what} dimensions, got ${tuple(l)} and ${tuple(r)}.`);
  checkAxes(`dot_general lhs ${what} dimensions`, l, lhs!.ndim);
  checkAxes(`dot_general rhs ${what} dimensions`, r, rhs!.ndim);
  const [ls, rs] = [pick(lhs!.shape, l), pick(rhs!.shape, r)];
  require(ls.join() === rs.join(), () =>
    `dot_general requires ${what} dimensions to have the same shape, got ${tuple(ls)} and ${tuple(rs)}.`);
}

function dotType(
  avals: ShapedArray[],
  { dimension_numbers, preferred_element_type }: DotParams,
): ShapedArray {
  const [contract, batch] = dimension_numbers;
  const [lhs, rhs] = avals as [ShapedArray, ShapedArray];
  checkDTypes("dot_general", avals, [NUMBER]);
  checkSameDTypes("dot_general", avals);
  checkPaired("contracting", avals, contract);
  checkPaired("batch", avals, batch);
  for (const side of [0, 1] as const)
    require(!contract[side].some((a) => batch[side].includes(a)), () =>
      `dot_general requires contracting and batch dimensions to be disjoint, got ${tuple(contract[side])} and ${tuple(batch[side])}.`);
  const shape = [
    ...pick(lhs.shape, batch[0]),
    ...pick(lhs.shape, freeAxes(lhs.ndim, contract[0], batch[0])),
    ...pick(rhs.shape, freeAxes(rhs.ndim, contract[1], batch[1])),
  ];
  return aval(shape, preferred_element_type ?? lhs.dtype, allWeak(avals));
}

export const dotGeneralP: Primitive<DotParams> = define<DotParams>({
  name: "dot_general",
  kind: "contract",
  abstractEval: (avals, params) => [dotType(avals, params)],
  jvp: ([x, y], [tx, ty], params) => {
    const out = bind1(dotGeneralP, [x!, y!], params);
    const term = (t: MaybeZero, make: (t: NDArray) => NDArray[]): MaybeZero =>
      isZero(t) ? new Zero(out.aval) : bind1(dotGeneralP, make(t), params);
    return [
      [out],
      [
        addTangents(
          term(tx!, (t) => [t, y!]),
          term(ty!, (t) => [x!, t]),
        ),
      ],
    ];
  },
  transpose: dotTranspose,
  batch: (args, dims, params) => batchDot(args, dims, params),
  // Σ_t a_t · b_t contracts over t, too.
  batchSum: ([x, y], [dx, dy], params) => {
    const [[lc, rc], [lb, rb]] = params.dimension_numbers;
    const numbers: DotDimensionNumbers = [
      [
        [dx!, ...bump(lc, dx!)],
        [dy!, ...bump(rc, dy!)],
      ],
      [bump(lb, dx!), bump(rb, dy!)],
    ];
    return bind1(dotGeneralP, [x!, y!], { ...params, dimension_numbers: numbers });
  },
  lower: (emit, args, { dimension_numbers: [contract, batch] }, [out]) => {
    const [lhs, rhs] = args.map((x): Operand => {
      const type = aval(x.aval.shape, out!.dtype);
      return x.aval.dtype === out!.dtype ? x : emit.lazy(type, (i) => emit.s.convert(x.at(i), out!.dtype));
    });
    return [emit.contract(lhs!, rhs!, { batch: zip(...batch), contract: zip(...contract) }, out!)];
  },
  printParams: ({ dimension_numbers: [[lc, rc], [lb, rb]], preferred_element_type }) => ({
    dimension_numbers: `(([${lc.join(", ")}], [${rc.join(", ")}]), ([${lb.join(", ")}], [${rb.join(", ")}]))`,
    ...(preferred_element_type && { preferred_element_type }),
  }),
});

function dotTranspose(...[[ct], inputs, params]: Parameters<TransposeRule<DotParams>>): (NDArray | null)[] {
  return inputs.map((x, side) =>
    isLinear(x) ? otherSide(ct as NDArray, inputs[1 - side] as NDArray, x.aval, side as 0 | 1, params) : null,
  );
}

/**
 * The cotangent of operand `side`: the result's cotangent contracted with the other operand over the other's free axes.
 * Its axes come out as batch, own free, contracted in the order of the other operand, and are put back in place.
 */
function otherSide(ct: NDArray, other: NDArray, x: ShapedArray, side: 0 | 1, params: DotParams): NDArray {
  const [contract, batch] = params.dimension_numbers;
  const far = (1 - side) as 0 | 1;
  const own = freeAxes(x.ndim, contract[side], batch[side]);
  const theirs = freeAxes(other.ndim, contract[far], batch[far]);
  const batchAxes = range(batch[0].length);
  const ctTheirs = range(theirs.length, batchAxes.length + (side === 0 ? own.length : 0));
  const numbers: DotDimensionNumbers = [
    [ctTheirs, theirs],
    [batchAxes, batch[far]],
  ];
  // The result may be wider or narrower than the operands; the wider of both is what the cotangent is computed in.
  const { dtype } = promote([ct, other]);
  const result = bind1(
    dotGeneralP,
    [ct, other].map((v) => withDType(v, dtype)),
    { dimension_numbers: numbers, preferred_element_type: null },
  );
  const contracted = [...contract[far]]
    .sort((a, b) => a - b)
    .map((a) => contract[side][contract[far].indexOf(a)]!);
  return withDType(transpose(result, inverse([...batch[side], ...own, ...contracted])), x.dtype);
}

const withDType = (x: NDArray, dtype: DType): NDArray => convertTo(x, { dtype, weakType: x.weakType });

/** Stays one dot_general: a new batch axis if both are mapped, else a new free axis. */
function batchDot([x, y]: NDArray[], [dx, dy]: (number | null)[], params: DotParams): [NDArray[], number[]] {
  const [[lc, rc], [lb, rb]] = params.dimension_numbers;
  const shift = (axes: Axes, d: number | null): Axes => (d === null ? axes : bump(axes, d));
  const contract = [shift(lc, dx!), shift(rc, dy!)] as const;
  const batch = [shift(lb, dx!), shift(rb, dy!)] as const;
  const both = dx !== null && dy !== null;
  const numbers: DotDimensionNumbers = [
    contract,
    both
      ? [
          [dx!, ...batch[0]],
          [dy!, ...batch[1]],
        ]
      : batch,
  ];
  const free = [freeAxes(x!.ndim, contract[0], batch[0]), freeAxes(y!.ndim, contract[1], batch[1])] as const;
  const at = dx === null ? free[0].length + free[1].indexOf(dy!) : free[0].indexOf(dx!);
  const out = bind1(dotGeneralP, [x!, y!], { ...params, dimension_numbers: numbers });
  return [[out], [both ? 0 : lb.length + at]];
}

/** Operands of two dtypes are computed in the one that stands later here, as in XLA. */
const PRECEDENCE: readonly DType[] = [
  "bool",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "float64",
];

/**
 * Contracts axes of `lhs` with axes of `rhs`. The result has the batch axes, then the free axes of `lhs`, then those of
 * `rhs`. Of bools it says whether there is a pair of trues.
 * @param dimensionNumbers `[[lhs contracting, rhs contracting], [lhs batch, rhs batch]]`
 * @param preferredElementType the dtype to accumulate in and to return (default: the operands' dtype; of two
 * the wider one, floats before integers, int8 before uint8)
 * @throws WeftTypeError if sizes of paired axes differ, WeftValueError if an axis does not exist.
 * @example
 * const [a, b] = [np.array([[1, 2], [3, 4]]), np.array([[5, 6], [7, 8]])];
 * dotGeneral(a, b, [[[1], [1]], [[], []]]).js(); // => [[17, 23], [39, 53]]
 * dotGeneral(a, b, [[[1], [1]], [[0], [0]]]).js() // => [17, 53]
 */
export function dotGeneral(
  lhs: ArrayLike,
  rhs: ArrayLike,
  dimensionNumbers: DotDimensionNumbers,
  options: { preferredElementType?: DType | null } = {},
): NDArray {
  const { preferredElementType = null } = checkOptions("lax.dotGeneral", options, ["preferredElementType"]);
  const args = operands(place("lax.dotGeneral", "lhs", "rhs"), lhs, rhs);
  const dtype = PRECEDENCE.findLast((d) => args.some((x) => x.dtype === d))!;
  const dimension_numbers = checkDotNumbers(dimensionNumbers);
  const preferred = preferredElementType === null ? null : checkDType("lax.dotGeneral", preferredElementType);
  const contracted = (as: DType, preferred_element_type: DType | null): NDArray => {
    const [x, y] = args.map((a) => withDType(a, as));
    return bind1(dotGeneralP, [x!, y!], { dimension_numbers, preferred_element_type });
  };
  if (dtype !== "bool") return contracted(dtype, preferred);
  return (preferred ?? dtype) === dtype ? ne(contracted("int32", null), 0) : contracted("int32", preferred);
}

function checkDotNumbers(numbers: DotDimensionNumbers): DotDimensionNumbers {
  const pair = <T>(list: readonly T[]): list is readonly [T, T] => Array.isArray(list) && list.length === 2;
  if (!pair(numbers) || !numbers.every(pair))
    throw new WeftTypeError(
      `lax.dotGeneral: dimensionNumbers must be [[lhsContract, rhsContract], [lhsBatch, rhsBatch]], got ${show(numbers)}.`,
    );
  const axes = (list: Axes): number[] => checkIntegers("lax.dotGeneral: dimensionNumbers", list);
  const [[lc, rc], [lb, rb]] = numbers;
  return [
    [axes(lc), axes(rc)],
    [axes(lb), axes(rb)],
  ];
}

const DOT_DIMS = ["lhsContractingDims", "rhsContractingDims", "lhsBatchDims", "rhsBatchDims"] as const;

/** The axes that {@link dot} pairs up; negative axes count from the end. */
export interface DotDims {
  readonly lhsContractingDims?: Axes;
  readonly rhsContractingDims?: Axes;
  readonly lhsBatchDims?: Axes;
  readonly rhsBatchDims?: Axes;
}

/**
 * Without `dims` the product of vectors and matrices: the last axis of `lhs` with the first of `rhs`, each of rank 1 or 2.
 * With `dims`, {@link dotGeneral} with named axes.
 * @throws WeftTypeError if sizes differ.
 * @example dot(np.array([1, 2]), np.array([3, 4])).item() // => 11
 */
export function dot(lhs: ArrayLike, rhs: ArrayLike, dims?: DotDims): NDArray {
  const [x, y] = operands(place("lax.dot", "lhs", "rhs"), lhs, rhs) as [NDArray, NDArray];
  if (!dims && ![x, y].every((a) => a.ndim === 1 || a.ndim === 2))
    throw new WeftTypeError(
      `dot needs operands of rank 1 or 2, got ${x.aval} and ${y.aval}. Use np.matmul or dotGeneral.`,
    );
  const {
    lhsContractingDims: lc = [],
    rhsContractingDims: rc = [],
    lhsBatchDims: lb = [],
    rhsBatchDims: rb = [],
  } = checkOptions("lax.dot: dims", dims ?? { lhsContractingDims: [-1], rhsContractingDims: [0] }, DOT_DIMS);
  const axes = (a: NDArray, list: Axes): number[] => checkAxisList("lax.dot: dims", list, a.ndim);
  return dotGeneral(x, y, [
    [axes(x, lc), axes(y, rc)],
    [axes(x, lb), axes(y, rb)],
  ]);
}
