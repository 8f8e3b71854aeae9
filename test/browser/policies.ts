/** What pages have to allow, as rows: the tests leave out each, and what happened is a table of docs/guide/browsers.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Headers, ISOLATED, ROOT } from "./server.ts";

const GUIDE = join(ROOT, "docs/guide/browsers.md");
const guide = readFileSync(GUIDE, "utf8");

/** The policy that the guide tells pages to have. */
export const STRICTEST: string = /^Content-Security-Policy: ([^`]+)/m
  .exec(guide)![1]!
  .replaceAll(/\s+/g, " ");

export const policed = (policy: string): Headers => ({ ...ISOLATED, "Content-Security-Policy": policy });
const without = (part: string, instead = ""): Headers => {
  if (!STRICTEST.includes(part)) throw new Error(`The policy of the guide lacks ${part}.`);
  return policed(STRICTEST.replace(part, instead));
};

/** Something that a page has to allow. */
export interface Need {
  readonly what: string;
  readonly use: string;
  /** Headers of a page that allows everything else. */
  readonly without: Headers;
}

export const NEEDS: readonly Need[] = [
  {
    what: "`script-src 'wasm-unsafe-eval'`, or `'unsafe-eval'`",
    use: "compiling programs",
    without: without(" 'wasm-unsafe-eval'"),
  },
  {
    what: "`worker-src blob:`",
    use: "starting threads: their program is a text of weft's",
    without: without("worker-src blob:;"),
  },
  {
    what: "`trusted-types weft`, where there is `require-trusted-types-for 'script'` and policies are listed",
    use: "starting threads: the policy `weft` makes the address of their program",
    without: without("trusted-types weft", "trusted-types 'none'"),
  },
  {
    what: "the two headers for threads",
    use: "memory that threads share",
    without: { "Content-Security-Policy": STRICTEST },
  },
];

/** Headers of pages in which everything works. */
export const ENOUGH: readonly (readonly [title: string, headers: Headers])[] = [
  ["no policy", ISOLATED],
  ["the policy of the guide", policed(STRICTEST)],
  ["Trusted Types", policed("require-trusted-types-for 'script'")],
  ["a list of policies that nothing asks for", policed("trusted-types other")],
  ["leave to evaluate", policed("script-src 'self' 'unsafe-eval'; worker-src blob:")],
];

const ROWS = /(?<=\| needed \| what for \| without it \|\n\|---\|---\|---\|\n)(?:\|.*\n)*/;

/** The rows that the guide has, as text. */
export const documented = (): string => ROWS.exec(readFileSync(GUIDE, "utf8"))![0];

/** What the guide says of a need. */
export const outcomeIn = (rows: string, { what }: Need): string =>
  rows
    .split("\n")
    .find((row) => row.startsWith(`| ${what} |`))
    ?.split(" | ")[2]
    ?.replace(/ \|$/, "") ?? "not tried";

export const render = (outcomeOf: (need: Need) => string): string =>
  NEEDS.map((need) => `| ${need.what} | ${need.use} | ${outcomeOf(need)} |\n`).join("");

export const write = (rows: string): void =>
  writeFileSync(
    GUIDE,
    guide.replace(ROWS, () => rows),
  );
