import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Division, emitC, emitFunction, HEAD } from "../../src/backends/c/index.ts";
import { Prelude } from "../../src/backends/c/prelude.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { type MemoryPlan, planMemory } from "../../src/compiler/passes/plan.ts";
import { nativeTarget, type Target } from "../../src/compiler/target.ts";
import { DTYPES, type TypedArray } from "../../src/core/dtype.ts";
import { compile, type Units } from "../../src/devices/cpu/native/compile.ts";
import { cpuFlagsOf, findToolchain } from "../../src/devices/cpu/native/toolchain.ts";

const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
const tools = findToolchain();
/** Without a compiler only the text can be looked at. */
export const hasCompiler: boolean = tools !== undefined;
/** The CPU at hand. */
export const hostTarget = (): Target => nativeTarget(cpuFlagsOf(tools!.macros));
type Run = (mem: number, frame: number) => void;

const START = 64;
const alignUp = (n: number): number => Math.ceil(n / 64) * 64;

/** Compiles all programs into one library: a compiler takes long to start. Each result runs one of them. */
export function compileAll(
  programs: readonly Program[],
  target: Target,
  division: Partial<Division> = {},
): ((args: readonly TypedArray[]) => TypedArray[])[] {
  const prelude = new Prelude();
  const plans = programs.map(planMemory);
  const functions = programs.map(
    (p, i) => emitFunction(`run${i}`, p, plans[i]!, target, prelude, division).text,
  );
  const load = library({ source: [HEAD, prelude, ...functions].join("\n"), units: [] });
  return programs.map((program, i) => runner(program, plans[i]!, load(`run${i}`)));
}

/** The same for one program, whose units so many compilers share, however small they are. */
export function compileShared(
  program: Program,
  target: Target,
  compilers: number,
  division: Partial<Division>,
): (args: readonly TypedArray[]) => TypedArray[] {
  const plan = planMemory(program);
  const { source, units } = emitC(program, plan, target, division);
  const long = units.map((work) => 1e6 * work);
  return runner(program, plan, library({ source, units: long }, compilers)("weft_run"));
}

function library(text: Units, compilers?: number): (name: string) => Run {
  const folder = mkdtempSync(join(tmpdir(), "weft-c-"));
  try {
    const file = join(folder, "unit.so");
    const { failure, log } = compile(tools!, text, file, undefined, compilers);
    if (failure !== undefined) throw new Error(log);
    const lib = koffi.load(file);
    return (name) => lib.func(name, "void", ["uintptr_t", "uintptr_t"]) as unknown as Run;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In a memory of its own. What no one stored to holds a poison pattern, as in the interpreter. */
function runner(program: Program, plan: MemoryPlan, run: Run): (args: readonly TypedArray[]) => TypedArray[] {
  let top = START;
  const take = (size: number): number => {
    const at = top;
    top = alignUp(top + size);
    return at;
  };
  const buffers = [...program.args, ...program.outputs];
  const addresses = buffers.map((b) => take(b.size * DTYPES[b.dtype].bytes));
  const alone = 0;
  addresses.push(take(plan.bytes), alone);
  const frame = take(4 * addresses.length);
  return (args) => {
    const memory = new ArrayBuffer(top).slice(0);
    new Uint8Array(memory).fill(0xa5);
    const view = (i: number): TypedArray => {
      const { dtype, size } = buffers[i]!;
      return new DTYPES[dtype].array(memory, addresses[i], size);
    };
    for (const [i, x] of args.entries()) view(i).set(x);
    new Int32Array(memory, frame).set(addresses);
    const base = Number(koffi.address(new Uint8Array(memory)));
    run(base, base + frame);
    return program.outputs.map((_, i) => view(program.args.length + i).slice());
  };
}
