/** Worker threads that end when they should not. */
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import process from "node:process";
import workers from "node:worker_threads";
import { vi } from "vitest";
import { CONTROL, QUEUE_STRIDE } from "../../src/backends/common/handover.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { findToolchain } from "../../src/devices/cpu/native/toolchain.ts";
import {
  cache,
  isPossible,
  KINDS,
  type Kind,
  type Threaded,
  threaded,
} from "../devices/cpu/threads-support.ts";
import { bundle } from "../support/bundle.ts";
import { type Fault, type Section, thrown } from "./table.ts";

const DOUBLE = parseProgram(`program(x: i32[64]) -> (y: i32[64]) {
  for i < 64 parallel { y[i] = i32.add(x[i], x[i]) }
}`);
const ones = (): Int32Array => new Int32Array(64).fill(1);
/** Iteration i takes n[i] steps; iteration 32 is the first one of worker 1. */
const COUNT = parseProgram(`program(n: i32[64]) -> (y: i32[64]) {
  for i < 64 parallel {
    var k: i32 = i32(0)
    while { test i32.lt(k, n[i]) } do { set k = i32.add(k, i32(1)) }
    y[i] = k
  }
}`);

/** Runs `act` with the workers that are started from now on at hand. */
async function capturing<T>(
  act: (started: workers.Worker[]) => Promise<T>,
  resourceLimits?: workers.ResourceLimits,
): Promise<T> {
  const started: workers.Worker[] = [];
  const { Worker } = workers;
  workers.Worker = class extends Worker {
    constructor(text: string | URL, options?: workers.WorkerOptions) {
      super(text, { ...options, ...(resourceLimits && { resourceLimits }) });
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
  const ready = (): number => own.runtime.threads.ready - 1;
  for (let i = 0; i < 2000 && ready() !== count; i++) await pause(5);
  return `${ready()} of ${count} workers are ready`;
}

const onEach = (
  what: string,
  happens: (kind: Kind, folder: string) => Promise<string>,
  possible: (kind: Kind) => boolean = isPossible,
): Fault[] =>
  KINDS.map((kind) => ({
    what: `${what} (${kind} code)`,
    happens: (folder) => happens(kind, folder),
    impossible: !possible(kind),
  }));

const canLoadC = (): boolean => process.platform === "linux" && isPossible("native");

/**
 * Lets worker 1 of two threads end in the middle of a piece, in a way of which its process learns nothing. Its queue begins with
 * the upper half of the iterations.
 */
const KILLER = `
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
static volatile int *control;
static int holds_piece(void) {
  const volatile unsigned short *queue = (volatile unsigned short *)((char *)control + ${CONTROL.queues + QUEUE_STRIDE});
  return control[${CONTROL.busy / 4}] & 2 && 2 * queue[0] > queue[1];
}
static void end(int signal) { if (holds_piece()) syscall(SYS_exit, 0); }
static void *lurk(void *victim) {
  do while (!holds_piece()); while (syscall(SYS_tgkill, getpid(), (int)(long)victim, SIGRTMIN + 5) == 0);
  return 0;
}
int lie_in_wait(char *memory, unsigned offset) {
  pthread_t thread;
  struct sigaction action = {0};
  action.sa_handler = end;
  sigaction(SIGRTMIN + 5, &action, 0);
  control = (int *)(memory + offset);
  return pthread_create(&thread, 0, lurk, (void *)(long)control[${CONTROL.threadIds / 4}]);
}`;

/** A function whose worker takes a piece for long, in a process that knows the worker and where the control block is. */
const BUSY = `
  import workers from "node:worker_threads";
  import { createRequire, syncBuiltinESMExports } from "node:module";
  const { Worker } = workers;
  let data;
  workers.Worker = class extends Worker {
    constructor(text, options) { super(text, options); data = options.workerData; }
  };
  syncBuiltinESMExports();
  const { config, jit, vmap, lax, numpy: np } = await import("./weft.mjs");
  config.threads = 2;
  const f = jit(vmap((x) => lax.foriLoop(0, 30000, (_, x) => np.sin(np.multiply(x, 1.1)), x)));
  const x = np.ones([1000, 4]);
  const call = () => String(f(x).dataSync());
  const want = call();
  const worker = () => new Int32Array(data.memory.buffer, data.control, 64)[${CONTROL.threadIds / 4}];
  const otherThan = async (id) => {
    while (worker() === 0 || worker() === id) await new Promise((next) => setTimeout(next, 5));
  };
  await otherThan(0);`;

/** What a program prints in a process of its own, and how that ends. */
async function inProcess(folder: string, kind: Kind, script: string): Promise<string> {
  await bundle(folder);
  writeFileSync(join(folder, "main.mjs"), script);
  const env = { ...process.env, WEFT_TIER: kind, WEFT_CACHE_DIR: cache };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["main.mjs"], {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
    env,
  });
  return `${stdout.trim()}${stderr} The process: ${signal ?? `exit code ${status}`}`;
}

function killed(kind: Kind, folder: string): Promise<string> {
  const library = join(folder, "killer.so");
  execFileSync(findToolchain()!.path, ["-xc", "-shared", "-fPIC", "-o", library, "-"], { input: KILLER });
  return inProcess(
    folder,
    kind,
    `${BUSY}
    const koffi = createRequire(import.meta.url)("koffi");
    const lieInWait = koffi.load(${JSON.stringify(library)}).func("lie_in_wait", "int", ["void *", "uint"]);
    const first = worker();
    lieInWait(new Uint8Array(data.memory.buffer), data.control);
    for (let left = 50; left > 0; left--) {
      try {
        call();
      } catch (error) {
        console.log(error.message);
        break;
      }
    }
    console.log("The next call:", call() === want ? "right;" : "WRONG;");
    await otherThan(first);
    console.log("another thread takes its place;", call() === want ? "right." : "WRONG.");
    process.exit();`,
  );
}

function callerTerminated(kind: Kind, folder: string): Promise<string> {
  writeFileSync(
    join(folder, "caller.mjs"),
    `${BUSY}
    workers.parentPort.postMessage(data);
    for (;;) call();`,
  );
  return inProcess(
    folder,
    kind,
    `import { Worker } from "node:worker_threads";
    const caller = new Worker(new URL("caller.mjs", import.meta.url));
    caller.on("message", async ({ memory, control }) => {
      const words = new Int32Array(memory.buffer, control, 64);
      while (!(Atomics.load(words, ${CONTROL.busy / 4}) & 2)) ;
      console.log(\`The thread: exit code \${await caller.terminate()}.\`);
    });`,
  );
}

/** A program that changes the number of the current job hands it to workers. */
function timedOut(kind: Kind, folder: string): Promise<string> {
  return inProcess(
    folder,
    kind,
    `${BUSY}
    import vm from "node:vm";
    const job = () => Atomics.load(new Int32Array(data.memory.buffer, data.control, 64), ${CONTROL.tag / 4});
    const isThreaded = () => {
      const before = job();
      return \`\${call() === want ? "right" : "WRONG"}, on \${job() === before ? "one thread" : "two threads"}\`;
    };
    const isRunning = () => Atomics.load(new Int32Array(data.memory.buffer, data.control, 64), ${CONTROL.running / 4}) !== 0;
    globalThis.endlessly = () => { for (;;) call(); };
    // Between two calls there is nothing to end: again, until it hits one.
    let ended;
    do {
      try {
        vm.runInThisContext("endlessly()", { timeout: 200 });
      } catch ({ code }) {
        ended = code;
      }
    } while (!isRunning());
    console.log(\`\${ended}. The next call: \${isThreaded()};\`);
    await new Promise(setImmediate);
    console.log(\`after a turn of the event loop: \${isThreaded()}.\`);`,
  );
}

/** The bit of a worker whose thread is gone stays set, as it would when it vanishes while it loads. */
function goneWhileLoading(kind: Kind, folder: string): Promise<string> {
  return inProcess(
    folder,
    kind,
    `${BUSY}
    const words = new Int32Array(data.memory.buffer, data.control, 64);
    words[${CONTROL.threadIds / 4}] = 2 ** 30;
    words[${CONTROL.loading / 4}] = 2;
    process.on("exit", () => console.log(\`The end waits for \${words[${CONTROL.loading / 4}] === 0 ? "nobody" : "a thread that is gone"}.\`));
    process.exit();`,
  );
}

const faults: readonly Fault[] = [
  {
    what: "a worker is terminated while it runs a piece (wasm code)",
    happens: () =>
      capturing(async (started) => {
        const own = threaded("wasm");
        await own.warm(2);
        own.use(2);
        const run = own.compile(COUNT);
        // The caller's half takes longer than a worker needs to wake up, and less than the worker's first piece.
        const steps = new Int32Array(64).fill(9).fill(1_000_000, 0, 32).fill(200_000_000, 32, 33);
        const { threads } = own.runtime;
        const look = threads.watch.bind(threads);
        let victim: workers.Worker | undefined;
        // Asked while the caller waits for a worker: it holds a piece.
        const watch = vi.spyOn(threads, "watch").mockImplementation(() => {
          const worker = started.at(-1)!;
          if (worker === victim) return look();
          victim = worker;
          void worker.terminate();
        });
        // A worker that comes late finds its first piece taken, and one that is ended late has done its piece: then another one is.
        let error = "no error";
        for (let i = 0; i < 20 && error === "no error"; i++) {
          error = thrown(() => run([steps]));
          // Its end is an event.
          await pause(20);
          await helpers(own, 1);
        }
        watch.mockRestore();
        const next = run([steps])[0]!.every((y, i) => y === steps[i]);
        return `${error} The next call: ${next ? "right" : "wrong"}; ${await helpers(own, 1)}`;
      }),
  },
  ...onEach("the thread of a worker vanishes from the system while it runs a piece", killed, canLoadC),
  ...onEach("the thread that calls is terminated while its workers run pieces", callerTerminated),
  ...onEach(
    "the thread of a worker vanishes while it loads a library, and the process ends",
    goneWhileLoading,
    canLoadC,
  ),
  ...onEach("Node's vm ends a call by its timeout", timedOut),
  {
    what: "workers have too little heap for anything",
    happens: () => {
      const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      return capturing(
        async () => {
          const own = threaded("wasm");
          own.use(2);
          const run = own.compile(DOUBLE);
          const right = (): boolean => run([ones()])[0]!.every((y) => y === 2);
          for (let i = 0; i < 2000 && right() && warn.mock.calls.length === 0; i++) await pause(5);
          const result = `${right() ? "right results" : "WRONG RESULTS"}; warning "${warn.mock.calls.map(([text]) => text)}"`;
          warn.mockRestore();
          return result;
        },
        { maxOldGenerationSizeMb: 1, maxYoungGenerationSizeMb: 1 },
      );
    },
  },
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
    "error, on Linux, where a thread that waits can see that; elsewhere it waits for ever. A worker that ends at another time is " +
    "replaced. Native code ends its piece before its thread does. A thread that vanishes without Node's knowledge (`exit` of the " +
    "system, by native code of somebody else) makes Node itself abort when the process ends, but by `process.exit()`.",
  faults,
};
