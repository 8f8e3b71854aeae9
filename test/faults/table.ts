/** Faults that are caused on purpose, as rows: the tests run them, and what happened is the table of docs/robustness.md. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Fault {
  /** What is done to the library. */
  readonly what: string;
  /** Does it, in a folder of its own, and tells what came of it: the same words every time and everywhere. */
  readonly happens: (folder: string) => string | Promise<string>;
  /** Whether this machine lacks what it takes to cause it. */
  readonly impossible?: boolean;
}

export interface Section {
  readonly title: string;
  readonly intro: string;
  readonly faults: readonly Fault[];
  /** What this machine lacks to cause these faults, if anything. */
  readonly lacks?: string | undefined;
}

/** Causes a fault; names of files are shown without the folder that they happen to be in. */
export async function observe({ happens }: Fault): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "weft-fault-"));
  try {
    return (await happens(folder)).replaceAll(folder, "DIR").replaceAll("\n", " ").trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What `act` throws, as its user sees it. */
export function thrown(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : `threw ${error}`;
  }
  return "no error";
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** Rows and their outcomes as a document. */
export function render(
  sections: readonly Section[],
  outcomeOf: (title: string, what: string) => string,
): string {
  const tables = sections.map(({ title, intro, faults }) =>
    [
      `## ${title}`,
      "",
      intro,
      "",
      "| what was tried | what happened |",
      "|---|---|",
      ...faults.map(({ what }) => `| ${cell(what)} | ${cell(outcomeOf(title, what))} |`),
    ].join("\n"),
  );
  return [HEAD, ...tables, ""].join("\n\n").replace(/\n+$/, "\n");
}

const HEAD = `# Robustness

What was tried to break the library, and what happened. Each line is a test (\`test/faults\`) that does what its first column says
and wants what its second one says; \`WEFT_UPDATE=1 npx vitest run test/faults\` writes this page anew.`;

/** The outcomes that a document has, by title and row. */
export function outcomesIn(document: string): Map<string, string> {
  const found = new Map<string, string>();
  let title = "";
  for (const line of document.split("\n")) {
    title = /^## (.*)/.exec(line)?.[1] ?? title;
    const cells = /^\| (.*) \| (.*) \|$/
      .exec(line)
      ?.slice(1)
      .map((text) => text.replaceAll("\\|", "|"));
    if (cells) found.set(`${title}: ${cells[0]}`, cells[1]!);
  }
  return found;
}
