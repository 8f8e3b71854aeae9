/** What is seen between passes: what they make is proved right when debugging, and printed when it was asked for. */
import { env } from "#platform";
import { WeftValueError } from "../core/errors.ts";
import { suggestion } from "../util/options.ts";
import { show } from "../util/text.ts";

export interface ObserveOptions {
  /** `"all"` or `"after:<pass>"`, several separated by commas. Default: the variable WEFT_DUMP. */
  readonly dump?: string;
  /** Verify after every pass and blame it by name. Default: whether the variable WEFT_DEBUG is set. */
  readonly debug?: boolean;
  /** Where dumps go. Default: `console.error`. */
  readonly log?: (text: string) => void;
}

/** What can be done with what passes work on. */
export interface Proofs<T> {
  print(made: T): string;
  /** @throws InternalError naming the pass and what is wrong */
  verify(made: T, pass: string): void;
}

type Observe<T> = (made: T, before: T | undefined, pass: string) => void;

export const isDebugging = (): boolean => Boolean(env("WEFT_DEBUG"));

/** Verifies what a pass made, and prints it if the pass changed it. */
export function observer<T>({ print, verify }: Proofs<T>, options: ObserveOptions): Observe<T> {
  const debug = options.debug ?? isDebugging();
  const wanted = dumpsOf(options);
  const log = options.log ?? console.error;
  return (made, before, pass) => {
    if (debug) verify(made, pass);
    if (!wanted.includes("all") && !wanted.includes(`after:${pass}`)) return;
    const text = print(made);
    if (before === undefined || text !== print(before)) log(`// after ${pass}\n${text}`);
  };
}

const dumpsOf = ({ dump = env("WEFT_DUMP") ?? "" }: ObserveOptions): readonly string[] =>
  dump.split(",").filter((name) => name !== "");

/** @throws WeftValueError for a dump after a pass that there is not */
export function checkDumps(options: ObserveOptions, passes: readonly string[]): void {
  const known = ["all", ...passes.map((pass) => `after:${pass}`)];
  const unknown = dumpsOf(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new WeftValueError(
      `WEFT_DUMP: expected names of ${known.join(", ")}, got ${show(unknown)}${suggestion(unknown, known)}`,
    );
}
