/** An app of Next that runs the program in a component of the server, in a route and in a component of the page. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findTool } from "../../scripts/toolchains.mjs";
import { MODULE, run, type User } from "../support/packed.ts";

const APP = {
  "package.json": `{ "private": true, "type": "module" }`,
  // The packages are links to folders outside of the app's.
  "next.config.mjs": `export default { turbopack: { root: "/" } };`,
  "program.mjs": MODULE,
  "app/layout.jsx": `
    const icon = <link rel="icon" href="data:," />;
    export default ({ children }) => <html lang="en"><head>{icon}</head><body>{children}</body></html>;`,
  "app/page.jsx": `
    import "../program.mjs";
    import Client from "./client.jsx";
    export const dynamic = "force-dynamic";
    export default () => <main>{globalThis.result.join(" ")}<Client /></main>;`,
  "app/client.jsx": `
    "use client";
    import "../program.mjs";
    export default () => null;`,
  "app/route/route.js": `
    import "../../program.mjs";
    export const dynamic = "force-dynamic";
    export const GET = () => Response.json(globalThis.result);`,
};

const NEXT = "next/dist/bin/next";
const PACKAGES = ["next", "react", "react-dom"];
const ENV = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };

/** Builds it; returns its folder. */
export async function buildApp(user: User): Promise<string> {
  for (const name of PACKAGES) user.link(name, findTool(name)!);
  for (const [path, text] of Object.entries(APP)) user.write(`next/${path}`, text);
  const root = join(user.root, "next");
  await run(process.execPath, [join(user.root, "node_modules", NEXT), "build"], root, {
    ...user.env,
    ...ENV,
  });
  return root;
}

interface App {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts what was built, on a free port of this machine only. */
export async function startApp(user: User, root: string): Promise<App> {
  const args = [join(user.root, "node_modules", NEXT), "start", "-p", "0", "-H", "127.0.0.1"];
  const server = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...user.env, ...ENV },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((done) => server.once("exit", () => done()));
  const stop = (): Promise<void> => {
    server.kill();
    return ended;
  };
  const url = ended.then((): string => {
    throw new Error("next start ended");
  });
  return { url: await Promise.race([firstUrl(server.stdout), url]), stop };
}

async function firstUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const url = /http:\/\/[\d.:]+/.exec(line)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error("no URL was printed");
}
