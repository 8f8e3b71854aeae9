/**
 * Parallel loops in C: the caller's and the workers' side of the protocol in `common/handover.ts`. The body of each parallel
 * loop is a function `part(mem, frame, low, high, …free)`. Where the loop stands, the whole range runs when the program runs
 * alone; else it becomes a job. Workers call the exported `help`.
 *
 * Nothing here waits on the engine's futexes, which native code cannot wake: who waits spins, and a worker takes naps when a run
 * has no job for long. Spinning threads yield now and then: on a busy machine the one that holds a piece may need the processor.
 */
import {
  CONTROL,
  FAILED,
  MAX_THREADS,
  MAX_VALUES,
  QUEUE_STRIDE,
  VALUE_STRIDE,
  WORKER_SPINS,
} from "../common/handover.ts";
import type { Prelude } from "./prelude.ts";

/** One parallel loop. */
interface Part {
  /** The function that runs a part of it. */
  readonly name: string;
  /** The C types of its free locals. */
  readonly types: readonly string[];
  readonly extent: number;
  /** Iterations that a thread takes at a time. */
  readonly grain: number;
}

/** A spin with the processor's hint for waiting takes about so many times as long as one of WebAssembly. */
const PAUSE = 8;
const WORKER_PAUSES = WORKER_SPINS / PAUSE;
/** Every so many pauses a thread offers its processor to others. */
const YIELD = 64;
/** How often a caller spins before it looks whether the workers still live (some ms on an idle machine). */
const WATCH_SPINS = 1 << 14;
const FIRST_NAP_US = 20;
const LONGEST_NAP_US = 640;
/** After so many naps in a row (some 60 ms) a worker shows itself to its engine, which may want to end it. */
const MOST_NAPS = 100;

/**
 * A word of the control block that is read by whoever holds a piece. Volatile, for a compiler must not take what one function
 * stored for what another one reads.
 */
const plain = (type: string, offset: number): string => `*(volatile ${type} *)(control + ${offset})`;

const PROTOCOL = `typedef unsigned long long u64;
typedef void (*Dispatch)(char *mem, char *control, i64 low, i64 high);
int usleep(unsigned);
int kill(int, int);
#ifdef _WIN32
#define sched_yield() usleep(0)
#else
int sched_yield(void);
#endif

static INLINE i32 *crew_word(char *control, int offset) { return (i32 *)(control + offset); }
static INLINE i32 crew_get(char *control, int offset) { return __atomic_load_n(crew_word(control, offset), __ATOMIC_SEQ_CST); }

static INLINE void crew_spin(u32 count) {
  if (count % ${YIELD} == 0) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Takes pieces of job \`tag\`, those of its own queue first, until there are none. */
APART static void crew_work(char *mem, char *control, u32 queue, u32 tag, Dispatch dispatch) {
  const u32 threads = crew_get(control, ${CONTROL.threads});
  for (u32 left = threads; left > 0; left--) {
    u64 *const at = (u64 *)(control + ${CONTROL.queues} + ${QUEUE_STRIDE} * queue);
    for (;;) {
      u64 seen = __atomic_load_n(at, __ATOMIC_SEQ_CST);
      const u32 next = seen & 0xffff, end = seen >> 16 & 0xffff;
      if ((u32)(seen >> 32) != tag || next >= end) break;
      const u32 far = next + (u32)crew_get(control, ${CONTROL.grain});
      const u32 stop = far < end ? far : end;
      if (__atomic_compare_exchange_n(at, &seen, seen + (stop - next), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        dispatch(mem, control, next, stop);
    }
    queue = queue + 1 == threads ? 0 : queue + 1;
  }
}

/* Lets the run fail when a worker has ended that may hold a piece: its thread is gone. */
APART static void crew_watch(char *control) {
#ifdef __linux__
  for (int me = 1; me < ${MAX_THREADS}; me++) {
    const i32 id = crew_get(control, ${CONTROL.threadIds} + 4 * (me - 1));
    if (!(crew_get(control, ${CONTROL.busy}) >> me & 1) || id <= 0 || kill(id, 0) == 0) continue;
    __atomic_store_n(crew_word(control, ${CONTROL.failed}), ${FAILED.ended}, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(crew_word(control, ${CONTROL.busy}), ~(1 << me), __ATOMIC_SEQ_CST);
  }
#endif
}

/* Makes a job, works on it, and returns when all of it is done. */
APART static void crew_publish(char *mem, char *control, i32 job, u32 extent, i32 grain, Dispatch dispatch) {
  ${plain("i32", CONTROL.job)} = job;
  __atomic_store_n(crew_word(control, ${CONTROL.grain}), grain, __ATOMIC_RELAXED);
  const u32 tag = (u32)crew_get(control, ${CONTROL.tag}) + 1;
  const u32 threads = crew_get(control, ${CONTROL.threads});
  for (u32 q = 0; q < threads; q++) {
    const u64 next = extent * q / threads, end = extent * (q + 1) / threads;
    u64 *const at = (u64 *)(control + ${CONTROL.queues} + ${QUEUE_STRIDE} * q);
    __atomic_store_n(at, (u64)tag << 32 | end << 16 | next, __ATOMIC_SEQ_CST);
  }
  __atomic_store_n(crew_word(control, ${CONTROL.tag}), tag, __ATOMIC_SEQ_CST);
  crew_work(mem, control, 0, tag, dispatch);
  for (u32 spins = 1; crew_get(control, ${CONTROL.busy}) != 0; spins++) {
    crew_spin(spins);
    if (spins % ${WATCH_SPINS} == 0) crew_watch(control);
  }
}

/* Works on jobs of \`module\` until there was none for a while; returns the last tag seen. */
APART static i32 crew_help(char *mem, char *control, u32 me, i32 module, i32 seen, Dispatch dispatch) {
  int spins = ${WORKER_PAUSES}, nap = ${FIRST_NAP_US}, naps = ${MOST_NAPS};
  for (;;) {
    const i32 tag = crew_get(control, ${CONTROL.tag});
    if (tag == seen) {
      if (spins > 0) {
        crew_spin(spins--);
      } else if (naps-- == 0 || crew_get(control, ${CONTROL.running}) == 0) {
        return seen;
      } else {
        usleep(nap);
        if (nap < ${LONGEST_NAP_US}) nap *= 2;
      }
      continue;
    }
    if (crew_get(control, ${CONTROL.module}) != module) return seen;
    seen = tag;
    spins = ${WORKER_PAUSES};
    nap = ${FIRST_NAP_US};
    naps = ${MOST_NAPS};
    if (me >= (u32)crew_get(control, ${CONTROL.threads})) continue;
    __atomic_fetch_or(crew_word(control, ${CONTROL.busy}), 1 << me, __ATOMIC_SEQ_CST);
    crew_work(mem, control, me, tag, dispatch);
    __atomic_fetch_and(crew_word(control, ${CONTROL.busy}), ~(1 << me), __ATOMIC_SEQ_CST);
  }
}`;

const valueAt = (type: string, i: number): string => plain(type, CONTROL.values + i * VALUE_STRIDE);

/** The name of the function that workers call for a program whose entry point is `run`. */
export const helpName = (run: string): string => `${run}_help`;

/** The parallel loops of one program. */
export class Crew {
  readonly #run: string;
  readonly #parts: Part[] = [];

  /** `run`: the name of the program's entry point. */
  constructor(run: string, prelude: Prelude) {
    this.#run = run;
    prelude.need("crew", () => PROTOCOL);
  }

  /** What dispatches pieces; to be declared before it is used. */
  get head(): string {
    return `APART static void ${this.#run}_dispatch(char *mem, char *control, i64 low, i64 high);`;
  }

  /** The lines that stand in place of a loop, whose free locals have these values. */
  call(part: Part, values: readonly string[]): string[] {
    const { name, types, extent, grain } = part;
    const whole = `${name}(${["mem", "frame", 0, extent, ...values].join(", ")});`;
    if (values.length > MAX_VALUES) return [whole];
    const job = this.#parts.push(part) - 1;
    return [
      "if (control) {",
      ...values.map((value, i) => `  ${valueAt(types[i]!, i)} = ${value};`),
      `  crew_publish(mem, control, ${job}, ${extent}, ${grain}, ${this.#run}_dispatch);`,
      `} else ${whole}`,
    ];
  }

  /** The functions that need all parts. */
  toString(): string {
    const cases = this.#parts.map(({ name, types }, job) => {
      const values = types.map(valueAt);
      return `  case ${job}: ${name}(${["mem", "frame", "low", "high", ...values].join(", ")}); break;`;
    });
    return `APART static void ${this.#run}_dispatch(char *mem, char *control, i64 low, i64 high) {
  const int *const frame = (const int *)(mem + ${plain("u32", CONTROL.frame)});
  switch (${plain("i32", CONTROL.job)}) {
${cases.join("\n")}
  }
}
EXPORT int ${helpName(this.#run)}(char *mem, unsigned control, int me, int module, int seen) {
  return crew_help(mem, mem + control, me, module, seen, ${this.#run}_dispatch);
}
`;
  }
}
