/** `einsum`: parsing of subscripts. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkIntegers } from "../core/check.ts";
import { WeftValueError } from "../core/errors.ts";
import { range } from "../lax/axes.ts";
import { asArray } from "../lax/convert.ts";
import { contractAll, type Labelled } from "./contraction.ts";

/** The axes of an ellipsis are numbered from the right, so that operands align there. */
const ellipsisLabels = (count: number): string[] => range(count).map((i) => `.${count - 1 - i}`);

const fail = (subscripts: string, what: string): never => {
  throw new WeftValueError(`einsum("${subscripts}"): ${what}.`);
};

/** One term of the subscripts as labels; `...` stands for `hidden` axes. */
const labelsOf = (term: string, hidden: number): string[] =>
  [...term.replace("...", ".")].flatMap((c) => (c === "." ? ellipsisLabels(hidden) : [c]));

function labelled(array: NDArray, term: string, subscripts: string): Labelled {
  if (!/^[a-zA-Z]*(\.\.\.)?[a-zA-Z]*$/.test(term)) fail(subscripts, `"${term}" is no list of letters`);
  const letters = term.replace("...", "").length;
  const hidden = array.ndim - letters;
  if (hidden < 0 || (hidden > 0 && !term.includes("...")))
    fail(subscripts, `operand of type ${array.aval} does not have the ${letters} axes of "${term}"`);
  return { array, labels: labelsOf(term, hidden) };
}

/** Without an arrow: the broadcast axes, then the labels that occur once, in alphabetical order. */
function implicitOutput(terms: readonly string[], hidden: number): string[] {
  const letters = [...terms.join("").replaceAll(".", "")].sort();
  return [...ellipsisLabels(hidden), ...letters.filter((c) => letters.indexOf(c) === letters.lastIndexOf(c))];
}

function outputOf(
  operands: readonly Labelled[],
  terms: readonly string[],
  output: string | undefined,
  subscripts: string,
): string[] {
  const hidden = Math.max(0, ...operands.map((x) => x.labels.filter((l) => l.startsWith(".")).length));
  if (output === undefined) return implicitOutput(terms, hidden);
  const labels = labelsOf(output, hidden);
  const unknown = labels.find((l) => !operands.some((x) => x.labels.includes(l)));
  if (unknown !== undefined) fail(subscripts, `output label "${unknown}" occurs in no operand`);
  if (new Set(labels).size !== labels.length) fail(subscripts, "an output label occurs twice");
  return labels;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** `einsum(x, [0, 1], y, [1, 2], [0, 2])` as subscripts and operands. */
function fromLists(args: readonly (ArrayLike | readonly number[])[]): [string, ArrayLike[]] {
  const term = (list: unknown): string =>
    checkIntegers("np.einsum: a list of labels", list)
      .map((k) => LETTERS[k] ?? "?")
      .join("");
  const pairs = range(Math.floor(args.length / 2));
  const inputs = pairs.map((k) => term(args[2 * k + 1])).join(",");
  const output = args.length % 2 ? `->${term(args.at(-1))}` : "";
  return [inputs + output, pairs.map((k) => args[2 * k] as ArrayLike)];
}

/**
 * Sums of products by index notation: axes with one letter are multiplied together, and summed where the letter is
 * missing after the arrow. `...` stands for axes that broadcast. Operands are contracted in pairs from left to right.
 *
 * Also `einsum(x, [0, 1], y, [1, 2], [0, 2])`, with numbers for letters.
 * @throws WeftValueError if the subscripts do not fit the operands, WeftTypeError if sizes differ.
 * Source: `jax.numpy.einsum`.
 * @example np.einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1]).js() // => [3, 7]
 */
export function einsum(subscripts: string, ...operands: ArrayLike[]): NDArray;
export function einsum(...args: (ArrayLike | readonly number[])[]): NDArray;
export function einsum(...args: (string | ArrayLike | readonly number[])[]): NDArray {
  const [first, ...others] = args;
  const [subscripts, arrays] =
    typeof first === "string"
      ? [first, others as ArrayLike[]]
      : fromLists(args as (ArrayLike | readonly number[])[]);
  const [inputs, output, ...extra] = subscripts.replaceAll(/\s/g, "").split("->");
  const terms = inputs!.split(",");
  if (extra.length > 0) fail(subscripts, "there is more than one arrow");
  if (terms.length !== arrays.length || arrays.length === 0)
    fail(subscripts, `${terms.length} terms are given for ${arrays.length} operands`);
  const operands = arrays.map((x, k) => labelled(asArray("np.einsum: x", x), terms[k]!, subscripts));
  return contractAll(operands, outputOf(operands, terms, output, subscripts));
}
