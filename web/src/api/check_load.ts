import type { LoadMessage } from "./client.ts";
import { Params } from "./params.ts";

/** What the engine is told of a load's options; throws for one that is wrong or not known. */
export function checkLoad(options: unknown): Omit<LoadMessage, "bundle"> {
  const params = new Params(options, null);
  const keep = params.flag("cache");
  const variant = params.text("variant");
  // How many the model takes is known once it is there.
  const most = Number.POSITIVE_INFINITY;
  const context = params.number("context", -most, most, "a number of tokens");
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
