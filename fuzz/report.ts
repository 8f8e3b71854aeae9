/** A disagreement as a file that runs by itself: what weft gives, what is right, and the program in both languages. */
import * as weft from "#internal/index";
import type { Finding } from "./check.ts";
import { PRELUDE } from "./prelude.ts";
import { inputText, python, pythonInput, typescript } from "./print.ts";
import { allSteps } from "./program.ts";
import { hasFailed, type Outcome, type Result } from "./results.ts";

const NAMES = Object.keys(weft).filter((name) => name !== "numpy" && name !== "default");

const valueText = ({ dtype, shape, weak, values }: Result): string =>
  `${weak ? "weak " : ""}${dtype}[${shape}] ${Array.from(values, (v) => (Object.is(v, -0) ? "-0" : String(v))).join(" ")}`;

export const outcomeText = (o: Outcome): string =>
  hasFailed(o) ? `${o.error}: ${o.message.split("\n")[0]}` : o.outs.map(valueText).join("; ");

const comment = (text: string): string =>
  text
    .split("\n")
    .map((line) => `// ${line}`.trimEnd())
    .join("\n");

const imports = (text: string): string =>
  [...NAMES.filter((n) => new RegExp(`(?<![.\\w])${n}\\b`).test(text)), "numpy: np"].join(", ");

/** Only the helpers that the program calls. */
function preludeOf(source: string): string {
  const definitions = PRELUDE.split(/;\n(?=const )|;$/)
    .filter(Boolean)
    .map((d) => `${d};`);
  const nameOf = (d: string): string => /^const (\w+)/.exec(d)![1]!;
  const needed = (text: string): Set<string> =>
    new Set(definitions.map(nameOf).filter((n) => new RegExp(`(?<![.\\w])${n}\\b`).test(text)));
  let names = needed(source);
  for (let size = -1; size !== names.size; ) {
    size = names.size;
    names = needed([source, ...definitions.filter((d) => names.has(nameOf(d)))].join("\n"));
  }
  return definitions.filter((d) => names.has(nameOf(d))).join("\n");
}

const RUN: Readonly<Record<string, string>> = {
  eager: "main(...inputs)",
  disableJit: "disableJit(() => main(...inputs))",
};
const SETTINGS: readonly (readonly [RegExp, (m: RegExpExecArray) => string])[] = [
  [/^interp$/, () => 'config.tier = "interp";'],
  // The part of the checks that can be had from outside.
  [/^checked$/, () => 'process.env.WEFT_DEBUG = "1";'],
  [/^native, (\d)/, (m) => `config.tier = "native"; config.threads = ${m[1]};`],
  [/^jit, 2 threads/, () => "config.threads = 2;"],
  [/^jit without (.*)$/, (m) => `config.disable = ${JSON.stringify(m[1]!.split(", "))};`],
];

function running(way: string): { settings: string; call: string } {
  for (const [pattern, text] of SETTINGS) {
    const m = pattern.exec(way);
    if (m) return { settings: text(m), call: "jit(main)(...inputs)" };
  }
  return { settings: "", call: RUN[way] ?? "jit(main)(...inputs)" };
}

const check = `const show = (x) => { const a = np.asarray(x); return \`\${a.weakType ? "weak " : ""}\${a.dtype}[\${a.shape}] \` + Array.from(a.dataSync(), (v) => (Object.is(v, -0) ? "-0" : String(v))).join(" "); };
const near = (a, b) => a === b || a.split(" ").every((v, i) => v === b.split(" ")[i] || Math.abs(v - b.split(" ")[i]) <= 1e-4 * Math.max(1e-3, Math.abs(v)));`;

export function asFile({ program, actual, expected, difference, results }: Finding): string {
  const { settings, call } = running(actual);
  const inputs = program.inputs.map((x) => `  ${inputText(x)},`).join("\n");
  const source = typescript(program);
  const want = hasFailed(results.expected) ? outcomeText(results.expected) : "";
  return `// ${difference.kind === "value" ? "WRONG VALUE" : difference.kind.toUpperCase()} (${actual} against ${expected}): ${difference.what}
// weft:     ${outcomeText(results.actual)}
// ${expected.padEnd(8)}: ${outcomeText(results.expected)}
${comment(python(program))}
// inputs: ${program.inputs.map(pythonInput).join(", ")}
const weft = process.env.WEFT ?? new URL("../main/dist/index.js", import.meta.url).href;
const { ${imports(`${source} ${call} ${settings}`)} } = await import(weft);
${settings}
${preludeOf(source)}
${source}
const inputs = [
${inputs}
];
${check}
let got;
try { got = (${call}).map(show).join("; "); } catch (e) { got = \`\${e.name}: \${e.message.split("\\n")[0]}\`; }
const want = ${JSON.stringify(want || outcomeText(results.expected))};
const ok = ${want ? "/^Weft\\w*Error|^Concretization/.test(got)" : 'got.split("; ").length === want.split("; ").length && got.split("; ").every((g, i) => near(g, want.split("; ")[i]))'};
console.log(ok ? "PASS" : \`FAIL got \${got}\\n    want \${want}\`);
process.exitCode = ok ? 0 : 1;
`.replace(/\n\n+/g, "\n");
}

/** What distinct faults differ in. */
export function signature({ program, difference }: Finding): string {
  const ops = [...new Set(allSteps(program.main).map((s) => s.op))].sort();
  const what =
    difference.kind === "value" ? "" : difference.what.replace(/-?\d[\d.,]*(e-?\d+)?/g, "#").slice(0, 60);
  return [difference.kind, what, ...ops, ...program.modes.map((m) => m.kind)].join(" ");
}
