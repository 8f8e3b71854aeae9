export declare const LEFT_OUT: string;
export declare function findJax(env?: Readonly<Record<string, string | undefined>>): string | undefined;
export declare function ensureJax(env?: Readonly<Record<string, string | undefined>>): void;
