/** Trained models as files: parameters, and in the metadata what else it takes to use them. */
import { io, type NDArray, random } from "weftjs";
import { createModel, type Model, type Params, type Sizes } from "./model.ts";
import { CELLS, type CellName, UsageError } from "./options.ts";
import { Vocabulary } from "./text.ts";
import type { Checkpoint, Tensors } from "./train.ts";

export interface Trained {
  readonly model: Model;
  readonly sizes: Sizes;
  readonly params: Params;
  readonly vocabulary: Vocabulary;
  /** What training remembers besides, by name; what it means is the trainer's affair. */
  readonly checkpoint?: Tensors;
}

/** How names in the file begin that are not parameters. */
const TRAINING = "training.";

/** The file is complete or not touched. */
export function saveWeights(
  path: string,
  { sizes, params, vocabulary }: Omit<Trained, "model">,
  training: Checkpoint,
): void {
  const { cell, layers, hidden } = sizes;
  const characters = JSON.stringify(vocabulary.characters);
  io.saveSafetensors(
    path,
    { ...params, training },
    {
      metadata: { cell, layers: String(layers), hidden: String(hidden), vocabulary: characters },
    },
  );
}

/** @throws UsageError when the file cannot be read, is not safetensors, or is no model of this program */
export function loadWeights(path: string): Trained {
  const { tensors, metadata } = attempt(() => io.loadSafetensors(path));
  const vocabulary = readVocabulary(path, metadata.vocabulary);
  const sizes = readSizes(path, metadata, vocabulary);
  const model = createModel(sizes);
  const [checkpoint, weights] = separate(tensors);
  const params = attempt(() => io.fitTree(weights, model.init(random.key(0)), path));
  return { model, sizes, params, vocabulary, checkpoint };
}

/** What training remembers, without the beginning of the names, and the parameters. */
function separate(tensors: Tensors): [checkpoint: Tensors, weights: Tensors] {
  const [checkpoint, weights]: Record<string, NDArray>[] = [{}, {}];
  for (const [name, array] of Object.entries(tensors))
    if (name.startsWith(TRAINING)) checkpoint![name.slice(TRAINING.length)] = array;
    else weights![name] = array;
  return [checkpoint!, weights!];
}

function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`Cannot use the weights: ${(error as Error).message}`);
  }
}

const foreign = (path: string, what: string): UsageError =>
  new UsageError(
    `Cannot use the weights: ${path} was not written by this program (its metadata has no valid ${what}).`,
  );

function readSizes(path: string, metadata: Readonly<Record<string, string>>, { size }: Vocabulary): Sizes {
  const count = (name: string): number => {
    const n = Number(metadata[name]);
    if (!Number.isInteger(n) || n < 1) throw foreign(path, name);
    return n;
  };
  const cell = CELLS.find((c): c is CellName => c === metadata.cell);
  if (cell === undefined) throw foreign(path, "cell");
  return { cell, layers: count("layers"), hidden: count("hidden"), vocabulary: size };
}

function readVocabulary(path: string, text: string | undefined): Vocabulary {
  const characters = parse(text);
  if (
    !Array.isArray(characters) ||
    characters.length === 0 ||
    !characters.every((c) => typeof c === "string")
  )
    throw foreign(path, "vocabulary");
  return new Vocabulary(characters);
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
