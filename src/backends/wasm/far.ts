/** The machine functions for arguments beyond the range of the expansions: calls of JavaScript's functions, where there are any. */

import type { DType } from "../../core/dtype.ts";
import { assert } from "../../core/errors.ts";
import { FAR, type MachineFn } from "../../core/scalar.ts";
import { splatConstant } from "./classes.ts";
import type { FuncBuilder, FuncRef, ModuleBuilder } from "./encoder/index.ts";
import { inner, type Node } from "./machine.ts";

/** What modules import as `Math`. */
export const MATH_IMPORTS: Readonly<Record<MachineFn, (x: number) => number>> = {
  farSin: Math.sin,
  farCos: Math.cos,
  farTan: Math.tan,
};
export const isFarFn = (fn: string): fn is MachineFn => Object.hasOwn(MATH_IMPORTS, fn);
export const importMath = (module: ModuleBuilder, fn: MachineFn): FuncRef =>
  module.importFunc("Math", fn, ["f64"], ["f64"]);

type Float = "float32" | "float64";
function floatOf(dtype: DType): Float {
  assert(dtype === "float32" || dtype === "float64", `sines are floats, not ${dtype}`);
  return dtype;
}

/** The function of the value on the stack, which is computed in f64. */
function callMath(f: FuncBuilder, math: FuncRef, dtype: Float): void {
  if (dtype === "float32") f.op("f64.promote_f32");
  f.call(math);
  if (dtype === "float32") f.op("f32.demote_f64");
}

/** `math(x)` where |x| is far, else y. */
export function farScalar(math: FuncRef, dtype: DType, x: Node, y: Node): Node {
  const float = floatOf(dtype);
  const type = float === "float32" ? "f32" : "f64";
  return inner(type, [x, y], (f) => {
    const [value, near] = [f.local(type), f.local(type)];
    f.set(near);
    f.tee(value);
    pushIsFar(f, float);
    f.if_(
      () => {
        f.get(value);
        callMath(f, math, float);
      },
      () => f.get(near),
      type,
    );
    for (const local of [value, near]) f.freeLocal(local);
  });
}

/** Whether the scalar on the stack is far. */
function pushIsFar(f: FuncBuilder, dtype: Float): void {
  const type = dtype === "float32" ? "f32" : "f64";
  f.op(`${type}.abs`);
  if (type === "f32") f.f32Const(FAR[dtype]);
  else f.f64Const(FAR[dtype]);
  f.op(`${type}.ge`);
}

/** {@link farScalar} in every lane: one test and no call as long as no lane is far. */
export function farVector(math: FuncRef, dtype: DType, x: Node, y: Node): Node {
  const float = floatOf(dtype);
  const shape = float === "float32" ? "f32x4" : "f64x2";
  const limit = splatConstant(FAR[float], float);
  return inner("v128", [x, y], (f) => {
    const [values, result] = [f.local("v128"), f.local("v128")];
    f.set(result);
    f.tee(values);
    f.op(`${shape}.abs`);
    limit.write(f);
    f.op(`${shape}.ge`);
    f.op("v128.any_true");
    f.if_(() => {
      for (let lane = 0; lane < (float === "float32" ? 4 : 2); lane++) {
        const push = (): void => {
          f.get(values);
          f.lane(`${shape}.extract_lane`, lane);
        };
        push();
        pushIsFar(f, float);
        f.if_(() => {
          f.get(result);
          push();
          callMath(f, math, float);
          f.lane(`${shape}.replace_lane`, lane);
          f.set(result);
        });
      }
    });
    f.get(result);
    for (const local of [values, result]) f.freeLocal(local);
  });
}
