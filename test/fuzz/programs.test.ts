/** Random programs: weft's ways to run them against each other. */
import { test } from "vitest";
import { expectAgreement } from "./agreement.ts";

test("weft agrees with itself", () => expectAgreement({ programs: 1200 }));
test("weft agrees with itself in float64", () => expectAgreement({ programs: 300, x64: true }));
