/** Mapped axes: what vmap maps over, and the names by which collectives find one. */

/** An axis under vmap. The object's identity tells which tracers belong to it. */
export interface MappedAxis {
  readonly size: number;
  readonly name: string | undefined;
}

let scope: readonly MappedAxis[] = [];
let scopeKey = "";

/** Runs `body` with the axis in scope under its name; an inner axis hides an outer one of the same name. */
export function withAxis<T>(axis: MappedAxis, body: () => T): T {
  if (axis.name === undefined) return body();
  const [outer, outerKey] = [scope, scopeKey];
  scope = [axis, ...scope];
  scopeKey = `${JSON.stringify(axis.name)}:${axis.size},${scopeKey}`;
  try {
    return body();
  } finally {
    [scope, scopeKey] = [outer, outerKey];
  }
}

/** The innermost axis of that name. */
export const axisInScope = (name: string): MappedAxis | undefined => scope.find((a) => a.name === name);
export const namesInScope = (): string[] => scope.map((a) => a.name!);

/** Traces made under equal keys see the same named axes. */
export const axisScopeKey = (): string => scopeKey;
