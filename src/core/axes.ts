/** Mapped axes: what vmap maps over, and the names by which collectives find one. */

import { Scope } from "./scope.ts";

/** An axis under vmap. The object's identity tells which tracers belong to it. */
export interface MappedAxis {
  readonly size: number;
  readonly name: string | undefined;
}

interface Axes {
  /** The innermost first. */
  readonly list: readonly MappedAxis[];
  readonly key: string;
}
const axes = new Scope<Axes>({ list: [], key: "" });

/** Runs `body` with the axis in scope under its name; an inner axis hides an outer one of the same name. */
export function withAxis<T>(axis: MappedAxis, body: () => T): T {
  if (axis.name === undefined) return body();
  const { list, key } = axes.current;
  return axes.with({ list: [axis, ...list], key: `${JSON.stringify(axis.name)}:${axis.size},${key}` }, body);
}

/** The innermost axis of that name. */
export const axisInScope = (name: string): MappedAxis | undefined =>
  axes.current.list.find((a) => a.name === name);
export const namesInScope = (): string[] => axes.current.list.map((a) => a.name!);

/** Traces made under equal keys see the same named axes. */
export const axisScopeKey = (): string => axes.current.key;
