import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, type Jaxpr, Literal, Var } from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import { ops } from "../../core/ops.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { equalShape } from "../../util/shape.ts";
import { deep, touchesFew, Uses } from "./rewrite.ts";

/**
 * Masked updates. Choosing between an array and an update of it is an update with chosen values: elements that were not
 * written are the same either way.
 *
 *   before  y = dynamic_update_slice x v i;  z = select_n p x y
 *   after   w = dynamic_slice x i;  v' = select_n p w v;  z = dynamic_update_slice x v' i
 *
 * Holds for chains of updates on either side that begin with one array, and for any mask, of which then the same elements
 * are read. The updates of the side that is not chosen write what is there already.
 */
export const mask: (jaxpr: Jaxpr) => Jaxpr = deep((jaxpr) => {
  const uses = new Uses(jaxpr);
  const choices = new Map(jaxpr.eqns.flatMap((eqn) => choiceOf(uses, eqn)).map((c) => [c.eqn, c]));
  return choices.size ? rewritten(jaxpr, choices) : jaxpr;
});

/** A choice between two arrays that are both updates of one. */
interface Choice {
  readonly eqn: Eqn;
  readonly which: Atom;
  readonly root: Atom;
  /** The updates, the first one first. */
  readonly ifFalse: readonly Eqn[];
  readonly ifTrue: readonly Eqn[];
}

function choiceOf(uses: Uses, eqn: Eqn): Choice[] {
  const [mask, no, yes] = eqn.inputs;
  if (!eqn.primitive.selects || eqn.inputs.length !== 3 || mask!.aval.dtype !== "bool") return [];
  const [ifFalse, ifTrue] = [chain(uses, no!), chain(uses, yes!)];
  const root = ifTrue.find(({ value }) => ifFalse.some((other) => other.value === value))?.value;
  // What is chosen may be broadcast by the mask, which an update is not.
  if (!(root instanceof Var) || !equalShape(root.aval.shape, eqn.outputs[0]!.aval.shape)) return [];
  const upTo = (list: readonly Link[]): Eqn[] =>
    list
      .slice(
        0,
        list.findIndex(({ value }) => value === root),
      )
      .map(({ eqn }) => eqn!)
      .reverse();
  return [{ eqn, which: whole(uses, mask!), root, ifFalse: upTo(ifFalse), ifTrue: upTo(ifTrue) }];
}

/** A value and the equation that makes it of the next one. */
interface Link {
  readonly value: Atom;
  readonly eqn: Eqn | undefined;
}

/** x, what it is an update of, what that is an update of, … as far as nobody else reads it. */
function chain(uses: Uses, x: Atom): Link[] {
  const made = (value: Atom): Eqn | undefined => {
    const eqn = uses.readOnce(value) ? uses.producer(value) : undefined;
    return eqn && touchesFew(eqn) ? eqn : undefined;
  };
  const links: Link[] = [{ value: x, eqn: made(x) }];
  for (let { eqn } = links[0]!; eqn; eqn = links.at(-1)!.eqn)
    links.push({ value: eqn.inputs[0]!, eqn: made(eqn.inputs[0]!) });
  return links;
}

/** The scalar that a mask holds everywhere, if that is how it is made. */
function whole(uses: Uses, mask: Atom): Atom {
  const made = uses.producer(mask);
  const [x] = made?.inputs ?? [];
  return made?.primitive.kind === "expand" && x!.aval.ndim === 0 && !(x instanceof Literal) ? x! : mask;
}

function rewritten(jaxpr: Jaxpr, choices: ReadonlyMap<Eqn, Choice>): Jaxpr {
  const values = new Map<Atom, NDArray>();
  const apply = (eqn: Eqn, inputs: NDArray[]): NDArray[] => {
    eqn.inputs.forEach((a, i) => values.set(a, inputs[i]!));
    const choice = choices.get(eqn);
    return choice ? [chosen(choice, values)] : eqn.primitive.bind(inputs, eqn.params);
  };
  return stage((args) => evalJaxpr(jaxpr, args, apply), jaxpr.inAvals).jaxpr;
}

function chosen({ which, root, ifFalse, ifTrue }: Choice, values: ReadonlyMap<Atom, NDArray>): NDArray {
  const p = values.get(which)!;
  note("masked", () => `an update of ${root.aval.short()}`);
  const updated = (x: NDArray, { primitive, inputs, params }: Eqn, taken: boolean): NDArray => {
    const { values: k, read, idle } = primitive.update!;
    const operands = [x, ...inputs.slice(1).map((a) => values.get(a)!)];
    const here = p.ndim === 0 ? p : read(p, operands, params);
    const [old, made] = [idle(operands, params), operands[k]!];
    const written = taken ? ops().select(here, made, old) : ops().select(here, old, made);
    return primitive.bind(operands.with(k, written), params)[0]!;
  };
  const no = ifFalse.reduce((x, eqn) => updated(x, eqn, false), values.get(root)!);
  return ifTrue.reduce((x, eqn) => updated(x, eqn, true), no);
}
