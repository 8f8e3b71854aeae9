/**
 * How a running program hands the iterations of a parallel loop to other threads. Wasm and native code, the workers and the
 * runtime all keep to this one protocol; the numbers below are byte offsets in the *control block*, which lies in the shared
 * memory and belongs to one pool of threads. Words are i32, accessed atomically (sequentially consistent) where marked (a).
 *
 * One thread, the *caller*, runs the program. Workers 1 … threads - 1 help it. The caller never waits for a worker that has
 * not begun: it takes all iterations that no one else has taken, so a worker that sleeps, compiles or does not exist yet only
 * means less help. Who runs an iteration makes no difference to its result.
 *
 * **Run.** Before a run the runtime sets `code`, `module`, `threads`, `frame` and `running`, adds 1 to `tag` and wakes sleepers.
 * The program finds the address of the control block in its frame, in the word after the arena's; 0 there means that it runs
 * alone. After it, `running` becomes 0. Runs inside of a run (from a host callback) are alone.
 *
 * **Job.** For each parallel loop over [0, extent) the caller
 * 1. writes `job` (which loop of the module), `grain` and the loop's free locals to `values` (8 bytes each);
 * 2. writes queue q (a) for each q < threads: `tag + 1` in the high 32 bits, then 16 bits `end` = extent·(q + 1)/threads,
 *    then in the low 16 bits `next` = extent·q/threads: each thread has a share of its own, the same one every time,
 *    so that what it keeps in its cache stays useful;
 * 3. stores `tag + 1` in `tag` (a), and notifies it when `sleepers` (a) is not 0 (native code cannot: see below);
 * 4. takes pieces: first of queue 0, then of the others;
 * 5. waits until `busy` (a) is 0, and fails when `failed` (a) is set.
 *
 * **Taking a piece** of queue q for tag t: load the word; leave the queue when its tag is not t or next ≥ end; else
 * compare-and-swap `next` to min(next + grain, end). Whoever succeeds runs [next, that) and takes the next piece.
 *
 * **Worker** w: wait until `tag` differs from the last one seen; check that `module` is the one whose code this is (else load
 * that one); then, if w < threads: set bit w of `busy`, take pieces of queue w, w + 1, …, clear bit w of `busy`.
 *
 * Why this is right: `busy` is raised before a piece is taken, so a caller that sees all queues empty and then `busy` = 0 knows
 * that all pieces are done. It writes the next job only after that, so whoever holds a piece reads the job that the piece
 * belongs to. A worker that is late holds an old tag, which no queue word has any more; an emptied queue of its tag has
 * next ≥ end. So a stale compare-and-swap fails.
 *
 * **Native code** cannot wake a thread that waits by the engine's means. So a worker that helps native code stays in that code
 * while `running` (a) is set, with naps when there is nothing to do; the runtime, which clears it, then can wake it again. Now and
 * then it comes out and goes back in: only there can its engine end it, and a caller that was ended itself never clears `running`.
 *
 * **Code.** A worker that lacks the code of module m copies what `code` points to, then looks whether it bears the id m and
 * whether `module` is still m: only then was it that code, and was not freed meanwhile. (`module` becomes 0 before code is
 * freed.)
 *
 * **Failure.** A worker whose piece traps writes a text to `message` (UTF-8, ended by 0), sets `failed`, and lowers `busy`, be
 * there memory for the text or not. A caller that fails itself empties the queues (writes 0) and waits for `busy` = 0 before it
 * lets go of the memory. Native code does not trap.
 *
 * **Death.** A worker that ends between raising and lowering its bit of `busy` would keep the caller waiting for ever. So a caller
 * that has waited for long asks the system, now and then, whether the threads that `busy` names still exist; for one that does
 * not it sets `failed` and lowers the bit. The call then ends with an error, and the runtime starts another worker.
 *
 * **End.** Node stops workers when its process ends, and a worker stopped while it loads an addon takes the process down. So a worker
 * raises its bit of `loading` first and loads only if `ending` is not set; the process sets `ending` and then waits for `loading` = 0,
 * or until the workers that it names are gone.
 *
 * The wait has no limit of time. Pieces may take minutes (a whole scan for a part of the batch), a stopped or slow worker cannot
 * be told from a dead one by time, and after the limit it might still write to memory that was given to others. Where the system
 * has no names for threads (all but Linux), a worker that is ended from outside while it runs a piece keeps its caller waiting: its
 * end is an event, and the event loop stands still during a run. A worker that ends elsewhere holds nothing: the caller takes its
 * pieces.
 */
export const CONTROL = {
  /** (a) Number of the current job. */
  tag: 0,
  /** (a) Workers that wait for `tag` to change. */
  sleepers: 4,
  /** (a) Id of the module that runs, never used again for another one; 0 when its code is gone. */
  module: 8,
  /** Where the code of the module lies: its id, its length in bytes, its kind ({@link CODE_KINDS}), its bytes. */
  code: 12,
  threads: 20,
  /** Whether the caller may block (the main thread of a page may not). */
  mayBlock: 24,
  /** (a) 0, or one of {@link FAILED}. */
  failed: 28,
  /** (a) Workers that have started. */
  ready: 32,
  /** (a) Whether a run is under way. */
  running: 36,
  /** (a) Workers that are loading native code: bit w is worker w's. */
  loading: 40,
  /** (a) Whether the process is about to end. */
  ending: 44,
  /** (a) Workers that may hold a piece: bit w is worker w's. */
  busy: 64,
  /** (a) What the system calls the workers, from worker 1 on: 0 before one has started, -1 where threads have no names. */
  threadIds: 68,
  job: 128,
  /** How many iterations a thread takes at a time. */
  grain: 132,
  frame: 136,
  values: 192,
  queues: 512,
  message: 1536,
} as const;

/** Why a run has failed. */
export const FAILED = { thrown: 1, ended: 2 } as const;
export const CONTROL_BYTES = 1792;
export const MESSAGE_BYTES: number = CONTROL_BYTES - CONTROL.message;
/** From one queue to the next: a cache line. */
export const QUEUE_STRIDE = 64;
export const VALUE_STRIDE = 8;
/** Bytes in front of a module's code: its id, its length and its kind. */
export const CODE_HEADER = 12;
/**
 * What the bytes of a module are: a WebAssembly module that exports `help`, or JSON of a `NativeLibrary`
 * (`devices/cpu/native/host.ts`).
 */
export const CODE_KINDS = { wasm: 0, native: 1 } as const;
/** Code that workers can run. One object per program: it stands for its copy in the shared memory. */
export interface ThreadedCode {
  readonly kind: keyof typeof CODE_KINDS;
  readonly bytes: Uint8Array;
}
export const MAX_THREADS: number = (CONTROL.message - CONTROL.queues) / QUEUE_STRIDE;
export const MAX_VALUES: number = (CONTROL.queues - CONTROL.values) / VALUE_STRIDE;

/** How often a worker looks for a job before it goes to sleep (some 100 µs). */
export const WORKER_SPINS = 20_000;
/** How often the caller looks before it blocks for a moment. */
export const CALLER_SPINS = 20_000;
