import type { LoadMessage } from "./client.ts";
import { Params } from "./params.ts";

/** What the engine is told of a load's options; throws for one that is wrong or not known. */
export function checkLoad(options: unknown): Omit<LoadMessage, "bundle"> {
  const params = new Params(options, null);
  const keep = params.flag("cache");
  const variant = params.text("variant");
  const context = params.integer("context", 1, Number.MAX_SAFE_INTEGER);
  const kvCache = params.oneOf("kvCache", ["full", "q8"]);
  params.flag("shared");
  // Objects of the page's own, which fail by themselves where they are none.
  params.passOver(["onProgress", "signal", "worker"]);
  params.end();
  return {
    ...(keep !== undefined && { keep }),
    ...(variant !== undefined && { variant }),
    ...(context !== undefined && { context }),
    ...(kvCache !== undefined && { kvCache }),
  };
}
