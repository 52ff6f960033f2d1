/** The chat page: starts the engine, moves from state to state, and keeps every part of the page in step. */

import type { EndReason, FromEngine, LoadStage, Usage } from "../runtime/messages.ts";
import { Composer } from "./composer.ts";
import { Engine } from "./engine.ts";
import { Follower } from "./follow.ts";
import { type ModelChoice, readPageData } from "./page_data.ts";
import { element, part } from "./parts.ts";
import { requestUnderWay, type State } from "./state.ts";
import { StatusView } from "./status_view.ts";
import { Transcript } from "./transcript.ts";
import { explain } from "./wording.ts";

const page = readPageData();
const transcript = new Transcript();
const follower = new Follower();
const composer = new Composer(ask);
const status = new StatusView({ tryAgain: load, newChat });
const modelSelect = part("models", HTMLSelectElement);
const stopButton = part("stop", HTMLButtonElement);

let state: State = { kind: "loading", stage: "manifest", done: 0, total: 0, elapsed: 0 };
let stageStart = performance.now();
let engine: Engine | undefined;
let requests = 0;

function enter(next: State): void {
  state = next;
  status.show(state);
  composer.mayAsk = state.kind === "ready";
  stopButton.disabled = state.kind === "stopping";
  part("welcome", HTMLElement).hidden = !transcript.isEmpty;
}

function load(): void {
  engine?.close();
  status.clearFailure();
  enterLoading("manifest", 0, 0);
  engine = new Engine(receive);
  engine.load(chosenModel().bundle);
}

function enterLoading(stage: LoadStage, done: number, total: number): void {
  const now = performance.now();
  if (state.kind !== "loading" || state.stage !== stage) stageStart = now;
  enter({ kind: "loading", stage, done, total, elapsed: now - stageStart });
}

function chosenModel(): ModelChoice {
  return page.models.find(({ name }) => name === modelSelect.value) ?? page.models[0];
}

function ask(question: string): void {
  if (engine === undefined || state.kind !== "ready") return;
  status.clearFailure();
  transcript.ask(question);
  requests += 1;
  enter({ kind: "reading", model: state.model, id: requests, done: 0, total: 0 });
  transcript.waitingFor("Reading…");
  engine.generate({
    id: requests,
    messages: transcript.messages(),
    sampling: {
      ...chosenModel().sampling,
      seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    },
    ...(state.model.thinks ? { thinking: composer.thinking } : {}),
  });
  composer.focus();
  follower.goToEnd();
}

function stop(): void {
  if (state.kind !== "reading" && state.kind !== "answering") return;
  engine?.stop(state.id);
  enter({ kind: "stopping", model: state.model, id: state.id });
  composer.focus();
}

function newChat(): void {
  const id = requestUnderWay(state);
  if (id !== undefined) engine?.stop(id);
  transcript.clear();
  if (state.kind !== "failed") status.clearFailure();
  // What the stopped request still sends carries a number that is no longer under way.
  enter("model" in state ? { kind: "ready", model: state.model } : state);
  follower.goToStart();
  composer.focus();
}

function receive(message: FromEngine): void {
  switch (message.kind) {
    case "loading":
      enterLoading(message.stage, message.done, message.total);
      break;
    case "ready":
      composer.canThink = message.model.thinks;
      enter({ kind: "ready", model: message.model });
      composer.focus();
      break;
    case "prefilling":
      if (state.kind === "reading" && state.id === message.id) {
        enter({ ...state, done: message.done, total: message.total });
        transcript.waitingFor(`Reading ${message.done} of ${message.total} tokens…`);
      }
      break;
    case "delta":
      if (requestUnderWay(state) !== message.id) break;
      if (state.kind === "reading") enter({ kind: "answering", model: state.model, id: state.id });
      transcript.append(message.channel, message.text);
      break;
    case "done":
      if (requestUnderWay(state) === message.id) finish(message.reason, message.usage);
      break;
    case "failed":
      fail(message);
      break;
  }
}

function finish(reason: EndReason, usage: Usage): void {
  if (!("model" in state)) return;
  if (reason === "cancelled" && !transcript.hasText) {
    composer.restore(transcript.withdraw());
  } else {
    transcript.finish(usage, endingNote(reason, usage));
  }
  enter({ kind: "ready", model: state.model });
}

function endingNote(reason: EndReason, { promptTokens, completionTokens }: Usage): string {
  switch (reason) {
    case "stop":
      return "";
    case "cancelled":
      return "Stopped.";
    case "length":
      return `This chat is full: it holds ${promptTokens + completionTokens} tokens. Start a new chat to go on.`;
    case "memory":
      return `The graphics card has no memory for more than these ${promptTokens + completionTokens} tokens. Close other pages, or start a new chat to go on.`;
  }
}

function fail({ id, failure }: Extract<FromEngine, { kind: "failed" }>): void {
  const underWay = requestUnderWay(state);
  if (id !== null && id !== underWay) return;
  if (underWay !== undefined) composer.restore(transcript.withdraw());
  if (explain(failure).fatal || !("model" in state)) {
    engine?.close();
    engine = undefined;
    enter({ kind: "failed", failure });
  } else {
    enter({ kind: "ready", model: state.model });
    status.showFailure(failure);
  }
}

/** Offers every model of the site, and the chosen one's prompts. */
function offerModels(): void {
  modelSelect.hidden = page.models.length < 2;
  modelSelect.append(...page.models.map(({ name }) => new Option(name, name)));
  modelSelect.addEventListener("change", () => {
    newChat();
    offerPrompts();
    load();
  });
  offerPrompts();
}

function offerPrompts(): void {
  const buttons = chosenModel().prompts.map((prompt) => {
    const button = element("button", "prompt", prompt);
    button.type = "button";
    button.addEventListener("click", () => {
      // While the model is still loading, the prompt waits in the message box.
      if (state.kind === "ready") ask(prompt);
      else composer.write(prompt);
    });
    return button;
  });
  part("prompts", HTMLElement).replaceChildren(...buttons);
}

offerModels();
stopButton.addEventListener("click", stop);
part("new-chat", HTMLButtonElement).addEventListener("click", newChat);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stop();
});
load();
