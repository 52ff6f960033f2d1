/** The chat page: starts the engine, moves from state to state, and keeps every part of the page in step. */

import { bundleAddress } from "../runtime/bundle_address.ts";
import type { FromEngine, LoadStage } from "../runtime/messages.ts";
import { Composer, type Readiness } from "./composer.ts";
import { titleOf } from "./conversation/conversation.ts";
import { Library } from "./conversation/library.ts";
import { Dialogue } from "./dialogue.ts";
import { Engine } from "./engine.ts";
import { watchEscape } from "./escape.ts";
import { Follower } from "./follow.ts";
import { ModelsDialog } from "./models/models_dialog.ts";
import { noteSpeed } from "./models/speed.ts";
import { notify } from "./notice.ts";
import { type ModelChoice, readPageData } from "./page_data.ts";
import { part } from "./parts.ts";
import { offerPrompts } from "./prompts.ts";
import { recall, remember } from "./remembered.ts";
import { SettingsDialog } from "./settings_dialog.ts";
import { ConversationList } from "./side/conversation_list.ts";
import { Deletions } from "./side/deletions.ts";
import { watchFileButtons } from "./side/files.ts";
import { watchLanguages } from "./side/languages.ts";
import { Side } from "./side/side.ts";
import { requestUnderWay, type State, stageOf } from "./state.ts";
import { StatusView } from "./status_view.ts";
import { stayStored } from "./stay_stored.ts";
import { text } from "./texts.ts";
import { explain } from "./wording.ts";

/** A model up to this size is fetched unasked; for a larger one a person says when. */
const UNASKED_BYTES = 50e6;

const page = readPageData();
const library = await Library.open();
const follower = new Follower();
const side = new Side();
const status = new StatusView({ load, newChat, goTo: (card) => follower.goTo(card) });
const composer = new Composer({
  ask,
  wait: tellOfWait,
  think: (thinking) => dialogue.changeSettings({ ...dialogue.conversation.settings, thinking }),
});
const list = new ConversationList(library, { rename, remove });
const stopButton = part("stop", HTMLButtonElement);
const siteName = document.title;

const READINESS: Partial<Record<State["kind"], Readiness>> = {
  ready: "now",
  loading: "soon",
  offered: "soon",
};
const REFUSALS = { not_ready: "asks_not_yet", other_tab: "asks_in_other_tab" } as const;

let chosen = page.models.find(({ name }) => name === recall("model")) ?? page.models[0];
let state: State = { kind: "loading", stage: "manifest", done: 0, total: 0, elapsed: 0 };
let stageStart = performance.now();
let engine: Engine | null = null;
let toldOfTrouble = false;

const dialogue = new Dialogue(library, {
  model: () => chosen,
  thinks: () => "model" in state && state.model.thinks,
  begin: (id) => {
    if (state.kind !== "ready") return;
    status.clearFailure();
    enter({ kind: "reading", model: state.model, id, done: 0, total: 0 });
    dialogue.waitingFor(text("reading"));
    composer.focus();
    follower.goToEnd();
  },
  send: (request) => {
    // It may have been stopped before it was sent.
    if (state.kind === "reading") currentEngine().generate(request);
    else dialogue.leave();
  },
  stop: (id) => {
    // What the stopped request still sends carries a number that is no longer under way.
    engine?.stop(id);
    if ("model" in state) enter({ kind: "ready", model: state.model });
  },
  giveBack: (asked) => composer.restore(asked),
  refuse: (why) => notify(text(REFUSALS[why])),
  changed: showDialogue,
});

const deletions = new Deletions(library, (open) => {
  if (open !== null && dialogue.isEmpty) location.hash = open;
  else list.show(dialogue.conversation.id);
});

function enter(next: State): void {
  state = next;
  const stopFocused = document.activeElement === stopButton;
  status.show(state, chosen.label);
  dialogue.ready = state.kind === "ready";
  composer.readiness = READINESS[state.kind] ?? "no";
  stopButton.disabled = state.kind === "stopping";
  if (stopFocused && requestUnderWay(state) === undefined) composer.focus();
}

/** Brings what stands around the conversation in step with it. */
function showDialogue(): void {
  const { conversation, isEmpty } = dialogue;
  part("welcome", HTMLElement).hidden = !isEmpty;
  const { thinking, system, numbers } = conversation.settings;
  composer.thinking = thinking;
  const changed = system !== "" || Object.keys(numbers).length > 0;
  part("open-settings", HTMLElement).toggleAttribute("data-changed", changed);
  document.title = isEmpty ? siteName : `${titleOf(conversation)} · ${siteName}`;
  const hash = isEmpty ? "" : `#${conversation.id}`;
  if (location.hash !== hash) {
    history.replaceState(null, "", hash || location.pathname + location.search);
  }
  list.show(conversation.id);
  if (library.trouble === null || toldOfTrouble) return;
  toldOfTrouble = true;
  notify(text("not_kept", { problem: library.trouble }));
}

function currentEngine(): Engine {
  engine ??= new Engine(receive);
  return engine;
}

function load(): void {
  engine?.close();
  engine = null;
  status.clearFailure();
  enterLoading("manifest", 0, 0);
  currentEngine().load(bundleAddress(chosen.bundle));
}

/** Loads the chosen model, unless that would fetch much without having been asked. */
async function start(): Promise<void> {
  if (chosen.bytes > UNASKED_BYTES) {
    const stored = await currentEngine()
      .stored()
      .catch(() => null);
    if (!stored?.bundles.some(({ address }) => address === bundleAddress(chosen.bundle))) {
      enter({ kind: "offered", bytes: chosen.bytes });
      return;
    }
  }
  load();
}

function enterLoading(stage: LoadStage, done: number, total: number): void {
  const now = performance.now();
  if (state.kind !== "loading" || state.stage !== stage) stageStart = now;
  enter({ kind: "loading", stage, done, total, elapsed: now - stageStart });
}

function use(model: ModelChoice): void {
  dialogue.leave();
  remember("model", model.name);
  choose(model);
  load();
}

function choose(model: ModelChoice): void {
  chosen = model;
  part("model-name", HTMLElement).textContent = model.label;
  offerPrompts(model.prompts, (prompt) => {
    // It takes the place of what is being written only where it cannot be asked at once.
    if (state.kind === "ready") return ask(prompt);
    composer.write(prompt);
    composer.submit();
  });
}

function ask(question: string): void {
  if (!dialogue.ask(question)) composer.restore(question);
}

/** A question was sent before the model is there. */
function tellOfWait(): void {
  if (state.kind !== "offered") notify(text("asks_when_ready"));
  else notify(text("asks_when_fetched"), { label: text("fetch_model"), act: load });
}

function stop(): void {
  if (state.kind !== "reading" && state.kind !== "answering") return;
  engine?.stop(state.id);
  enter({ kind: "stopping", model: state.model, id: state.id });
  composer.focus();
}

/** Begins a new chat; the one that was open is one step back. */
function newChat(): void {
  if (!dialogue.isEmpty) history.pushState(null, "", location.pathname + location.search);
  startNew();
}

function startNew(): void {
  list.clearSearch();
  dialogue.startNew();
  if (state.kind !== "failed") status.clearFailure();
  arrive();
  follower.goToStart();
}

/** Opens the conversation that the address names. */
function openFromAddress(): void {
  const found = library.get(location.hash.slice(1));
  if (found === undefined) {
    if (dialogue.isEmpty) showDialogue();
    else startNew();
    return;
  }
  dialogue.open(found);
  arrive();
  follower.goToEnd();
}

/** Another conversation is on screen: whoever came from the list goes on in it. */
function arrive(): void {
  side.closeIfOver();
  composer.focus();
}

function rename(id: string, title: string): void {
  const found = library.get(id);
  if (id === dialogue.conversation.id) dialogue.rename(title);
  else if (found) void library.keep({ ...found, title }, (chat) => ({ ...chat, title }));
}

function remove(id: string): void {
  const open = id === dialogue.conversation.id;
  if (open) dialogue.startNew();
  const found = library.get(id);
  if (found === undefined) return;
  deletions.delete(found, open);
  list.show(dialogue.conversation.id);
}

function receive(message: FromEngine): void {
  switch (message.kind) {
    case "loading":
      enterLoading(message.stage, message.done, message.total);
      break;
    case "ready":
      composer.canThink = message.model.thinks;
      enter({ kind: "ready", model: message.model });
      if (message.model.notKept === null) stayStored().catch(() => {});
      // Whoever went somewhere else by the keyboard while it loaded stays there.
      if (document.activeElement === document.body) composer.focus();
      break;
    case "prefilling":
      if (state.kind === "reading" && state.id === message.id) {
        const { done, total } = message;
        enter({ ...state, done, total });
        dialogue.waitingFor(text("reading_tokens", { done, total }));
      }
      break;
    case "delta":
      if (requestUnderWay(state) !== message.id) break;
      if (state.kind === "reading") enter({ kind: "answering", model: state.model, id: state.id });
      dialogue.append(message.channel, message.text);
      break;
    case "done":
      if (requestUnderWay(state) !== message.id || !("model" in state)) break;
      noteSpeed(state.model, message.usage);
      enter({ kind: "ready", model: state.model });
      dialogue.finish(message.reason, message.usage);
      break;
    case "failed":
      fail(message);
      break;
  }
}

function fail({ id, failure }: Extract<FromEngine, { kind: "failed" }>): void {
  const underWay = requestUnderWay(state);
  if (id !== null && id !== underWay) return;
  dialogue.finish("cancelled", null); // what has come of the answer stays
  if (explain(failure).fatal || !("model" in state)) {
    engine?.close();
    engine = null;
    enter({ kind: "failed", failure });
  } else {
    enter({ kind: "ready", model: state.model });
    status.showFailure(failure);
  }
}

new SettingsDialog({
  conversation: () => dialogue.conversation,
  ofModel: () => chosen.sampling,
  change: (settings) => dialogue.changeSettings(settings),
});
new ModelsDialog({
  models: page.models,
  engine: currentEngine,
  current: () => chosen,
  stage: () => stageOf(state),
  use,
});
watchLanguages(() => dialogue.leave());
watchFileButtons(library, (conversation) => {
  location.hash = conversation.id;
  list.show(dialogue.conversation.id);
});
library.follow((id) => {
  const found = library.get(id);
  if (id !== dialogue.conversation.id) list.show(dialogue.conversation.id);
  else if (found) dialogue.follow(found);
  else if (!dialogue.isEmpty) {
    dialogue.abandon();
    notify(text("deleted_in_other_tab"));
  }
});
stopButton.addEventListener("click", stop);
part("new-chat", HTMLButtonElement).addEventListener("click", newChat);
addEventListener("hashchange", openFromAddress);
watchEscape(stop);
choose(chosen);
enter(state);
openFromAddress();
void start();
