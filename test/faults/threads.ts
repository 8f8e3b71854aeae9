/** Worker threads that end when they should not. */
import { syncBuiltinESMExports } from "node:module";
import workers from "node:worker_threads";
import { CONTROL } from "../../src/backends/common/handover.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { isPossible, KINDS, type Kind, type Threaded, threaded } from "../runtime/threads-support.ts";
import { type Fault, type Section, thrown } from "./table.ts";

const DOUBLE = parseProgram(`program(x: i32[64]) -> (y: i32[64]) {
  for i < 64 parallel { y[i] = i32.add(x[i], x[i]) }
}`);
const ones = (): Int32Array => new Int32Array(64).fill(1);
/** Larger than any number of a thread. */
const NOBODY = 2 ** 30;

/** Runs `act` with the workers that are started from now on at hand. */
async function capturing<T>(act: (started: workers.Worker[]) => Promise<T>): Promise<T> {
  const started: workers.Worker[] = [];
  const { Worker } = workers;
  workers.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started.push(this);
    }
  };
  syncBuiltinESMExports();
  try {
    return await act(started);
  } finally {
    workers.Worker = Worker;
    syncBuiltinESMExports();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function helpers(own: Threaded, count: number): Promise<string> {
  for (let i = 0; i < 2000 && own.runtime.threads.ready !== count; i++) await pause(5);
  return `${own.runtime.threads.ready} of ${count} workers are ready`;
}

/** The control block of a device's threads, as words. */
function control(own: Threaded): Int32Array {
  const { threads, memory } = own.runtime;
  const address = threads.enter({ kind: "wasm", bytes: new Uint8Array(8) }, 0);
  threads.leave();
  return new Int32Array(memory.memory.buffer, address, 128);
}

const onEach = (what: string, happens: (kind: Kind) => Promise<string>): Fault[] =>
  KINDS.filter(isPossible).map((kind) => ({ what: `${what} (${kind} code)`, happens: () => happens(kind) }));

const faults: readonly Fault[] = [
  ...onEach("a worker vanishes while it holds a piece", async (kind) => {
    const own = threaded(kind);
    await own.warm(3);
    own.use(3);
    const run = own.compile(DOUBLE);
    const words = control(own);
    // As it would be left: its bit is set, and no thread has its number.
    Atomics.store(words, CONTROL.threadIds / 4 + 4, NOBODY);
    Atomics.or(words, CONTROL.busy / 4, 1 << 5);
    const error = thrown(() => run([ones()]));
    const next = run([ones()])[0]!.every((y) => y === 2);
    return `${error} The next call: ${next ? "right" : "wrong"}`;
  }),
  ...onEach("all workers are terminated just before a call", (kind) =>
    capturing(async (started) => {
      const own = threaded(kind);
      await own.warm(3);
      own.use(3);
      const run = own.compile(DOUBLE);
      for (const worker of started) void worker.terminate();
      const right = Array.from({ length: 20 }, () => run([ones()])[0]!.every((y) => y === 2));
      return `${right.every(Boolean) ? "right results" : "WRONG RESULTS"}; others take their place: ${await helpers(own, 2)}`;
    }),
  ),
];

export const threads: Section = {
  title: "Threads",
  intro:
    "Workers take pieces of loops. A call whose worker ends in the middle of a piece cannot have the right result: it ends with an " +
    "error. A worker that ends elsewhere is replaced.",
  faults,
};
