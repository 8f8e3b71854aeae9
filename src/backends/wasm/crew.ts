/**
 * Parallel loops in a module: the caller's and the workers' side of the protocol in `common/handover.ts`. Each parallel loop is a
 * function `range(low, high, …free)`; the place of the loop calls `share(…free)`, which runs the whole range when the program
 * runs alone and else makes it a job. Workers call the exported `help`.
 */
import {
  CALLER_SPINS,
  CONTROL,
  MAX_VALUES,
  QUEUE_STRIDE,
  VALUE_STRIDE,
  WORKER_SPINS,
} from "../common/handover.ts";
import type {
  FuncBuilder,
  FuncRef,
  GlobalRef,
  Label,
  LoadName,
  ModuleBuilder,
  OpName,
  Scalar,
  StoreName,
} from "./encoder/index.ts";

/** One parallel loop: its free locals, and the function that runs a part of it. */
interface Region {
  readonly name: string;
  readonly params: readonly Scalar[];
  readonly range: FuncRef;
  readonly extent: number;
  readonly grain: number;
}

const EVERYONE = 0x7fffffff;
/** The caller blocks for so many nanoseconds at a time. */
const NAP = 100_000n;

export class Crew {
  /** Holds the address of the control block, 0 when the program runs alone. */
  readonly control: GlobalRef;
  readonly #module: ModuleBuilder;
  readonly #regions: Region[] = [];
  readonly #dispatch: FuncRef;
  readonly #work: FuncRef;
  readonly #publish: FuncRef;

  /**
   * `bind` emits code that loads the base addresses from the frame whose address is in local 0; `watch` asks the runtime whether
   * all workers still live.
   */
  constructor(module: ModuleBuilder, bind: (f: FuncBuilder) => void, watch: FuncRef) {
    this.#module = module;
    this.control = module.global();
    const binder = module.func("bind", ["i32"], [], bind);
    this.#dispatch = module.declare("dispatch", ["i32", "i32", "i32"], []);
    this.#work = module.func("work", ["i32", "i32", "i32", "i32"], [], (f) =>
      work(f, binder, this.#dispatch),
    );
    this.#publish = module.func("publish", ["i32", "i32", "i32", "i32"], [], (f) =>
      publish(f, this.#work, watch),
    );
  }

  /** The function to call, with the free locals, in place of the loop. */
  region(region: Region): FuncRef {
    if (region.params.length > MAX_VALUES) return this.#alone(region);
    const job = this.#regions.push(region) - 1;
    return this.#module.func(`${region.name}_share`, region.params, [], (f) => {
      f.globalGet(this.control);
      f.if_(
        () => this.#hand(f, region, job),
        () => callWhole(f, region),
      );
    });
  }

  /** A loop that has more free locals than can be handed over. */
  #alone(region: Region): FuncRef {
    return this.#module.func(`${region.name}_whole`, region.params, [], (f) => callWhole(f, region));
  }

  #hand(f: FuncBuilder, { params, extent, grain }: Region, job: number): void {
    for (const [i, type] of params.entries()) {
      f.globalGet(this.control);
      f.get(i);
      f.store(`${type}.store` as StoreName, valueAt(i));
    }
    f.globalGet(this.control);
    for (const x of [job, extent, grain]) f.i32Const(x);
    f.call(this.#publish);
  }

  /** Defines what needs all regions. */
  finish(): void {
    const jobs = this.#regions;
    this.#module.define(this.#dispatch, (f) => (jobs.length > 0 ? dispatch(f, jobs) : f.op("unreachable")));
    this.#module.func("help", ["i32", "i32", "i32", "i32"], ["i32"], (f) => help(f, this.#work), {
      export: true,
    });
  }
}

function callWhole(f: FuncBuilder, { extent, params, range }: Region): void {
  f.i32Const(0);
  f.i32Const(extent);
  for (const i of params.keys()) f.get(i);
  f.call(range);
}

const valueAt = (i: number): number => CONTROL.values + i * VALUE_STRIDE;

/** `local = local + amount`. */
function advance(f: FuncBuilder, local: number, amount = 1): void {
  f.get(local);
  f.i32Const(amount);
  f.op("i32.add");
  f.set(local);
}

function ops(f: FuncBuilder, ...names: OpName[]): void {
  for (const name of names) f.op(name);
}

/** A word of the control block, whose address is in a local. */
function word(f: FuncBuilder, control: number, offset: number): void {
  f.get(control);
  f.atomic("i32.atomic.load", offset);
}

/** dispatch(low, high, control): a piece of the current job. */
function dispatch(f: FuncBuilder, regions: readonly Region[]): void {
  const [low, high, control] = [0, 1, 2];
  const arrivals = regions.map(() => f.block()).reverse();
  f.get(control);
  f.load("i32.load", CONTROL.job);
  f.br_table(arrivals.slice(0, -1), arrivals.at(-1)!);
  for (const { params, range } of regions) {
    f.end();
    f.get(low);
    f.get(high);
    for (const [i, type] of params.entries()) {
      f.get(control);
      f.load(`${type}.load` as LoadName, valueAt(i));
    }
    f.call(range);
    f.return_();
  }
}

/** work(control, me, tag, bound): takes pieces of job `tag`, its own queue's first, until there are none. */
function work(f: FuncBuilder, bind: FuncRef, dispatch: FuncRef): void {
  const [control, queue, tag, bound] = [0, 1, 2, 3];
  const [threads, left] = [f.local("i32"), f.local("i32")];
  word(f, control, CONTROL.threads);
  f.tee(threads);
  f.set(left);
  f.loop((nextQueue) => {
    f.block((empty) =>
      f.loop((again) => {
        const { next, stop } = take(f, { control, queue, tag }, empty, again);
        f.get(bound);
        f.op("i32.eqz");
        f.if_(() => {
          f.get(control);
          f.load("i32.load", CONTROL.frame);
          f.call(bind);
          f.i32Const(1);
          f.set(bound);
        });
        for (const local of [next, stop, control]) f.get(local);
        f.call(dispatch);
        f.br(again);
      }),
    );
    advance(f, queue);
    f.i32Const(0);
    f.get(queue);
    f.get(queue);
    f.get(threads);
    ops(f, "i32.eq", "select");
    f.set(queue);
    advance(f, left, -1);
    f.get(left);
    f.br_if(nextQueue);
  });
}

/** Takes a piece [next, stop) of a queue; branches when there is none or when another thread was faster. */
function take(
  f: FuncBuilder,
  { control, queue, tag }: { control: number; queue: number; tag: number },
  empty: Label,
  again: Label,
): { next: number; stop: number } {
  const [at, next, stop, end] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const seen = f.local("i64");
  f.get(control);
  f.get(queue);
  f.i32Const(QUEUE_STRIDE);
  ops(f, "i32.mul", "i32.add");
  f.tee(at);
  f.atomic("i64.atomic.load", CONTROL.queues);
  f.tee(seen);
  f.i64Const(32n);
  ops(f, "i64.shr_u", "i32.wrap_i64");
  f.get(tag);
  f.op("i32.ne");
  f.br_if(empty);
  f.get(seen);
  f.op("i32.wrap_i64");
  f.tee(end);
  f.i32Const(0xffff);
  f.op("i32.and");
  f.tee(next);
  f.get(end);
  f.i32Const(16);
  f.op("i32.shr_u");
  f.tee(end);
  f.op("i32.ge_u");
  f.br_if(empty);
  // stop = min(next + grain, end)
  f.get(next);
  f.get(control);
  f.load("i32.load", CONTROL.grain);
  f.op("i32.add");
  f.tee(stop);
  f.get(end);
  f.get(stop);
  f.get(end);
  ops(f, "i32.lt_u", "select");
  f.set(stop);
  f.get(at);
  f.get(seen);
  f.get(seen);
  f.get(stop);
  f.get(next);
  ops(f, "i32.sub", "i64.extend_i32_u", "i64.add");
  f.atomic("i64.atomic.rmw.cmpxchg", CONTROL.queues);
  f.get(seen);
  f.op("i64.ne");
  f.br_if(again);
  return { next, stop };
}

/** publish(control, job, extent, grain): makes a job, works on it, and returns when all of it is done. */
function publish(f: FuncBuilder, work: FuncRef, watch: FuncRef): void {
  const [control, job, extent, grain] = [0, 1, 2, 3];
  const tag = f.local("i32");
  for (const [local, offset] of [
    [job, CONTROL.job],
    [grain, CONTROL.grain],
  ] as const) {
    f.get(control);
    f.get(local);
    f.store("i32.store", offset);
  }
  word(f, control, CONTROL.tag);
  f.i32Const(1);
  f.op("i32.add");
  f.set(tag);
  fillQueues(f, control, extent, tag);
  f.get(control);
  f.get(tag);
  f.atomic("i32.atomic.store", CONTROL.tag);
  word(f, control, CONTROL.sleepers);
  f.if_(() => {
    f.get(control);
    f.i32Const(EVERYONE);
    f.atomic("memory.atomic.notify", CONTROL.tag);
    f.op("drop");
  });
  f.get(control);
  f.i32Const(0);
  f.get(tag);
  f.i32Const(1);
  f.call(work);
  wait(f, control, watch);
}

function fillQueues(f: FuncBuilder, control: number, extent: number, tag: number): void {
  const [threads, q, at] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const boundary = (): void => {
    f.get(extent);
    f.get(q);
    f.op("i32.mul");
    f.get(threads);
    ops(f, "i32.div_u", "i64.extend_i32_u");
  };
  word(f, control, CONTROL.threads);
  f.set(threads);
  f.i32Const(0);
  f.set(q);
  f.get(control);
  f.set(at);
  f.loop((again) => {
    f.get(at);
    f.get(tag);
    f.op("i64.extend_i32_u");
    f.i64Const(32n);
    f.op("i64.shl");
    boundary();
    f.op("i64.or");
    advance(f, q);
    boundary();
    f.i64Const(16n);
    ops(f, "i64.shl", "i64.or");
    f.atomic("i64.atomic.store", CONTROL.queues);
    advance(f, at, QUEUE_STRIDE);
    f.get(q);
    f.get(threads);
    f.op("i32.ne");
    f.br_if(again);
  });
}

/** Until no worker holds a piece; traps when one has failed. */
function wait(f: FuncBuilder, control: number, watch: FuncRef): void {
  const [busy, spins] = [f.local("i32"), f.local("i32")];
  f.i32Const(CALLER_SPINS);
  f.set(spins);
  f.block((done) =>
    f.loop((again) => {
      word(f, control, CONTROL.busy);
      f.tee(busy);
      f.op("i32.eqz");
      f.br_if(done);
      // Counted down to 0 and left there: V8 11's baseline compiler loses a constant that is set on the way back to the head.
      f.get(spins);
      f.if_(() => {
        advance(f, spins, -1);
        f.br(again);
      });
      word(f, control, CONTROL.mayBlock);
      f.op("i32.eqz");
      f.br_if(again);
      f.get(control);
      f.get(busy);
      f.i64Const(NAP);
      f.atomic("memory.atomic.wait32", CONTROL.busy);
      f.op("drop");
      f.call(watch);
      f.br(again);
    }),
  );
  word(f, control, CONTROL.failed);
  f.if_(() => f.op("unreachable"));
}

/** help(control, me, module, seen): works on jobs of `module` until there was none for a while; returns the last tag seen. */
function help(f: FuncBuilder, work: FuncRef): void {
  const [control, me, module, seen] = [0, 1, 2, 3];
  const [tag, spins] = [f.local("i32"), f.local("i32")];
  const leave = (): void => {
    f.get(seen);
    f.return_();
  };
  f.i32Const(WORKER_SPINS);
  f.set(spins);
  f.loop((again) => {
    word(f, control, CONTROL.tag);
    f.tee(tag);
    f.get(seen);
    f.op("i32.eq");
    f.if_(() => {
      advance(f, spins, -1);
      f.get(spins);
      f.br_if(again);
      leave();
    });
    word(f, control, CONTROL.module);
    f.get(module);
    f.op("i32.ne");
    f.if_(leave);
    f.get(tag);
    f.set(seen);
    f.i32Const(WORKER_SPINS);
    f.set(spins);
    f.get(me);
    word(f, control, CONTROL.threads);
    f.op("i32.ge_u");
    f.br_if(again);
    markBusy(f, control, me, "i32.atomic.rmw.or");
    for (const local of [control, me, tag]) f.get(local);
    f.i32Const(0);
    f.call(work);
    markBusy(f, control, me, "i32.atomic.rmw.and");
    f.br(again);
  });
  f.op("unreachable");
}

/** Sets (or) or clears (and) a worker's bit. */
function markBusy(
  f: FuncBuilder,
  control: number,
  me: number,
  name: "i32.atomic.rmw.or" | "i32.atomic.rmw.and",
): void {
  f.get(control);
  f.i32Const(1);
  f.get(me);
  f.op("i32.shl");
  if (name === "i32.atomic.rmw.and") {
    f.i32Const(-1);
    f.op("i32.xor");
  }
  f.atomic(name, CONTROL.busy);
  f.op("drop");
}
