/** JAX in a process of its own, which answers one program after the other. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python } from "./print.ts";
import type { Program } from "./program.ts";
import { decode, type Outcome, type Result } from "./results.ts";

type Answer = { outs?: never[]; runs?: never[][]; error?: string; message?: string };
interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly timer: NodeJS.Timeout;
}

/** The script is not compiled: it stands beside the sources, from where the compiled ones run as well. */
const ORACLE = join(process.cwd(), "fuzz", "oracle.py");
/** A program that takes longer than this is given up. */
const PATIENCE_MS = 120_000;

export class Jax {
  readonly #python: string;
  readonly #x64: boolean;
  #process: ChildProcessWithoutNullStreams | undefined;
  #waiting: Waiting[] = [];

  constructor(pythonPath: string, x64: boolean) {
    this.#python = pythonPath;
    this.#x64 = x64;
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn(this.#python, ["-u", ORACLE], {
      env: { ...process.env, JAX_ENABLE_X64: this.#x64 ? "1" : "0" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let log = "";
    child.stderr.on("data", (text: Buffer) => (log = (log + text).slice(-2000)));
    createInterface({ input: child.stdout }).on("line", (line) => this.#answer(JSON.parse(line) as Answer));
    child.stdin.on("error", () => {});
    child.on("exit", () => {
      if (this.#process !== child) return;
      this.#process = undefined;
      for (const { resolve, timer } of this.#waiting.splice(0)) {
        clearTimeout(timer);
        resolve({ error: "OracleDied", message: log });
      }
    });
    return (this.#process = child);
  }

  #answer(answer: Answer): void {
    const { resolve, timer } = this.#waiting.shift()!;
    clearTimeout(timer);
    resolve(answer);
  }

  #ask(request: object): Promise<Answer> {
    const child = this.#process ?? this.#start();
    return new Promise((resolve) => {
      const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      this.#waiting.push({ resolve, timer });
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  async run(program: Program): Promise<Outcome> {
    const { outs, error, message } = await this.#ask({ source: python(program), inputs: program.inputs });
    return outs ? { outs: outs.map(decode) } : { error: error!, message: message! };
  }

  /** The results with errors on purpose, once for each seed. */
  async rerun(program: Program, seeds: readonly number[]): Promise<Result[][]> {
    const source = python(program, { noise: true });
    const { runs } = await this.#ask({ source, inputs: program.inputs, seeds });
    return (runs ?? []).map((run) => run.map(decode));
  }

  stop(): void {
    this.#process?.stdin.end();
  }
}
