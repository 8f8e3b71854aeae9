/** Where weft means to differ from JAX, and why. A disagreement that is not on this list is a fault. */
import type { Program } from "./program.ts";
import { hasFailed, type Outcome } from "./results.ts";

export interface Known {
  readonly reason: string;
  matches(program: Program, weft: Outcome, jax: Outcome): boolean;
}

const jaxSays =
  (text: RegExp) =>
  (_: Program, weft: Outcome, jax: Outcome): boolean =>
    !hasFailed(weft) && hasFailed(jax) && text.test(`${jax.error}: ${jax.message}`);

export const DIFFERENCES: readonly Known[] = [
  {
    reason: "nextafter has the derivative 0, as other functions with steps; JAX has none",
    matches: jaxSays(/Differentiation rule for 'nextafter' not implemented/),
  },
  {
    reason:
      "JAX cannot differentiate clamp with scalar bounds twice: its own rule selects with a shape that does not fit",
    matches: jaxSays(/select cases must have the same shapes/),
  },
  {
    reason:
      "JAX cannot differentiate pad twice by its padding value alone: a cotangent is missing in its rule",
    matches: jaxSays(/NoneType.* was passed to reduce_sum/s),
  },
  {
    reason:
      "JAX with 64-bit types gives int64 where weft, which has none, gives int32, and then refuses to mix them",
    matches: (program, weft, jax) => program.x64 && jaxSays(/int64/)(program, weft, jax),
  },
];

export const isKnown = (program: Program, weft: Outcome, jax: Outcome): boolean =>
  DIFFERENCES.some((d) => d.matches(program, weft, jax));

/** JAX refuses this as well where it runs loops step by step: there is no iteration to learn the results' types from. */
export const cannotStep = (o: Outcome): boolean =>
  hasFailed(o) && o.message.startsWith("zero-length scan is not supported in disableJit()");
