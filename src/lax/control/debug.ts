/** Looking inside compiled programs: `debug.print` and `debug.callback`. */
import { fromTyped, type NDArray } from "../../core/array.ts";
import { aval } from "../../core/aval.ts";
import { DTYPES } from "../../core/dtype.ts";
import { WeftTypeError, WeftValueError } from "../../core/errors.ts";
import { Jaxpr, Var } from "../../core/jaxpr.ts";
import type { HostFn } from "../../core/lowering.ts";
import { definePrimitive, type Primitive } from "../../core/primitive.ts";
import { withEager } from "../../core/trace.ts";
import { moveBatchAxis } from "../../transforms/batch.ts";
import * as tree from "../../tree/index.ts";
import { checkCallable, checkOptions, checkString } from "../../util/options.ts";
import { show } from "../../util/text.ts";
import { asCarry, isArrayLeaf } from "../convert.ts";
import { arrayLeaves } from "../leaves.ts";
import { scanPrimitive } from "./scan.ts";

interface CallbackParams extends Record<string, unknown> {
  readonly callback: HostFn;
  readonly ordered: boolean;
}

/** Under vmap the callback runs once per lane, in the order of the batch: a scan over the batch axis. */
function callbackBatch(
  args: NDArray[],
  dims: (number | null)[],
  p: CallbackParams,
  size: number,
): [NDArray[], null[]] {
  const lanes = args.map((x, i) => ({
    x: dims[i] === null ? x : moveBatchAxis(x, dims[i]!, 0, size),
    mapped: dims[i] !== null,
  }));
  const consts = lanes.filter((l) => !l.mapped).map((l) => l.x);
  const xs = lanes.filter((l) => l.mapped).map((l) => l.x);
  const vars = lanes.map(
    ({ x, mapped }) => new Var(mapped ? aval(x.shape.slice(1), x.dtype, x.weakType) : x.aval),
  );
  const eqn = { primitive: callbackPrimitive, inputs: vars, params: p, outputs: [] };
  const body = new Jaxpr(
    [...vars.filter((_, i) => !lanes[i]!.mapped), ...vars.filter((_, i) => lanes[i]!.mapped)],
    [eqn],
    [],
  );
  const loop = {
    jaxpr: body,
    length: size,
    reverse: false,
    unroll: 1,
    numConsts: consts.length,
    numCarry: 0,
  };
  scanPrimitive.bind([...consts, ...xs], loop);
  return [[], []];
}

/** Calls back into JavaScript when the program reaches it (`jax.debug.callback`'s primitive). */
export const callbackPrimitive: Primitive<CallbackParams> = definePrimitive<CallbackParams>({
  name: "debug_callback",
  kind: "effect",
  effect: true,
  abstractEval: () => [],
  jvp: (primals, _, p) => [callbackPrimitive.bind(primals, p), []],
  transpose: "not linear",
  batch: callbackBatch,
  partialEval: "default",
  dce: "default",
  lower: (emit, args, p) => {
    emit.host(p.callback, args);
    return [];
  },
});

export interface CallbackOptions {
  /** Accepted for JAX's sake: callbacks always run in program order here. */
  readonly ordered?: boolean;
}

/**
 * Calls `f(...args)` with concrete arrays whenever the program reaches this point, also inside jit, scan, vmap (once per
 * lane) and grad (in the forward pass). Its result is ignored.
 * @throws WeftTypeError when f is no function or an argument is no tree of arrays
 * Source: `jax.debug.callback`.
 * @example
 * const seen = [];
 * jit((x) => { debug.callback((v) => seen.push(v.item()), x.sum()); return x; })(np.array([1, 2]));
 * seen // => [3]
 */
export function callback<Args extends readonly unknown[]>(
  f: (...args: { [K in keyof Args]: tree.MapTree<Args[K], NDArray> }) => unknown,
  ...args: Args
): void {
  checkCallable("debug.callback: the first argument", f);
  runCallback("debug.callback: argument ", f as (...args: unknown[]) => unknown, args, {});
}

function runCallback(
  where: string,
  f: (...args: unknown[]) => unknown,
  args: readonly unknown[],
  options: CallbackOptions,
): void {
  const [leaves, def] = arrayLeaves(args, { where, convert: (x) => asCarry(where, x) });
  const host: HostFn = (values) =>
    withEager(() => {
      const arrays = values.map(({ aval: t, data }) =>
        fromTyped(new DTYPES[t.dtype].array(Array.from(data) as never), t.shape, t.dtype),
      );
      f(...(tree.unflatten(def, arrays) as unknown[]));
    });
  callbackPrimitive.bind(leaves, { callback: host, ordered: Boolean(options.ordered ?? true) });
}

const PLACEHOLDER = /\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}/g;

/**
 * Prints a line whenever the program reaches this point; works inside compiled loops, in order.
 *
 * @param format text with placeholders `{name}`, or `{name:.3f}` (also `d`, `e`, `g`, a width, a fill) for scalars;
 *   `{{` and `}}` print braces
 * @param values trees of arrays by name
 * @throws WeftValueError when a placeholder has no value or a value no placeholder
 * Source: `jax.debug.print`.
 * @example
 * lax.foriLoop(0, 2, (i, x) => { debug.print("step {i}: x = {x:.2f}", { i, x }); return x.mul(2); }, 0.5);
 * // prints step 0: x = 0.50
 * //   step 1: x = 1.00
 */
export function print(
  format: string,
  values: Record<string, unknown> = {},
  options: CallbackOptions = {},
): void {
  checkString("debug.print: format", format);
  if (typeof values !== "object" || values === null || Array.isArray(values) || isArrayLeaf(values))
    throw new WeftTypeError(
      `debug.print: values must be an object whose names stand in the format, as in debug.print("h = {h}", { h }), got ${show(values)}.`,
    );
  checkOptions("debug.print", options, ["ordered"]);
  checkFormat(format, values);
  const line = (v: unknown): void => console.log(formatLine(format, v as Record<string, unknown>));
  runCallback("debug.print: values", line as (...args: unknown[]) => unknown, [values], options);
}

function checkFormat(format: string, values: Record<string, unknown>): void {
  const names = new Set(
    [...format.matchAll(PLACEHOLDER)].filter((m) => m[1] !== undefined).map((m) => m[1]!),
  );
  for (const name of names)
    if (!Object.hasOwn(values, name))
      throw new WeftValueError(
        `debug.print: the format has a placeholder {${name}} but no value of that name was given (given: ${Object.keys(values).join(", ") || "none"}).`,
      );
  for (const name of Object.keys(values))
    if (!names.has(name))
      throw new WeftValueError(
        `debug.print: the value ${name} is not used in the format. Write {${name}} where it should appear, and give values as an object instead of building them into the string.`,
      );
}

function formatLine(format: string, values: Record<string, unknown>): string {
  return format.replace(PLACEHOLDER, (whole, name: string | undefined, spec: string | undefined) =>
    name === undefined ? whole[0]! : formatValue(values[name], spec),
  );
}

function formatValue(value: unknown, spec: string | undefined): string {
  if (spec) return formatNumber(Number((value as NDArray).dataSync()[0]), spec);
  const def = tree.structure(value, undefined);
  if (def.isLeaf) return String(value);
  if (Array.isArray(value)) return `[${value.map((v) => formatValue(v, undefined)).join(", ")}]`;
  if (value === null || value === undefined) return String(value);
  return `{${Object.entries(value)
    .map(([k, v]) => `'${k}': ${formatValue(v, undefined)}`)
    .join(", ")}}`;
}

/** Python's format mini-language for numbers: `[[fill]align][width][.precision][type]`. */
const SPEC = /^(?:(.)?([<>^]))?(\+)?(0)?(\d+)?(?:\.(\d+))?([dfeg%])?$/;

function formatNumber(x: number, spec: string): string {
  const m = SPEC.exec(spec);
  if (!m) throw new WeftValueError(`debug.print: invalid format specification "${spec}".`);
  const [, fill, align, plus, zero, width, precision, type] = m;
  const digits = precision === undefined ? undefined : Number(precision);
  const body = numberBody(x, type, digits);
  const signed = plus && x >= 0 ? `+${body}` : body;
  const pad = Math.max(0, Number(width ?? 0) - signed.length);
  const filler = fill ?? (zero ? "0" : " ");
  if (align === "<") return signed + filler.repeat(pad);
  if (align === "^") return filler.repeat(pad >> 1) + signed + filler.repeat(pad - (pad >> 1));
  return filler.repeat(pad) + signed;
}

/** `toFixed`, but exact ties go to the even digit, as Python's format does. */
function fixed(x: number, digits: number): string {
  const scaled = x * 10 ** digits;
  const isTie = Number.isInteger(scaled * 2) && !Number.isInteger(scaled);
  return (isTie ? (2 * Math.round(scaled / 2)) / 10 ** digits : x).toFixed(digits);
}

function numberBody(x: number, type: string | undefined, digits: number | undefined): string {
  switch (type) {
    case "f":
      return fixed(x, digits ?? 6);
    case "e":
      return x.toExponential(digits ?? 6).replace(/e([+-])(\d)$/, "e$10$2");
    case "%":
      return `${fixed(x * 100, digits ?? 6)}%`;
    case "d":
      return String(Math.trunc(x));
    default:
      return digits === undefined ? String(x) : String(Number(x.toPrecision(digits)));
  }
}
