/** The file of the engine's worker, whose name holds a hash of its content; build.mjs puts it in. */
declare const ENGINE_WORKER: string;

/** Where the engine's script is: beside the one that asks, wherever the site lies and whichever page runs it. */
export const ENGINE_SCRIPT = new URL(ENGINE_WORKER, import.meta.url);
