/** The course of the loss as a picture: SVG by hand, readable on light and dark grounds. */

export interface Point {
  readonly step: number;
  /** Bits per character. */
  readonly loss: number;
}

export interface ChartData {
  readonly title: string;
  readonly train: readonly Point[];
  readonly heldOut: Point | undefined;
}

const SIZE = { width: 720, height: 400 };
const FRAME = { left: 64, right: 24, top: 48, bottom: 56 };

const STYLE = `
    svg { color-scheme: light dark; background: #fff; }
    text { font: 13px system-ui, sans-serif; fill: #333; }
    .title { font-size: 16px; font-weight: 600; }
    .grid { stroke: #ddd; } .axis { stroke: #666; }
    .train { fill: none; stroke: #0969a8; stroke-width: 1.8; stroke-linejoin: round; }
    .held { fill: #c2410c; } .guide { stroke: #c2410c; stroke-dasharray: 4 4; }
    @media (prefers-color-scheme: dark) {
      svg { background: #15181c; } text { fill: #d6dae0; }
      .grid { stroke: #30363d; } .axis { stroke: #8b949e; }
      .train { stroke: #58b0f0; } .held { fill: #fb923c; } .guide { stroke: #fb923c; }
    }`;

/** Round numbers, about `count` of them, that enclose or cover [low, high]. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

interface Scale {
  readonly marks: readonly number[];
  at(value: number): number;
}

/** Maps the range of the ticks to pixels. */
function scale(values: readonly number[], count: number, from: number, to: number): Scale {
  const marks = ticks(Math.min(...values), Math.max(...values), count);
  const [low, high] = [marks[0]!, marks.at(-1)!];
  return { marks, at: (v) => Number((from + ((v - low) / (high - low)) * (to - from)).toFixed(1)) };
}

const line = (kind: string, x1: number, y1: number, x2: number, y2: number): string =>
  `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
const label = (x: number, y: number, text: string, attributes = ""): string =>
  `<text x="${x}" y="${y}"${attributes}>${escape(text)}</text>`;
const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** An SVG document. */
export function lossChart({ title, train, heldOut }: ChartData): string {
  const points = heldOut ? [...train, heldOut] : train;
  const [right, bottom] = [SIZE.width - FRAME.right, SIZE.height - FRAME.bottom];
  const x = scale([0, ...points.map((p) => p.step)], 6, FRAME.left, right);
  const y = scale(points.length > 0 ? points.map((p) => p.loss) : [0, 1], 5, bottom, FRAME.top);
  const parts = [
    ...y.marks.map((v) => line("grid", FRAME.left, y.at(v), right, y.at(v))),
    ...y.marks.map((v) => label(FRAME.left - 8, y.at(v) + 4, String(v), ' text-anchor="end"')),
    ...x.marks.map((v) => line("axis", x.at(v), bottom, x.at(v), bottom + 5)),
    ...x.marks.map((v) => label(x.at(v), bottom + 20, String(v), ' text-anchor="middle"')),
    line("axis", FRAME.left, bottom, right, bottom),
    line("axis", FRAME.left, FRAME.top, FRAME.left, bottom),
    label(FRAME.left, 28, title, ' class="title"'),
    label((FRAME.left + right) / 2, SIZE.height - 12, "step", ' text-anchor="middle"'),
    label(
      0,
      0,
      "bits per character",
      ` text-anchor="middle" transform="translate(18 ${(FRAME.top + bottom) / 2}) rotate(-90)"`,
    ),
    `<polyline class="train" points="${train.map((p) => `${x.at(p.step)},${y.at(p.loss)}`).join(" ")}"/>`,
    ...(heldOut ? heldOutMark(heldOut, x, y) : []),
  ];
  const view = `viewBox="0 0 ${SIZE.width} ${SIZE.height}" width="${SIZE.width}" height="${SIZE.height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${view} role="img" aria-label="${escape(title)}">\n  <style>${STYLE}\n  </style>\n  ${parts.join("\n  ")}\n</svg>\n`;
}

/** A dot, and a dashed line at its height. */
function heldOutMark({ step, loss }: Point, x: Scale, y: Scale): string[] {
  const text = `held-out ${loss.toFixed(2)}`;
  return [
    line("guide", FRAME.left, y.at(loss), x.at(step), y.at(loss)),
    `<circle class="held" cx="${x.at(step)}" cy="${y.at(loss)}" r="5"/>`,
    label(x.at(step) - 10, y.at(loss) + 20, text, ' text-anchor="end"'),
  ];
}
