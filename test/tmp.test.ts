import { expect, test } from "vitest";
import { grad, jit, makeJaxpr, valueAndGrad, vmap } from "../src/index.ts";
import { scan } from "../src/lax/control/loops.ts";
import { add, mul, tanh } from "../src/lax/elementwise.ts";
import { asArray } from "../src/lax/convert.ts";
import { setExecutor, executors } from "../src/runtime/index.ts";
import { reduceSum } from "../src/lax/broadcast.ts";

test("x", () => {
  setExecutor?.(executors.interp);
  const f = (x: any) => { const [c, ys] = scan((c: any, x: any) => { const n = tanh(add(mul(c, 0.5), x)); return [n, n] as const; }, 0, x); return reduceSum(ys, [0]); };
  const x = asArray([1, 2, 3]);
  console.log(String(makeJaxpr(f)(x).jaxpr));
  console.log(String(makeJaxpr(grad(f))(x).jaxpr));
  console.log(f(x).dataSync(), jit(f)(x).dataSync());
  console.log(grad(f)(x).dataSync(), jit(grad(f))(x).dataSync());
  console.log(vmap(grad(f))(asArray([[1,2,3],[4,5,6]])).dataSync());
});
