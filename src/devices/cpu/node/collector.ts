import v8 from "node:v8";
import vm from "node:vm";

/** The engine's garbage collector, which tells from inside of a job what nobody holds any more. */
export interface Collector {
  /** Until the end of a job the engine holds whatever a weak reference was made to or asked for; not so from here on. */
  release(): void;
  /** Collects; weak references to what is garbage are empty then, if it was released. Takes milliseconds. */
  collect(): void;
}

const garbage = (): WeakRef<object> => new WeakRef({});

function works(collector: Collector): boolean {
  const ref = garbage();
  collector.release();
  collector.collect();
  return ref.deref() === undefined;
}

/** New contexts have it under a flag, which stays as it was. */
function findGc(): () => void {
  if (globalThis.gc) return globalThis.gc as () => void;
  v8.setFlagsFromString("--expose-gc");
  try {
    return vm.runInNewContext("gc") as () => void;
  } finally {
    v8.setFlagsFromString("--no-expose-gc");
  }
}

/** A job of a context with a microtask queue of its own ends inside of the job that runs it. */
function make(): Collector {
  const context = vm.createContext({}, { microtaskMode: "afterEvaluate" });
  const nothing = new vm.Script("0");
  const collect = findGc();
  return { release: () => void nothing.runInContext(context), collect: () => collect() };
}

/** Undefined where the engine does not offer that. */
export function findCollector(): Collector | undefined {
  try {
    const collector = make();
    return works(collector) ? collector : undefined;
  } catch {
    return undefined;
  }
}
