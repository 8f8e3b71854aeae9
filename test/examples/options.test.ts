import { describe, expect, test } from "vitest";
import { helpText, parseOptions, UsageError } from "../../examples/moby-dick/options.ts";

test("defaults", () => {
  const { given, ...options } = parseOptions([]);
  expect(options).toEqual({
    file: undefined,
    cell: "lstm",
    layers: 2,
    hidden: 128,
    steps: 2000,
    batch: 32,
    length: 64,
    lr: 5e-3,
    seed: 0,
    resume: undefined,
    sample: undefined,
    temperature: 0.8,
    out: "out",
    help: false,
  });
  expect(given.size).toBe(0);
});

test("values, and which of them were given", () => {
  const options = parseOptions([
    "--cell=gru",
    "--lr",
    "1e-3",
    "--hidden",
    "16",
    "--resume",
    "w",
    "--sample",
    "80",
    "--help",
  ]);
  expect(options).toMatchObject({ cell: "gru", lr: 1e-3, hidden: 16, resume: "w", sample: 80, help: true });
  expect([...options.given].sort()).toEqual(["cell", "hidden", "lr", "resume", "sample"]);
});

describe("what is refused", () => {
  test.each([
    [["--steps", "0"], '--steps expects a positive integer, got "0".'],
    [["--steps", "1.5"], '--steps expects a positive integer, got "1.5".'],
    [["--steps", "many"], '--steps expects a positive integer, got "many".'],
    [["--steps", ""], '--steps expects a positive integer, got "".'],
    [["--steps", "99999999999"], "--steps expects a positive integer"],
    [["--lr", "0"], '--lr expects a positive number, got "0".'],
    [["--lr=-1"], '--lr expects a positive number, got "-1".'],
    [["--temperature", "Infinity"], "--temperature expects a positive number"],
    [["--cell", "rnn"], '--cell expects lstm, gru, elman, got "rnn".'],
    [["--seed", "-"], '--seed expects an integer from 0, got "-".'],
    [["--out", ""], '--out expects a path, got "".'],
    [["--frobnicate"], "--frobnicate"],
    [["--steps"], "--steps"],
    [["file.txt"], "file.txt"],
    [["--sample", "5"], "--sample needs the weights of a trained model: give them with --resume."],
  ])("%j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
    expect(() => parseOptions(args)).toThrow(/^[^\n]*$/);
  });
});

test("the help lists every option with its default", () => {
  const help = helpText();
  for (const name of [
    "file",
    "layers",
    "hidden",
    "cell",
    "steps",
    "batch",
    "length",
    "lr",
    "seed",
    "resume",
    "sample",
    "temperature",
    "out",
    "help",
  ])
    expect(help).toContain(`  --${name} `);
  expect(help).toContain("(default 128)");
});
