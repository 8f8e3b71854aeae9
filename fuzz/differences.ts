/** Where weft means to differ from JAX, and why. A disagreement that is not on this list is a fault. */
import type { Difference } from "./compare.ts";
import { allSteps, type Program, type Step } from "./program.ts";
import { hasFailed, type Outcome, type Result } from "./results.ts";

export interface Known {
  readonly reason: string;
  matches(program: Program, weft: Outcome, jax: Outcome): boolean;
}

const jaxSays =
  (text: RegExp) =>
  (_: Program, weft: Outcome, jax: Outcome): boolean =>
    !hasFailed(weft) && hasFailed(jax) && text.test(`${jax.error}: ${jax.message}`);

/** Errors about derivatives that there are not, in weft's words and in JAX's. */
const NO_DERIVATIVE =
  /customVjp: it only knows how to pull cotangents back|forward-mode .* to a custom_vjp function|scatter.mul gradients .*only/;

/** They are thrown where the derivative is computed: not where nobody reads it, or where it is known to be zero, as it is step by step. */
export const isReadLess = (a: Outcome, b: Outcome): boolean =>
  hasFailed(a) !== hasFailed(b) && [a, b].some((o) => hasFailed(o) && NO_DERIVATIVE.test(o.message));

const isWholeNumber = (s: Step): boolean => s.op === "literal" && Number.isInteger(s.params["value"]);

const isFraction = (s: Step): boolean => s.op === "literal" && !Number.isInteger(s.params["value"]);

/** Whether one result is a float32 where JAX has a float64. */
const isNarrower = (weft: Outcome, jax: Outcome): boolean =>
  !hasFailed(weft) &&
  !hasFailed(jax) &&
  weft.outs.some((x, i) => x.dtype === "float32" && jax.outs[i]?.dtype === "float64");

/** Whether results are the same but for the dtype of what comes of plain numbers alone. */
function differByNumbers(weft: Outcome, jax: Outcome): boolean {
  if (hasFailed(weft) || hasFailed(jax) || weft.outs.length !== jax.outs.length) return false;
  const isNumber = (x: Result, y: Result): boolean =>
    x.weak && y.weak && x.dtype === "float32" && y.dtype === "int32";
  const isSame = (x: Result, y: Result): boolean => x.dtype === y.dtype && x.weak === y.weak;
  const sameValues = (x: Result, y: Result): boolean => String(x.values) === String(y.values);
  const pairs = weft.outs.map((x, i) => [x, jax.outs[i]!] as const);
  return (
    pairs.some(([x, y]) => isNumber(x, y)) &&
    pairs.every(([x, y]) => (isNumber(x, y) || isSame(x, y)) && sameValues(x, y))
  );
}

/** Whether all that differs is that JAX's results are typed weakly. */
function areStronger(weft: Outcome, jax: Outcome): boolean {
  if (hasFailed(weft) || hasFailed(jax) || weft.outs.length !== jax.outs.length) return false;
  const pairs = weft.outs.map((x, i) => [x, jax.outs[i]!] as const);
  return (
    pairs.some(([x, y]) => y.weak && !x.weak && x.dtype !== "bool") &&
    pairs.every(([x, y]) => x.dtype === y.dtype && (y.weak || !x.weak))
  );
}

/** Whether an operation stands in a program, in whatever form: "array.at.mul [i]" is array.at.mul. */
const stands = (program: Program, ops: readonly string[]): boolean =>
  allSteps(program.main).some((s) => ops.includes(s.op.split(" ")[0]!));

/** Numbers that may differ in programs with one of these operations; all others of such a program are compared. */
interface Meant {
  readonly reason: string;
  readonly ops: readonly string[];
  /** Only where a NaN is among the results. */
  readonly besideNaN?: boolean;
  isMeant(weft: number, jax: number): boolean;
}

const isNaNInJax = (_: number, jax: number): boolean => Number.isNaN(jax);
const isNaNForInfinite = (weft: number, jax: number): boolean =>
  Number.isNaN(weft) && Math.abs(jax) === Number.POSITIVE_INFINITY;

const NUMBERS: readonly Meant[] = [
  {
    reason: "XLA folds the leading zeros of a negative constant to minus the width; there are none",
    isMeant: (weft, jax) => weft === 0 && [-8, -16, -32, -64].includes(jax),
    ops: ["lax.clz"],
  },
  {
    reason: "the sign of a NaN, by which copysign and signbit go, is what the machine makes of it",
    besideNaN: true,
    isMeant: (weft, jax) => weft === -jax || (weft === 1 - jax && weft * jax === 0),
    ops: ["np.copysign", "np.signbit"],
  },
  {
    reason:
      "JAX differentiates vander as a power with an exponent that could be any number, so the derivative of x^0 at 0 is 0 times infinity; in weft exponents are whole",
    isMeant: isNaNInJax,
    ops: ["np.vander"],
  },
  {
    reason:
      "JAX's derivative of x^0 is an array of zeros, of which infinity makes NaN; in weft nothing is multiplied",
    isMeant: isNaNInJax,
    ops: ["lax.integerPow"],
  },
  {
    reason:
      "JAX's derivatives of running products multiply infinity by zeros, also where the product has the derivative all the same",
    isMeant: isNaNInJax,
    ops: ["lax.cumprod", "np.cumprod", "np.nancumprod"],
  },
  {
    reason:
      "JAX multiplies an infinite product of updates by zeros for the derivative of elements that none reaches",
    isMeant: isNaNInJax,
    ops: ["array.at.mul", "lax.scatterMul"],
  },
  {
    reason:
      "JAX multiplies tangents by who has the maximum or minimum of scattered values, and infinity times 0 is NaN",
    isMeant: isNaNInJax,
    ops: ["array.at.max", "array.at.min", "lax.scatterMax", "lax.scatterMin"],
  },
  {
    reason: "XLA's log1p of float64 is wrong by 1e-14 around -0.41, and what is made of it",
    isMeant: (weft, jax) => Math.abs(weft - jax) <= 1e-12 * Math.abs(jax),
    ops: ["np.log1p", "lax.log1p", "np.arctanh", "lax.atanh", "nn.log1mexp"],
  },
  {
    reason:
      "weft has no rule for the second derivative of trigamma: that of its formula is NaN at the poles, not infinite",
    isMeant: isNaNForInfinite,
    ops: ["lax.trigamma"],
  },
  {
    reason: "JAX's polygamma is NaN at infinity, where trigamma is 0",
    isMeant: (weft, jax) => weft === 0 && Number.isNaN(jax),
    ops: ["lax.trigamma"],
  },
  {
    reason:
      "weft differentiates arccosh by (x - 1)(x + 1), which keeps digits near 1 that JAX's x² - 1 loses; the derivative of that at 1 is NaN, not infinite",
    isMeant: isNaNForInfinite,
    ops: ["lax.acosh", "np.arccosh"],
  },
  {
    reason: "JAX multiplies by the zeros that stand beside a sequence, and infinity times 0 is NaN",
    isMeant: isNaNInJax,
    ops: ["np.convolve", "np.polymul"],
  },
];

/** Which numbers of a program differ as they are meant to. */
export function meantIn(program: Program, jax: Outcome): Meant["isMeant"] {
  const hasNaN = !hasFailed(jax) && jax.outs.some(({ values }) => Array.from(values).some(Number.isNaN));
  const known = NUMBERS.filter(({ ops, besideNaN }) => (hasNaN || !besideNaN) && stands(program, ops));
  return (weft, jax) => known.some((k) => k.isMeant(weft, jax));
}

export const DIFFERENCES: readonly Known[] = [
  {
    reason:
      "JAX forgets in its derivatives of the maximum and minimum of scattered values that indices are clipped, and counts who has the maximum elsewhere",
    matches: (program) =>
      program.modes.length > 0 &&
      allSteps(program.main).some((s) => /^lax.scatterM(ax|in)$/.test(s.op) && s.params["mode"] === "clip"),
  },
  {
    reason: "where JAX has 64-bit types, choice draws integers of 64 bits",
    matches: (program) => program.x64 && stands(program, ["random.choice"]),
  },
  {
    reason: "nextafter has the derivative 0, as other functions with steps; JAX has none",
    matches: jaxSays(/Differentiation rule for 'nextafter' not implemented/),
  },
  {
    reason:
      "JAX can neither differentiate clamp with scalar bounds nor map it over its maximum alone: its own rules make shapes that do not fit",
    matches: (program, weft, jax) =>
      jaxSays(/select cases must have the same shapes|^AssertionError: $|clamp requires max.shape ==/)(
        program,
        weft,
        jax,
      ) && stands(program, ["lax.clamp"]),
  },
  {
    reason:
      "JAX cannot differentiate pad twice by its padding value alone: a cotangent is missing in its rule",
    matches: jaxSays(/NoneType.* was passed to reduce_sum/s),
  },
  {
    reason:
      "JAX's rules of the maximum, minimum and product of scattered values gather from an axis of size 0, which it refuses",
    matches: jaxSays(/Slice size at index \d+ in gather op is out of range, must be within \[0, 0 \+ 1\)/),
  },
  {
    reason: "what nobody reads is dropped more thoroughly than by JAX, also derivatives that there are not",
    matches: (_, weft, jax) => isReadLess(weft, jax),
  },
  {
    reason: "JAX divides by the length of what lax.map gets with a batch size, which may be 0",
    matches: jaxSays(/^ZeroDivisionError/),
  },
  {
    reason:
      "XLA itself ends the process: where it folds the remainder of an integer constant by 0, and on some gradients of overlapping parts",
    // Not a Python that lacks JAX.
    matches: jaxSays(/^OracleDied:(?![\s\S]*Traceback)/),
  },
  {
    reason: "JAX took longer than the oracle waits: not compared",
    matches: jaxSays(/^OracleGivenUp:/),
  },
  {
    reason:
      "a fraction beside integers is float32 in weft whatever JAX's 64-bit types are, with which it is float64 there",
    matches: (program, weft, jax) =>
      program.x64 && allSteps(program.main).some(isFraction) && isNarrower(weft, jax),
  },
  {
    reason:
      "no bool is typed weakly; in JAX comparisons of plain numbers are, which shows in one place: where topK finds it",
    matches: (program, weft, jax) => stands(program, ["lax.topK"]) && areStronger(weft, jax),
  },
  {
    reason: "a number outside of an integer dtype's range wraps around, as in a typed array; JAX refuses it",
    matches: jaxSays(/OverflowError: Python integer -?\d+ out of bounds/),
  },
  {
    reason:
      "JavaScript has one type of numbers: a whole one that meets no array is weakly float32, not int32",
    matches: (program, weft, jax) => allSteps(program.main).some(isWholeNumber) && differByNumbers(weft, jax),
  },
];

/** The reason for which a program's outcomes may differ. */
export const explain = (program: Program, weft: Outcome, jax: Outcome): string | undefined =>
  DIFFERENCES.find((d) => d.matches(program, weft, jax))?.reason;

/** The correlation of a row whose elements are equal is 0/0, or what rounding makes of that. */
export const isUndecided = (program: Program, { overflow = false }: Difference): boolean =>
  overflow && stands(program, ["np.corrcoef"]);

/** JAX refuses this as well where it runs loops step by step: there is no iteration to learn the results' types from. */
export const cannotStep = (o: Outcome): boolean =>
  hasFailed(o) && o.message.startsWith("zero-length scan is not supported in disableJit()");
