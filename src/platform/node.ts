/**
 * What differs between Node and browsers; imported as `#platform`. Node imports are only here and in what this file imports.
 * `browser.ts` exports the same names with the same types.
 */
import { readFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import v8 from "node:v8";
import { Worker } from "node:worker_threads";
import { readFile, writeAtomic } from "./files.ts";

/** Whether there are environment variables. */
export const hasEnvironment: boolean = true;

/** The value of an environment variable; undefined where Deno was not given leave to look. */
export function env(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}

/** Writes one line to standard output at once (also from inside of a compiled program). */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Tells the developer of something that went another way than wished. */
export const warn = (message: string): void => process.emitWarning(message, "WeftWarning");

/** Whether a WebAssembly.Memory may be shared with workers. */
export const canShareMemory = (): boolean => true;

/** Threads that the machine runs at the same time. */
export const cores = (): number => os.availableParallelism();

/** Whether the calling thread may sleep until another one wakes it. */
export const canBlock = (): boolean => true;

/** As text: what the system calls the thread that runs it; -1 where that is not to be had, or not to be asked for. */
const THREAD_ID = `() => {
  try {
    const id = Number(require("node:fs").readlinkSync("/proc/thread-self").split("/").pop());
    return process.kill(id, 0) ? id : -1;
  } catch {
    return -1;
  }
}`;

/** Addresses that a thread takes (measured: 590 MiB, most of it for code), and some for what others begin meanwhile. */
const THREAD_SPACE = 1024 * 2 ** 20;

/** Bytes of addresses that this process may still take, where it has a limit (`ulimit -v`). */
function addressesLeft(): number {
  try {
    const read = (file: string, key: RegExp) =>
      Number(key.exec(readFileSync(`/proc/self/${file}`, "utf8"))?.[1]);
    const left = read("limits", /^Max address space +(\d+)/m) - 1024 * read("status", /^VmSize:\s+(\d+)/m);
    return Number.isNaN(left) ? Number.POSITIVE_INFINITY : left;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Threads that may not have taken theirs yet. */
const beginning = new Set<Worker>();

/**
 * Starts a thread that runs `program`, the text of a function of `data` and the thread's `threadId`. It does not keep the process alive. `onEnd` is
 * called should it end by itself. Throws where there are not addresses enough: the engine would end the process.
 */
export function startWorker(program: string, data: unknown, onEnd: (reason: string) => void): void {
  if (addressesLeft() < (beginning.size + 1) * THREAD_SPACE)
    throw new Error("the process may have too few addresses (ulimit -v)");
  const text = `(${program})({ ...require("node:worker_threads").workerData, threadId: (${THREAD_ID})() });`;
  const worker = new Worker(text, { eval: true, workerData: data, execArgv: [], env: {} });
  let reason: string | undefined;
  beginning.add(worker);
  worker.on("online", () => beginning.delete(worker));
  worker.on("error", (error) => (reason = String(error)));
  worker.on("exit", (code) => {
    beginning.delete(worker);
    onEnd(reason ?? `exit code ${code}`);
  });
  worker.unref();
}

const atEnd: (() => void)[] = [];

/** Runs `f` when the process ends, however it does but by a signal. */
function atProcessEnd(f: () => void): void {
  if (atEnd.push(f) > 1) return;
  process.once("exit", () => {
    for (const end of atEnd) end();
  });
}

/** Undefined where nothing has to be waited for. */
export const onProcessEnd: typeof atProcessEnd | undefined = atProcessEnd;

/** Whether a thread of this process exists, by the system's name for it. */
function isThread(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Undefined where nobody else can end threads. */
export const threadExists: typeof isThread | undefined = isThread;

/** V8 ships relaxed SIMD from this version on; before, it hides behind a flag. */
const RELAXED_SIMD_SINCE = 11.4;

/** Turns on what the engine has behind flags. Must run before the first probe for features and the first compile. */
export function prepareEngine(): void {
  if (Number.parseFloat(process.versions.v8) >= RELAXED_SIMD_SINCE) return;
  v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
}

/** Bytes of a memory as strings with one character per byte. */
export interface ByteStrings {
  /** Addresses from here on are out of reach. */
  readonly end: number;
  take(address: number, bytes: number): string;
  put(text: string, address: number): void;
}

/**
 * The collector owns strings entirely; a typed array of more than 64 bytes is a block of another allocator besides, which
 * costs ten times as much to make and to free (measured: 690 against 56 ns for 512 bytes).
 */
function stringsOf(memory: ArrayBufferLike): ByteStrings {
  // Positions in a Buffer are 32-bit integers in some places.
  const view = Buffer.from(memory, 0, Math.min(memory.byteLength, 2 ** 31 - 1));
  return {
    end: view.length,
    take: (address, bytes) => view.toString("latin1", address, address + bytes),
    put: (text, address) => view.write(text, address, "latin1"),
  };
}

/** Undefined where memory cannot be seen so. */
export const byteStrings: typeof stringsOf | undefined = stringsOf;

/** The method under which a console looks for an object's own rendering. */
export const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");

/** Whole files; see `files.ts`. */
export interface FileSystem {
  read(path: string): Uint8Array;
  writeAtomic(path: string, bytes: Uint8Array): void;
}

/** Undefined where there are no files. */
export const fileSystem: FileSystem | undefined = { read: readFile, writeAtomic };
