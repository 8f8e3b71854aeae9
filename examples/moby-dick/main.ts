/** The program: from the command line to weights, a chart and sample text. */
import { accessSync, constants, mkdirSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { OutOfMemoryError, random } from "weftjs";
import { lossChart, type Point } from "./chart.ts";
import { NotKept, saveAnywhere, saveTo, writeWhole } from "./keep.ts";
import { checkMemory } from "./memory.ts";
import { createModel } from "./model.ts";
import { helpText, type Options, parseOptions, UsageError } from "./options.ts";
import { type Output, printable, tolerant } from "./output.ts";
import { Progress } from "./progress.ts";
import { createSampler } from "./sample.ts";
import { type Corpus, readText, Streams, splitCorpus, Vocabulary } from "./text.ts";
import { DivergedError, evaluate, type Stop, Trainer, train } from "./train.ts";
import { loadWeights, saveWeights, type Trained } from "./weights.ts";

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
/** Signals that ask for an end; the exit code is 128 and the signal's number, as shells have it. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** How many samples are shown during training, and how long they are. */
const SAMPLES = 4;
const SAMPLE_LENGTH = 240;
/** Steps between two saves: seconds, for the default model. */
const SAVE_EVERY = 50;
const WEIGHTS = "weights.safetensors";
const CHART = "loss.svg";

/** Nobody may be there to read: errors of the terminal end nothing. */
const stderr = tolerant(process.stderr, () => {});
const complain = (text: string): void => void stderr.write(`moby-dick: ${printable(text)}\n`);

/** Errors that are the user's affair. */
const isExpected = (error: unknown): error is Error =>
  [UsageError, DivergedError, NotKept, OutOfMemoryError].some((kind) => error instanceof kind);

/** Runs the program and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options.help) return await print(helpText());
    return options.sample === undefined
      ? await runTraining(options)
      : await print(sampleOnly(options, options.sample));
  } catch (error) {
    if (!isExpected(error)) throw error;
    complain(error.message);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

/** Writes what was asked for. Whoever closes the pipe has seen enough. */
async function print(text: string): Promise<number> {
  const output = tolerant(process.stdout, () => {});
  await output.write(printable(text.endsWith("\n") ? text : `${text}\n`));
  if (output.failure === undefined || output.failure === "EPIPE") return EXIT.ok;
  complain(`Cannot write the output: ${output.failure}.`);
  return EXIT.failed;
}

function sampleOnly(options: Options, length: number): string {
  const { model, vocabulary, params } = resume(options);
  return createSampler(model, vocabulary, length)(params, options.seed, options.temperature);
}

/** Weights of an earlier run; options that contradict them are refused. */
function resume(options: Options): Trained {
  const trained = loadWeights(options.resume!);
  for (const name of ["cell", "layers", "hidden"] as const)
    if (options.given.has(name) && options[name] !== trained.sizes[name])
      throw new UsageError(
        `${options.resume} has ${name} ${trained.sizes[name]}, but --${name} ${options[name]} was given.`,
      );
  return trained;
}

function begin(options: Options, text: string): Trained {
  if (options.resume !== undefined) return resume(options);
  const vocabulary = new Vocabulary(text);
  const { cell, layers, hidden } = options;
  const sizes = { cell, layers, hidden, vocabulary: vocabulary.size };
  checkMemory(sizes, options.batch, options.length);
  const model = createModel(sizes);
  return { model, sizes, vocabulary, params: model.init(random.key(options.seed)) };
}

/** Everything that can be wrong with the input is found here, before anything is computed or written. */
function prepare(options: Options): { trained: Trained; corpus: Corpus } {
  const text = readText(options.file);
  if (text.length === 0) throw new UsageError(`The text ${options.file} is empty.`);
  const trained = begin(options, text);
  const corpus = splitCorpus(trained.vocabulary.encode(text), options.batch, options.length);
  checkFolder(options.out);
  return { trained, corpus };
}

function checkFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw new UsageError(`Cannot write to the folder ${path}: ${(error as NodeJS.ErrnoException).code}.`);
  }
}

async function runTraining(options: Options): Promise<number> {
  const { trained, corpus } = prepare(options);
  const { batch, length, steps } = options;
  const streams = new Streams(corpus.train, batch, length);
  const output = tolerant(process.stdout, (code) =>
    complain(`Nothing can be written to the output any more (${code}). Training goes on.`),
  );
  const progress = new Progress(terminal(output), steps, batch * length);
  const sampler = createSampler(trained.model, trained.vocabulary, SAMPLE_LENGTH);
  const trainer = new Trainer(trained.model, trained.params, streams, options.lr, trained.checkpoint);
  const history: Point[] = [];
  const { stop, release } = stopOnSignals(progress);
  const save = (path: string): void =>
    saveWeights(path, { ...trained, params: trainer.params }, trainer.checkpoint);
  progress.say(introduction(options, trained, corpus));
  if (options.resume !== undefined) progress.say(continuation(options.resume, trainer));

  const saveNow = regularly(SAVE_EVERY, () => saveTo(options.out, WEIGHTS, save));
  let nextSample = steps / SAMPLES;
  const done = await train(trainer, steps, stop, (step, loss) => {
    history.push({ step, loss });
    progress.report({ step, loss });
    saveNow(step);
    if (step < nextSample || step === steps) return;
    nextSample += steps / SAMPLES;
    progress.say(quote(sampler(trainer.params, options.seed + step, options.temperature)));
  });

  progress.finish();
  saveAnywhere(options.out, WEIGHTS, save);
  const finished = { ...trained, params: trainer.params };
  const heldOut = done < steps ? undefined : await judge(finished, corpus, options, stop);
  const last = heldOut === undefined ? undefined : { step: done, loss: heldOut };
  const chart = lossChart({ title: "Bits per character", train: history, heldOut: last });
  saveAnywhere(options.out, CHART, (path) => writeWhole(path, chart));
  release();
  progress.say(conclusion(done, heldOut, options.out, stop.requested));
  if (heldOut !== undefined) progress.say(quote(sampler(trainer.params, options.seed, options.temperature)));
  return stop.code;
}

/** A function that saves every so many steps. A save that fails is tried again at the next time. */
function regularly(every: number, save: () => void): (step: number) => void {
  let next = every;
  let failed = false;
  return (step) => {
    if (step < next) return;
    next = step + every;
    try {
      save();
      failed = false;
    } catch (error) {
      if (!failed)
        complain(`Cannot save what was learned so far: ${(error as Error).message} Training goes on.`);
      failed = true;
    }
  };
}

const terminal = (output: Output) => ({
  isTTY: process.stdout.isTTY,
  columns: process.stdout.columns,
  write: (text: string) => void output.write(text),
});

/** The loss on text that was not learned from. */
function judge(
  { model, params }: Trained,
  { heldOut }: Corpus,
  options: Options,
  stop: Stop,
): Promise<number | undefined> {
  const batch = Math.min(options.batch, Math.floor((heldOut.length - 1) / options.length));
  return evaluate(model, params, new Streams(heldOut, batch, options.length), stop);
}

function introduction({ batch, length }: Options, { sizes }: Trained, { train: text }: Corpus): string {
  const { cell, layers, hidden, vocabulary } = sizes;
  return (
    `${text.length.toLocaleString("en")} characters, ${vocabulary} different; ` +
    `${layers} × ${cell} of width ${hidden}; ${batch} streams of ${length} characters per step`
  );
}

const continuation = (weights: string, { chunk }: Trainer): string =>
  `Goes on from ${weights}, ${chunk > 0 ? `after ${chunk} chunks of the text` : "with the text from its beginning"}.`;

function conclusion(done: number, heldOut: number | undefined, out: string, interrupted: boolean): string {
  const state = interrupted ? `Interrupted after step ${done}` : `Done after step ${done}`;
  const loss = heldOut === undefined ? "" : `; held-out loss ${heldOut.toFixed(3)} bits/char`;
  return `${state}${loss}. Wrote ${join(out, WEIGHTS)} and ${join(out, CHART)}.`;
}

const quote = (text: string): string => text.trim().replace(/^/gm, "  | ");

interface Ending extends Stop {
  requested: boolean;
  /** The exit code. */
  code: number;
}

/** The first signal asks for an end, the second one is obeyed at once. */
function stopOnSignals(progress: Progress): { stop: Ending; release: () => void } {
  const stop: Ending = { requested: false, code: EXIT.ok };
  const onSignal = (signal: NodeJS.Signals): void => {
    const code = 128 + os.constants.signals[signal];
    if (stop.requested) process.exit(code);
    Object.assign(stop, { requested: true, code });
    progress.say("Stopping after this step. Press Ctrl-C again to end at once, without saving.");
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return { stop, release: () => SIGNALS.forEach((signal) => void process.off(signal, onSignal)) };
}
