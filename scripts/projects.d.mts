export interface Project {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** On all processors; otherwise one is left to what the tests start. */
  readonly busy: boolean;
  /** What it takes and is not here: asked when everything is installed. */
  readonly lacks?: () => string | undefined;
}

export const PROJECTS: readonly Project[];
