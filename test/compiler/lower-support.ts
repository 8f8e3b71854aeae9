/** Loops, branches and indexing as small primitives that can only be lowered and stepped through, and an interpreting device. */
import { expect } from "vitest";
import { interpret, type Order } from "../../src/backends/interp/index.ts";
import { verifyDefined } from "../../src/compiler/ir/defined.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { verifyOrder } from "../../src/compiler/ir/order.ts";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { verify } from "../../src/compiler/ir/verify.ts";
import { lowerJaxpr } from "../../src/compiler/lower/index.ts";
import { type DeviceArray, fromTyped, type NDArray, scalar } from "../../src/core/array.ts";
import { aval, type Shape, type ShapedArray } from "../../src/core/aval.ts";
import { installDevice, setDefaultDevice } from "../../src/core/device.ts";
import { DTYPES, type DType, type TypedArray } from "../../src/core/dtype.ts";
import { type Atom, type Jaxpr, Literal } from "../../src/core/jaxpr.ts";
import type { Emitter, HostFn, Index, Operand } from "../../src/core/lowering.ts";
import {
  type AnyPrimitive,
  definePrimitive,
  type Params,
  type Primitive,
  type PrimitiveRecord,
} from "../../src/core/primitive.ts";
import { literalValue, stage } from "../../src/core/stage.ts";
import { FakeDevice } from "../support/fake-device.ts";

// ---------------------------------------------------------------------------------------------- a device

function typed(values: readonly number[], dtype: DType): TypedArray {
  const data = new DTYPES[dtype].array(new ArrayBuffer(values.length * DTYPES[dtype].bytes));
  data.set(values);
  return data;
}

const interpreter = new FakeDevice({ kind: "interpreter", lower: (jaxpr) => lowerJaxpr(jaxpr) });
installDevice(interpreter);
setDefaultDevice(interpreter);

/** An array with the elements start, start + step, … */
export function ramp(shape: Shape, start = 0, step = 1, dtype: DType = "float32"): DeviceArray {
  const type = aval(shape, dtype);
  return fromTyped(
    typed(
      Array.from({ length: type.size }, (_, i) => start + i * step),
      dtype,
    ),
    shape,
    dtype,
  );
}

export interface Lowered {
  readonly program: Program;
  /** Runs the program twice: what may run in any order runs forwards, then backwards. */
  run(args: readonly DeviceArray[]): { forward: number[][]; backward: number[][] };
  /** One equation at a time. */
  step(args: readonly DeviceArray[]): number[][];
}

/** Stages f, lowers it and verifies the program. */
export function lowered(f: (...args: NDArray[]) => NDArray[], avals: readonly ShapedArray[]): Lowered {
  const { jaxpr, consts } = stage((args) => f(...args), avals);
  const program = lowerJaxpr(jaxpr);
  verify(program, "lower");
  verifyDefined(program, "lower");
  verifyOrder(program, "lower");
  const all = (args: readonly DeviceArray[]): DeviceArray[] => [...(consts as DeviceArray[]), ...args];
  const interpreted = (args: readonly DeviceArray[], order: Order): number[][] => {
    const data = all(args).map((x) => x.dataSync());
    return interpret(program, data, undefined, order).map((x) => [...x]);
  };
  return {
    program,
    run: (args) => ({ forward: interpreted(args, "forward"), backward: interpreted(args, "backward") }),
    step: (args) => evaluate(jaxpr, all(args)).map((x) => [...x.dataSync()]),
  };
}

type Step<P> = (args: readonly NDArray[], params: P) => NDArray[];
const STEPS = new Map<AnyPrimitive, Step<Params>>();

/** The same jaxpr, one equation at a time, loops and branches in JavaScript. */
function evaluate(jaxpr: Jaxpr, args: readonly NDArray[]): NDArray[] {
  const env = new Map<Atom, NDArray>();
  const read = (a: Atom): NDArray => (a instanceof Literal ? literalValue(a) : env.get(a)!);
  for (const [i, v] of jaxpr.invars.entries()) env.set(v, args[i]!);
  for (const { primitive, inputs, params, outputs } of jaxpr.eqns) {
    const step = STEPS.get(primitive) ?? ((xs) => primitive.bind([...xs], params));
    for (const [i, x] of step(inputs.map(read), params).entries()) env.set(outputs[i]!, x);
  }
  return jaxpr.outs.map(read);
}
// ---------------------------------------------------------------------------------------------- primitives

const never = (): never => {
  throw new Error("not part of these tests");
};
type Small<P extends Params> = Pick<PrimitiveRecord<P>, "name" | "kind" | "abstractEval" | "lower"> &
  Partial<PrimitiveRecord<P>> & { readonly stepwise?: Step<P> };
function define<P extends Params>({ stepwise, ...record }: Small<P>): Primitive<P> {
  const rules = {
    jvp: never,
    transpose: "not linear",
    batch: never,
    partialEval: "default",
    dce: "default",
  } as const;
  const primitive = definePrimitive<P>({ ...rules, ...record });
  if (stepwise) STEPS.set(primitive, stepwise as Step<Params>);
  return primitive;
}

const asList = (x: NDArray | NDArray[]): NDArray[] => (Array.isArray(x) ? x : [x]);

/** Stages a function of a body that closes over values: these come first in the jaxpr. */
function closed(
  f: (...args: NDArray[]) => NDArray | NDArray[],
  avals: readonly ShapedArray[],
): { jaxpr: Jaxpr; consts: NDArray[] } {
  return stage((args) => asList(f(...args)), avals);
}

interface ScanParams extends Params {
  readonly jaxpr: Jaxpr;
  readonly numConsts: number;
  readonly numCarry: number;
  readonly length: number;
  readonly reverse: boolean;
  readonly unroll: number;
}

const scanP = define<ScanParams>({
  name: "test_scan",
  kind: "loop",
  abstractEval: (_, { jaxpr, numCarry, length }) =>
    jaxpr.outAvals.map((type, i) => (i < numCarry ? type : aval([length, ...type.shape], type.dtype))),
  lower: (emit, args, { numConsts, numCarry, ...spec }) =>
    emit.scan({
      ...spec,
      consts: args.slice(0, numConsts),
      init: args.slice(numConsts, numConsts + numCarry),
      xs: args.slice(numConsts + numCarry),
    }),
  stepwise(args, { jaxpr, numConsts, numCarry, length, reverse }) {
    const [consts, xs] = [args.slice(0, numConsts), args.slice(numConsts + numCarry)];
    let carry = args.slice(numConsts, numConsts + numCarry);
    const rows: number[][][] = [];
    for (let k = 0; k < length; k++) {
      const i = reverse ? length - 1 - k : k;
      const outs = evaluate(jaxpr, [...consts, ...carry, ...xs.map((x) => row(x, i))]);
      carry = outs.slice(0, numCarry);
      rows[i] = outs.slice(numCarry).map((y) => [...y.dataSync()]);
    }
    const ys = jaxpr.outAvals.slice(numCarry).map((type, j) => {
      const data = typed(
        rows.flatMap((r) => r[j]!),
        type.dtype,
      );
      return fromTyped(data, [length, ...type.shape], type.dtype);
    });
    return [...carry, ...ys];
  },
});

function row(x: NDArray, i: number): NDArray {
  const size = x.size / x.shape[0]!;
  return fromTyped(x.dataSync().slice(i * size, (i + 1) * size), x.shape.slice(1), x.dtype);
}

/** `body(...carry, ...xs)` returns the new carry and then the ys. */
export function scan(
  body: (...args: NDArray[]) => NDArray[],
  init: readonly NDArray[],
  xs: readonly NDArray[],
  {
    length = xs[0]?.shape[0] ?? 0,
    reverse = false,
    unroll = 1,
  }: { length?: number; reverse?: boolean; unroll?: number } = {},
): NDArray[] {
  const elements = xs.map((x) => aval(x.shape.slice(1), x.dtype));
  const { jaxpr, consts } = closed(body, [...init.map((x) => x.aval), ...elements]);
  const params = { jaxpr, numConsts: consts.length, numCarry: init.length, length, reverse, unroll };
  return scanP.bind([...consts, ...init, ...xs], params);
}

interface WhileParams extends Params {
  readonly cond: Jaxpr;
  readonly body: Jaxpr;
  readonly counts: readonly [number, number];
}

const whileP = define<WhileParams>({
  name: "test_while",
  kind: "loop",
  abstractEval: (_, { body }) => body.outAvals,
  lower: (emit, args, { cond, body, counts: [c, b] }) =>
    emit.whileLoop({
      cond,
      body,
      condConsts: args.slice(0, c),
      bodyConsts: args.slice(c, c + b),
      init: args.slice(c + b),
    }),
  stepwise(args, { cond, body, counts: [c, b] }) {
    let carry = args.slice(c + b);
    while (evaluate(cond, [...args.slice(0, c), ...carry])[0]!.dataSync()[0])
      carry = evaluate(body, [...args.slice(c, c + b), ...carry]);
    return carry;
  },
});

export function whileLoop(
  cond: (...carry: NDArray[]) => NDArray,
  body: (...carry: NDArray[]) => NDArray[],
  init: readonly NDArray[],
): NDArray[] {
  const avals = init.map((x) => x.aval);
  const [c, b] = [closed(cond, avals), closed(body, avals)];
  const params = { cond: c.jaxpr, body: b.jaxpr, counts: [c.consts.length, b.consts.length] as const };
  return whileP.bind([...c.consts, ...b.consts, ...init], params);
}

const switchP = define<{ branches: Jaxpr[] }>({
  name: "test_switch",
  kind: "branch",
  abstractEval: (_, { branches }) => branches[0]!.outAvals,
  lower: (emit, [index, ...args], { branches }) => emit.switch(index!, branches, args),
  stepwise([index, ...args], { branches }) {
    const i = Math.min(Math.max(index!.dataSync()[0]!, 0), branches.length - 1);
    return evaluate(branches[i]!, args);
  },
});

/** Branches close over nothing. */
export const switchCase = (
  index: NDArray,
  branches: ((...args: NDArray[]) => NDArray[])[],
  args: NDArray[],
): NDArray[] =>
  switchP.bind([index, ...args], {
    branches: branches.map(
      (f) =>
        closed(
          f,
          args.map((x) => x.aval),
        ).jaxpr,
    ),
  });

const callP = define<{ jaxpr: Jaxpr }>({
  name: "test_call",
  kind: "call",
  abstractEval: (_, { jaxpr }) => jaxpr.outAvals,
  lower: (emit, args, { jaxpr }) => emit.call(jaxpr, args),
  stepwise: (args, { jaxpr }) => evaluate(jaxpr, args),
});

export function call(f: (...args: NDArray[]) => NDArray | NDArray[], ...args: NDArray[]): NDArray[] {
  const { jaxpr, consts } = closed(
    f,
    args.map((x) => x.aval),
  );
  return callP.bind([...consts, ...args], { jaxpr });
}

const hostP = define<{ fn: HostFn }>({
  name: "test_host",
  kind: "effect",
  effect: true,
  abstractEval: () => [],
  lower: (emit, args, { fn }) => {
    emit.host(fn, args);
    return [];
  },
});
export const host = (fn: HostFn, ...args: NDArray[]): void => void hostP.bind(args, { fn });

/** Start indices, clamped so that a window of `window` lies in x. */
const starts = (emit: Emitter, x: Operand, window: Shape, indices: readonly Operand[]): Index[] =>
  indices.map((i, axis) => {
    const limit = emit.s.const(x.aval.shape[axis]! - window[axis]!, "int32");
    return emit.ix.dynamic(
      emit.s.binary("max", emit.s.binary("min", i.at([]), limit), emit.s.const(0, "int32")),
    );
  });

const dynamicSliceP = define<{ window: Shape }>({
  name: "test_dynamic_slice",
  kind: "gather",
  abstractEval: ([x], { window }) => [aval(window, x!.dtype)],
  lower: (emit, [x, ...indices], { window }, [out]) => {
    const at = starts(emit, x!, window, indices);
    return [emit.lazy(out!, (i) => x!.at(i.map((k, axis) => emit.ix.add(k, at[axis]!))))];
  },
});
export const dynamicSlice = (x: NDArray, indices: NDArray[], window: Shape): NDArray =>
  dynamicSliceP.bind([x, ...indices], { window })[0]!;

const updateP = define<Params>({
  name: "test_update",
  kind: "write",
  abstractEval: ([x]) => [x!],
  lower: (emit, [x, part, ...indices]) => {
    const at = starts(emit, x!, part!.aval.shape, indices);
    const body: Parameters<Emitter["update"]>[1] = (out) =>
      emit.loop(part!.aval.shape, (i) =>
        out.store(
          i.map((k, axis) => emit.ix.add(k, at[axis]!)),
          part!.at(i),
        ),
      );
    return [emit.update(x!, body)];
  },
});
export const update = (x: NDArray, part: NDArray, ...indices: NDArray[]): NDArray =>
  updateP.bind([x, part, ...indices], {})[0]!;

/** Written by building the result from the first operand in another order: of kind "write", but no update. */
const rotateP = define<Params>({
  name: "test_rotate",
  kind: "write",
  abstractEval: ([x]) => [x!],
  lower: (emit, [x], _, [out]) => [
    emit.build(out!, (target) =>
      emit.loop(out!.shape, ([i]) => target.store([emit.ix.sub(out!.shape[0]! - 1, i!)], x!.at([i!]))),
    ),
  ],
});
export const rotate = (x: NDArray): NDArray => rotateP.bind([x], {})[0]!;

/** Insertion sort with the statements that rules may write: serial loops, cells, while, if, swaps in place. */
const sortP = define<Params>({
  name: "test_sort",
  kind: "write",
  abstractEval: ([x]) => [x!],
  lower: (emit, [x]) => {
    const { s } = emit;
    const [n] = x!.aval.shape;
    const sort = (out: Parameters<Parameters<Emitter["update"]>[1]>[0]): void =>
      emit.loop(
        [n!],
        ([end]) => {
          const hole = emit.cell(s.fromIndex(end!, "int32"));
          const going = emit.cell(s.const(true, "bool"));
          emit.while(
            () => s.binary("and", going.get(), s.binary("gt", hole.get(), s.const(0, "int32"))),
            () => {
              const [at, before] = [
                emit.ix.dynamic(hole.get()),
                emit.ix.dynamic(s.binary("sub", hole.get(), s.const(1, "int32"))),
              ];
              const [a, b] = [out.at([before]), out.at([at])];
              emit.if(
                s.binary("gt", a, b),
                () => {
                  out.store([before], b);
                  out.store([at], a);
                },
                () => going.set(s.const(false, "bool")),
              );
              hole.set(s.fromIndex(before, "int32"));
            },
          );
        },
        "serial",
      );
    return [emit.update(x!, sort)];
  },
});
export const sort = (x: NDArray): NDArray => sortP.bind([x], {})[0]!;

/** Builds an array of the result's type, then returns another one that is read from it. */
const builtThenReadP = define<Params>({
  name: "test_built_then_read",
  kind: "write",
  abstractEval: ([x]) => [x!],
  lower: (emit, [x], _, [out]) => {
    const built = emit.build(out!, (target) => emit.loop(out!.shape, (i) => target.store(i, x!.at(i))));
    return [emit.lazy(out!, ([i]) => built.at([emit.ix.sub(out!.shape[0]! - 1, i!)]))];
  },
});
export const builtThenRead = (x: NDArray): NDArray => builtThenReadP.bind([x], {})[0]!;

/** Of kind "write", but computed by whoever reads it. */
const lazyRotateP = define<Params>({
  name: "test_lazy_rotate",
  kind: "write",
  abstractEval: ([x]) => [x!],
  lower: (emit, [x], _, [out]) => [emit.lazy(out!, ([i]) => x!.at([emit.ix.sub(out!.shape[0]! - 1, i!)]))],
});
export const lazyRotate = (x: NDArray): NDArray => lazyRotateP.bind([x], {})[0]!;

/** Sums of rows that are computed by whoever reads them. */
const lazySumsP = define<Params>({
  name: "test_lazy_sums",
  kind: "reduce",
  abstractEval: ([x]) => [aval([x!.shape[0]!], x!.dtype)],
  lower: (emit, [x], _, [out]) => [
    emit.lazy(out!, ([i]) =>
      emit.reduce("add", emit.s.const(0, "float32"), [x!.aval.shape[1]!], ([k]) => x!.at([i!, k!])),
    ),
  ],
});
export const lazySums = (x: NDArray): NDArray => lazySumsP.bind([x], {})[0]!;

// ---------------------------------------------------------------------------------------------- rows of tests

export type Fn = (...args: NDArray[]) => NDArray[];
export interface Row {
  readonly name: string;
  readonly f: Fn;
  readonly args: readonly DeviceArray[];
}

export const int = (value: number): NDArray => scalar(value, "int32");
export const W: DeviceArray = ramp([3, 3], -0.4, 0.1);
export const X: DeviceArray = ramp([5, 3], -1, 0.2);
export const H: DeviceArray = ramp([3], 0.1, 0.3);

/** Whole and one equation at a time, forwards and backwards, the results must agree. Returns the program. */
export function check({ f, args }: Row): Program {
  const { program, run, step } = lowered(
    f,
    args.map((x) => x.aval),
  );
  const want = step(args);
  for (const got of Object.values(run(args))) expectClose(got, want, program);
  return program;
}

function expectClose(got: number[][], want: number[][], program: Program): void {
  expect(got.map((x) => x.length)).toEqual(want.map((x) => x.length));
  const far = (x: number, y: number): boolean =>
    Math.abs(x - y) > 1e-5 * (1 + Math.abs(y)) || Number.isNaN(x);
  const wrong = got.flatMap((xs, k) =>
    xs.flatMap((x, i) => (far(x, want[k]![i]!) ? [[k, i, x, want[k]![i]]] : [])),
  );
  expect(wrong, printProgram(program)).toEqual([]);
}
