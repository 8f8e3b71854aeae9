/** Charts: bars and lines on logarithmic axes, as SVG that reads on light and dark grounds. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  readonly highlight: boolean;
}
export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}
export interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}
export interface LineChart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
}

const COLORS = ["#0969a8", "#c2410c", "#15803d", "#7c3aed", "#a16207", "#be185d", "#0f766e", "#475569"];
const STYLE = `
    svg { color-scheme: light dark; background: #fff; } text { font: 12px system-ui, sans-serif; fill: #333; }
    .title { font-size: 14px; font-weight: 600; } .bar { fill: #9aa7b4; } .own { fill: #0969a8; }
    .grid { stroke: #ddd; } .axis { stroke: #666; } polyline { fill: none; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      svg { background: #15181c; } text { fill: #d6dae0; } .bar { fill: #5b6672; } .own { fill: #58b0f0; }
      .grid { stroke: #30363d; } .axis { stroke: #8b949e; }
    }`;

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const text = (x: number, y: number, content: string, attributes = ""): string =>
  `<text x="${x}" y="${y}"${attributes}>${escape(content)}</text>`;
const END = ' text-anchor="end"';
const MIDDLE = ' text-anchor="middle"';

const frame = (width: number, height: number, label: string, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(label)}">\n  <style>${STYLE}\n  </style>\n  ${parts.join("\n  ")}\n</svg>\n`;

const ROW = 20;
const LABELS = 170;
const PLOT = 470;

/** Horizontal bars in groups, each with a logarithmic axis of its own that begins a little below its smallest value. */
export function barChart(title: string, groups: readonly BarGroup[]): string {
  const parts = [text(12, 24, title, ' class="title"')];
  let top = 48;
  for (const { title: name, bars } of groups) {
    const values = bars.map((b) => b.value);
    const low = Math.log10(Math.min(...values)) - 0.3;
    const span = Math.max(Math.log10(Math.max(...values)) - low, 0.5);
    parts.push(text(12, top + 12, name, ' font-weight="600"'));
    bars.forEach((b, i) => {
      const y = top + 22 + i * ROW;
      const width = Math.round(((Math.log10(b.value) - low) / span) * PLOT);
      parts.push(
        text(LABELS, y + 12, b.label, END),
        `<rect class="${b.highlight ? "own" : "bar"}" x="${LABELS + 8}" y="${y}" width="${width}" height="${ROW - 5}" rx="2"/>`,
        text(LABELS + 14 + width, y + 12, b.text),
      );
    });
    top += 34 + bars.length * ROW;
  }
  return frame(LABELS + PLOT + 110, top + 8, title, parts);
}

const BOX = { left: 64, right: 170, top: 40, bottom: 48, width: 640, height: 320 };

/** Maps the logarithms of values to pixels; ticks at the values of x, at powers of ten for y. */
function logScale(values: readonly number[], from: number, to: number): (v: number) => number {
  const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  return (v) => Number((from + ((Math.log10(v) - low) / (high - low || 1)) * (to - from)).toFixed(1));
}

const decades = (values: readonly number[]): number[] => {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.ceil(Math.log10(Math.max(...values)));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`));
};

/** Lines over logarithmic axes; the x ticks are the measured places. */
export function lineChart({ title, x, y, lines }: LineChart): string {
  const [right, bottom] = [BOX.width - BOX.right, BOX.height - BOX.bottom];
  const points = lines.flatMap((l) => l.points);
  const xs = [...new Set(points.map((p) => p[0]))];
  const marks = decades(points.map((p) => p[1]));
  const [atX, atY] = [logScale(xs, BOX.left, right), logScale(marks, bottom, BOX.top)];
  const grid = marks.map(
    (m) => `<line class="grid" x1="${BOX.left}" x2="${right}" y1="${atY(m)}" y2="${atY(m)}"/>`,
  );
  const curves = lines.flatMap((l, i) => {
    const color = COLORS[i % COLORS.length]!;
    const path = l.points.map(([a, b]) => `${atX(a)},${atY(b)}`).join(" ");
    const dots = l.points.map(([a, b]) => `<circle cx="${atX(a)}" cy="${atY(b)}" r="3" fill="${color}"/>`);
    const key = `<rect x="${right + 14}" y="${BOX.top + i * 18}" width="10" height="10" fill="${color}"/>`;
    return [
      `<polyline stroke="${color}" points="${path}"/>`,
      ...dots,
      key,
      text(right + 30, BOX.top + 9 + i * 18, l.label),
    ];
  });
  return frame(BOX.width, BOX.height, title, [
    text(12, 24, title, ' class="title"'),
    ...grid,
    ...marks.map((m) => text(BOX.left - 6, atY(m) + 4, String(m), END)),
    ...xs.map((v) => text(atX(v), bottom + 18, String(v), MIDDLE)),
    text((BOX.left + right) / 2, BOX.height - 10, `${x}  (${y})`, MIDDLE),
    ...curves,
  ]);
}
