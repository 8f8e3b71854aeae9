/** The command line of the benchmarks: `npm run bench -- --help`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { breadthLines, breadthTable, CONTESTANTS } from "./breadth.ts";
import { firstTable, measureFirstCalls } from "./first.ts";
import { type LoopReport, loopTable, measureLoops } from "./loops.ts";
import { describeMachine, machine, ownVersions } from "./machine.ts";
import { measure } from "./measure.ts";
import { BREADTH } from "./operations.ts";
import { type LeaveOut, type Peer, startPeer } from "./peer.ts";
import { choosePeers, PEERS } from "./peers.ts";
import { type Recording, record } from "./record.ts";
import {
  efficiencyLines,
  figuresTable,
  type Outcome,
  ratioTable,
  refusalLines,
  workloadChart,
} from "./report.ts";
import { measureScaling, type ScalingPoint, scalingAxes, scalingChart, tablesOf } from "./scaling.ts";
import { plainTable } from "./table.ts";
import { chooseWorkloads, WORKLOADS, type Workload } from "./workloads.ts";

const HELP = `npm run bench -- [workloads] [options]     measures and compares; nothing here decides a test

  workloads          some of ${WORKLOADS.map((w) => w.id).join(" ")}
                     by the beginning of their names (w1, w4-512); "workloads" or nothing: all
  first              what first calls of training steps, W1 and a large program, take in new processes: WebAssembly,
                     native, native from the cache, JAX
  loops              compares ways to write an RNN
  breadth            ${BREADTH.length} ordinary operations beside JAX and PyTorch
  matmul [m n k]     only the matrix product that the compiler makes

  --peers a,b        only these, by family (weft, jax) or a part of the name:
                     ${PEERS.map((p) => p.name).join("; ")}
  --rounds n         turns of every peer (default 7)
  --scaling          instead: the training step of W1 along time, layers, batch and width: times, whether they are
                     proportional to time and layers, and what compiling costs
  --record           writes the figures into docs/: everything, or only what is asked for of workloads, first, loops,
                     breadth, --scaling
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

/** What is measured, in the order in which it happens. */
interface Plan {
  readonly workloads: ReturnType<typeof chooseWorkloads>;
  readonly scaling: boolean;
  readonly first: boolean;
  readonly loops: boolean;
  readonly breadth: boolean;
}

/** Words of the command line that ask for something other than single workloads. */
const SECTIONS: readonly string[] = ["workloads", "first", "loops", "breadth"];

function plan(): Plan {
  const names = positionals.filter((word) => !SECTIONS.includes(word));
  const asked = (section: string): boolean => positionals.includes(section);
  if (values.record && names.length > 0)
    throw new Error("--record takes no workloads: it records all of them");
  const nothing = positionals.length === 0 && !values.scaling;
  const everything = nothing && values.record;
  return {
    workloads: nothing || asked("workloads") ? WORKLOADS : names.length > 0 ? chooseWorkloads(names) : [],
    scaling: everything || values.scaling,
    first: everything || asked("first"),
    loops: everything || asked("loops"),
    breadth: everything || asked("breadth"),
  };
}

async function startPeers(leaveOut: LeaveOut): Promise<Peer[]> {
  const names = values.peers?.split(",").map((name) => name.trim().toLowerCase()) ?? [];
  const commands = choosePeers(names);
  const peers: Peer[] = [];
  for (const command of commands) {
    progress(`starting ${command.name}`);
    const peer = await startPeer(command, leaveOut);
    if (peer) peers.push(peer);
  }
  progress("");
  return peers;
}

async function measureAll(peers: readonly Peer[], workloads: readonly Workload[]): Promise<Outcome[]> {
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

async function measureBreadth(peers: readonly Peer[]): Promise<Outcome[]> {
  const outcomes = await measureAll(
    peers.filter(({ name }) => CONTESTANTS.includes(name)),
    BREADTH,
  );
  const lines = [...breadthLines(outcomes), ...refusalLines(outcomes)];
  say(`\n${plainTable(breadthTable(outcomes))}\n\n${lines.join("\n")}`);
  return outcomes;
}

function showScaling(points: readonly ScalingPoint[]): void {
  for (const axis of scalingAxes) for (const table of tablesOf(points, axis)) say(`\n${plainTable(table)}`);
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
  const leaveOut: LeaveOut = (name, why) => {
    if (name in leftOut) return;
    leftOut[name] = why;
    progress("");
    say(`left out: ${name} (${why})`);
  };
  const needsPeers = todo.workloads.length > 0 || todo.scaling || todo.breadth;
  const peers = needsPeers ? await startPeers(leaveOut) : [];
  try {
    const outcomes = await measureAll(peers, todo.workloads);
    if (outcomes.length > 1)
      say(`\n${plainTable(figuresTable(outcomes))}\n\n${plainTable(ratioTable(outcomes))}`);
    for (const line of [...efficiencyLines(outcomes), ...refusalLines(outcomes)]) say(line);
    const breadth = todo.breadth ? await measureBreadth(peers) : [];
    const scaling = todo.scaling ? await measureScaling(peers, progress) : [];
    if (scaling.length > 0) showScaling(scaling);
    const firstCalls = todo.first ? await measureFirstCalls(progress, leaveOut) : [];
    progress("");
    if (firstCalls.length > 0) say(`\n${plainTable(firstTable(firstCalls))}`);
    const loops: LoopReport | null = todo.loops ? measureLoops(progress) : null;
    progress("");
    if (loops) say(`\n${plainTable(loopTable(loops))}`);
    const recording: Recording = {
      date: new Date().toISOString().slice(0, 10),
      command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(
        " ",
      ),
      machine: here,
      versions: { ...ownVersions(), ...versionsOf(peers) },
      leftOut,
      outcomes,
      breadth,
      scaling,
      firstCalls,
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
