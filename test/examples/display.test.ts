import { describe, expect, test } from "vitest";
import { lossChart, ticks } from "../../examples/moby-dick/chart.ts";
import { clock, Progress } from "../../examples/moby-dick/progress.ts";

/** A terminal that remembers, and a clock that is set by hand. */
function recording(isTTY: boolean, columns = 100) {
  const written: string[] = [];
  const state = { ms: 0 };
  const terminal = { isTTY, columns, write: (text: string) => written.push(text) };
  return { written, state, progress: new Progress(terminal, 100, 1000, () => state.ms) };
}

describe("progress", () => {
  test("rates and time left count from the first report on", () => {
    const { written, state, progress } = recording(false);
    state.ms = 60_000;
    progress.report({ step: 1, loss: 6 });
    state.ms += 10_000;
    progress.report({ step: 51, loss: 2.5 });
    expect(written).toEqual([
      "step 1/100  6.000 bits/char\n",
      "step 51/100  2.500 bits/char  5,000 chars/s  0:10 left\n",
    ]);
  });

  test("without a terminal there are about twenty lines, and the last step is one of them", () => {
    const { written, progress } = recording(false);
    for (let step = 1; step <= 100; step++) progress.report({ step, loss: 1 });
    expect(written.length).toBeLessThan(23);
    expect(written.at(-1)).toContain("step 100/100");
    expect(written.join("")).not.toContain("\x1b");
  });

  test("in a terminal one line is redrawn, with a bar that fits", () => {
    const { written, progress } = recording(true);
    progress.report({ step: 50, loss: 2 });
    expect(written[0]).toContain("\r\x1b[2K[###############---------------] step 50/100");
    const narrow = recording(true, 30);
    narrow.progress.report({ step: 50, loss: 2 });
    expect(narrow.written[0]).not.toContain("#");
  });

  test("lines are said above the bar, and below it when it is finished", () => {
    const { written, progress } = recording(true);
    progress.say("first");
    progress.report({ step: 50, loss: 2 });
    progress.say("second");
    progress.finish();
    progress.say("third");
    const bar = written[1]!;
    expect(written).toEqual(["\r\x1b[2Kfirst\n", bar, `\r\x1b[2Ksecond\n${bar}`, "\n", "\r\x1b[2Kthird\n"]);
  });

  test.each([
    [0, "0:00"],
    [75.4, "1:15"],
    [3600, "60:00"],
    [-1, "0:00"],
  ])("%d s is %s", (seconds, text) => {
    expect(clock(seconds)).toBe(text);
  });
});

describe("chart", () => {
  test.each([
    [0, 500, 6, [0, 100, 200, 300, 400, 500]],
    [2.31, 6.4, 5, [2, 3, 4, 5, 6, 7]],
    [0.12, 0.31, 4, [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]],
    [3, 3, 5, [3, 3.2]],
    [0, 0, 5, [0, 0.2]],
  ])("ticks for [%d, %d]", (low, high, count, expected) => {
    expect(ticks(low, high, count)).toEqual(expected);
  });

  const train = [1, 10, 20].map((step) => ({ step, loss: 6 / step + 2 }));

  test("draws the curve inside of its frame, with axes and the held-out point", () => {
    const svg = lossChart({ title: "a < b", train, heldOut: { step: 20, loss: 2.5 } });
    const points = /<polyline[^>]*points="([^"]*)"/
      .exec(svg)![1]!
      .split(" ")
      .map((p) => p.split(",").map(Number));
    expect(points).toHaveLength(3);
    for (const [x, y] of points) {
      expect(x).toBeGreaterThanOrEqual(64);
      expect(x).toBeLessThanOrEqual(696);
      expect(y).toBeGreaterThanOrEqual(48);
      expect(y).toBeLessThanOrEqual(344);
    }
    expect(svg).toContain("held-out 2.50");
    expect(svg).toContain("a &lt; b");
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).not.toContain("NaN");
  });

  test("an interrupted run has no held-out point, an empty one no curve", () => {
    expect(lossChart({ title: "t", train, heldOut: undefined })).not.toContain("held-out");
    expect(lossChart({ title: "t", train: [], heldOut: undefined })).not.toContain("NaN");
  });
});
