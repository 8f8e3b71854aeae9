/** JAX in a process of its own, which answers several programs at a time. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python } from "./print.ts";
import { type Program, widened } from "./program.ts";
import { decode, type Outcome, type Result } from "./results.ts";

type Answer = { outs?: never[]; runs?: never[][]; error?: string; message?: string };
interface Request {
  readonly source: string;
  readonly inputs: Program["inputs"];
  /** Of errors on purpose: once for each. */
  readonly seeds?: readonly number[];
}
interface Waiting {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  /** Python died when it was asked together with others. */
  readonly suspect: boolean;
}

/** The script is not compiled: it stands beside the sources, from where the compiled ones run as well. */
const ORACLE = join(process.cwd(), "fuzz", "oracle.py");
/** Programs that take longer than this are given up. */
const PATIENCE_MS = 240_000;
/** So many programs are compiled as one, which takes three quarters of the time (66 instead of 87 ms a program). */
export const BATCH = 16;

export class Jax {
  readonly #python: string;
  readonly #x64: boolean;
  readonly #patience: number;
  #wide: Jax | undefined;
  #process: ChildProcessWithoutNullStreams | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What Python works on, and what waits for that. */
  #asked: readonly Waiting[] = [];
  #waiting: Waiting[] = [];

  constructor(pythonPath: string, x64: boolean, patience: number = PATIENCE_MS) {
    this.#python = pythonPath;
    this.#x64 = x64;
    this.#patience = patience;
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn(this.#python, ["-u", ORACLE], {
      env: { ...process.env, JAX_ENABLE_X64: this.#x64 ? "1" : "0" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let log = "";
    child.stderr.on("data", (text: Buffer) => (log = (log + text).slice(-2000)));
    createInterface({ input: child.stdout }).on("line", (line) => this.#answer(JSON.parse(line) as Answer[]));
    child.stdin.on("error", () => {});
    child.on("exit", () => {
      if (this.#process !== child) return;
      this.#process = undefined;
      this.#died({ error: child.killed ? "OracleGivenUp" : "OracleDied", message: log });
    });
    return (this.#process = child);
  }

  #answer(answers: readonly Answer[]): void {
    clearTimeout(this.#timer);
    const asked = this.#asked;
    this.#asked = [];
    for (const [i, { resolve }] of asked.entries()) resolve(answers[i]!);
    this.#next();
  }

  /** One of them is to blame: each is asked again on its own. */
  #died(answer: Answer): void {
    const together = this.#asked.length > 1;
    if (together) this.#waiting.push(...this.#asked.map((w) => ({ ...w, suspect: true })));
    if (together) this.#asked = [];
    this.#answer(this.#asked.map(() => answer));
  }

  /** Sends what waits when Python has nothing to do: of one kind, since a batch is run once for each of its first request's seeds. */
  #next(): void {
    const [first] = this.#waiting;
    if (!first || this.#asked.length > 0) return;
    const seeds = String(first.request.seeds);
    const isLike = (w: Waiting): boolean => !w.suspect && String(w.request.seeds) === seeds;
    const alike = first.suspect ? [first] : this.#waiting.filter(isLike).slice(0, BATCH);
    this.#waiting = this.#waiting.filter((w) => !alike.includes(w));
    this.#asked = alike;
    const child = this.#process ?? this.#start();
    this.#timer = setTimeout(() => child.kill("SIGKILL"), this.#patience);
    child.stdin.write(`${JSON.stringify(alike.map((w) => w.request))}\n`);
  }

  #ask(request: Request): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push({ request, resolve, suspect: false });
      this.#next();
    });
  }

  async run(program: Program): Promise<Outcome> {
    const { outs, error, message } = await this.#ask({ source: python(program), inputs: program.inputs });
    return outs ? { outs: outs.map(decode) } : { error: error!, message: message! };
  }

  /** The results with errors on purpose, once for each seed; none where JAX cannot run the program with them. */
  async rerun(program: Program, seeds: readonly number[]): Promise<Result[][]> {
    const { runs, message } = await this.#ask({ source: python(program), inputs: program.inputs, seeds });
    if (!runs) console.error(`JAX cannot run a program with errors in it: ${message}`);
    return (runs ?? []).map((run) => run.map(decode));
  }

  /** The results on wider numbers, of a second process. */
  exact(program: Program): Promise<Outcome> {
    return (this.#wide ??= new Jax(this.#python, true)).run(widened(program));
  }

  stop(): void {
    this.#wide?.stop();
    this.#process?.stdin.end();
  }
}
