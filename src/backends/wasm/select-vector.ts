/** Instruction selection for values that have one element per lane: expressions to v128 machine nodes. */

import { coeffOf } from "../../compiler/ir/affine.ts";
import type { Affine, Expr, LoopVar } from "../../compiler/ir/nodes.ts";
import { byteSize, type DType, isFloat } from "../../core/dtype.ts";
import { assert } from "../../core/errors.ts";
import { lanesPerVector, partsOf, splatConstant, valTypeOf } from "./classes.ts";
import { bitcastParts, convertParts, narrowMasks, widenMasks } from "./convert.ts";
import type { LaneName, LoadLaneName, LoadName, OpName } from "./encoder/index.ts";
import { farVector, isFarFn } from "./far.ts";
import { extractLane, i32, load, loadLane, type Node, op, replaceLane, shuffle, v128 } from "./machine.ts";
import { scalarUnary } from "./ops-scalar.ts";
import { vectorBinary, vectorClamp, vectorShift, vectorUnary } from "./ops-vector.ts";
import { LOAD, type ScalarSelector, type Surroundings } from "./select-scalar.ts";

/** The iterations that run side by side. */
export interface Lanes {
  readonly v: LoopVar;
  readonly count: number;
  /** Whether a value differs between lanes. */
  varies(e: Expr): boolean;
}

type Parts = readonly Node[];
type Shape = "i32x4" | "f32x4" | "f64x2";
const shapeOf = (dtype: DType): Shape =>
  dtype === "float32" ? "f32x4" : dtype === "float64" ? "f64x2" : "i32x4";

/** Lane `lane` as a scalar of the dtype; masks become 0 or 1. */
export function extract(part: Node, lane: number, dtype: DType): Node {
  const value = extractLane(`${shapeOf(dtype)}.extract_lane` as LaneName, lane, part, valTypeOf(dtype));
  return dtype === "bool" ? op("i32.and", value, i32(1)) : value;
}

/** One scalar in every lane. */
function splat(x: Node, dtype: DType): Node {
  return op(`${shapeOf(dtype)}.splat`, dtype === "bool" ? op("i32.sub", i32(0), x) : x);
}

/** A v128 of scalars, one per lane. */
function assemble(lanes: readonly Node[], dtype: DType): Node {
  const [first, ...rest] = lanes.map((x) => (dtype === "bool" ? op("i32.sub", i32(0), x) : x));
  const name = `${shapeOf(dtype)}.replace_lane` as LaneName;
  return rest.reduce((v, x, i) => replaceLane(name, i + 1, v, x), op(`${shapeOf(dtype)}.splat`, first!));
}

const SPLAT_LOAD: Partial<Record<number, LoadName>> = { 4: "v128.load32_splat", 8: "v128.load64_splat" };
const LANE_LOAD: Partial<Record<number, LoadLaneName>> = { 4: "v128.load32_lane", 8: "v128.load64_lane" };

/** So many bytes at an address in the low end of a v128. */
function loadBytes(bytes: number, address: Node, offset: number): Node {
  if (bytes === 2) return op("i32x4.splat", load("i32.load16_u", address, offset));
  const name = bytes === 16 ? "v128.load" : bytes === 8 ? "v128.load64_zero" : "v128.load32_zero";
  return load(name, address, offset);
}

/** Packed elements of 1 or 2 bytes, spread over lanes of 32 bits. */
function unpack(packed: Node, dtype: DType): Node {
  const size = byteSize(dtype);
  const sign = dtype === "int8" || dtype === "int16" ? "s" : "u";
  const halves = size === 1 ? op(`i16x8.extend_low_i8x16_${sign}`, packed) : packed;
  const words = size <= 2 ? op(`i32x4.extend_low_i16x8_${sign}`, halves) : packed;
  return dtype === "bool" ? op("i32x4.neg", words) : words;
}

const PACK: Readonly<Record<1 | 2, readonly number[]>> = {
  1: [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12],
  2: [0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13],
};
/** The inverse of {@link unpack}: lanes of 32 bits as packed elements in the low end. */
export function pack(part: Node, dtype: DType): Node {
  const size = byteSize(dtype);
  const words = dtype === "bool" ? op("v128.and", part, splatConstant(1, "int32")) : part;
  return size === 1 || size === 2 ? shuffle(PACK[size], words) : words;
}

/** Selects one statement's expressions inside a loop that has lanes. */
export class VectorSelector {
  readonly #scalars: ScalarSelector;
  readonly #around: Surroundings;
  readonly #lanes: Lanes;
  readonly #memo: Map<Expr, Parts> = new Map();

  constructor(scalars: ScalarSelector, around: Surroundings, lanes: Lanes) {
    this.#scalars = scalars;
    this.#around = around;
    this.#lanes = lanes;
  }

  /** The registers of a value; one that does not vary is spread over one register that stands for all. */
  select(e: Expr): Parts {
    const known = this.#memo.get(e);
    if (known) return known;
    const parts = this.#lanes.varies(e) ? this.#parts(e) : this.#uniform(e);
    assert(parts.length === this.#count(e.dtype), `${e.op} of ${e.dtype} fills ${parts.length} registers`);
    this.#memo.set(e, parts);
    return parts;
  }

  #count(dtype: DType): number {
    return partsOf(dtype, this.#lanes.count);
  }

  #uniform(e: Expr): Parts {
    return Array<Node>(this.#count(e.dtype)).fill(this.#splat(e));
  }

  #splat(e: Expr): Node {
    if (e.op === "const") return splatConstant(e.value, e.dtype);
    const name = SPLAT_LOAD[byteSize(e.dtype)];
    if (e.op !== "load" || !name) return splat(this.#scalars.select(e), e.dtype);
    const { address, offset } = this.#around.site(e.buffer, e.index);
    return load(name, address, offset);
  }

  #parts(e: Expr): Parts {
    switch (e.op) {
      case "const":
        return this.#uniform(e);
      case "index":
        return this.#index(e.index);
      case "local":
        return this.#around.parts(e.local);
      case "load":
        return this.#load(e);
      case "unary":
        return this.select(e.x).map((x) => this.#unary(e, x));
      case "binary":
        return this.#binary(e);
      case "fma":
        return this.#fma(e);
      case "select":
        return this.#choose(e);
      case "convert":
        return convertParts(e.x.dtype, e.dtype, this.select(e.x), this.#lanes.count);
      case "bitcast":
        return bitcastParts(e.x.dtype, e.dtype, this.select(e.x), this.#lanes.count);
    }
  }

  /** The value in lane 0, plus what each lane adds. */
  #index(a: Affine): Parts {
    const step = coeffOf(a, this.#lanes.v);
    const first = op("i32x4.splat", this.#scalars.index(a));
    return Array.from({ length: this.#count("int32") }, (_, part) => {
      const steps = Int32Array.from({ length: 4 }, (_, lane) => Math.imul(step, 4 * part + lane));
      return op("i32x4.add", first, v128(new Uint8Array(steps.buffer)));
    });
  }

  #load(e: Extract<Expr, { op: "load" }>): Parts {
    const { address, offset, stride } = this.#around.site(e.buffer, e.index);
    const size = byteSize(e.dtype);
    const perPart = Math.min(lanesPerVector(e.dtype), this.#lanes.count);
    return Array.from({ length: this.#count(e.dtype) }, (_, part) => {
      const at = offset + part * perPart * stride;
      if (stride === size) return unpack(loadBytes(size * perPart, address, at), e.dtype);
      return gather(e.dtype, perPart, (lane) => [address, at + lane * stride]);
    });
  }

  #unary(e: Extract<Expr, { op: "unary" }>, x: Node): Node {
    const lane = (i: number): Node => scalarUnary(e.fn, e.x.dtype, extract(x, i, e.x.dtype));
    return vectorUnary(e.fn, e.x.dtype, x) ?? this.#laneByLane(e.dtype, lane);
  }

  #binary(e: Extract<Expr, { op: "binary" }>): Parts {
    const dtype = e.x.dtype;
    const special = this.#clamp(e) ?? this.#shift(e);
    if (special) return special;
    const ys = this.select(e.y);
    const parts = this.select(e.x).map((x, i) => {
      const y = ys[i]!;
      if (isFarFn(e.fn)) return farVector(this.#around.math(e.fn), dtype, x, y);
      const lane = (l: number): Node => this.#scalars.binary(e, extract(x, l, dtype), extract(y, l, dtype));
      return vectorBinary(e.fn, dtype, x, y) ?? this.#laneByLane(e.dtype, lane);
    });
    return e.dtype === "bool" && dtype === "float64" ? narrowMasks(parts) : parts;
  }

  #clamp({ fn, x, y }: Extract<Expr, { op: "binary" }>): Parts | undefined {
    const [value, bound] = x.op === "const" ? [y, x] : [x, y];
    if (bound.op !== "const" || !vectorClamp(fn, x.dtype, i32(0), bound.value)) return undefined;
    return this.select(value).map((part) => vectorClamp(fn, x.dtype, part, bound.value)!);
  }

  /** By an amount that all lanes share. */
  #shift(e: Extract<Expr, { op: "binary" }>): Parts | undefined {
    if (this.#lanes.varies(e.y)) return undefined;
    if (isFloat(e.dtype) || e.dtype === "bool" || !vectorShift(e.fn, e.dtype, i32(0), i32(0)))
      return undefined;
    const amount = this.#scalars.select(e.y);
    return this.select(e.x).map((x) => vectorShift(e.fn, e.dtype, x, amount)!);
  }

  #laneByLane(dtype: DType, compute: (lane: number) => Node): Node {
    const count = Math.min(lanesPerVector(dtype), this.#lanes.count);
    return assemble(
      Array.from({ length: count }, (_, lane) => compute(lane)),
      dtype,
    );
  }

  #fma(e: Extract<Expr, { op: "fma" }>): Parts {
    const [xs, ys, zs] = [this.select(e.x), this.select(e.y), this.select(e.z)];
    return xs.map((x, i) => {
      if (this.#around.fma && isFloat(e.dtype)) {
        return op(`${shapeOf(e.dtype)}.relaxed_madd` as OpName, x, ys[i]!, zs[i]!);
      }
      return vectorBinary("add", e.dtype, vectorBinary("mul", e.dtype, x, ys[i]!)!, zs[i]!)!;
    });
  }

  #choose(e: Extract<Expr, { op: "select" }>): Parts {
    const masks = this.select(e.cond);
    const fitting = e.dtype === "float64" ? widenMasks(masks, this.#lanes.count) : masks;
    const ys = this.select(e.y);
    return this.select(e.x).map((x, i) => op("v128.bitselect", x, ys[i]!, fitting[i]!));
  }
}

/** Elements from anywhere, one per lane. */
function gather(
  dtype: DType,
  lanes: number,
  at: (lane: number) => readonly [address: Node, offset: number],
): Node {
  const [splatLoad, laneLoad] = [SPLAT_LOAD[byteSize(dtype)], LANE_LOAD[byteSize(dtype)]];
  if (!splatLoad || !laneLoad) {
    return assemble(
      Array.from({ length: lanes }, (_, lane) => load(LOAD[dtype], ...at(lane))),
      dtype,
    );
  }
  let vector = load(splatLoad, ...at(0));
  for (let lane = 1; lane < lanes; lane++) vector = loadLane(laneLoad, lane, ...at(lane), vector);
  return vector;
}
