import type { LoadOptions, LoadProgress } from "../../api/engine.ts";
import { abortable, notSupported } from "./errors.ts";
import type { Availability, CreateOptions, PromptEngine } from "./types.ts";

/** One engine for all sessions, loaded when the first of them is created. */
export interface EngineSource {
  readonly availability: () => Availability;
  readonly engine: (options: Pick<CreateOptions, "monitor" | "signal">) => Promise<PromptEngine>;
}

type State =
  | { readonly kind: "none" }
  | {
      readonly kind: "loading";
      readonly engine: Promise<PromptEngine>;
      readonly stop: AbortController;
    }
  | { readonly kind: "ready"; readonly engine: Promise<PromptEngine> }
  | { readonly kind: "unavailable" };

/** Codes of errors that no other try will change. */
const FOR_GOOD: ReadonlySet<unknown> = new Set(["no_webgpu", "no_adapter", "adapter_too_small"]);

export function createEngineSource(
  load: (options: Pick<LoadOptions, "onProgress" | "signal">) => Promise<PromptEngine>,
): EngineSource {
  let state: State = { kind: "none" };
  const monitors = new Set<EventTarget>();
  /** Sessions that wait for the model; when the last one gives up, the load ends. */
  let waiting = 0;

  const onProgress = ({ stage, done, total }: LoadProgress): void => {
    if (stage !== "weights" || total === 0) return;
    for (const monitor of monitors) tell(monitor, done / total);
  };
  const start = (): Promise<PromptEngine> => {
    const stop = new AbortController();
    const engine = load({ onProgress, signal: stop.signal });
    state = { kind: "loading", engine, stop };
    // One that was given up, and another begun since, has no say any more.
    const isCurrent = (): boolean => state.kind === "loading" && state.engine === engine;
    engine.then(
      (loaded) => {
        if (isCurrent()) state = { kind: "ready", engine };
        else loaded.close();
      },
      (error: unknown) => {
        if (!isCurrent()) return;
        const code = error instanceof Error && "code" in error ? error.code : null;
        state = FOR_GOOD.has(code) ? { kind: "unavailable" } : { kind: "none" };
      },
    );
    return engine;
  };
  const engineOf = async (signal: AbortSignal | undefined): Promise<PromptEngine> => {
    if (state.kind === "unavailable") throw notSupported("No model runs on this device.");
    const engine = state.kind === "none" ? start() : state.engine;
    waiting += 1;
    try {
      return await (signal ? abortable(engine, signal) : engine);
    } finally {
      waiting -= 1;
      if (waiting === 0 && signal?.aborted && state.kind === "loading") {
        state.stop.abort(signal.reason);
        state = { kind: "none" };
      }
    }
  };

  return {
    availability: () => {
      switch (state.kind) {
        case "none":
          return "downloadable";
        case "loading":
          return "downloading";
        case "ready":
          return "available";
        case "unavailable":
          return "unavailable";
      }
    },
    engine: async ({ monitor, signal }) => {
      const target = new EventTarget();
      monitor?.(target);
      monitors.add(target);
      try {
        tell(target, 0);
        const engine = await engineOf(signal);
        tell(target, 1);
        return engine;
      } finally {
        monitors.delete(target);
      }
    },
  };
}

/** What browsers tell by a ProgressEvent, which Node does not have. */
function tell(monitor: EventTarget, loaded: number): void {
  const progress = { loaded, total: 1, lengthComputable: true };
  monitor.dispatchEvent(Object.assign(new Event("downloadprogress"), progress));
}
