// npm run bench: measurements against JAX, PyTorch, jax-js and TensorFlow.js. Options: npm run bench -- --help
import { join } from "node:path";
import { ensureBuilt, root, run } from "./ensure.mjs";

ensureBuilt();
run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.bench.json"]);
const [first, ...rest] = process.argv.slice(2);
const [program, args] = first === "matmul" ? ["matmul.js", rest] : ["main.js", process.argv.slice(2)];
run(process.execPath, [join(root, "build", "bench", program), ...args]);
