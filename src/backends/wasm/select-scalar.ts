/** Instruction selection for scalars: expressions to machine nodes. */
import type { Affine, Buffer, Expr, IndexAtom, Local, MachineFn } from "../../compiler/ir/nodes.ts";
import type { DType } from "../../core/dtype.ts";
import type { Site } from "./address.ts";
import { constant } from "./classes.ts";
import { bitcastScalar, convertScalar } from "./convert.ts";
import type { FuncRef, LoadName, StoreName } from "./encoder/index.ts";
import { farScalar, isFarFn } from "./far.ts";
import { addAddress, call, i32, load, type Node, scaleAddress, select } from "./machine.ts";
import { scalarBinary, scalarUnary } from "./ops-scalar.ts";

/** What selection needs to know of the place where an expression stands. */
export interface Surroundings {
  /** The current value of a scalar local or loop variable. */
  value(atom: IndexAtom): Node;
  /** The current value of a local that has lanes: its registers. */
  parts(local: Local): readonly Node[];
  site(buffer: Buffer, index: Affine): Site;
  /** The function that computes the remainder of two f64. */
  remainder(): FuncRef;
  /** The function that {@link farScalar} calls. */
  math(fn: MachineFn): FuncRef;
  readonly fma: boolean;
}

export const LOAD: Readonly<Record<DType, LoadName>> = {
  float32: "f32.load",
  float64: "f64.load",
  int32: "i32.load",
  uint32: "i32.load",
  int16: "i32.load16_s",
  uint16: "i32.load16_u",
  int8: "i32.load8_s",
  uint8: "i32.load8_u",
  bool: "i32.load8_u",
};

/** Selects one statement's scalar expressions; nodes of shared subexpressions are shared. */
export class ScalarSelector {
  readonly #around: Surroundings;
  readonly #memo: Map<Expr, Node> = new Map();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  select(e: Expr): Node {
    const known = this.#memo.get(e);
    if (known) return known;
    const node = this.#node(e);
    this.#memo.set(e, node);
    return node;
  }

  /** The value of an index. */
  index(a: Affine): Node {
    const sum = a.terms.map((t) => scaleAddress(this.#around.value(t.atom), t.coeff));
    return sum.reduce(addAddress, i32(a.offset));
  }

  binary(e: Extract<Expr, { op: "binary" }>, x: Node, y: Node): Node {
    const dtype = e.x.dtype;
    if (isFarFn(e.fn)) return farScalar(this.#around.math(e.fn), dtype, x, y);
    if (e.fn !== "rem" || (dtype !== "float32" && dtype !== "float64"))
      return scalarBinary(e.fn, dtype, x, y);
    // The remainder of two float32 is exact in float64, and a float32.
    const [wideX, wideY] = [convertScalar(dtype, "float64", x), convertScalar(dtype, "float64", y)];
    return convertScalar("float64", dtype, call(this.#around.remainder(), "f64", wideX, wideY));
  }

  #node(e: Expr): Node {
    switch (e.op) {
      case "const":
        return constant(e.value, e.dtype);
      case "index":
        return this.index(e.index);
      case "local":
        return this.#around.value(e.local);
      case "load": {
        const { address, offset } = this.#around.site(e.buffer, e.index);
        return load(LOAD[e.dtype], address, offset);
      }
      case "unary":
        return scalarUnary(e.fn, e.x.dtype, this.select(e.x));
      case "binary":
        return this.binary(e, this.select(e.x), this.select(e.y));
      case "fma": {
        const product = scalarBinary("mul", e.dtype, this.select(e.x), this.select(e.y));
        return scalarBinary("add", e.dtype, product, this.select(e.z));
      }
      case "select":
        return select(this.select(e.cond), this.select(e.x), this.select(e.y));
      case "convert":
        return convertScalar(e.x.dtype, e.dtype, this.select(e.x));
      case "bitcast":
        return bitcastScalar(e.x.dtype, e.dtype, this.select(e.x));
    }
  }
}

export const STORE: Readonly<Record<DType, StoreName>> = {
  float32: "f32.store",
  float64: "f64.store",
  int32: "i32.store",
  uint32: "i32.store",
  int16: "i32.store16",
  uint16: "i32.store16",
  int8: "i32.store8",
  uint8: "i32.store8",
  bool: "i32.store8",
};
