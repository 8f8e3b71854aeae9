/** The program: from the command line to weights, a chart and sample text. */
import { accessSync, constants, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { random } from "weft";
import { lossChart, type Point } from "./chart.ts";
import { createModel } from "./model.ts";
import { helpText, type Options, parseOptions, UsageError } from "./options.ts";
import { Progress } from "./progress.ts";
import { createSampler } from "./sample.ts";
import { type Corpus, readText, Streams, splitCorpus, Vocabulary } from "./text.ts";
import { DivergedError, evaluate, type Stop, Trainer, train } from "./train.ts";
import { loadWeights, saveWeights, type Trained } from "./weights.ts";

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
/** How many samples are shown during training, and how long they are. */
const SAMPLES = 4;
const SAMPLE_LENGTH = 240;

/** Runs the program and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options.help) return print(helpText());
    return options.sample === undefined
      ? await runTraining(options)
      : print(sampleOnly(options, options.sample));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof DivergedError)) throw error;
    process.stderr.write(`moby-dick: ${error.message}\n`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

function print(text: string): number {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  return EXIT.ok;
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
  const progress = new Progress(process.stdout, steps, batch * length);
  const sampler = createSampler(trained.model, trained.vocabulary, SAMPLE_LENGTH);
  const trainer = new Trainer(trained.model, trained.params, streams, options.lr);
  const history: Point[] = [];
  const { stop, release } = stopOnSignals(progress);
  progress.say(introduction(options, trained, corpus));

  let nextSample = steps / SAMPLES;
  const done = await train(trainer, streams, steps, stop, (step, loss) => {
    history.push({ step, loss });
    progress.report({ step, loss });
    if (step < nextSample || step === steps) return;
    nextSample += steps / SAMPLES;
    progress.say(quote(sampler(trainer.params, options.seed + step, options.temperature)));
  });

  progress.finish();
  const finished = { ...trained, params: trainer.params };
  saveWeights(join(options.out, "weights.safetensors"), finished);
  const heldOut = done < steps ? undefined : await judge(finished, corpus, options, stop);
  const last = heldOut === undefined ? undefined : { step: done, loss: heldOut };
  writeChart(
    join(options.out, "loss.svg"),
    lossChart({ title: "Bits per character", train: history, heldOut: last }),
  );
  release();
  progress.say(conclusion(done, heldOut, options.out, stop.requested));
  if (heldOut !== undefined) progress.say(quote(sampler(trainer.params, options.seed, options.temperature)));
  return stop.requested ? EXIT.interrupted : EXIT.ok;
}

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

function conclusion(done: number, heldOut: number | undefined, out: string, interrupted: boolean): string {
  const state = interrupted ? `Interrupted after step ${done}` : `Done after step ${done}`;
  const loss = heldOut === undefined ? "" : `; held-out loss ${heldOut.toFixed(3)} bits/char`;
  return `${state}${loss}. Wrote ${join(out, "weights.safetensors")} and ${join(out, "loss.svg")}.`;
}

const quote = (text: string): string => text.trim().replace(/^/gm, "  | ");

/** The chart appears complete or not at all. */
function writeChart(path: string, svg: string): void {
  writeFileSync(`${path}.tmp`, svg);
  renameSync(`${path}.tmp`, path);
}

/** The first signal asks for an end, the second one is obeyed at once. */
function stopOnSignals(progress: Progress): { stop: Stop; release: () => void } {
  const stop = { requested: false };
  const onSignal = (): void => {
    if (stop.requested) process.exit(EXIT.interrupted);
    stop.requested = true;
    progress.say("Stopping after this step. Press Ctrl-C again to end at once, without saving.");
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return { stop, release: () => signals.forEach((signal) => void process.off(signal, onSignal)) };
}
