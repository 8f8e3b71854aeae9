type Env = Readonly<Record<string, string | undefined>>;
export declare const VERSIONS: Readonly<Record<string, string>>;
export declare function findTool(name: string, env?: Env): string | undefined;
export declare function toolchainsLeftOut(env?: Env): readonly string[];
export declare function ensureToolchains(env?: Env): Promise<void>;
