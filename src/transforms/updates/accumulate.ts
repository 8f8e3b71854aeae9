import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, type Jaxpr, mapJaxprs } from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import type { LoopParams } from "../../core/loop.ts";
import { ops } from "../../core/ops.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { deep, restaged, Uses } from "./rewrite.ts";
import { separateSums } from "./separate.ts";
import { canBegin, isZeros, type Sum, sumsOf } from "./sums.ts";

/**
 * Accumulation in place. The cotangent of a slice, or of a row that was looked up, is zeros with something written into them;
 * added to what there is already, it is an update of that.
 *
 *   before  z = broadcast 0;  u = dynamic_update_slice z ct i;  s' = add s u
 *   after   s' = scatter-add s i ct
 *
 * The same with a loop that adds to a carry which begins as zeros (it begins as s), and with branches some of which add
 * nothing (they take s and add to it). So a sum that goes through nested loops and branches is one array that all of them
 * add to. The terms of a sum are added in the order in which they are made.
 */
export const accumulate: (jaxpr: Jaxpr) => Jaxpr = deep((jaxpr) => inPlace(separateSums(jaxpr, inPlace)));

function inPlace(jaxpr: Jaxpr): Jaxpr {
  const uses = new Uses(jaxpr);
  const sums = sumsOf(jaxpr, uses).filter(({ terms }) =>
    terms.some((a) => isZeros(uses, a) || canBegin(uses, a)),
  );
  return sums.length ? rewritten(jaxpr, uses, sums) : jaxpr;
}

function rewritten(jaxpr: Jaxpr, uses: Uses, sums: readonly Sum[]): Jaxpr {
  const roots = new Map(sums.map((sum) => [sum.root, sum]));
  const sumsWith = new Map<Atom, Sum[]>();
  for (const sum of sums)
    for (const a of sum.terms) if (!isZeros(uses, a)) sumsWith.set(a, [...(sumsWith.get(a) ?? []), sum]);
  const values = new Map<Sum, NDArray>();
  const put = (a: Atom, term: NDArray): void => {
    for (const sum of sumsWith.get(a) ?? []) {
      const value = values.get(sum);
      values.set(sum, value ? ops().add(value, term) : term);
    }
  };
  const apply = (eqn: Eqn, inputs: NDArray[]): NDArray[] => {
    const root = roots.get(eqn);
    const begun = distinct(eqn.outputs.map((v) => (canBegin(uses, v) ? sumsWith.get(v)?.[0] : undefined)));
    const starts = begun.map((sum) => sum && values.get(sum));
    const outs = root ? [values.get(root) ?? inputs[0]!] : bindFrom(eqn, inputs, starts);
    // What began with a sum has replaced it before anything else is added.
    for (const [k, out] of outs.entries()) if (starts[k]) values.set(begun[k]!, out);
    for (const [k, out] of outs.entries()) if (!starts[k]) put(eqn.outputs[k]!, out);
    return outs;
  };
  return restaged((args) => {
    jaxpr.invars.forEach((v, i) => put(v, args[i]!));
    return evalJaxpr(jaxpr, args, apply);
  }, jaxpr.inAvals);
}

/** Each sum once: two results of one equation cannot both begin with it. */
const distinct = (sums: readonly (Sum | undefined)[]): (Sum | undefined)[] =>
  sums.map((sum, k) => (sums.indexOf(sum) === k ? sum : undefined));

/** Binds an equation so that result k begins with `starts[k]` where that is given. */
function bindFrom(eqn: Eqn, inputs: NDArray[], starts: readonly (NDArray | undefined)[]): NDArray[] {
  const { primitive, params } = eqn;
  const given = starts.filter((x) => x !== undefined);
  if (given.length === 0) return primitive.bind(inputs, params);
  for (const start of given) note("accumulated", () => `what is added to parts of ${start.aval.short()}`);
  if (primitive.update) {
    const added = primitive.update.add([given[0]!, ...inputs.slice(1)], params);
    return [added ?? ops().add(given[0]!, primitive.bind(inputs, params)[0]!)];
  }
  if (primitive.kind === "branch")
    return primitive.bind(
      [...inputs, ...given],
      mapJaxprs(params, (branch) => accumulate(beginning(branch, starts))),
    );
  const { numConsts } = params as LoopParams;
  return primitive.bind(
    inputs.map((x, i) => starts[i - numConsts] ?? x),
    params,
  );
}

/** A branch that takes what results begin with as more operands. */
const beginning = (branch: Jaxpr, starts: readonly (NDArray | undefined)[]): Jaxpr =>
  stage(
    (args) => {
      const given = args.slice(branch.invars.length);
      const outs = evalJaxpr(branch, args.slice(0, branch.invars.length));
      return outs.map((out, k) => (starts[k] ? ops().add(given.shift()!, out) : out));
    },
    [...branch.inAvals, ...starts.flatMap((x) => (x ? [x.aval] : []))],
  ).jaxpr;
