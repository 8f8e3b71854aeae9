/** What the compiler decided while it compiled, for `explain`. Nothing is kept unless somebody listens. */

import { Scope } from "./scope.ts";

export type DecisionKind =
  | "accumulated"
  | "masked"
  | "interchanged"
  | "hoisted"
  | "sunk"
  | "deferred"
  | "history"
  | "recomputed"
  | "promoted"
  | "fused"
  | "joined"
  | "parallel"
  | "inPlace";

export interface Decision {
  readonly kind: DecisionKind;
  /** What it was done to, in a few words. */
  readonly what: string;
}

const listener = new Scope<Decision[] | undefined>(undefined);

/** Notes a decision; free when nobody listens. `what` is only called when somebody does. */
export function note(kind: DecisionKind, what: () => string): void {
  listener.current?.push({ kind, what: what() });
}

/** Runs `body` and returns its result with the decisions made meanwhile. */
export function listen<T>(body: () => T): [result: T, decisions: Decision[]] {
  const decisions: Decision[] = [];
  return [listener.with(decisions, body), decisions];
}
