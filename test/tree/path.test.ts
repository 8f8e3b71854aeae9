import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as tree from "../../src/tree/index.ts";
import { anyTree, Point } from "./arbitrary.ts";

const t = [new Point({ cin: [1, 2, 3] }, 4)];

function follow(root: unknown, path: tree.Path): unknown {
  const step = (value: unknown, key: tree.PathKey) =>
    (value as Record<string, unknown>)[
      key.kind === "index" ? key.index : key.kind === "key" ? key.key : key.name
    ];
  return path.reduce(step, root);
}

describe("keystr", () => {
  it.each([
    [{}, "[0].x['cin'][2]"],
    [{ simple: true, separator: "/" }, "0/x/cin/2"],
    [{ simple: true }, "0xcin2"],
    [{ separator: " " }, "[0] .x ['cin'] [2]"],
  ])("%j", (options, expected) => {
    const [path] = tree.leavesWithPath(t)[2]!;
    expect(tree.keystr(path, options)).toBe(expected);
  });

  it("prints the root as nothing and quotes awkward keys", () => {
    expect(tree.keystr([])).toBe("");
    expect(tree.describePath([])).toBe("the root");
    expect(tree.keystr([{ kind: "key", key: 'it\'s "b"\n\\' }])).toBe("['it\\'s \"b\"\\n\\\\']");
  });
});

describe("paths", () => {
  it("lead to their leaves", () => {
    fc.assert(
      fc.property(anyTree, (any) => {
        const found = tree.leavesWithPath(any);
        expect(found.map(([, leaf]) => leaf)).toEqual(tree.leaves(any));
        for (const [path, leaf] of found) expect(follow(any, path)).toBe(leaf);
      }),
    );
  });

  it("are given to mapWithPath, with further trees", () => {
    expect(tree.mapWithPath((path, x) => `${tree.keystr(path)}=${x}`, { a: [1] })).toEqual({
      a: ["['a'][0]=1"],
    });
    expect(tree.mapWithPath((path, x, y) => path.length + x * y, { a: [3] }, { a: [5] })).toEqual({
      a: [17],
    });
    expect(() => tree.mapWithPath(() => 0, [1] as unknown, 2)).toThrow("tree.mapWithPath, tree 2");
  });

  it("stop at isLeaf", () => {
    const found = tree.leavesWithPath({ a: [1, 2], b: null }, (x) => x === null || Array.isArray(x));
    expect(found.map(([path, leaf]) => [tree.keystr(path), leaf])).toEqual([
      ["['a']", [1, 2]],
      ["['b']", null],
    ]);
  });
});
