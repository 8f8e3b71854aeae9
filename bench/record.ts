/** Writes what was measured into the documents, between markers, so that nobody copies figures by hand. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { breadthLines, breadthTable } from "./breadth.ts";
import { type FirstCall, firstTable } from "./first.ts";
import { type LoopReport, loopTable } from "./loops.ts";
import { describeMachine, type Machine } from "./machine.ts";
import {
  efficiencyLines,
  figuresTable,
  type Outcome,
  ratioTable,
  refusalLines,
  workloadChart,
} from "./report.ts";
import { type ScalingPoint, scalingAxes, scalingBase, scalingChart, tablesOf } from "./scaling.ts";
import { replaceSection, withoutPaths } from "./sections.ts";
import { markdownTable } from "./table.ts";

export interface Recording {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly leftOut: Readonly<Record<string, string>>;
  readonly outcomes: readonly Outcome[];
  readonly breadth: readonly Outcome[];
  readonly scaling: readonly ScalingPoint[];
  readonly firstCalls: readonly FirstCall[];
  readonly loops: LoopReport | null;
}

function conditions(r: Recording): string {
  const versions = Object.entries(r.versions).map(([name, version]) => `${name} ${version}`);
  const missing = Object.entries(r.leftOut).map(
    ([name, why]) => `- left out: ${name} (${withoutPaths(why)})`,
  );
  const lines = [
    `- ${r.date}, ${describeMachine(r.machine)}`,
    `- ${versions.join(", ")}`,
    `- \`${withoutPaths(r.command)}\``,
    ...missing,
  ];
  return lines.join("\n");
}

function workloadSection(r: Recording): string {
  const parts = [
    markdownTable(figuresTable(r.outcomes)),
    `"–": not run. "*": scaled up from a part of the steps.`,
  ];
  const why = refusalLines(r.outcomes).map((line) => `- ${withoutPaths(line)}`);
  if (why.length > 0) parts.push(why.join("\n"));
  const ratios = [markdownTable(ratioTable(r.outcomes)), ...efficiencyLines(r.outcomes)];
  return [conditions(r), ...parts, ...ratios, "![medians](performance.svg)"].join("\n\n");
}

function breadthSection(r: Recording): string {
  const lines = [...breadthLines(r.breadth), ...refusalLines(r.breadth)].map(
    (line) => `- ${withoutPaths(line)}`,
  );
  return [conditions(r), lines.join("\n"), markdownTable(breadthTable(r.breadth))].join("\n\n");
}

function scalingSection(r: Recording): string {
  const tables = scalingAxes.flatMap((axis) => {
    const [times, ...others] = tablesOf(r.scaling, axis).map(markdownTable);
    return [times, `![by ${axis}](scaling-${axis}.svg)`, ...others];
  });
  return [conditions(r), `All other sizes: ${scalingBase}.`, ...tables].join("\n\n");
}

const firstSection = (r: Recording): string =>
  [conditions(r), markdownTable(firstTable(r.firstCalls))].join("\n\n");

function loopSection({ machine, date, loops }: Recording): string {
  const { layers, batch, hidden } = loops!.sizes;
  const sizes = `${layers} layers, batch ${batch}, width ${hidden}`;
  return `${markdownTable(loopTable(loops!))}\n\n(${sizes}; ${describeMachine(machine)}; ${date}; \`npm run bench -- loops\`.)`;
}

function rewrite(path: string, sections: Readonly<Record<string, string>>): void {
  const text = Object.entries(sections).reduce(
    (t, [name, s]) => replaceSection(t, name, s),
    readFileSync(path, "utf8"),
  );
  writeFileSync(path, text);
}

/** Updates the documents below `docs` with those parts that were measured. */
export function record(r: Recording): void {
  const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
  if (r.outcomes.length > 0) {
    rewrite(join(docs, "performance.md"), { workloads: workloadSection(r) });
    writeFileSync(join(docs, "performance.svg"), workloadChart(r.outcomes));
  }
  if (r.breadth.length > 0) rewrite(join(docs, "performance.md"), { breadth: breadthSection(r) });
  if (r.scaling.length > 0) {
    rewrite(join(docs, "performance.md"), { scaling: scalingSection(r) });
    for (const axis of scalingAxes)
      writeFileSync(join(docs, `scaling-${axis}.svg`), scalingChart(r.scaling, axis));
  }
  if (r.firstCalls.length > 0) rewrite(join(docs, "performance.md"), { first: firstSection(r) });
  if (r.loops) rewrite(join(docs, "guide", "multi-layer-rnns.md"), { loops: loopSection(r) });
}
