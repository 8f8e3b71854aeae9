/**
 * The flags of the C compiler, each with its reason. What is not in this table is left to the compiler's defaults. Random programs run on
 * what these flags make before they are trusted (test/backends/c-emit.test.ts): every flag that lets a compiler change more
 * code has to pass there, on all the CPUs that are at hand.
 */
import { C_FLAGS } from "../../../backends/c/index.ts";

interface Flag {
  readonly flags: readonly string[];
  readonly why: string;
  /** Default: both. */
  readonly only?: "gcc" | "clang";
}

const FLAGS: readonly Flag[] = [
  {
    flags: ["-O2"],
    why:
      "-O3 is no faster, since loops arrive unrolled and in vectors. Less for small programs would not pay: of the " +
      "28 ms that one takes, optimisation is 4.",
  },
  {
    flags: ["-ftree-vectorize"],
    why: "Loops over lanes need the vectorizer, which older compilers have off.",
  },
  {
    flags: ["-fno-tree-slp-vectorize"],
    why:
      "The vectorizer of straight-line code of GCC 12 makes wrong code for AVX-512 (stores of one loop that the next one " +
      "loads). Lanes are vectors already, so without it nothing is slower.",
    only: "gcc",
  },
  {
    flags: ["-fno-tree-bit-ccp"],
    why:
      "Which bits of integers are known helps nothing where integers are sums of loop variables, and finding out is a seventh of " +
      "the time that a training step takes to compile.",
    only: "gcc",
  },
  { flags: ["-w"], why: "Nobody reads warnings about generated code." },
  { flags: C_FLAGS, why: "Floats mean what the program says (backends/c/emit.ts)." },
];

/** The flags for a compiler that defines these macros. */
export function flagsFor(macros: string): string[] {
  const compiler = macros.includes("__clang__") ? "clang" : "gcc";
  return FLAGS.filter(({ only = compiler }) => only === compiler).flatMap(({ flags }) => flags);
}
