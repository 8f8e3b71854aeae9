import { test } from "vitest";
import { expectMeaningKept } from "/work/main/test/compiler/passes/check.ts";
import { fuse } from "/work/main/src/compiler/passes/fuse.ts";
import { collapse } from "/work/main/src/compiler/passes/collapse.ts";
import { licm } from "/work/main/src/compiler/passes/licm.ts";
import { uniform } from "/work/main/src/compiler/passes/uniform.ts";
import { tidy } from "/work/main/src/compiler/passes/tidy.ts";
const n = Number(process.env.N ?? 500);
test("fuse", () => expectMeaningKept(fuse, { numRuns: n }), 1e6);
test("collapse", () => expectMeaningKept(collapse, { numRuns: n }), 1e6);
test("licm", () => expectMeaningKept(licm, { numRuns: n }), 1e6);
test("uniform", () => expectMeaningKept(uniform, { numRuns: n }), 1e6);
test("tidy", () => expectMeaningKept(tidy, { numRuns: n, tolerance: 1e-30 }), 1e6);
import fc from "fast-check";
import { programs } from "../../support/random-ir.ts";
import { target } from "./check.ts";
import { effects, forEachStmt } from "../../../src/compiler/ir/visit.ts";
test("stats", () => {
  const ps = fc.sample(programs({ exact: true, stages: 8 }), 1000);
  for (const [name, p] of Object.entries({ fuse, collapse, licm, uniform, tidy })) {
    let changed = 0, count=0;
    for (const x of ps) { const y = p(x, target); if (y !== x) changed++; const c=(q:any)=>{let k=0; forEachStmt(q.body,(s)=>{k+= s.kind==="for"||s.kind==="contract"?1:0}); return k}; if (c(y)!==c(x)) count++; }
    console.log(name, changed, count);
  }
});
