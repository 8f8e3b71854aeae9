import type { NDArray } from "../../core/array.ts";
import type { Atom, Eqn, Jaxpr, Var } from "../../core/jaxpr.ts";
import { Literal } from "../../core/jaxpr.ts";
import { useDef } from "../../core/loop.ts";
import { ops } from "../../core/ops.ts";
import type { Stacks } from "./stacks.ts";

/**
 * The sum over the iterations of a loop of a value that its body computes, as a computation after the loop. Built from
 * outside in: a sum of an addition is the sum of two sums, a sum of a contraction is a contraction over time, a sum of a
 * view is the view of the sum; what remains is stacked over time (`needs`).
 */
interface TimeSum {
  /** Variables of the body of which every iteration's value is needed. */
  readonly needs: readonly Var[];
  compute(stacks: Stacks): NDArray;
}

/** Plans Σ_t of `v`. `varies` says which atoms change from iteration to iteration. */
export function planTimeSum(body: Jaxpr, v: Var, varies: (a: Atom) => boolean): TimeSum {
  const { producer } = useDef(body);
  return plan(v);

  function plan(x: Var): TimeSum {
    const at = producer.get(x);
    const eqn = at === undefined ? undefined : body.eqns[at]!;
    if (eqn?.outputs.length !== 1) return stackAndSum(x);
    const { primitive, inputs } = eqn;
    if (primitive.accumulates && inputs.every((a) => isVarying(a) && sameShape(a, x)))
      return both(inputs as readonly Var[]);
    if (primitive.batchSum && inputs.every(isVarying)) return atOnce(eqn);
    if (isView(eqn) && isVarying(inputs[0]!)) return through(eqn, plan(inputs[0] as Var));
    return stackAndSum(x);
  }
  function isVarying(a: Atom): a is Var {
    return !(a instanceof Literal) && varies(a);
  }
  function both(parts: readonly Var[]): TimeSum {
    const sums = parts.map(plan);
    return {
      needs: sums.flatMap((s) => s.needs),
      compute: (stacks) => sums.map((s) => s.compute(stacks)).reduce((a, b) => ops().add(a, b)),
    };
  }
}

const sameShape = (a: Atom, b: Atom): boolean => a.aval.shape.join() === b.aval.shape.join();

/** A rearrangement of its one operand: linear, so it commutes with sums. */
const isView = (eqn: Eqn): boolean =>
  ["view", "expand"].includes(eqn.primitive.kind) && eqn.inputs.length === 1;

const stackAndSum = (x: Var): TimeSum => ({
  needs: [x],
  compute: (stacks) => ops().sum(stacks.read(x), 0),
});

const atOnce = ({ primitive, inputs, params }: Eqn): TimeSum => ({
  needs: inputs as readonly Var[],
  compute: (stacks) =>
    primitive.batchSum!(
      inputs.map((a) => stacks.read(a)),
      inputs.map(() => 0),
      params,
    ),
});

const through = ({ primitive, params }: Eqn, inner: TimeSum): TimeSum => ({
  needs: inner.needs,
  compute: (stacks) => primitive.bind([inner.compute(stacks)], params)[0]!,
});
