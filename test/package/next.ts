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

const PACKAGES = ["next", "react", "react-dom"];
const ENV = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };

const command = (user: User, name: string, ...args: string[]): string[] => [
  join(user.root, "node_modules/next/dist/bin/next"),
  name,
  join(user.root, "next"),
  ...args,
];

export async function buildApp(user: User): Promise<void> {
  for (const name of PACKAGES) user.link(name, findTool(name)!);
  for (const [path, text] of Object.entries(APP)) user.write(`next/${path}`, text);
  await run(process.execPath, command(user, "build"), user.server, { ...user.env, ...ENV });
}

interface App {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts what was built, on a free port of this machine only. */
export async function startApp(user: User): Promise<App> {
  const server = spawn(process.execPath, command(user, "start", "-p", "0", "-H", "127.0.0.1"), {
    cwd: user.server,
    env: { ...process.env, ...user.env, ...ENV },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((done) => server.once("exit", () => done()));
  const stop = (): Promise<void> => {
    server.kill();
    return ended;
  };
  return { url: await firstUrl(server.stdout), stop };
}

/** The output ends with the process. */
async function firstUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const url = /http:\/\/[\d.:]+/.exec(line)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error("no URL was printed");
}
