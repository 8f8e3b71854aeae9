/** How far the training is: a bar that redraws itself in a terminal, plain lines elsewhere. */
import { performance } from "node:perf_hooks";
import { printable } from "./output.ts";

export interface Report {
  readonly step: number;
  /** Bits per character. */
  readonly loss: number;
}

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const CLEAR = "\r\x1b[2K";
/** Without a terminal, this many lines tell the whole story. */
const LINES = 20;

export class Progress {
  private readonly terminal: Terminal;
  private readonly steps: number;
  private readonly perStep: number;
  private readonly now: () => number;
  private started = 0;
  private firstStep = 0;
  private printed = -1;
  /** The bar that stands in the last line of the terminal. */
  private shown = "";

  /** @param perStep characters that one step reads */
  constructor(
    terminal: Terminal,
    steps: number,
    perStep: number,
    now: () => number = () => performance.now(),
  ) {
    this.terminal = terminal;
    this.steps = steps;
    this.perStep = perStep;
    this.now = now;
  }

  /** The clock runs from the first report on, so that compiling does not spoil the rates. */
  report({ step, loss }: Report): void {
    if (this.started === 0) [this.started, this.firstStep] = [this.now(), step];
    const line = this.line(step, loss);
    if (this.terminal.isTTY) this.terminal.write((this.shown = `${CLEAR}${this.bar(step, line)}${line}`));
    else if (this.due(step)) this.terminal.write(`${line}\n`);
  }

  /** Writes whole lines, whatever they hold; the bar stays below them. */
  say(text: string): void {
    const lines = `${printable(text)}\n`;
    this.terminal.write(this.terminal.isTTY ? `${CLEAR}${lines}${this.shown}` : lines);
  }

  /** Leaves the bar as it is; what is said from now on comes after it. */
  finish(): void {
    if (this.shown !== "") this.terminal.write("\n");
    this.shown = "";
  }

  private due(step: number): boolean {
    const tick = Math.floor((step * LINES) / this.steps);
    if (tick === this.printed && step < this.steps) return false;
    this.printed = tick;
    return true;
  }

  private line(step: number, loss: number): string {
    const parts = [`step ${step}/${this.steps}`, `${loss.toFixed(3)} bits/char`];
    const seconds = (this.now() - this.started) / 1000;
    const done = step - this.firstStep;
    if (done > 0 && seconds > 0) {
      parts.push(`${Math.round((done * this.perStep) / seconds).toLocaleString("en")} chars/s`);
      parts.push(`${clock((seconds / done) * (this.steps - step))} left`);
    }
    return parts.join("  ");
  }

  /** As much bar as fits before the line. */
  private bar(step: number, line: string): string {
    const width = Math.min(30, (this.terminal.columns || 80) - line.length - 4);
    if (width < 5) return "";
    const full = Math.round((width * step) / this.steps);
    return `[${"#".repeat(full)}${"-".repeat(width - full)}] `;
  }
}

/** 75 seconds as 1:15. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
