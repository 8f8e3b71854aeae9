/** The command line of the benchmarks: `npm run bench -- --help`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type LoopReport, loopTable, measureLoops } from "./loops.ts";
import { describeMachine, machine } from "./machine.ts";
import { measure } from "./measure.ts";
import { type Peer, startPeer } from "./peer.ts";
import { choosePeers, PEERS } from "./peers.ts";
import { type Recording, record } from "./record.ts";
import { figuresTable, type Outcome, ratioTable, refusalLines, workloadChart } from "./report.ts";
import {
  compileTable,
  measureScaling,
  type ScalingPoint,
  scalingAxes,
  scalingChart,
  scalingTable,
} from "./scaling.ts";
import { plainTable } from "./table.ts";
import { chooseWorkloads, WORKLOADS } from "./workloads.ts";

const HELP = `npm run bench -- [workloads] [options]     measures and compares; nothing here decides a test

  workloads          some of ${WORKLOADS.map((w) => w.id).join(" ")}
                     by the beginning of their names (w1, w4-512); "loops" compares ways to write an RNN; "workloads" or nothing: all
  matmul [m n k]     only the matrix product that the compiler makes

  --peers a,b        only these, by family (weft, jax) or a part of the name:
                     ${PEERS.map((p) => p.name).join("; ")}
  --rounds n         turns of every peer (default 7)
  --scaling          instead: the training step of W1 along time, layers, batch and width
  --record           writes the figures into docs/: everything, or only "workloads", --scaling or "loops"
  --out folder       where JSON and charts go otherwise (default out/bench)

JAX and PyTorch are run by the Python in the environment variable PYTHON (default python3); jax-js and
TensorFlow.js are found after npm install --prefix bench/peers. Who is not installed is left out.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: "string" },
    rounds: { type: "string", default: "7" },
    scaling: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    out: { type: "string", default: join("out", "bench") },
    help: { type: "boolean", short: "h", default: false },
  },
});

const say = (text: string): void => console.log(text);
/** Progress goes to one line of the terminal that is overwritten, and nowhere else. */
const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
};

interface Plan {
  readonly workloads: ReturnType<typeof chooseWorkloads>;
  readonly scaling: boolean;
  readonly loops: boolean;
}

function plan(): Plan {
  const all = positionals.includes("workloads");
  const names = positionals.filter((name) => name !== "loops" && name !== "workloads");
  const loops = positionals.includes("loops");
  if (all) return { workloads: WORKLOADS, scaling: values.scaling, loops };
  if (values.record && names.length > 0)
    throw new Error("--record takes no workloads: it records all of them");
  if (values.scaling || (loops && names.length === 0))
    return { workloads: [], scaling: values.scaling, loops };
  if (values.record) return { workloads: WORKLOADS, scaling: true, loops: true };
  return { workloads: chooseWorkloads(names), scaling: false, loops };
}

async function startPeers(leftOut: Record<string, string>): Promise<Peer[]> {
  const names = values.peers?.split(",").map((name) => name.trim().toLowerCase()) ?? [];
  const commands = choosePeers(names);
  const peers: Peer[] = [];
  for (const command of commands) {
    progress(`starting ${command.name}`);
    const peer = await startPeer(command, (name, why) => {
      leftOut[name] = why;
    });
    if (peer) peers.push(peer);
  }
  progress("");
  for (const [name, why] of Object.entries(leftOut)) say(`left out: ${name} (${why})`);
  return peers;
}

async function measureWorkloads(peers: readonly Peer[], { workloads }: Plan): Promise<Outcome[]> {
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a positive integer, got ${values.rounds}`);
  const outcomes: Outcome[] = [];
  for (const workload of workloads) {
    const { results, refusals } = await measure(peers, workload, { rounds, report: progress });
    outcomes.push({ workload, results, refusals });
    progress("");
    say(`\n${workload.title}\n${plainTable(figuresTable(outcomes.slice(-1)))}`);
  }
  return outcomes;
}

function showScaling(points: readonly ScalingPoint[]): void {
  for (const axis of scalingAxes) say(`\n${plainTable(scalingTable(points, axis))}`);
  say(`\n${plainTable(compileTable(points))}`);
}

function save(recording: Recording): void {
  mkdirSync(values.out, { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(values.out, name), text);
  write("results.json", `${JSON.stringify(recording, null, 2)}\n`);
  if (recording.outcomes.length > 0) write("performance.svg", workloadChart(recording.outcomes));
  if (recording.scaling.length > 0)
    for (const axis of scalingAxes) write(`scaling-${axis}.svg`, scalingChart(recording.scaling, axis));
  say(`\nwritten: ${join(values.out, "results.json")}`);
}

const versionsOf = (peers: readonly Peer[]): Record<string, string> =>
  Object.assign({}, ...peers.map((p) => p.about.versions)) as Record<string, string>;

async function main(): Promise<void> {
  const todo = plan();
  const here = machine();
  say(describeMachine(here));
  const leftOut: Record<string, string> = {};
  const needsPeers = todo.workloads.length > 0 || todo.scaling;
  const peers = needsPeers ? await startPeers(leftOut) : [];
  try {
    const outcomes = await measureWorkloads(peers, todo);
    if (outcomes.length > 1)
      say(`\n${plainTable(figuresTable(outcomes))}\n\n${plainTable(ratioTable(outcomes))}`);
    for (const line of refusalLines(outcomes)) say(line);
    const scaling = todo.scaling ? await measureScaling(peers, progress) : [];
    if (scaling.length > 0) showScaling(scaling);
    const loops: LoopReport | null = todo.loops ? measureLoops(progress) : null;
    progress("");
    if (loops) say(`\n${plainTable(loopTable(loops))}`);
    const recording: Recording = {
      date: new Date().toISOString().slice(0, 10),
      command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(
        " ",
      ),
      machine: here,
      versions: { ...versionsOf(peers), node: process.versions.node },
      leftOut,
      outcomes,
      scaling,
      loops,
    };
    save(recording);
    if (values.record) record(recording);
  } finally {
    for (const peer of peers) peer.close();
  }
}

if (values.help) say(HELP);
else await main();
