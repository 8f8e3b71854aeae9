/** Functions of the elements of one to three arrays. */
import type { ArrayType } from "../program.ts";
import {
  anything,
  bits,
  bools,
  type Chooser,
  floats,
  inexact,
  ints,
  numbers,
  type Op,
  op,
  signed,
  snake,
} from "./op.ts";

type Accept = (t: ArrayType) => boolean;
type Space = "np" | "lax" | "nn";
const PYTHON: Readonly<Record<Space, string>> = { np: "jnp", lax: "lax", nn: "nn" };
const words = (text: string): string[] => text.trim().split(/\s+/);

/** Names that JAX spells differently. */
const RENAMED: Readonly<Record<string, string>> = {
  trueDivide: "true_divide",
  nanToNum: "nan_to_num",
  softSign: "soft_sign",
  squareplus: "squareplus",
  reluSix: "relu6",
  mod: "remainder",
};
const pythonName = (space: Space, name: string): string =>
  `${PYTHON[space]}.${RENAMED[name] ?? (space === "nn" && name === "relu6" ? "relu6" : snake(name))}`;

function unary(space: Space, names: string, accept: (g: Chooser) => Accept): Op[] {
  return words(names).map((name) =>
    op({
      name: `${space}.${name}`,
      weft: `${space}.${name}(a[0])`,
      jax: `${pythonName(space, name)}(a[0])`,
      choose: (g) => ({ args: [g.value(accept(g))] }),
    }),
  );
}

/** Two arrays that broadcast; `mixed`: of any accepted dtypes. */
function binary(space: Space, names: string, accept: (g: Chooser) => Accept, mixed = space === "np"): Op[] {
  return words(names).map((name) =>
    op({
      name: `${space}.${name}`,
      weft: `${space}.${name}(a[0], a[1])`,
      jax: `${pythonName(space, name)}(a[0], a[1])`,
      choose: (g) => {
        const x = g.value(accept(g));
        const y = mixed ? g.partner(x, accept(g)) : g.of(g.type(x));
        return { args: g.rng.chance(0.5) ? [x, y] : [y, x] };
      },
    }),
  );
}

const of = (accept: Accept) => (): Accept => accept;

const NUMPY: readonly Op[] = [
  ...unary("np", "negative square absolute sign positive", of(numbers)),
  ...unary("np", "floor ceil trunc", inexact),
  ...unary("np", "isnan isfinite isinf isposinf isneginf logicalNot", of(anything)),
  ...unary("np", "signbit", of(numbers)),
  ...unary(
    "np",
    `sqrt cbrt exp exp2 expm1 log log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
    sinc deg2rad rad2deg reciprocal`,
    inexact,
  ),
  ...unary("np", "rint", inexact),
  ...unary("np", "nanToNum", of(anything)),
  ...unary("np", "invert", of(bits)),
  ...unary("np", "bitwiseCount", of(bits)),
  ...binary("np", "add multiply", of(anything)),
  ...binary("np", "subtract", of(numbers)),
  ...binary("np", "trueDivide arctan2 hypot logaddexp logaddexp2", inexact),
  ...binary("np", "floorDivide remainder fmod", of(numbers)),
  ...binary("np", "maximum minimum fmax fmin", of(anything)),
  ...binary("np", "copysign heaviside floatPower", inexact),
  ...binary("np", "equal notEqual less lessEqual greater greaterEqual", of(anything)),
  ...binary("np", "logicalAnd logicalOr logicalXor", of(anything)),
  ...binary("np", "bitwiseAnd bitwiseOr bitwiseXor", of(bits)),
  ...binary("np", "leftShift rightShift", of(ints)),
  op({
    name: "np.power",
    weft: "np.power(a[0], a[1])",
    jax: "jnp.power(a[0], a[1])",
    weight: 2,
    choose: (g) => {
      const x = g.value(floats);
      return {
        args: [
          x,
          g.rng.chance(0.5) ? g.literal(g.rng.pick([0, 1, 2, 3, -1, -2, 0.5])) : g.partner(x, numbers),
        ],
      };
    },
  }),
  op({
    name: "np.power integers",
    weft: "np.power(a[0], a[1])",
    jax: "jnp.power(a[0], a[1])",
    choose: (g) => ({ args: [g.value(ints), g.literal(g.rng.int(0, 4))] }),
  }),
  op({
    name: "np.divmod",
    weft: "np.divmod(a[0], a[1])",
    jax: "jnp.divmod(a[0], a[1])",
    choose: (g) => {
      const x = g.value(numbers);
      return { args: [x, g.partner(x, numbers)] };
    },
  }),
  op({
    name: "np.modf",
    weft: "np.modf(a[0])",
    jax: "jnp.modf(a[0])",
    choose: (g) => ({ args: [g.value(floats)] }),
  }),
  op({
    name: "np.round",
    weft: "np.round(a[0], p.decimals)",
    jax: "jnp.round(a[0], p.decimals)",
    choose: (g) => ({ args: [g.value(floats)], params: { decimals: g.rng.int(-1, 2) } }),
  }),
  op({
    name: "np.nanToNum values",
    weft: "np.nanToNum(a[0], { nan: p.nan, posinf: 2, neginf: p.low })",
    jax: "jnp.nan_to_num(a[0], nan=p.nan, posinf=2, neginf=p.low)",
    choose: (g) => ({ args: [g.value(floats)], params: { nan: g.rng.pick([0, 1.5]), low: -3 } }),
  }),
  op({
    name: "np.astype",
    weft: "np.astype(a[0], p.dtype)",
    jax: "jnp.astype(a[0], p.dtype)",
    weight: 3,
    choose: (g) => ({ args: [g.value()], params: { dtype: g.rng.pick(dtypes(g)) } }),
  }),
  op({
    name: "np.where",
    weft: "np.where(a[0], a[1], a[2])",
    jax: "jnp.where(a[0], a[1], a[2])",
    weight: 3,
    choose: (g) => {
      const x = g.value();
      return { args: [g.partner(x, g.rng.chance(0.7) ? bools : anything), x, g.partner(x, anything)] };
    },
  }),
  op({
    name: "np.clip",
    weft: "np.clip(a[0], a[1], a[2])",
    jax: "jnp.clip(a[0], a[1], a[2])",
    choose: (g) => {
      const x = g.value(numbers);
      return { args: [x, g.partner(x), g.partner(x)] };
    },
  }),
  op({
    name: "np.clip below",
    weft: "np.clip(a[0], p.low)",
    jax: "jnp.clip(a[0], p.low)",
    choose: (g) => ({ args: [g.value(numbers)], params: { low: g.rng.int(-1, 1) } }),
  }),
  op({
    name: "np.select",
    weft: "np.select([a[0], a[1]], [a[2], a[3]], p.otherwise)",
    jax: "jnp.select([a[0], a[1]], [a[2], a[3]], p.otherwise)",
    choose: (g) => {
      const x = g.value(numbers);
      const t = g.type(x);
      const pred = { ...t, dtype: "bool" } as const;
      return { args: [g.of(pred), g.of(pred), x, g.of(t)], params: { otherwise: g.rng.int(0, 3) } };
    },
  }),
];

export function dtypes(g: Chooser): ArrayType["dtype"][] {
  const all = ["float32", "int32", "int16", "int8", "uint32", "uint16", "uint8", "bool"] as const;
  return g.x64 ? [...all, "float64", "float64"] : [...all];
}

const LAX: readonly Op[] = [
  ...unary("lax", "neg sign", of(numbers)),
  ...unary("lax", "abs", of(signed)),
  ...unary("lax", "square", of(numbers)),
  ...unary("lax", "floor ceil round isFinite", of(floats)),
  ...unary(
    "lax",
    `exp exp2 expm1 log log1p sqrt rsqrt cbrt reciprocal logistic tanh sin cos tan asin acos atan sinh cosh asinh acosh atanh
    erf erfc erfInv lgamma digamma`,
    of(floats),
  ),
  ...unary("lax", "bitwiseNot", of(bits)),
  ...unary("lax", "populationCount clz", of(ints)),
  ...binary("lax", "add sub mul div", of(numbers)),
  ...binary("lax", "rem", of(numbers)),
  ...binary("lax", "max min eq ne lt le gt ge", of(anything)),
  ...binary("lax", "pow atan2", of(floats)),
  ...binary("lax", "nextafter", of(floats)),
  ...binary("lax", "bitwiseAnd bitwiseOr bitwiseXor", of(bits)),
  ...binary("lax", "shiftLeft shiftRightLogical shiftRightArithmetic", of(ints)),
  op({
    name: "lax.addAny",
    weft: "lax.addAny(a[0], a[1])",
    jax: "lax.add(a[0], a[1])",
    choose: (g) => {
      const x = g.value(floats);
      return { args: [x, g.of(g.type(x))] };
    },
  }),
  op({
    name: "lax.trigamma",
    weft: "lax.trigamma(a[0])",
    jax: "lax.polygamma(jnp.ones_like(a[0]), a[0])",
    choose: (g) => (g.backwards ? { args: [g.value(floats)] } : undefined),
  }),
  op({
    name: "lax.round even",
    weft: "lax.round(a[0], 1)",
    jax: "lax.round(a[0], lax.RoundingMethod.TO_NEAREST_EVEN)",
    choose: (g) => ({ args: [g.value(floats)] }),
  }),
  op({
    name: "lax.integerPow",
    weft: "lax.integerPow(a[0], p.y)",
    jax: "lax.integer_pow(a[0], p.y)",
    choose: (g) => ({ args: [g.value(floats)], params: { y: g.rng.int(-3, 5) } }),
  }),
  op({
    name: "lax.pow integers",
    weft: "lax.pow(a[0], a[1])",
    jax: "lax.pow(a[0], a[1])",
    choose: (g) => {
      const x = g.value(floats);
      return { args: [x, g.of({ ...g.type(x), dtype: "int32" })] };
    },
  }),
  op({
    name: "lax.clamp",
    weft: "lax.clamp(a[0], a[1], a[2])",
    jax: "lax.clamp(a[0], a[1], a[2])",
    choose: (g) => {
      const x = g.value(numbers);
      const t = g.type(x);
      const bound = g.rng.chance(0.5) ? t : { ...t, shape: [] };
      return { args: [g.of(bound), x, g.of(bound)] };
    },
  }),
  op({
    name: "lax.select",
    weft: "lax.select(a[0], a[1], a[2])",
    jax: "lax.select(a[0], a[1], a[2])",
    choose: (g) => {
      const x = g.value();
      const t = g.type(x);
      return { args: [g.of({ shape: g.rng.chance(0.3) ? [] : t.shape, dtype: "bool" }), x, g.of(t)] };
    },
  }),
  op({
    name: "lax.selectN",
    weft: "lax.selectN(a[0], a[1], a[2], a[3])",
    jax: "lax.select_n(a[0], a[1], a[2], a[3])",
    choose: (g) => {
      const x = g.value();
      const t = g.type(x);
      const which = g.constant({ shape: t.shape, dtype: "int32" }, () => g.rng.int(0, 2));
      return { args: [which, x, g.of(t), g.of(t)] };
    },
  }),
  op({
    name: "lax.convertElementType",
    weft: "lax.convertElementType(a[0], p.dtype)",
    jax: "lax.convert_element_type(a[0], p.dtype)",
    choose: (g) => ({ args: [g.value()], params: { dtype: g.rng.pick(dtypes(g)) } }),
  }),
  op({
    name: "lax.bitcastConvertType",
    weft: "lax.bitcastConvertType(a[0], p.dtype)",
    jax: "lax.bitcast_convert_type(a[0], p.dtype)",
    choose: (g) => {
      const x = g.value((t) => t.dtype === "int32" || t.dtype === "uint32");
      return { args: [x], params: { dtype: g.rng.pick(["int32", "uint32"]) } };
    },
  }),
  ...["lax.copy", "lax.stopGradient"].map((name) =>
    op({
      name,
      weft: `${name}(a[0])`,
      jax: name === "lax.copy" ? "jnp.copy(a[0])" : "lax.stop_gradient(a[0])",
      choose: (g) => ({ args: [g.value()] }),
    }),
  ),
];

const NN: readonly Op[] = [
  ...unary(
    "nn",
    `relu relu6 sigmoid softplus logSigmoid softSign silu mish hardSigmoid hardSilu hardTanh squareplus sparsePlus sparseSigmoid
    selu elu celu leakyRelu gelu identity`,
    of(floats),
  ),
  op({
    name: "nn.log1mexp",
    weft: "nn.log1mexp(np.absolute(a[0]))",
    jax: "nn.log1mexp(jnp.absolute(a[0]))",
    choose: (g) => ({ args: [g.value(floats)] }),
  }),
  op({
    name: "nn.gelu exact",
    weft: "nn.gelu(a[0], { approximate: false })",
    jax: "nn.gelu(a[0], approximate=False)",
    choose: (g) => ({ args: [g.value(floats)] }),
  }),
];

export const ELEMENTWISE: readonly Op[] = [...NUMPY, ...LAX, ...NN];
