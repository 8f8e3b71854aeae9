// Where the browsers of the browser tests are.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The variable that names a browser, else the names that it has in a folder for programs, and where a Mac has it. */
const KNOWN = {
  Chromium: {
    variable: "WEFT_CHROMIUM",
    names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
    apps: ["Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome"],
  },
  Firefox: {
    variable: "WEFT_FIREFOX",
    names: ["firefox-esr", "firefox"],
    apps: ["Firefox.app/Contents/MacOS/firefox"],
  },
};

export const BROWSERS = Object.keys(KNOWN);

/** What a run without this browser says. */
export const leftOut = (browser) =>
  `left out: tests in ${browser} (not found; ${KNOWN[browser].variable} may name one)`;

export const browsersLeftOut = () => BROWSERS.filter((name) => findBrowser(name) === undefined).map(leftOut);

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a browser: what its variable says if it is set, else the first one found; undefined when there is none. */
export function findBrowser(browser, env = process.env) {
  const { variable, names, apps } = KNOWN[browser];
  if (env[variable]) return isExecutable(env[variable]) ? env[variable] : undefined;
  const folders = ["/usr/bin", ...(env.PATH ?? "").split(delimiter).filter(Boolean)];
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...paths, ...apps.map((app) => join("/Applications", app))].find(isExecutable);
}
