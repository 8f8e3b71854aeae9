/** Rows of the sweep in which weft is meant to differ from JAX, and why. */
const TYPES = { i: "int32[6]", u: "uint8[2,3]", b: "bool[2,3]", f: "float32[11]" };

/** The rows of an expression whose input has one of these types, by their first letters. */
const of = (key: string, types: string): string[] =>
  [...types].map((letter) => `${key} of ${TYPES[letter as keyof typeof TYPES]}`);

const REASONS: Readonly<Record<string, readonly string[]>> = {
  "functions that make floats of integers do so before they compute; JAX refuses, wraps around or overflows":
    [
      ...of("nn.sigmoid(x)", "iub"),
      ...of("nn.silu(x)", "iub"),
      ...of("nn.squareplus(x)", "iu"),
      ...of("nn.log_sigmoid(x)", "iub"),
      ...of("nn.soft_sign(x)", "i"),
      ...of("nn.log1mexp(x)", "iub"),
      ...of("nn.softmax(x)", "iub"),
      ...of("nn.softmax(x, axis=0)", "iub"),
      ...of("nn.softmax(x, axis=None)", "iub"),
      ...of("nn.log_softmax(x)", "ub"),
      ...of("nn.log_softmax(x, axis=0)", "b"),
      ...of("nn.log_softmax(x, axis=None)", "b"),
      ...of("nn.standardize(x)", "iu"),
      ...of("nn.standardize(x, axis=0)", "iu"),
      ...of("nn.standardize(x, axis=None)", "iu"),
      ...of("nn.glu(x, axis=0)", "iub"),
      ...of("jnp.linalg.vector_norm(x)", "iu"),
      ...of("lax.reciprocal(x)", "iu"),
      ...of("lax.integer_pow(x, -2)", "iu"),
    ],
  "a plain number that meets no array is weakly float32, whole or not": [
    ...of("jnp.where(x, 1, 2)", "fiub"),
    ...of("jnp.unwrap(x, period=3)", "iub"),
  ],
  "rounding leaves bools as they are; JAX refuses them": [
    ...of("jnp.round(x)", "b"),
    ...of("jnp.round(x, 1)", "b"),
  ],
  "floats are no classes": ["3,4", "2,4", "3,0"].map((shape) => `nn.one_hot(x, 3) of float32[${shape}]`),
  "the integral over an empty axis is 0, as in NumPy; JAX fails": ["jnp.trapezoid(x) of float32[3,0]"],
  "of no observations the covariance is 0/0, and so is its derivative; JAX's derivative is 0": [
    "jnp.cov(x) of float32[3,0]",
    "jnp.corrcoef(x) of float32[3,0]",
  ],
  "the derivative of digamma has no limit at -Infinity, and 0 at Infinity": of("lax.digamma(x)", "f"),
};

export const DIFFERENT: ReadonlySet<string> = new Set(Object.values(REASONS).flat());
