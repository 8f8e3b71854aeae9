/** The program as its users see it: exit codes, messages and files. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSafetensors, saveSafetensors } from "../../src/io/index.ts";
import { asArray } from "../../src/lax/index.ts";
import "../../src/devices/index.ts";

const START = fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "weft-cli-"));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const TINY = ["--layers", "2", "--hidden", "8", "--batch", "2", "--length", "8"];
const run = (...args: string[]) =>
  spawnSync(process.execPath, [START, ...args], { encoding: "utf8", cwd: folder });

beforeAll(() => {
  // Builds what is missing, so that the messages of a build are in no test's way.
  expect(run("--help").status).toBe(0);
  writeFileSync(at("text"), "the quick brown fox jumps over the lazy dog\n".repeat(20));
  writeFileSync(at("empty"), "");
  writeFileSync(at("short"), "abc");
  writeFileSync(at("greek"), "αβγ".repeat(400));
  writeFileSync(at("garbage"), "this is no safetensors file");
  saveSafetensors(at("foreign"), { w: asArray([1]) });
  const metadata = { cell: "lstm", layers: "2", hidden: "8", vocabulary: JSON.stringify(["a", "b"]) };
  saveSafetensors(at("misfit"), { w: asArray([1]) }, { metadata });
  saveSafetensors(at("odd"), { w: asArray([1]) }, { metadata: { ...metadata, hidden: "-1" } });
}, 120_000);

test("--help prints the options", () => {
  const { status, stdout } = run("--help");
  expect(status).toBe(0);
  expect(stdout).toContain("Usage: npm start -- [options]");
});

describe("the user's mistakes: one line, exit code 2, nothing written", () => {
  test.each<[what: string, args: string[], message: string]>([
    ["an unknown option", ["--frobnicate"], "--frobnicate"],
    ["a malformed value", ["--steps", "many"], "--steps expects a positive integer"],
    ["a missing text", ["--file", "missing"], "Cannot read the text missing: ENOENT."],
    ["a folder as text", ["--file", "."], "Cannot read the text .: EISDIR."],
    ["an empty text", ["--file", "empty"], "The text empty is empty."],
    ["a short text", ["--file", "short"], "The text is too short: it has 3 characters"],
    ["sampling without weights", ["--sample", "10"], "--sample needs the weights"],
    [
      "missing weights",
      ["--file", "text", "--resume", "missing"],
      'Cannot use the weights: io.loadSafetensors("missing"): no such file',
    ],
    [
      "weights that are none",
      ["--file", "text", "--resume", "garbage"],
      "garbage: Not a valid safetensors file",
    ],
    [
      "somebody else's weights",
      ["--file", "text", "--resume", "foreign"],
      "foreign was not written by this program",
    ],
    ["impossible sizes", ["--file", "text", "--resume", "odd"], "its metadata has no valid hidden"],
    [
      "weights of other shapes",
      ["--file", "text", "--resume", "misfit"],
      "misfit does not fit: embedding.table of type float32[2,8] is missing",
    ],
    ["weights of other shapes when sampling", ["--resume", "misfit", "--sample", "5"], "misfit does not fit"],
    [
      "a file where the folder should be",
      ["--file", "text", ...TINY, "--out", "text"],
      "Cannot write to the folder text: EEXIST.",
    ],
  ])("%s", (_, args, message) => {
    const before = readdirSync(folder);
    const { status, stdout, stderr } = run(...args);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^moby-dick: [^\n]+\n$/);
    expect([status, stdout]).toEqual([2, ""]);
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe("a tiny run", () => {
  const weights = at("run/weights.safetensors");
  const again = at("again/weights.safetensors");

  test("learns, and writes weights, a chart and a sample", () => {
    const { status, stdout } = run("--file", "text", ...TINY, "--steps", "60", "--out", "run");
    expect(status).toBe(0);
    expect(stdout).toContain("2 × lstm of width 8");
    const held = Number(/held-out loss ([\d.]+) bits/.exec(stdout)![1]);
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(4.5);
    expect(readdirSync(at("run")).sort()).toEqual(["loss.svg", "weights.safetensors"]);
    expect(readFileSync(at("run/loss.svg"), "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(loadSafetensors(weights).metadata).toMatchObject({ cell: "lstm", layers: "2", hidden: "8" });
  });

  test("goes on from its weights, whose sizes need not be repeated", () => {
    const { status, stdout } = run(
      "--file",
      "text",
      "--batch",
      "2",
      "--length",
      "8",
      "--steps",
      "5",
      "--resume",
      weights,
      "--out",
      "again",
    );
    expect(status).toBe(0);
    expect(stdout).toContain("2 × lstm of width 8");
    const first = Number(/step 1\/5 {2}([\d.]+) bits/.exec(stdout)![1]);
    expect(first).toBeLessThan(4.6);
    expect(existsSync(again)).toBe(true);
  });

  test("goes on exactly: two runs learn what one would have learned, also where the streams begin again", () => {
    const learn = (out: string, steps: number, ...args: string[]): Buffer => {
      const all = ["--file", "text", ...TINY, "--steps", String(steps), "--out", out, ...args];
      const { status, stdout } = run(...all);
      expect(status).toBe(0);
      if (args.length > 0) expect(stdout).toContain(`Goes on from ${args[1]}, after 7 chunks of the text.`);
      return readFileSync(at(`${out}/weights.safetensors`));
    };
    const whole = learn("whole", 67); // of some 50 chunks
    learn("half", 7);
    const resumed = learn("rest", 60, "--resume", "half/weights.safetensors");
    expect(resumed.equals(whole)).toBe(true);
  });

  test("streams of another length are read from their beginning, with the optimizer as it was", () => {
    const { tensors } = loadSafetensors(weights);
    const args = ["--file", "text", "--batch", "2", "--length", "6", "--steps", "1", "--resume", weights];
    const { status, stdout } = run(...args, "--out", "shorter");
    expect(status).toBe(0);
    expect(stdout).toContain(`Goes on from ${weights}, with the text from its beginning.`);
    const { tensors: next } = loadSafetensors(at("shorter/weights.safetensors"));
    const count = Object.keys(tensors).find((name) => name.endsWith("count"))!;
    expect(next[count]!.dataSync()[0]).toBe(tensors[count]!.dataSync()[0]! + 1);
    expect([...next["training.position"]!.dataSync()]).toEqual([1, 6]);
  });

  test("samples only, the same for the same seed", () => {
    const sample = (...args: string[]): string => run("--resume", weights, "--sample", "40", ...args).stdout;
    expect(sample()).toHaveLength(41);
    expect(sample()).toBe(sample("--seed", "0"));
    expect(sample()).not.toBe(sample("--seed", "1"));
  });

  test.each([
    ["other sizes", ["--hidden", "16"], "has hidden 8, but --hidden 16 was given."],
    ["another cell", ["--cell", "gru"], "has cell lstm, but --cell gru was given."],
    [
      "another alphabet",
      ["--file", "greek", "--batch", "2", "--length", "8"],
      'The text has the character "α"',
    ],
  ])("its weights refuse %s", (_, args, message) => {
    const { status, stderr } = run("--file", "text", "--resume", weights, "--out", "refused", ...args);
    expect([status, existsSync(at("refused"))]).toEqual([2, false]);
    expect(stderr).toContain(message);
  });

  test.each(["gru", "elman"])(
    "works with %s cells",
    (cell) => {
      const { status, stdout } = run(
        "--file",
        "text",
        ...TINY,
        "--cell",
        cell,
        "--steps",
        "3",
        "--out",
        cell,
      );
      expect([status, stdout.includes(`2 × ${cell} of width 8`)]).toEqual([0, true]);
    },
    30_000,
  );

  test("a loss that explodes is reported, and the old weights stay", () => {
    const before = readFileSync(weights);
    const { status, stderr } = run(
      "--file",
      "text",
      ...TINY,
      "--lr",
      "1e38",
      "--steps",
      "30",
      "--out",
      "run",
    );
    expect(stderr).toMatch(
      /^moby-dick: The loss is not a finite number any more at step \d+\. Try a smaller --lr\.\n$/,
    );
    expect([status, readFileSync(weights).equals(before)]).toEqual([1, true]);
  });
});

/** Starts a long run and sends SIGINT when it has begun to train. */
function interrupted(out: string): Promise<{ code: number | null; output: string }> {
  const args = ["--file", "text", ...TINY, "--steps", "1000000", "--out", out];
  const child = spawn(process.execPath, [START, ...args], { cwd: folder });
  let output = "";
  child.stdout.on("data", (data) => {
    const before = output;
    output += data;
    if (!before.includes("step 1/") && output.includes("step 1/")) child.kill("SIGINT");
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

describe("Ctrl-C", () => {
  test("saves and ends with code 130", async () => {
    const { code, output } = await interrupted("stopped");
    expect(output).toMatch(/Interrupted after step \d+\. Wrote /);
    expect(code).toBe(130);
    expect(readdirSync(at("stopped")).sort()).toEqual(["loss.svg", "weights.safetensors"]);
    expect(run("--resume", "stopped/weights.safetensors", "--sample", "3").status).toBe(0);
  });
});
