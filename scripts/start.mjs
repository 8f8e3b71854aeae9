// npm start: trains a character model on Moby-Dick. Options: npm start -- --help
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, root } from "./ensure.mjs";

ensureBuilt();
const { main } = await import(pathToFileURL(join(root, "build", "moby-dick", "main.js")).href);
process.exitCode = await main(process.argv.slice(2));
