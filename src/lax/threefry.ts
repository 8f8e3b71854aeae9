/**
 * The threefry2x32 block cipher with 20 rounds: the pseudo-random function of JAX.
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { Scalar, ScalarBuilder } from "../core/lowering.ts";
import type { Primitive } from "../core/primitive.ts";
import { elementwiseShape } from "./check.ts";
import { asArray } from "./convert.ts";
import { batchMap, readAll } from "./map.ts";
import { define, NO_PARAMS, type NoParams } from "./rules.ts";

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const PARITY = 0x1bd11bda;
const GROUPS = [0, 1, 2, 3, 4] as const;

/** Five groups of four rounds; after group g the next two key words and g + 1 are added. */
function cipher(s: ScalarBuilder, k0: Scalar, k1: Scalar, x0: Scalar, x1: Scalar): [Scalar, Scalar] {
  const u32 = (value: number): Scalar => s.const(value, "uint32");
  const add = (a: Scalar, b: Scalar): Scalar => s.binary("add", a, b);
  const xor = (a: Scalar, b: Scalar): Scalar => s.binary("xor", a, b);
  const rotate = (x: Scalar, by: number): Scalar =>
    s.binary("or", s.binary("shl", x, u32(by)), s.binary("shrLogical", x, u32(32 - by)));
  const keys = [k0, k1, xor(xor(k0, k1), u32(PARITY))] as const;
  let [a, b] = [add(x0, k0), add(x1, k1)];
  for (const g of GROUPS) {
    for (const by of ROTATIONS[g % 2]!) {
      a = add(a, b);
      b = xor(rotate(b, by), a);
    }
    a = add(a, keys[(g + 1) % 3]!);
    b = add(add(b, keys[(g + 2) % 3]!), u32(g + 1));
  }
  return [a, b];
}

function blockType(avals: ShapedArray[]): ShapedArray {
  const bad = avals.find((a) => a.dtype !== "uint32");
  if (bad)
    throw new WeftTypeError(`Arguments to threefry2x32 must have uint32 type, got ${avals.join(", ")}.`);
  return aval(elementwiseShape("threefry2x32", avals), "uint32");
}

export const threefry2x32P: Primitive<NoParams> = define<NoParams>({
  name: "threefry2x32",
  kind: "map",
  abstractEval: (avals) => [blockType(avals), blockType(avals)],
  jvp: "zero",
  transpose: "not linear",
  batch: (...args) => batchMap(threefry2x32P, ...args),
  lower: (emit, args, _, outs) =>
    emit.buildMany(outs, ([first, second]) =>
      emit.loop(outs[0]!.shape, (i) => {
        const [k0, k1, x0, x1] = readAll(args, i) as [Scalar, Scalar, Scalar, Scalar];
        const [a, b] = cipher(emit.s, k0, k1, x0, x1);
        first!.store(i, a);
        second!.store(i, b);
      }),
    ),
});

/**
 * Encrypts the counters (x0, x1) with the key (k0, k1), element by element. All uint32, of one shape or scalars.
 * @throws WeftTypeError for other dtypes.
 * @example
 * const zero = np.zeros([1], { dtype: "uint32" });
 * threefry2x32(zero, zero, zero, zero) // => [[1797259609], [2579123966]]
 */
export const threefry2x32 = (
  k0: ArrayLike,
  k1: ArrayLike,
  x0: ArrayLike,
  x1: ArrayLike,
): [NDArray, NDArray] =>
  threefry2x32P.bind(
    [k0, k1, x0, x1].map((x) => asArray("lax.threefry2x32: x", x)),
    NO_PARAMS,
  ) as [NDArray, NDArray];
