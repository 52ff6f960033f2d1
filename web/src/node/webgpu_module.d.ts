// The package's own types bring @webgpu/types, which clash with TypeScript 7's DOM library.
export declare function create(options: readonly string[]): GPU;
export declare const globals: Readonly<Record<string, unknown>>;
