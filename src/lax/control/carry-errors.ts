/** Errors of loop bodies: what differs between the carry that goes in and the carry that comes out. */
import type { ShapedArray } from "../../core/aval.ts";
import { typeMatch } from "../../core/aval.ts";
import { WeftTypeError } from "../../core/errors.ts";
import * as tree from "../../tree/index.ts";
import type { UserFunction } from "./body.ts";

/** What to call the loop ("scan body function") and the carry (the user's own parameter name) in messages. */
export interface CarryName {
  /** The public function: "lax.scan". */
  readonly caller: string;
  readonly what: string;
  /** undefined when the parameter is destructured: components are then named by their path. */
  readonly parameter: string | undefined;
  /** How many leading path entries belong to the loop's own bookkeeping (a counter) and are not shown. */
  readonly depth: number;
}

/** Throws when the body changed the structure of the carry, or the shape or dtype of one of its leaves. */
export function checkCarry(
  name: CarryName,
  inTree: tree.TreeDef,
  outTree: tree.TreeDef,
  inAvals: readonly ShapedArray[],
  outAvals: readonly ShapedArray[],
): void {
  if (inTree !== outTree) throw structureError(name, inTree, outTree);
  const paths = inTree.paths();
  const diffs = inAvals.flatMap((a, i) =>
    typeMatch(a, outAvals[i]!) ? [] : [typeDifference(component(name, paths[i]!), a, outAvals[i]!)],
  );
  if (diffs.length === 0) return;
  throw new WeftTypeError(
    `${name.what} carry input and carry output must have equal types, but they differ:\n\n${bullets(diffs)}\n` +
      "Revise the function so that all output types match the corresponding input types.",
  );
}

function structureError(name: CarryName, inTree: tree.TreeDef, outTree: tree.TreeDef): WeftTypeError {
  const diffs = tree
    .equalityErrors(inTree, outTree)
    .map(
      (e) =>
        `the input carry ${component(name, e.path)} is ${e.whatA} but the corresponding component of the carry output is ${e.whatB}, so ${e.explanation}`,
    );
  return new WeftTypeError(
    `${name.what} carry input and carry output must have the same pytree structure, but they differ:\n\n${bullets(diffs)}\n` +
      "Revise the function so that the carry output has the same pytree structure as the carry input.",
  );
}

function component(name: CarryName, whole: tree.Path): string {
  const path = whole.slice(name.depth);
  const at = tree.keystr(path);
  if (name.parameter === undefined) return path.length === 0 ? "" : `at path ${at}`;
  return path.length === 0 ? name.parameter : `component ${name.parameter}${at}`;
}

function typeDifference(where: string, input: ShapedArray, output: ShapedArray): string {
  const reasons = [
    input.dtype !== output.dtype && "the dtypes do not match",
    String(input.shape) !== String(output.shape) && "the shapes do not match",
  ].filter(Boolean);
  return (
    `the input carry ${where} has type ${input} but the corresponding output carry component has type ${output}, ` +
    `so ${reasons.join(", and ")}`
  );
}

/** One difference is a sentence, several are a list. */
function bullets(diffs: readonly string[]): string {
  const tidy = diffs.map((d) => d.replace("the input carry  ", "the input carry "));
  if (tidy.length === 1) return `${tidy[0]!.charAt(0).toUpperCase()}${tidy[0]!.slice(1)}.\n`;
  return `${tidy.map((d) => `  * ${d}`).join(";\n")}.\n`;
}

const PARAMETERS = /^(?:async\s+)?(?:function\s*[\w$]*\s*)?\(?\s*([\w$]+)\s*(?:=>|,|\)|=)(.*)$/s;

/** The name of parameter `index` of a function, if it is a plain name in the source text. */
export function parameterName(f: UserFunction, index = 0): string | undefined {
  let text = Function.prototype.toString
    .call(f)
    .replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, "")
    .trim();
  for (let i = 0; i <= index; i++) {
    const match = PARAMETERS.exec(i === 0 ? text : `(${text}`);
    if (!match) return undefined;
    if (i === index) return match[1];
    text = match[2]!;
  }
  return undefined;
}
