/** The package as `npm pack` makes it of a clean clone, installed in a user's folder, and a program that uses it. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
export const KOFFI: string = join(ROOT, "node_modules", "koffi");
/** What the package is made of, as git has it. */
const SOURCES = ["docs", "scripts", "src", "LICENSE", "package.json", "tsconfig.json", "tsconfig.build.json"];
export const PAGES: readonly string[] = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"];

/** Leaves the gradient where pages are asked for it, and prints it with the tier that it ran on. */
const PROGRAM = `
const decay = (rate, xs) => lax.scan((c, x) => [np.tanh(c.mul(rate)).add(x), null], np.array(0), xs)[0];
const f = jit(grad(decay));
const xs = np.array([1, 2, 3]);
globalThis.result = [f(0.5, xs).item().toFixed(4), explain(f)(0.5, xs).tier];
console.log(JSON.stringify(globalThis.result));`;
export const MODULE: string = `import { explain, grad, jit, lax, numpy as np } from "weftjs";${PROGRAM}`;
export const COMMON: string = `const { explain, grad, jit, lax, numpy: np } = require("weftjs");${PROGRAM}`;
/** As JAX computes it. */
export const GRADIENT = "0.8267";

/** What a program prints. Asynchronous: the threads that run tests have to answer while it runs. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  // Tools take a test's environment for a developer's.
  const options = { cwd, env: { ...process.env, NODE_ENV: undefined, ...env } };
  const { stdout } = await promisify(execFile)(command, args, options).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  return stdout;
}

const works = (command: string): Promise<boolean> =>
  run(command, ["--version"], ROOT).then(
    (out) => out !== "",
    () => false,
  );

/** The fastest tier that this machine has. */
const serverTier = async (): Promise<string> => (hasKoffi() && (await works("cc")) ? "native" : "wasm");

function hasKoffi(): boolean {
  try {
    return createRequire(import.meta.url).resolve("koffi") !== "";
  } catch {
    return false;
  }
}

/** A folder of a user who has installed the package, and one of a server that has koffi. */
export class User {
  readonly #folder = mkdtempSync(join(tmpdir(), "weft-package-"));
  readonly root: string = join(this.#folder, "user");
  /** Where programs are started: what is built elsewhere cannot see koffi, and finds it here. */
  readonly server: string = join(this.#folder, "server");
  readonly installed: string = join(this.root, "node_modules", "weftjs");
  /** What is in the package. */
  files: readonly string[] = [];
  /** What programs on this machine's Node are asked to run on. */
  tier = "";

  async install(): Promise<void> {
    const clone = join(this.#folder, "clone");
    for (const path of [...SOURCES, ...PAGES])
      cpSync(join(ROOT, path), join(clone, path), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
    const [{ filename, files }] = JSON.parse(await run("npm", ["pack", "--json"], clone));
    this.files = files.map(({ path }: { path: string }) => path);
    mkdirSync(this.installed, { recursive: true });
    await run("tar", ["-xzf", join(clone, filename), "--strip-components=1"], this.installed);
    this.write("package.json", `{ "private": true }`); // Deno uses node_modules beside one only
    mkdirSync(join(this.server, "node_modules"), { recursive: true });
    symlinkSync(KOFFI, join(this.server, "node_modules", "koffi"));
    this.tier = await serverTier();
  }

  /** Another package that the user has. */
  link(name: string, path: string): void {
    symlinkSync(path, join(this.root, "node_modules", name));
  }

  write(path: string, text: string): string {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  read(path: string): string {
    return readFileSync(join(this.installed, path), "utf8");
  }

  /** Where tools put what they make: apart, for what is made must not lean on the package. */
  out(name: string): string {
    return join(this.#folder, "made", name);
  }

  /** Asks for that tier, and keeps what is compiled here. */
  get env(): NodeJS.ProcessEnv {
    return { WEFT_TIER: this.tier, WEFT_CACHE_DIR: join(this.#folder, "cache") };
  }

  /** What the program prints when a runtime runs a file of it. */
  async result(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
    return JSON.parse(await run(program, args, this.server, { ...this.env, ...env }));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
