/** A static web server: the built library where a page would find it, the training program, and a page. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** What a page may load, and where it is. */
const FOLDERS: Readonly<Record<string, string>> = {
  "/node_modules/weftjs/dist/": "dist",
  "/test/": "test/browser",
};
const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".mjs": "text/javascript" };
export type Headers = Readonly<Record<string, string>>;

/** With these a page may share memory with workers. */
export const ISOLATED: Headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export interface Site {
  /** Ends with a slash. */
  readonly url: string;
  close(): Promise<void>;
}

function fileOf(path: string): string | undefined {
  const prefix = Object.keys(FOLDERS).find((p) => path.startsWith(p));
  return prefix && join(ROOT, FOLDERS[prefix]!, path.slice(prefix.length));
}

/** Serves these texts by path (the page is "/") and the folders, on a free port of this machine only. */
export async function serve(texts: Readonly<Record<string, string>>, headers: Headers): Promise<Site> {
  const server = createServer(async ({ url }, response) => {
    const { pathname } = new URL(url!, "http://localhost");
    if (pathname === "/favicon.ico") return void response.writeHead(204).end();
    const file = fileOf(pathname);
    const body = texts[pathname] ?? (file && (await readFile(file).catch(() => undefined)));
    const type = TYPES[extname(pathname)] ?? "text/html; charset=utf-8";
    response.writeHead(body === undefined ? 404 : 200, {
      "Content-Type": type,
      ...headers,
    });
    response.end(body);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}/`, close };
}
