import { expect, test } from "vitest";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { residualsOf } from "../../src/compiler/report.ts";

const program = (body: string): string =>
  `program(x: f32[8], n: i32[1]) -> (y: f32[8]) { temp a: f32[8] temp b: f32[8] ${body} }`;

const forward = "for t < 8 { a[t] = f32.neg(x[t]) }";
const backward = "for t < 8 { b[-1*t + 7] = f32.neg(a[-1*t + 7]) }";

test.each<[what: string, body: string, names: string[]]>([
  ["a loop that runs back reads it", `${forward} ${backward}`, ["a"]],
  [
    "it is read when that loop is done",
    `${forward} for t < 8 { b[-1*t + 7] = x[-1*t + 7] } y[0] = a[3]`,
    ["a"],
  ],
  ["a loop of the same direction reads it", `${forward} for t < 8 { y[t] = a[t] }`, []],
  ["what is only read in reverse", "for t < 8 { a[t] = x[-1*t + 7] } for t < 8 { y[t] = a[t] }", []],
  ["it is read before that loop", `${forward} y[0] = a[3] for t < 8 { b[-1*t + 7] = x[-1*t + 7] }`, []],
  ["what the loop that runs back stores", `${backward} for t < 8 { y[t] = b[t] }`, []],
  ["it is no part per iteration", "for t < 8 { a[0] = x[t] } for t < 8 { y[-1*t + 7] = a[0] }", []],
  ["it is a result", "for t < 8 { y[t] = x[t] } for t < 8 { b[-1*t + 7] = y[-1*t + 7] }", []],
  [
    "loops are inside of others",
    "for l < 2 { for t < 4 { a[4*l + t] = x[t] } } for l < 2 { for t < 4 { y[-4*l - t + 7] = a[-4*l - t + 7] } }",
    ["a"],
  ],
])("residuals: %s", (_, body, names) => {
  expect(residualsOf(parseProgram(program(body))).map((b) => b.name)).toEqual(names);
});
