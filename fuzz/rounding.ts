/** Errors on purpose in every equation of a program, so also in those that only its derivatives have; rounding.py does the same in JAX. */
import { makeJaxpr, type NDArray, numpy as np } from "weft";

type Jaxpr = ReturnType<ReturnType<typeof makeJaxpr>>["jaxpr"];
type Eqn = Jaxpr["eqns"][number];
type Atom = Jaxpr["outs"][number];

/** Sixteen units in the last place. */
const AMOUNT: Readonly<Record<string, number>> = { float32: 2 ** -19, float64: 2 ** -48 };
const isFloat = (x: NDArray): boolean => x.dtype in AMOUNT;

/** What these give is one of their operands' elements, or exact. */
const EXACT_KINDS: ReadonlySet<string> = new Set(["expand", "view", "generate", "gather", "loop", "branch"]);
const EXACT: ReadonlySet<string> = new Set(
  `convert_element_type bitcast_convert_type copy optimization_barrier name stop_gradient neg sign select_n max min abs clamp floor ceil
  round nextafter argmax argmin reduce_max reduce_min scatter scatter-max scatter-min pad concatenate dynamic_update_slice cummax cummin
  sort top_k custom_lin`.split(/\s+/),
);
const isExact = ({ name, kind }: Eqn["primitive"]): boolean => EXACT_KINDS.has(kind) || EXACT.has(name);
/** These round inside, also when operands and result are short in binary. */
const INSIDE: ReadonlySet<string> = new Set(
  "cumlogsumexp cumprod lgamma digamma reduce_prod scatter-mul".split(" "),
);

/** Numbers equations, and knows the seed. */
interface Source {
  readonly seed: number;
  count: number;
}

function wave(x: NDArray, source: Source): NDArray {
  const at = np.reshape(np.arange(0, x.size, 1, { dtype: x.dtype as "float32" }), x.shape);
  const phase = np.add(np.multiply(at, 12.9898), source.seed + 78.233 * source.count++);
  return np.multiply(np.sin(phase), AMOUNT[x.dtype]!).astype(x.dtype);
}

const shaken = (x: NDArray, source: Source): NDArray =>
  isFloat(x) ? np.multiply(x, np.add(1, wave(x, source))) : x;

/** Numbers that are short in binary are exact. */
function noisy(x: NDArray, source: Source): NDArray {
  if (!isFloat(x)) return x;
  const scaled = np.multiply(x, 1024);
  const short = np.logicalAnd(np.equal(scaled, np.rint(scaled)), np.less(np.absolute(x), 8192));
  return np.where(short, x, shaken(x, source));
}

function evaluate(jaxpr: Jaxpr, args: readonly NDArray[], source: Source): NDArray[] {
  const env = new Map<Atom, NDArray>(jaxpr.invars.map((v, i) => [v, args[i]!]));
  const read = (a: Atom): NDArray =>
    "value" in a ? np.array(a.value, { dtype: a.aval.dtype }) : env.get(a)!;
  for (const eqn of jaxpr.eqns) {
    const outs = apply(eqn, eqn.inputs.map(read), source);
    for (const [i, v] of eqn.outputs.entries()) env.set(v, outs[i]!);
  }
  return jaxpr.outs.map(read);
}

const isJaxpr = (p: unknown): p is Jaxpr => typeof p === "object" && p !== null && "eqns" in p;

/** The bodies among parameters, with errors; the seed is a number in them, for they close over nothing. */
function noisyParams(params: Eqn["params"], source: Source): Eqn["params"] {
  const walk = (p: unknown): unknown =>
    isJaxpr(p) ? noisyBody(p, source) : Array.isArray(p) && p.some(isJaxpr) ? p.map(walk) : p;
  return Object.fromEntries(Object.entries(params).map(([key, p]) => [key, walk(p)]));
}

const noisyBody = (jaxpr: Jaxpr, source: Source): Jaxpr =>
  makeJaxpr((...xs: NDArray[]) => evaluate(jaxpr, xs, source))(...jaxpr.inAvals).jaxpr;

function apply({ primitive, params }: Eqn, args: readonly NDArray[], source: Source): NDArray[] {
  if (primitive.kind === "call") return evaluate(Object.values(params).find(isJaxpr)!, args, source);
  const operands = INSIDE.has(primitive.name) ? args.map((x) => shaken(x, source)) : [...args];
  const outs = primitive.bind(operands, noisyParams(params, source));
  return isExact(primitive) ? outs : outs.map((x) => noisy(x, source));
}

/** `f(...xs)`, its transformations done, with an error after every equation that rounds. */
export function withRoundingErrors(
  f: (...xs: NDArray[]) => readonly NDArray[],
  seed: number,
): (...xs: NDArray[]) => NDArray[] {
  return (...xs) => {
    const { jaxpr, consts } = makeJaxpr(f)(...xs);
    return evaluate(jaxpr, [...consts, ...xs], { seed, count: 1 });
  };
}
