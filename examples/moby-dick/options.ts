/** The command line: one table says what there is, how it is read and how it is explained. */
import { parseArgs } from "node:util";

/** The user's fault: reported as one line, exit code 2. */
export class UsageError extends Error {}

export const CELLS = ["lstm", "gru", "elman"] as const;
export type CellName = (typeof CELLS)[number];

export interface Options {
  readonly file: string | undefined;
  readonly cell: CellName;
  readonly layers: number;
  readonly hidden: number;
  readonly steps: number;
  readonly batch: number;
  readonly length: number;
  readonly lr: number;
  readonly seed: number;
  readonly resume: string | undefined;
  readonly sample: number | undefined;
  readonly temperature: number;
  readonly out: string;
  readonly help: boolean;
  /** Names of the options that were given, as opposed to left at their defaults. */
  readonly given: ReadonlySet<string>;
}

interface Option<T> {
  /** How the value is called in the help. */
  readonly value: string;
  readonly initial: T;
  readonly help: string;
  /** The value that was meant, or undefined. */
  parse(text: string): T | undefined;
  readonly expected: string;
}

type Values = Omit<Options, "help" | "given">;

const text = { parse: (s: string) => s || undefined, expected: "a path" };
const count = {
  parse: (s: string) => (/^\d{1,9}$/.test(s) && Number(s) > 0 ? Number(s) : undefined),
  expected: "a positive integer",
};
const positive = {
  parse: (s: string) =>
    s.trim() !== "" && Number(s) > 0 && Number.isFinite(Number(s)) ? Number(s) : undefined,
  expected: "a positive number",
};
const seed = {
  parse: (s: string) => (/^\d{1,9}$/.test(s) ? Number(s) : undefined),
  expected: "an integer from 0",
};
const cell = {
  parse: (s: string) => CELLS.find((c) => c === s),
  expected: CELLS.join(", "),
};

const OPTIONS: { readonly [K in keyof Values]: Option<Values[K]> } = {
  file: { value: "FILE", initial: undefined, help: "text to learn (default: Moby-Dick)", ...text },
  cell: { value: "NAME", initial: "lstm", help: `recurrent cell: ${CELLS.join(", ")}`, ...cell },
  layers: { value: "N", initial: 2, help: "layers of the network", ...count },
  hidden: { value: "N", initial: 128, help: "width of a layer", ...count },
  steps: { value: "N", initial: 2000, help: "updates to make", ...count },
  batch: { value: "N", initial: 32, help: "streams of text that are read side by side", ...count },
  length: { value: "N", initial: 64, help: "characters per stream and update", ...count },
  lr: { value: "X", initial: 5e-3, help: "learning rate of Adam", ...positive },
  seed: { value: "N", initial: 0, help: "seed of all random numbers", ...seed },
  resume: {
    value: "WEIGHTS",
    initial: undefined,
    help: "go on from a weights.safetensors of an earlier run",
    ...text,
  },
  sample: {
    value: "N",
    initial: undefined,
    help: "do not train, write N characters (with --resume)",
    ...count,
  },
  temperature: {
    value: "X",
    initial: 0.8,
    help: "of samples: lower is safer, higher is wilder",
    ...positive,
  },
  out: { value: "DIR", initial: "out", help: "folder for weights.safetensors and loss.svg", ...text },
};

const entries = Object.entries(OPTIONS) as [keyof Values, Option<unknown>][];

/** What `--help` prints. */
export function helpText(): string {
  const lines = entries.map(([name, { value, initial, help }]) => {
    const shown = initial === undefined ? "" : ` (default ${initial})`;
    return `  ${`--${name} ${value}`.padEnd(20)}${help}${shown}`;
  });
  return [
    "Trains a recurrent network to write like a book, one character at a time.",
    "",
    "Usage: npm start -- [options]",
    "",
    ...lines,
    `  ${"--help".padEnd(20)}this text`,
    "",
    "Ctrl-C saves what was learned and ends with exit code 130; a second Ctrl-C ends at once. So do SIGTERM (143) and SIGHUP (129).",
    "",
  ].join("\n");
}

/** @throws UsageError for unknown options and for values that are not possible */
export function parseOptions(args: readonly string[]): Options {
  const { help, ...given } = readArgs(args);
  const values = Object.fromEntries(
    entries.map(([name, option]) => [name, readValue(name, option, given[name])]),
  );
  const options = {
    ...values,
    help: help === true,
    given: new Set(Object.keys(given)),
  } as unknown as Options;
  if (options.sample !== undefined && options.resume === undefined)
    throw new UsageError("--sample needs the weights of a trained model: give them with --resume.");
  return options;
}

function readArgs(args: readonly string[]): Record<string, unknown> {
  const strings = Object.fromEntries(entries.map(([name]) => [name, { type: "string" as const }]));
  try {
    return parseArgs({ args: [...args], options: { ...strings, help: { type: "boolean" } }, strict: true })
      .values;
  } catch (error) {
    const [first] = String((error as Error).message).split("\n");
    throw new UsageError(`${first!.replace(/[.,]?$/, ".")} Options are listed by --help.`);
  }
}

function readValue(name: string, option: Option<unknown>, given: unknown): unknown {
  if (given === undefined) return option.initial;
  const value = option.parse(String(given));
  if (value === undefined)
    throw new UsageError(`--${name} expects ${option.expected}, got ${JSON.stringify(given)}.`);
  return value;
}
