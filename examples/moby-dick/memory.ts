/** How much memory training takes, before any of it is asked for. */
import { evalShape, random } from "weftjs";
import { createModel, type Sizes } from "./model.ts";
import { UsageError } from "./options.ts";

/** What WebAssembly can address. */
const LIMIT = 4 * 2 ** 30;
const GIB = 2 ** 30;
const FLOAT = 4;
/** Weights, their gradients, and two moments of Adam. */
const COPIES = 4;

const elements = (tree: unknown): number =>
  typeof tree !== "object" || tree === null
    ? 0
    : "shape" in tree && Array.isArray(tree.shape)
      ? tree.shape.reduce((n: number, dim: number) => n * dim, 1)
      : Object.values(tree).reduce((n: number, part) => n + elements(part), 0);

/** Parameters of a model of these sizes: each layer has as many as the second. */
export function countParameters(sizes: Sizes): number {
  const withLayers = (layers: number): number =>
    elements(evalShape(createModel({ ...sizes, layers }).init, random.key(0)));
  return withLayers(1) + (sizes.layers - 1) * (withLayers(2) - withLayers(1));
}

/** @throws UsageError when training needs more than there can be */
export function checkMemory(sizes: Sizes, batch: number, length: number): void {
  const parameters = countParameters(sizes);
  const states = batch * length * (sizes.layers * sizes.hidden + sizes.vocabulary);
  const bytes = FLOAT * (COPIES * parameters + states);
  if (bytes <= LIMIT) return;
  throw new UsageError(
    `A model of ${sizes.layers} × ${sizes.hidden} has ${parameters.toLocaleString("en")} parameters, and training it takes ` +
      `${(bytes / GIB).toFixed(1)} GiB or more, of the ${LIMIT / GIB} GiB that there can be. Choose a smaller --hidden, --layers, --batch or --length.`,
  );
}
