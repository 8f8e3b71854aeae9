/** Every code fence of the documents is type-checked and run, every example of a doc comment is run. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test, vi } from "vitest";
import * as weft from "../src/index.ts";
import { docExamples, instrument, markdownProgram, matches, Recorder } from "./support/doc-fences.ts";
import { publicFunctions } from "./support/public.ts";

const ROOT = resolve(fileURLToPath(new URL("..", import.meta.url)));
const WORK = join(ROOT, "build", "docs");
const SOURCES = ["src/api", "src/lax", "src/nn", "src/optim", "src/random", "src/numpy", "src/tree"];

const filesBelow = (folder: string, extension: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(extension))
    .map((file) => join(folder, file));

const documents = ["README.md", ...filesBelow("docs", ".md")].filter((file) => existsSync(join(ROOT, file)));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const moduleName = (file: string): string => file.replace(/[^\w]+/g, "-");
const usingSources = (code: string): string => code.replaceAll('from "weftjs"', 'from "../../src/index.ts"');

function write(name: string, code: string): string {
  const path = join(WORK, name);
  writeFileSync(path, usingSources(code));
  return pathToFileURL(path).href;
}

/** Runs a module that may call `__doc`, and returns what it recorded. */
async function record(run: (recorder: Recorder) => Promise<unknown>): Promise<Recorder> {
  const recorder = new Recorder();
  vi.stubGlobal("__doc", recorder);
  const log = vi.spyOn(console, "log").mockImplementation((...values) => recorder.log(...values));
  try {
    await run(recorder);
  } finally {
    log.mockRestore();
    vi.unstubAllGlobals();
  }
  return recorder;
}

beforeAll(() => {
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(WORK, { recursive: true });
});

describe("documents", () => {
  test("the types are right", { timeout: 120_000 }, () => {
    for (const file of documents)
      write(`${moduleName(file)}.check.ts`, `${markdownProgram(read(file))}\nexport {};\n`);
    const options = {
      declaration: false,
      isolatedDeclarations: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
    };
    const config = { extends: "../../tsconfig.json", compilerOptions: options, include: ["*.check.ts"] };
    writeFileSync(join(WORK, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", WORK], { encoding: "utf8" });
    const own = stdout.split("\n").filter((line) => line.includes(".check.ts"));
    expect(own).toEqual([]);
    expect(status === 0 || stdout.includes("src/")).toBe(true);
  });

  test.each(documents)("%s runs", { timeout: 60_000 }, async (file) => {
    const code = instrument(markdownProgram(read(file)), 1, { bare: false });
    const href = write(`${moduleName(file)}.run.ts`, code);
    const { failures, checks } = await record(() => import(/* @vite-ignore */ href));
    expect(failures).toEqual([]);
    expect(checks).toBe(code.match(/\/\/ (=>|throws|prints) /g)?.length ?? 0);
  });
});

/** Names that examples of doc comments may use, besides everything that is public. */
const PRELUDE = `
  const np = m0.numpy;
  const cell = nn.elmanCell(3, 3), key = random.key(0);
  let params = cell.init(key), updates = params;
  const x = np.array([1, 2, 3]), w = np.ones([3]), xs = np.ones([4, 3]), logits = np.zeros([2, 5]);
  const epoch = 1, i = 0, loss = np.array(0.5), losses = [];
  const init = np.zeros([3]), step = (c, x) => [c.add(x), c];`;

/** What an example may name: the public names, and those of its own file and of its folder's index. */
async function scopeOf(file: string): Promise<{ names: string[]; own: string[]; modules: string[] }> {
  const candidates = ["src/index.ts", join(dirname(file), "index.ts"), file];
  const modules = candidates.filter((path) => existsSync(join(ROOT, path)));
  const loaded = await Promise.all(modules.map((path) => import(/* @vite-ignore */ join(ROOT, path))));
  const namesIn = (of: readonly unknown[]): string[] =>
    [...new Set(of.flatMap((module) => Object.keys(module as object)))].filter(
      (name) => name !== "switch" && !(name in globalThis),
    );
  return { names: namesIn(loaded), own: namesIn(loaded.slice(-1)), modules };
}

/** One module per source file, which exports a function per example. */
async function exampleModule(file: string): Promise<string> {
  const { names, own, modules } = await scopeOf(file);
  const functions = docExamples(read(file)).map(
    ({ line, code }) =>
      `async () => {${PRELUDE}\n{const { ${own.join(", ")} } = scope;\n{${instrument(code, line, { bare: true })}\n}}}`,
  );
  return [
    ...modules.map((path, i) => `import * as m${i} from "../../${path}";`),
    `const scope = { ${modules.map((_, i) => `...m${i}`).join(", ")} };`,
    `const { ${names.join(", ")} } = scope;`,
    `export const examples = [\n${functions.join(",\n")}];\n`,
  ].join("\n");
}

const documented = SOURCES.flatMap((folder) => filesBelow(folder, ".ts")).filter(
  (f) => docExamples(read(f)).length > 0,
);

describe("doc comments", () => {
  test.each(documented)("the examples of %s run", async (file) => {
    const href = write(`${moduleName(file)}.run.ts`, await exampleModule(file));
    const { examples } = (await import(/* @vite-ignore */ href)) as { examples: (() => Promise<void>)[] };
    const { failures } = await record(async (recorder) => {
      for (const [i, run] of examples.entries())
        await attempt(recorder, docExamples(read(file))[i]!.line, run);
    });
    expect(failures).toEqual([]);
  });
});

/** Functions whose doc comment has an example, which an alias shares. */
async function functionsWithExamples(): Promise<Set<unknown>> {
  const found = new Set<unknown>();
  const declared = /\/\*\*((?:[^*]|\*(?!\/))*)\*\/\nexport (?:async )?(?:function|const) (\w+)/g;
  for (const file of [...SOURCES, "src/io", "src/devices"].flatMap((folder) => filesBelow(folder, ".ts"))) {
    const named = [...read(file).matchAll(declared)].filter(([, comment]) => comment!.includes("@example"));
    if (named.length === 0) continue;
    const module = (await import(/* @vite-ignore */ join(ROOT, file))) as Record<string, unknown>;
    for (const [, , name] of named) found.add(module[name!]);
  }
  return found;
}

test("every public function has an example", async () => {
  const found = await functionsWithExamples();
  const valueOf = (name: string): unknown =>
    name.split(".").reduce<unknown>((space, part) => (space as Record<string, unknown>)[part], weft);
  const names = [...publicFunctions()].map(([name]) => name).filter((name) => !name.startsWith("Array."));
  expect(names.length).toBeGreaterThan(400);
  expect(names.filter((name) => !found.has(valueOf(name)))).toEqual([]);
});

async function attempt(recorder: Recorder, line: number, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    recorder.failures.push(`line ${line}: ${error}`);
  }
}

describe("the checks themselves", () => {
  const failuresOf = async (code: string): Promise<string[]> => {
    const href = write(`self-${Math.abs(hash(code))}.run.ts`, instrument(code, 1, { bare: false }));
    return (await record(() => import(/* @vite-ignore */ href))).failures;
  };
  const hash = (text: string): number => [...text].reduce((h, c) => (h * 31 + c.charCodeAt(0)) | 0, 7);

  test.each([
    ["1 + 1; // => 2", 0],
    ["1 + 1; // => 3", 1],
    ["const [a] = [0.69314]; // => [0.693]", 0],
    ["const [a] = [0.69314]; // => [0.694]", 1],
    ["console.log('a');\nconsole.log('b');\n// prints a\n//   b", 0],
    ["console.log('a');\n// prints b", 1],
    ["throw new RangeError('no');\n// throws RangeError: no", 0],
    ["const ok = 1;\n// throws RangeError: no", 1],
  ])("%j has %i failures", async (code, count) => {
    expect(await failuresOf(code)).toHaveLength(count);
  });

  test("an assertion after nothing is an error", () => {
    expect(() => instrument("// => 1", 1, { bare: false })).toThrow("follows no statement");
  });

  test.each([
    [[1, 2], "[1, 2]", true],
    [{ a: 1 }, "{ a: 1 }", true],
    [{ a: 1, b: 2 }, "{ a: 1 }", false],
    ["text", "text", true],
    [Number.NaN, "NaN", true],
  ])("%j matches %s: %s", (value, text, result) => {
    expect(matches(value, text)).toBe(result);
  });
});
