export type BrowserName = "Chromium" | "Firefox";
export declare const BROWSERS: readonly BrowserName[];
export declare function leftOut(browser: BrowserName): string;
export declare function browsersLeftOut(): string[];
export declare function findBrowser(
  browser: BrowserName,
  env?: Readonly<Record<string, string | undefined>>,
): string | undefined;
