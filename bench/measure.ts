/** Interleaved measurement: every peer in turn, round after round, so that whatever disturbs the machine hits all alike. */
import type { Peer } from "./peer.ts";
import { familyOf } from "./peers.ts";
import type { Sizes, Workload } from "./workloads.ts";

export interface Measured {
  readonly peer: string;
  /** Seconds per call: median, and the quartiles around it. */
  readonly seconds: number;
  readonly low: number;
  readonly high: number;
  /** Seconds from nothing to the first result: tracing, compiling, running once. */
  readonly first: number;
  /** Seconds of that in the compiler below the peer's own, where the peer knows. */
  readonly compiler: number;
  readonly samples: number;
  /** More than 1 when only a part of the work was timed and scaled up. */
  readonly scale: number;
}

export interface Refusal {
  readonly peer: string;
  readonly why: string;
}

export interface MeasureOptions {
  readonly rounds: number;
  readonly sizes?: Sizes;
  readonly report?: (text: string) => void;
}

/** Milliseconds that one sample lasts at least, and that one peer's turn lasts about. */
const SAMPLE_MS = 20;
const TURN_MS = 400;
/** A peer whose single call takes this long plays only the first rounds. */
const SLOW_MS = 1000;
const SLOW_ROUNDS = 3;

interface Entrant {
  readonly peer: Peer;
  readonly first: number;
  readonly compiler: number;
  readonly scale: number;
  readonly check: number;
  readonly turn: { readonly time: number; readonly samples: number };
  readonly rounds: number;
  readonly ms: number[];
}

export async function measure(
  peers: readonly Peer[],
  workload: Workload,
  options: MeasureOptions,
): Promise<{ results: Measured[]; refusals: Refusal[] }> {
  const refusals: Refusal[] = [];
  const entrants: Entrant[] = [];
  const attempt = async <T>(peer: Peer, action: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await action();
    } catch (error) {
      refusals.push({ peer: peer.name, why: (error as Error).message });
      return undefined;
    }
  };
  for (const peer of peers) {
    const entrant = await attempt(peer, () => enter(peer, workload, options));
    if (entrant) entrants.push(entrant);
  }
  const honest = agreeing(entrants, refusals);
  const failed = new Set<Entrant>();
  for (let round = 0; round < options.rounds; round++)
    for (const e of honest) {
      if (round >= e.rounds || failed.has(e)) continue;
      options.report?.(`${workload.id}: round ${round + 1} of ${options.rounds}, ${e.peer.name}`);
      const answer = await attempt(e.peer, () => e.peer.ask(e.turn));
      if (answer) e.ms.push(...(answer.ms as number[]));
      else failed.add(e);
    }
  const done = honest.filter((e) => !failed.has(e));
  return { results: done.map(summary), refusals };
}

/** Compiles, warms up, and finds how many calls make a sample. */
async function enter(
  peer: Peer,
  workload: Workload,
  { rounds, sizes, report }: MeasureOptions,
): Promise<Entrant> {
  report?.(`${workload.id}: preparing ${peer.name}`);
  const told = workload.request?.(familyOf(peer.name));
  const ready = await peer.ask({ prepare: workload.id, sizes: { ...workload.sizes, ...sizes }, ...told });
  const scale = Number(ready.scale);
  const once = async (time: number): Promise<number> =>
    ((await peer.ask({ time, samples: 1 })).ms as number[])[0]! / scale;
  let ms = await once(1);
  // Short calls are warmed up until engines that compile lazily have had the time to.
  if (ms < SLOW_MS) ms = await once(Math.min(3000, Math.ceil(TURN_MS / ms)));
  const time = Math.min(20_000, Math.max(1, Math.ceil(SAMPLE_MS / ms)));
  const samples = Math.min(9, Math.max(1, Math.round(TURN_MS / (time * ms))));
  return {
    peer,
    first: Number(ready.firstMs),
    compiler: Number(ready.compilerMs ?? 0),
    scale,
    check: Number(ready.check),
    turn: { time, samples },
    rounds: ms > SLOW_MS ? Math.min(SLOW_ROUNDS, rounds) : rounds,
    ms: [],
  };
}

/** Those whose number agrees with the first one's; a scaled run did other work and has no say. */
function agreeing(entrants: readonly Entrant[], refusals: Refusal[]): Entrant[] {
  const reference = entrants.find((e) => e.scale === 1)?.check;
  return entrants.filter((e) => {
    const ok = e.scale !== 1 || Math.abs(e.check - reference!) <= 1e-3 * Math.abs(reference!) + 1e-6;
    if (!ok)
      refusals.push({ peer: e.peer.name, why: `disagrees: its result is ${e.check}, not ${reference}` });
    return ok;
  });
}

function summary(e: Entrant): Measured {
  const sorted = e.ms.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.round(q * (sorted.length - 1))]! / 1e3;
  return {
    peer: e.peer.name,
    seconds: quantile(0.5),
    low: quantile(0.25),
    high: quantile(0.75),
    first: e.first / 1e3,
    compiler: e.compiler / 1e3,
    samples: sorted.length,
    scale: e.scale,
  };
}
