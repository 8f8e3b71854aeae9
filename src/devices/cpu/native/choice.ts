/** Which tier a program takes, and why. Decided by what is there and by what the program computes, never by timing. */
import type { Program } from "../../../compiler/ir/nodes.ts";
import { effects } from "../../../compiler/ir/visit.ts";
import { workOf } from "../../../compiler/work.ts";
import { WeftValueError } from "../../../core/errors.ts";
import { formatCount } from "../../../util/units.ts";
import type { Tier } from "../../config.ts";
import type { NativeHost } from "./host.ts";

/** Operations in one run from which the tier `auto` compiles a program natively: about a millisecond of WebAssembly. */
export const AUTO_WORK = 10_000_000;

export interface Choice {
  readonly tier: "wasm" | "interp" | "native";
  readonly why: string;
}

/**
 * The tier of a lowered program when `wanted` is `config.tier`. A program that the C compiler fails on runs as WebAssembly
 * all the same, which shows when it is compiled.
 * @throws WeftValueError when native code was asked for and something that it needs is missing
 */
export function chooseTier(wanted: Tier, lowered: Program, host: NativeHost | undefined): Choice {
  const setting = `config.tier is "${wanted}"`;
  if (wanted === "wasm" || wanted === "interp") return { tier: wanted, why: setting };
  const native = (why: string): Choice => ({
    tier: "native",
    why: `${why}; compiled by ${host!.compiler()}`,
  });
  const wasm = (why: string): Choice => ({ tier: "wasm", why: `${setting}, but ${why}` });
  // Whether something is missing is asked last: the answer costs a call of the compiler.
  const calls = effects(lowered.body).calls;
  if (wanted === "native") {
    const missing = missingFrom(host);
    if (missing !== undefined) refuseNative(missing);
    return calls ? wasm(CALLS) : native(setting);
  }
  const work = workOf(lowered);
  const amount = formatCount(work, "op");
  if (calls) return wasm(CALLS);
  if (work < AUTO_WORK)
    return wasm(`${amount} are fewer than the ${formatCount(AUTO_WORK, "op")} from which compiling C pays`);
  const missing = missingFrom(host);
  return missing === undefined ? native(`${setting} and ${amount} pay for it`) : wasm(`C needs ${missing}`);
}

const CALLS = "the program calls JavaScript, which only WebAssembly does";

export const NO_PROCESSES = "an engine that can start processes (Node)";
const missingFrom = (host: NativeHost | undefined): string | undefined =>
  host ? host.missing() : NO_PROCESSES;

export function refuseNative(missing: string): never {
  throw new WeftValueError(
    `config.tier is "native", which needs ${missing}. Or set config.tier to "auto", which uses native code where it can, or "wasm".`,
  );
}
