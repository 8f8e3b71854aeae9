// npm run fuzz: random programs, run in every way there is and compared. Options: npm run fuzz -- --help
import { join } from "node:path";
import { ensureBuilt, root, run } from "./ensure.mjs";

ensureBuilt();
run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.fuzz.json"]);
run(process.execPath, [join(root, "build", "fuzz", "main.js"), ...process.argv.slice(2)]);
