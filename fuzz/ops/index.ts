/** All operations of the generator. */
import { COLLECTIVES } from "./collectives.ts";
import { CONTROL } from "./control.ts";
import { CREATION } from "./creation.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { INDEXING } from "./indexing.ts";
import { LAYERS } from "./layers.ts";
import type { Op } from "./op.ts";
import { PRODUCTS } from "./products.ts";
import { REDUCTIONS } from "./reductions.ts";
import { SERIES } from "./series.ts";
import { VIEWS } from "./views.ts";

export const FAMILIES: Readonly<Record<string, readonly Op[]>> = {
  elementwise: ELEMENTWISE,
  reductions: REDUCTIONS,
  views: VIEWS,
  indexing: INDEXING,
  products: PRODUCTS,
  series: SERIES,
  control: CONTROL,
  collectives: COLLECTIVES,
  creation: CREATION,
  layers: LAYERS,
};

export const OPS: ReadonlyMap<string, Op> = new Map(
  Object.values(FAMILIES)
    .flat()
    .map((op) => [op.name, op]),
);

export function opOf(name: string): Op {
  const found = OPS.get(name);
  if (!found) throw new Error(`There is no operation ${name}.`);
  return found;
}
