import { nativeHost } from "#tiers";
import {
  CODE_HEADER,
  CODE_KINDS,
  CONTROL,
  FAILED,
  MESSAGE_BYTES,
} from "../../../backends/common/handover.ts";
import { MATH_IMPORTS } from "../../../backends/wasm/far.ts";

/** {@link MATH_IMPORTS} as text. */
const MATH = Object.entries(MATH_IMPORTS)
  .map(([name, f]) => `${name}: Math.${f.name}`)
  .join(", ");

/** What a worker gets when it starts. */
export interface WorkerData {
  readonly memory: WebAssembly.Memory;
  /** The address of the control block. */
  readonly control: number;
  /** Its number, from 1 on. */
  readonly me: number;
}

const WORD = 4;
/** Modules that a worker keeps ready. */
const KEEP = 64;

/** Loads native code by way of koffi. */
const LOAD_NATIVE = nativeHost
  ? `
  const link = (bytes) => {
    const { koffi: path, library, help } = JSON.parse(new TextDecoder().decode(bytes));
    const koffi = require(path);
    const base = Number(koffi.address(new Uint8Array(memory.buffer)));
    const loaded = koffi.load(library);
    const run = loaded.func(help, "int", ["uintptr_t", "uint", "int", "int", "int"]);
    return Object.assign((...args) => run(base, ...args), { unload: () => loaded.unload() });
  };

  const load = (bytes) => {
    Atomics.or(words, LOADING, 1 << me);
    try {
      if (Atomics.load(words, ENDING) === 0) return link(bytes);
    } finally {
      Atomics.and(words, LOADING, ~(1 << me));
      Atomics.notify(words, LOADING);
    }
  };
`
  : "";

/**
 * The program of a worker, a function of {@link WorkerData} and the thread's id as text, because a worker starts from text alike
 * in Node, in a page, from built files and under a test runner. It never returns to its event loop: what it needs lies in the shared memory
 * (`backends/common/handover.ts`).
 */
export const WORKER: string = `(({ memory, control, me, threadId }) => {
  const words = new Int32Array(memory.buffer, control, ${CONTROL.queues / WORD});
  const [TAG, SLEEPERS, MODULE, FAILED, RUNNING, BUSY, LOADING, ENDING] = [${[
    CONTROL.tag,
    CONTROL.sleepers,
    CONTROL.module,
    CONTROL.failed,
    CONTROL.running,
    CONTROL.busy,
    CONTROL.loading,
    CONTROL.ending,
  ].map((offset) => offset / WORD)}];
  const modules = new Map();

  const copy = (address, size) => {
    if (address + size > memory.buffer.byteLength) memory.grow(0);
    return new Uint8Array(memory.buffer, address, size).slice();
  };
  const codeOf = (id) => {
    const address = words[${CONTROL.code / WORD}] >>> 0;
    const [owner, size, kind] = new Int32Array(copy(address, ${CODE_HEADER}).buffer);
    if (owner !== id) return undefined;
    const bytes = copy(address + ${CODE_HEADER}, size);
    return Atomics.load(words, MODULE) === id ? { kind, bytes } : undefined;
  };

  const instantiate = (bytes) => {
    const module = new WebAssembly.Module(bytes);
    const env = { memory };
    for (const { kind, module: from, name } of WebAssembly.Module.imports(module))
      if (kind === "function" && from === "env") env[name] = () => { throw new Error("a parallel loop called JavaScript"); };
    return new WebAssembly.Instance(module, { env, Math: { ${MATH} } }).exports.help;
  };

${LOAD_NATIVE}
  const find = (id) => {
    if (modules.has(id)) return modules.get(id);
    const code = codeOf(id);
    if (!code) return undefined;
    let help;
    try { help = ${nativeHost ? `(code.kind === ${CODE_KINDS.native} ? load : instantiate)` : "instantiate"}(code.bytes); } catch {}
    if (modules.size >= ${KEEP}) {
      const [oldest, code] = modules.entries().next().value;
      modules.delete(oldest);
      code?.unload?.();
    }
    modules.set(id, help);
    return help;
  };

  const fail = (error) => {
    try {
      const message = new Uint8Array(memory.buffer, control + ${CONTROL.message}, ${MESSAGE_BYTES});
      message.fill(0);
      message.set(new TextEncoder().encode(String(error)).subarray(0, ${MESSAGE_BYTES - 1}));
    } finally {
      Atomics.store(words, FAILED, ${FAILED.thrown});
      Atomics.and(words, BUSY, ~(1 << me));
    }
  };

  const sleep = (seen) => {
    Atomics.add(words, SLEEPERS, 1);
    Atomics.wait(words, TAG, seen);
    Atomics.sub(words, SLEEPERS, 1);
  };

  let seen = Atomics.load(words, TAG);
  Atomics.store(words, ${CONTROL.threadIds / WORD} + me - 1, threadId);
  Atomics.add(words, ${CONTROL.ready / WORD}, 1);
  for (;;) {
    const tag = Atomics.load(words, TAG);
    const id = Atomics.load(words, MODULE);
    const help = id === 0 ? undefined : find(id);
    if (help) {
      try { seen = help(control, me, id, seen); } catch (error) { seen = tag; fail(error); }
    } else {
      seen = tag;
    }
    const native = help?.unload !== undefined;
    // A run of native code could not wake it.
    if (!(native && Atomics.load(words, RUNNING)) && Atomics.load(words, TAG) === seen) sleep(seen);
  }
})`;
