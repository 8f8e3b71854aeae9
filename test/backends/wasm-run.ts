import { type EmitOptions, emitWasm, MATH_IMPORTS } from "../../src/backends/wasm/index.ts";
import type { Host, Program } from "../../src/compiler/ir/nodes.ts";
import { planMemory } from "../../src/compiler/passes/plan.ts";
import { type Target, wasmTarget } from "../../src/compiler/target.ts";
import { DTYPES, type TypedArray } from "../../src/core/dtype.ts";

const START = 64;
const ALIGN = 16;
const alignUp = (n: number): number => Math.ceil(n / ALIGN) * ALIGN;

/** A program compiled to WebAssembly, with a memory of its own. */
export interface Compiled {
  readonly bytes: Uint8Array<ArrayBuffer>;
  run(args: readonly TypedArray[]): TypedArray[];
}

/** Emits, validates and instantiates. What no one stored to holds a poison pattern, as in the interpreter. */
export function compileProgram(
  program: Program,
  target: Target = wasmTarget(),
  options: EmitOptions = {},
): Compiled {
  const plan = planMemory(program);
  const { bytes, hosts } = emitWasm(program, plan, target, options);
  if (!WebAssembly.validate(bytes)) new WebAssembly.Module(bytes);
  let top = START;
  const take = (size: number): number => {
    const at = top;
    top = alignUp(top + size);
    return at;
  };
  const buffers = [...program.args, ...program.outputs];
  const addresses = buffers.map((b) => take(b.size * DTYPES[b.dtype].bytes));
  addresses.push(take(plan.bytes));
  const frame = take(4 * addresses.length);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(top / 65536) });
  const view = (i: number): TypedArray => {
    const { dtype, size } = buffers[i]!;
    return new DTYPES[dtype].array(memory.buffer, addresses[i], size);
  };
  const env = { memory, watch: () => {}, ...hostImports(hosts, memory) };
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env, Math: MATH_IMPORTS })
    .exports;
  return {
    bytes,
    run: (args) => {
      new Uint8Array(memory.buffer).fill(0xa5);
      for (const [i, x] of args.entries()) view(i).set(x);
      new Int32Array(memory.buffer, frame).set(addresses);
      (run as (frame: number) => void)(frame);
      return program.outputs.map((_, i) => view(program.args.length + i).slice());
    },
  };
}

function hostImports(hosts: readonly Host[], memory: WebAssembly.Memory): WebAssembly.ModuleImports {
  const call = (id: number, ...addresses: number[]): void => {
    const { fn, args } = hosts[id]!;
    fn(
      args.map(({ aval }, i) => ({
        aval,
        data: new DTYPES[aval.dtype].array(memory.buffer, addresses[i], aval.size).slice(),
      })),
    );
  };
  return Object.fromEntries(hosts.map(({ args }) => [`host${args.length}`, call]));
}
