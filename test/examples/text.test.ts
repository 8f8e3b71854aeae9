import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../examples/moby-dick/options.ts";
import { readText, Streams, splitCorpus, toAscii, Vocabulary } from "../../examples/moby-dick/text.ts";

test("typographic characters become what a typewriter has", () => {
  expect(toAscii("“Don’t” — ‘well’…\r\n")).toBe(`"Don't" -- 'well'...\n`);
});

test("Moby-Dick is there, in ASCII", () => {
  const text = readText(undefined);
  expect(text.length).toBeGreaterThan(1_100_000);
  expect(text).toContain("Call me Ishmael.");
  expect([...new Set(text)].every((c) => c.charCodeAt(0) < 127)).toBe(true);
});

describe("vocabulary", () => {
  test("encodes and decodes any text it was made from", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const v = new Vocabulary(text);
        expect(v.decode(v.encode(text))).toBe(text);
        expect(v.size).toBe(new Set(text).size);
      }),
    );
  });

  test("does not depend on the order of the text", () => {
    expect(new Vocabulary("cab").characters).toEqual(["a", "b", "c"]);
  });

  test("names the character that it does not know", () => {
    expect(() => new Vocabulary("abc").encode("abxc")).toThrow(
      'The text has the character "x", which the model does not know.',
    );
  });
});

describe("splitting", () => {
  const ids = Int32Array.from({ length: 1000 }, (_, i) => i);

  test("nine tenths to learn from, the rest to judge by", () => {
    const { train, heldOut } = splitCorpus(ids, 4, 10);
    expect([train.length, heldOut.length, heldOut[0]]).toEqual([900, 100, 900]);
  });

  test.each([
    [90, 10],
    [1, 100],
  ])("too short for %d streams of %d", (batch, length) => {
    expect(() => splitCorpus(ids, batch, length)).toThrow(UsageError);
    expect(() => splitCorpus(ids, batch, length)).toThrow("The text is too short: it has 1000 characters");
  });
});

describe("streams", () => {
  const streams = new Streams(
    Int32Array.from({ length: 21 }, (_, i) => i),
    2,
    3,
  );
  /** The characters of stream b in a chunk. */
  const column = (index: number, b: number): number[] =>
    [...streams.chunk(index).ids].filter((_, i) => i % 2 === b);

  test("run side by side, each chunk one character into the next", () => {
    expect(streams.chunks).toBe(3);
    expect([0, 1, 2].map((i) => column(i, 0))).toEqual([
      [0, 1, 2, 3],
      [3, 4, 5, 6],
      [6, 7, 8, 9],
    ]);
    expect([0, 1, 2].map((i) => column(i, 1))).toEqual([
      [10, 11, 12, 13],
      [13, 14, 15, 16],
      [16, 17, 18, 19],
    ]);
  });

  test("begin again, and say so", () => {
    expect([0, 1, 2, 3, 4].map((i) => streams.chunk(i).fresh)).toEqual([true, false, false, true, false]);
    expect(column(4, 1)).toEqual(column(1, 1));
  });

  test("stay within the text, whatever its length", () => {
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 0, max: 40 }),
    );
    fc.assert(
      fc.property(sizes, ([batch, length, more]) => {
        const n = batch * length + 1 + more;
        const s = new Streams(new Int32Array(n).fill(7), batch, length);
        expect(s.chunks).toBeGreaterThan(0);
        for (let i = 0; i < s.chunks; i++) expect(s.chunk(i).ids.every((id) => id === 7)).toBe(true);
      }),
    );
  });
});
