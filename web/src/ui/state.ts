import type { Failure, LoadStage, ModelSummary } from "../runtime/messages.ts";

/** Where the page is; everything a person sees besides the conversation follows from it. */
export type State =
  /** The model is large and not here yet: a person says when it is fetched. */
  | { readonly kind: "offered"; readonly bytes: number }
  | {
      readonly kind: "loading";
      readonly stage: LoadStage;
      readonly done: number;
      readonly total: number;
      /** Milliseconds since this stage began. */
      readonly elapsed: number;
    }
  | { readonly kind: "ready"; readonly model: ModelSummary }
  /** The model reads the question: `done` of `total` tokens. */
  | {
      readonly kind: "reading";
      readonly model: ModelSummary;
      readonly id: number;
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: "answering"; readonly model: ModelSummary; readonly id: number }
  | { readonly kind: "stopping"; readonly model: ModelSummary; readonly id: number }
  /** Nothing works until the model is loaded again. */
  | { readonly kind: "failed"; readonly failure: Failure };

/** How far the model is. */
export type ModelStage = "waiting" | "loading" | "loaded" | "failed";

export function stageOf(state: State): ModelStage {
  switch (state.kind) {
    case "offered":
      return "waiting";
    case "loading":
    case "failed":
      return state.kind;
    case "ready":
    case "reading":
    case "answering":
    case "stopping":
      return "loaded";
  }
}

/** The number of the request that is under way, if one is. */
export function requestUnderWay(state: State): number | undefined {
  switch (state.kind) {
    case "reading":
    case "answering":
    case "stopping":
      return state.id;
    case "offered":
    case "loading":
    case "ready":
    case "failed":
      return undefined;
  }
}
