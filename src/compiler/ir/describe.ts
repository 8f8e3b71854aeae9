import { isSerial } from "./modes.ts";
import type { Stmt } from "./nodes.ts";
import { blocksOf, contractExtents } from "./visit.ts";

/** A statement in a few words, for people: what it is and over what. */
export function describe(s: Stmt): string {
  switch (s.kind) {
    case "for":
      return isSerial(s) ? `a loop of ${s.extent}` : `a nest over ${extents(s).join(" x ")}${target(s)}`;
    case "contract":
      return `a product ${contractExtents(s).join(" x ")} over ${s.kExtents.join(" x ")}${target(s)}`;
    case "while":
      return "a while loop";
    default:
      return `a ${s.kind}`;
  }
}

function extents(s: Stmt): number[] {
  if (s.kind !== "for") return [];
  const [only] = s.body;
  return [s.extent, ...(s.body.length === 1 && only ? extents(only) : [])];
}

/** The buffers that a statement fills. */
function target(s: Stmt): string {
  const names = new Set<string>();
  const visit = (x: Stmt): void => {
    if (x.kind === "store") names.add(x.buffer.name);
    for (const block of blocksOf(x)) block.forEach(visit);
  };
  visit(s);
  return names.size ? ` into ${[...names].join(", ")}` : "";
}
