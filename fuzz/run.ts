/** Programs in weft: source text compiled, and ways to run it. */
import * as weft from "#internal/index";
import { PRELUDE } from "./prelude.ts";
import { type PrintOptions, typescript } from "./print.ts";
import type { Input, Program } from "./program.ts";
import { toNumber } from "./program.ts";

export type Value = weft.NDArray;
export type Compiled = (...xs: Value[]) => readonly Value[];

/** What programs may name. */
const NAMES: Readonly<Record<string, unknown>> = { ...weft, np: weft.numpy };
const VALID = Object.entries(NAMES).filter(([name]) => name !== "default");

/** Source text as a function of what it needs besides weft. */
export function compileText(source: string, extra: Readonly<Record<string, unknown>> = {}): unknown {
  const names = [...VALID.map(([name]) => name), ...Object.keys(extra)];
  const values = [...VALID.map(([, value]) => value), ...Object.values(extra)];
  return new Function(...names, `"use strict";\n${source}`)(...values);
}

export function compile(program: Program, options: PrintOptions = {}): Compiled {
  return compileText(`${PRELUDE}\n${typescript(program, options)}\nreturn main;`) as Compiled;
}

export const inputArray = ({ values, dtype, shape }: Input): Value =>
  weft.numpy.array(values.map(toNumber), { dtype, shape });
