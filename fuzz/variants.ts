/** The ways in which weft runs a program, which must all give the same. */
import { PASS_NAMES, type PassName } from "#internal/compiler/switches";
import { config, disableJit, jit } from "#internal/index";
import { withChecks } from "./checked.ts";
import type { PrintOptions } from "./print.ts";
import type { Program } from "./program.ts";
import { type Outcome, outcome } from "./results.ts";
import type { Rng } from "./rng.ts";
import { type Compiled, compile, inputArray, type Value } from "./run.ts";

type Settings = Partial<Pick<typeof config, "tier" | "threads" | "disable">>;

export interface Variant {
  readonly name: string;
  /** Of the program that it compiles. */
  readonly settings?: Settings;
  run(f: Compiled, inputs: readonly Value[]): readonly unknown[];
}

function under<T>(settings: Settings, run: () => T): T {
  const saved = { tier: config.tier, threads: config.threads, disable: config.disable };
  try {
    Object.assign(config, settings);
    return run();
  } finally {
    Object.assign(config, saved);
  }
}

const jitted = (settings: Settings): Pick<Variant, "settings" | "run"> => ({
  settings,
  run: (f, inputs) => under(settings, () => jit(f)(...inputs) as readonly unknown[]),
});

/** The same with products that overflow and round before something is added to them. */
export const unfused = (variant: Variant): Variant | undefined =>
  variant.settings && {
    name: variant.name,
    ...jitted({ ...variant.settings, disable: [...(variant.settings.disable ?? []), "fma"] }),
  };

export const EAGER: Variant = { name: "eager", run: (f, inputs) => f(...inputs) };
const interpreted: Settings = { tier: "interp" };
/** Operation by operation, loops whole; no machine code is made for each. */
export const EAGER_INTERPRETER: Variant = {
  name: "eager, interp",
  run: (f, inputs) => under(interpreted, () => f(...inputs)),
};
export const STEPWISE: Variant = {
  name: "disableJit",
  run: (f, inputs) => under(interpreted, () => disableJit(() => f(...inputs))) as never,
};
export const JIT: Variant = { name: "jit", ...jitted({}) };
export const INTERPRETER: Variant = { name: "interp", ...jitted(interpreted) };
/**
 * As it is after the passes, each of which is verified, on the interpreter, which checks every access to planned memory. Nothing
 * is fused: what overflows is told apart by machine code.
 */
export const CHECKED: Variant = {
  name: "checked",
  run: (f, inputs) =>
    under({ disable: ["fma"] }, () => withChecks(() => jit(f)(...inputs) as readonly unknown[])),
};
export const native = (threads: number): Variant => ({
  name: `native, ${threads} threads`,
  ...jitted({ tier: "native", threads }),
});
export const threaded: Variant = { name: "jit, 2 threads", ...jitted({ threads: 2 }) };
export const without = (passes: readonly PassName[]): Variant => ({
  name: `jit without ${passes.join(", ")}`,
  ...jitted({ disable: passes }),
});

/** As users run it always, the other ways by turns. */
export function chooseVariants(rng: Rng, nativeShare: number): Variant[] {
  const list = [JIT];
  if (rng.chance(0.2)) list.push(EAGER);
  if (rng.chance(0.2)) list.push(INTERPRETER);
  if (rng.chance(0.1)) list.push(CHECKED);
  if (rng.chance(0.3)) list.push(without([rng.pick(PASS_NAMES)]));
  if (rng.chance(0.1)) list.push(without(PASS_NAMES));
  if (rng.chance(0.05)) list.push(threaded);
  if (rng.chance(nativeShare)) list.push(native(rng.int(1, 2)));
  return list;
}

/** Undefined for JAX. */
export function variantNamed(name: string): Variant | undefined {
  const [, passes] = /^jit without (.*)$/.exec(name) ?? [];
  if (passes) return without(passes.split(", ") as PassName[]);
  const [, threads] = /^native, (\d)/.exec(name) ?? [];
  if (threads) return native(Number(threads));
  return [EAGER, STEPWISE, JIT, INTERPRETER, CHECKED, threaded].find((v) => v.name === name);
}

export function runVariant(variant: Variant, program: Program, options?: PrintOptions): Outcome {
  return outcome(() => variant.run(compile(program, options), program.inputs.map(inputArray)));
}
