// Where the browser of the browser tests is.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const MAC = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** What a run without a browser says. */
export const LEFT_OUT = "left out: browser tests (no Chromium found; WEFT_CHROMIUM may name one)";

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of Chromium or Chrome: WEFT_CHROMIUM if it is set, else the first one found; undefined when there is none. */
export function findChromium(env = process.env) {
  if (env.WEFT_CHROMIUM) return isExecutable(env.WEFT_CHROMIUM) ? env.WEFT_CHROMIUM : undefined;
  const folders = ["/usr/bin", ...(env.PATH ?? "").split(delimiter).filter(Boolean)];
  return [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...MAC].find(isExecutable);
}
