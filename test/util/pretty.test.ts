import { describe, expect, it } from "vitest";
import { brk, concat, type Doc, group, join, nest, render, text } from "../../src/util/pretty.ts";

describe("render", () => {
  const ab = group(concat([text("a"), brk(), text("b")]));

  it.each<[string, Doc, number, string]>([
    ["a group that fits exactly is flat", ab, 3, "a b"],
    ["one column less breaks it", ab, 2, "a\nb"],
    ["break text is printed only when flat", group(concat([text("a"), brk("; "), text("b")])), 80, "a; b"],
    ["and not on new lines", group(concat([text("a"), brk("; "), text("b")])), 2, "a\nb"],
    ["breaks outside every group are new lines", concat([text("a"), brk(), text("b")]), 80, "a\nb"],
    ["text after the group is ignored", concat([ab, text(" and much more")]), 3, "a b and much more"],
    ["text before it counts", concat([text("x"), ab]), 3, "xa\nb"],
    ["nest indents new lines", group(nest(2, concat([text("{"), brk(), text("long")]))), 4, "{\n  long"],
    ["nested groups decide for themselves", group(concat([ab, brk(), text("0123")])), 5, "a b\n0123"],
    [
      "indentation adds up",
      nest(2, concat([text("a"), brk(), nest(2, concat([text("b"), brk(), text("c")])), brk(), text("d")])),
      80,
      "a\n  b\n    c\n  d",
    ],
    ["the empty document", concat([]), 80, ""],
  ])("%s", (_, doc, width, expected) => {
    expect(render(doc, width)).toBe(expected);
  });

  it("fills lines when each break is its own group, wrapping once the column is at 80", () => {
    const binders = Array.from({ length: 20 }, (_, i) => text(`${String.fromCharCode(97 + i)}:f32[]`));
    const lines = render(concat([text("{ lambda ; "), nest(2, join(group(brk()), binders))])).split("\n");
    expect(lines.map((line) => line.length)).toEqual([82, 81, 9]);
    expect(lines[1]).toMatch(/^ {2}j:f32\[\] k/);
  });

  it("is not limited by the depth of the document", () => {
    let doc = text("x");
    for (let i = 0; i < 50_000; i++) doc = group(nest(0, doc));
    expect(render(doc)).toBe("x");
  });
});
