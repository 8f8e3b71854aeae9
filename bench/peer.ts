/**
 * A peer is a child process that answers requests one at a time, so that only one thing runs on the machine. Between requests it
 * stands still: some keep threads busy that wait for work.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

export interface Command {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What `{ about: true }` must answer; a peer that runs otherwise than it was told is left out. */
  readonly expect?: Readonly<Record<string, unknown>>;
}

type Answer = Readonly<Record<string, unknown>>;

export class Peer {
  readonly name: string;
  about: Answer = {};
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private complaint = "";

  constructor(command: Command) {
    this.name = command.name;
    this.child = spawn(command.program, command.args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...command.env },
    });
    this.child.on("error", (error) => (this.complaint += error.message));
    this.child.stdin!.on("error", () => {});
    this.child.stderr!.on("data", (text) => (this.complaint += text));
    this.reader = createInterface({ input: this.child.stdout! });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** The answer to a request. Throws when it is an error, does not come in time, or the process has ended. */
  async ask(request: object, timeoutMs = 180_000): Promise<Answer> {
    this.signal("SIGCONT");
    this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    const timer = setTimeout(() => {
      this.complaint = `no answer within ${timeoutMs / 1000} s`;
      this.close();
    }, timeoutMs);
    const { value, done } = await this.lines.next();
    clearTimeout(timer);
    this.signal("SIGSTOP");
    if (done) throw new PeerEnded(lastLine(this.complaint) || "ended");
    const answer = JSON.parse(value) as Answer;
    if (answer.error !== undefined) throw new Error(String(answer.error));
    return answer;
  }

  private signal(name: "SIGSTOP" | "SIGCONT"): void {
    if (process.platform !== "win32") this.child.kill(name);
  }

  /** Ends the process: it leaves by itself when its input ends, or is made to. */
  close(): void {
    this.signal("SIGCONT");
    this.reader.close();
    this.child.stdin!.end();
    setTimeout(() => this.child.kill(), 2000).unref();
    this.child.unref();
  }
}

/** Told who cannot run here, and why. */
export type LeaveOut = (name: string, why: string) => void;

export class PeerEnded extends Error {}

/** What an uncaught exception is about: the line that names an error, else the last one. */
function lastLine(text: string): string {
  const lines = text.trim().split("\n");
  return lines.findLast((line) => /Error/.test(line)) ?? lines.at(-1) ?? "";
}

/** Starts a peer; null, with the reason given to `leaveOut`, when it cannot run here. */
export async function startPeer(command: Command, leaveOut: LeaveOut): Promise<Peer | null> {
  const peer = new Peer(command);
  try {
    peer.about = await peer.ask({ about: true }, 120_000);
    for (const [key, value] of Object.entries(command.expect ?? {}))
      if (peer.about[key] !== value)
        throw new Error(`runs with ${key} ${peer.about[key]} instead of ${value}`);
    return peer;
  } catch (error) {
    leaveOut(command.name, (error as Error).message);
    peer.close();
    return null;
  }
}
