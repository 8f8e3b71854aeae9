/** Errors on purpose in every equation of a program, so also in those that only its derivatives have; rounding.py does the same in JAX. */
import { makeJaxpr, type NDArray, numpy as np } from "#internal/index";

type Jaxpr = ReturnType<ReturnType<typeof makeJaxpr>>["jaxpr"];
type Eqn = Jaxpr["eqns"][number];
type Atom = Jaxpr["outs"][number];

/** Fourteen units in the last place. */
const AMOUNT: Readonly<Record<string, number>> = { float32: 14 * 2 ** -23, float64: 14 * 2 ** -52 };
const SMALLEST_NORMAL: Readonly<Record<string, number>> = { float32: 2 ** -126, float64: 2 ** -1022 };
const isFloat = (x: NDArray): boolean => x.dtype in AMOUNT;

/** What these give is one of their operands' elements, or exact. */
const EXACT_KINDS: ReadonlySet<string> = new Set(["expand", "view", "generate", "gather", "loop", "branch"]);
const EXACT: ReadonlySet<string> = new Set(
  `convert_element_type bitcast_convert_type copy optimization_barrier name stop_gradient neg sign select_n max min abs clamp floor ceil
  round nextafter argmax argmin reduce_max reduce_min scatter scatter-max scatter-min pad concatenate dynamic_update_slice cummax cummin
  sort top_k custom_lin`.split(/\s+/),
);
const isExact = ({ name, kind }: Eqn["primitive"]): boolean => EXACT_KINDS.has(kind) || EXACT.has(name);
/** These sum: of operands that are exact, the sum is. */
const SUMS: ReadonlySet<string> = new Set("reduce_sum cumsum dot_general scatter-add psum".split(" "));
const ADDS: ReadonlySet<string> = new Set(["add", "sub", "add_any"]);
/** These round inside, also when operands and result are short in binary. */
const INSIDE: ReadonlySet<string> = new Set(
  "logaddexp logaddexp2 softplus log1mexp cumlogsumexp cumprod linear_recurrence lgamma digamma reduce_prod scatter-mul".split(
    " ",
  ),
);

/** What is done to what equations take and give. */
interface Errors {
  /** Errors everywhere. */
  shaken(x: NDArray): NDArray;
  /** Errors in what was rounded. */
  noisy(x: NDArray): NDArray;
  /** Errors everywhere, unless nothing was rounded: in a sum the largest term says how exact the others are. */
  summed(x: NDArray): NDArray;
  /** Maybe nothing, of either sign, instead of what is left of terms of this magnitude, or of a long sum whose parts may overflow. */
  cancelled(x: NDArray, magnitude: () => NDArray, isLong: boolean): NDArray;
}

/** Relative errors as rounding makes them, others in every equation; numbers that are short in binary are exact. */
function roundingErrors(seed: number): Errors {
  let count = 0;
  const shaken = (x: NDArray): NDArray => {
    const at = np.reshape(np.arange(0, x.size, 1, { dtype: x.dtype as "float32" }), x.shape);
    const wave = np.sin(np.add(np.multiply(at, 12.9898), seed + 78.233 * ++count));
    // None is near zero: that would show nothing.
    const error = np.multiply(np.add(wave, np.where(np.less(wave, 0), -1, 1)), AMOUNT[x.dtype]! / 2);
    return np.multiply(x, np.add(1, error)).astype(x.dtype);
  };
  const isShort = (x: NDArray): NDArray => {
    const scaled = np.multiply(x, 1024);
    return np.logicalAnd(np.equal(scaled, np.rint(scaled)), np.less(np.absolute(x), 8192));
  };
  const run = Math.floor(seed);
  const signed = (x: NDArray, isNegative: boolean): NDArray => (isNegative ? np.negative(x) : x);
  // The sign of a NaN is the processor's: all have one in this run.
  const noisy = (x: NDArray): NDArray =>
    np.where(np.isnan(x), signed(np.absolute(x), run % 3 === 1), np.where(isShort(x), x, shaken(x)));
  const summed = (x: NDArray): NDArray => np.where(np.all(isShort(x)), x, shaken(x));
  const cancelled = (x: NDArray, magnitude: () => NDArray, isLong: boolean): NDArray => {
    if (run % 2 === 0) return x;
    const most = magnitude();
    const small = np.lessEqual(np.absolute(x), np.multiply(most, AMOUNT[x.dtype]!));
    const nothing = signed(np.multiply(x, 0), run % 4 === 3);
    const left = np.where(np.logicalAnd(small, np.isfinite(most)), nothing, x);
    return isLong ? np.where(np.isinf(most), 0, left) : left;
  };
  return { shaken, noisy, summed, cancelled };
}

/** As JAX does it: subnormal results become zero. */
const FLUSHING: Errors = {
  shaken: (x) => x,
  summed: (x) => x,
  cancelled: (x) => x,
  noisy: (x) => np.where(np.less(np.absolute(x), SMALLEST_NORMAL[x.dtype]!), np.multiply(x, 0), x),
};

function evaluate(jaxpr: Jaxpr, args: readonly NDArray[], errors: Errors): NDArray[] {
  const env = new Map<Atom, NDArray>(jaxpr.invars.map((v, i) => [v, args[i]!]));
  const read = (a: Atom): NDArray =>
    "value" in a ? np.array(a.value, { dtype: a.aval.dtype }) : env.get(a)!;
  for (const eqn of jaxpr.eqns) {
    const outs = apply(eqn, eqn.inputs.map(read), errors);
    for (const [i, v] of eqn.outputs.entries()) env.set(v, outs[i]!);
  }
  return jaxpr.outs.map(read);
}

const isJaxpr = (p: unknown): p is Jaxpr => typeof p === "object" && p !== null && "eqns" in p;

/** The bodies among parameters, with errors; the seed is a number in them, for they close over nothing. */
function noisyParams(params: Eqn["params"], errors: Errors): Eqn["params"] {
  const walk = (p: unknown): unknown =>
    isJaxpr(p) ? noisyBody(p, errors) : Array.isArray(p) && p.some(isJaxpr) ? p.map(walk) : p;
  return Object.fromEntries(Object.entries(params).map(([key, p]) => [key, walk(p)]));
}

const noisyBody = (jaxpr: Jaxpr, errors: Errors): Jaxpr =>
  makeJaxpr((...xs: NDArray[]) => evaluate(jaxpr, xs, errors))(...jaxpr.inAvals).jaxpr;

function apply({ primitive, params }: Eqn, args: readonly NDArray[], errors: Errors): NDArray[] {
  if (primitive.kind === "call") return evaluate(Object.values(params).find(isJaxpr)!, args, errors);
  const change = INSIDE.has(primitive.name) ? errors.shaken : SUMS.has(primitive.name) ? errors.summed : null;
  const operands = args.map((x) => (change && isFloat(x) ? change(x) : x));
  const made = primitive.bind(operands, noisyParams(params, errors));
  const isLong = SUMS.has(primitive.name);
  const outs = made.map((x) =>
    (isLong || ADDS.has(primitive.name)) && isFloat(x)
      ? errors.cancelled(x, () => magnitude(primitive, params, operands), isLong)
      : x,
  );
  return isExact(primitive) ? outs : outs.map((x) => (isFloat(x) ? errors.noisy(x) : x));
}

/** The sum of the finite terms' magnitudes. */
function magnitude(primitive: Eqn["primitive"], params: Eqn["params"], args: readonly NDArray[]): NDArray {
  const terms = args.map((x) => (isFloat(x) ? np.where(np.isfinite(x), np.absolute(x), 0) : x));
  return ADDS.has(primitive.name) ? np.add(terms[0]!, terms[1]!) : primitive.bind(terms, params)[0]!;
}

type Flat = (...xs: NDArray[]) => readonly NDArray[];

const withErrors =
  (f: Flat, errors: Errors) =>
  (...xs: NDArray[]): NDArray[] => {
    const { jaxpr, consts } = makeJaxpr(f)(...xs);
    return evaluate(jaxpr, [...consts, ...xs], errors);
  };

/** `f(...xs)`, its transformations done, with an error after every equation that rounds. */
export const withRoundingErrors = (f: Flat, seed: number): Flat => withErrors(f, roundingErrors(seed));
/** The same without subnormal numbers. */
export const flushed = (f: Flat): Flat => withErrors(f, FLUSHING);
