import type { NDArray } from "../../core/array.ts";
import { aval, type ShapedArray } from "../../core/aval.ts";
import { assert } from "../../core/errors.ts";
import type { LoopParams } from "../../core/loop.ts";
import type { AnyPrimitive } from "../../core/primitive.ts";
import { stage } from "../../core/stage.ts";

/** How a loop takes an operand: whole in every iteration, as its carry, or one element per iteration. */
export type Role = "const" | "carry" | "x";
const ROLES: readonly Role[] = ["const", "carry", "x"];

const elementOf = (stack: ShapedArray): ShapedArray =>
  aval(stack.shape.slice(1), stack.dtype, stack.weakType);

/**
 * Runs a loop over operands in any order: `body` gets one iteration's values in that order and returns the carry, in the order
 * of the operands with that role, then the ys.
 */
export function bindLoop(
  primitive: AnyPrimitive,
  { length, reverse, unroll }: LoopParams,
  operands: readonly NDArray[],
  roles: readonly Role[],
  body: (values: NDArray[]) => NDArray[],
): NDArray[] {
  const groups = ROLES.map((role) => operands.flatMap((_, i) => (roles[i] === role ? [i] : [])));
  const order = groups.flat();
  const { jaxpr, consts } = stage(
    (args) => {
      const values = Array<NDArray>(args.length);
      order.forEach((i, at) => (values[i] = args[at]!));
      return body(values);
    },
    order.map((i) => (roles[i] === "x" ? elementOf(operands[i]!.aval) : operands[i]!.aval)),
  );
  assert(consts.length === 0, "The body of a loop closed over an array that is not an operand.");
  return primitive.bind(
    order.map((i) => operands[i]!),
    { jaxpr, length, reverse, unroll, numConsts: groups[0]!.length, numCarry: groups[1]!.length },
  );
}
