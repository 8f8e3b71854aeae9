/** Who is compared. JAX and PyTorch come from the Python in the environment variable PYTHON, else python3. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Command } from "./peer.ts";

const python = process.env.PYTHON ?? "python3";
/** Compiled to build/bench, two levels below the root. */
const script = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const weftName = (tier: string, threads: number): string =>
  `weft ${tier}${threads > 1 ? `, ${threads} threads` : ""}`;
const weft = (tier: string, threads: number): Command => ({
  name: weftName(tier, threads),
  program: process.execPath,
  args: [script("build/bench/weft.js")],
  env: { WEFT_TIER: tier, WEFT_THREADS: String(threads) },
  expect: { tier, threads },
});
const inPython = (name: string, file: string, layers: string): Command => ({
  name,
  program: python,
  args: [script(`bench/peers/${file}`)],
  env: { LAYERS: layers, PYTHONWARNINGS: "ignore", PYTHONDONTWRITEBYTECODE: "1" },
});
const inNode = (name: string, file: string): Command => ({
  name,
  program: process.execPath,
  args: [script(`bench/peers/${file}`)],
});

const manyThreads = Math.min(availableParallelism(), 2);

/** weft with as many threads as are compared: two, where the machine has them. */
export const WEFT_FASTEST: { readonly wasm: string; readonly native: string } = {
  wasm: weftName("wasm", manyThreads),
  native: weftName("native", manyThreads),
};

export const PEERS: readonly Command[] = [
  weft("wasm", 1),
  ...(manyThreads > 1 ? [weft("wasm", manyThreads)] : []),
  weft("native", 1),
  ...(manyThreads > 1 ? [weft("native", manyThreads)] : []),
  inPython("JAX", "run_jax.py", "scan"),
  inPython("JAX, layers in Python", "run_jax.py", "python"),
  inPython("PyTorch", "run_torch.py", "library"),
  inPython("PyTorch by hand", "run_torch.py", "python"),
  inNode("jax-js", "run_jaxjs.mjs"),
  inNode("tfjs wasm", "run_tfjs.mjs"),
];

/** "weft wasm, 2 threads" and "weft native" are of the family weft. */
export const familyOf = (name: string): string => /^(weft|JAX|PyTorch|jax-js|tfjs)/.exec(name)?.[1] ?? name;

/** Those that are asked for by family (`jax` is not jax-js) or by a part of their name; all if nobody is. */
export function choosePeers(names: readonly string[]): readonly Command[] {
  const family = (p: Command): string => familyOf(p.name).toLowerCase();
  const isCalled = (p: Command, name: string): boolean =>
    PEERS.some((other) => family(other) === name) ? family(p) === name : p.name.toLowerCase().includes(name);
  const unknown = names.find((name) => !PEERS.some((p) => isCalled(p, name)));
  if (unknown !== undefined)
    throw new Error(`nobody is called ${unknown}; there are ${PEERS.map((p) => p.name).join("; ")}`);
  return names.length === 0 ? PEERS : PEERS.filter((p) => names.some((name) => isCalled(p, name)));
}
