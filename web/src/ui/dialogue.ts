import type { EndReason, GenerateRequest, Usage } from "../runtime/messages.ts";
import {
  type Conversation,
  type Ending,
  emptyAnswer,
  newConversation,
  question,
} from "./conversation/conversation.ts";
import type { Library } from "./conversation/library.ts";
import { NO_SETTINGS, type Settings, samplingOf } from "./conversation/settings.ts";
import { add, change, chatMessages, show } from "./conversation/tree.ts";
import type { ModelChoice } from "./page_data.ts";
import type { AnswerView } from "./transcript/answer_view.ts";
import { Transcript } from "./transcript/transcript.ts";

/** Of an answer that comes in, at most so much is lost when the page is closed. */
const SAVE_EVERY_MS = 2000;

/** An answer on its way. */
interface Writing {
  readonly id: number;
  /** Its place in the conversation. */
  readonly at: number;
  readonly view: AnswerView;
  /** The conversation as it was, to go back to when nothing comes of the request. */
  readonly before: Conversation;
  /** What goes back into the message box then. */
  readonly asked: string;
  /** Whether anything has come yet. */
  begun: boolean;
  thinking: string;
  content: string;
  savedAt: number;
}

export interface DialogueActions {
  readonly mayAsk: () => boolean;
  readonly model: () => ModelChoice;
  /** Whether the model can think before it answers. */
  readonly thinks: () => boolean;
  readonly send: (request: GenerateRequest) => void;
  readonly stop: (id: number) => void;
  /** Puts a question back into the message box. */
  readonly giveBack: (asked: string) => void;
  /** The conversation on screen has changed, or is another one. */
  readonly changed: () => void;
}

/** The conversation on screen: what is asked in it, and what comes back. */
export class Dialogue {
  readonly #library: Library;
  readonly #actions: DialogueActions;
  readonly #transcript: Transcript;
  #conversation = newConversation(NO_SETTINGS);
  #writing: Writing | null = null;
  #requests = 0;

  constructor(library: Library, actions: DialogueActions) {
    this.#library = library;
    this.#actions = actions;
    this.#transcript = new Transcript({
      edit: (at, content) => this.#answer(content, this.#conversation.messages[at]?.parent ?? null),
      regenerate: (at) => this.#regenerate(at),
      goOn: (at) => this.#goOn(at),
      choose: (at) => {
        if (this.#writing === null) this.#become(show(this.#conversation, at));
      },
    });
  }

  get conversation(): Conversation {
    return this.#conversation;
  }

  get isEmpty(): boolean {
    return this.#conversation.shown === null;
  }

  /** Shows another conversation; what is still being written in this one is stopped and kept. */
  open(conversation: Conversation): void {
    this.leave();
    this.#conversation = conversation;
    this.#transcript.replace(conversation);
    this.#actions.changed();
  }

  startNew(): void {
    const { thinking } = this.#conversation.settings;
    this.open(newConversation({ ...NO_SETTINGS, thinking }));
  }

  /** Stops the answer that is being written, and no longer waits for its end. */
  leave(): void {
    if (this.#writing === null) return;
    this.#actions.stop(this.#writing.id);
    this.finish("cancelled", null);
  }

  changeSettings(settings: Settings): void {
    this.#keep({ ...this.#conversation, settings });
    this.#actions.changed();
  }

  rename(title: string): void {
    this.#keep({ ...this.#conversation, title });
    this.#actions.changed();
  }

  ask(content: string): void {
    this.#answer(content, this.#conversation.shown);
  }

  waitingFor(words: string): void {
    this.#writing?.view.waitingFor(words);
  }

  append(channel: "thinking" | "answer", words: string): void {
    const writing = this.#writing;
    if (writing === null) return;
    writing.begun = true;
    if (channel === "thinking") writing.thinking += words;
    else writing.content += words;
    writing.view.append(channel, words);
    if (performance.now() - writing.savedAt < SAVE_EVERY_MS) return;
    writing.savedAt = performance.now();
    this.#keep(withText(this.#conversation, writing));
  }

  /** The answer is over; one that was stopped before it began leaves nothing behind. */
  finish(reason: EndReason, usage: Usage | null): void {
    const writing = this.#writing;
    if (writing === null) return;
    if (reason === "cancelled" && !writing.begun) {
      this.withdraw();
      return;
    }
    this.#writing = null;
    const ending = this.#endingOf(reason, usage);
    this.#keep(change(withText(this.#conversation, writing), writing.at, { ending, usage }));
    this.#transcript.finish(this.#conversation);
    this.#actions.changed();
  }

  /** Takes back the question that got no answer. */
  withdraw(): void {
    const writing = this.#writing;
    if (writing === null) return;
    this.#writing = null;
    this.#keep(writing.before);
    this.#transcript.drop();
    this.#transcript.show(writing.before);
    this.#actions.giveBack(writing.asked);
    this.#actions.changed();
  }

  /** Asks a question after another message. */
  #answer(content: string, parent: number | null): void {
    if (!this.#actions.mayAsk()) return;
    const before = this.#conversation;
    const asked = add(before, parent, question(content));
    this.#request(add(asked, asked.shown, emptyAnswer()), before, content);
  }

  #regenerate(at: number): void {
    if (!this.#actions.mayAsk()) return;
    const before = this.#conversation;
    const parent = before.messages[at]?.parent ?? null;
    this.#request(add(before, parent, emptyAnswer()), before, "");
  }

  #goOn(at: number): void {
    if (!this.#actions.mayAsk()) return;
    this.#request(change(this.#conversation, at, { ending: null }), this.#conversation, "");
  }

  #request(conversation: Conversation, before: Conversation, asked: string): void {
    const at = conversation.shown ?? 0;
    const { thinking = "", content = "", parent = null } = conversation.messages[at] ?? {};
    const begun = thinking + content !== "";
    this.#requests += 1;
    const id = this.#requests;
    this.#transcript.show(conversation, at);
    const view = this.#transcript.open(at, thinking, content);
    const savedAt = performance.now();
    this.#writing = { id, at, view, before, asked, begun: false, thinking, content, savedAt };
    this.#keep(conversation);
    const { settings } = conversation;
    const maxTokens = settings.numbers.max_tokens;
    this.#actions.send({
      id,
      messages: chatMessages(conversation, begun ? at : parent),
      sampling: samplingOf(settings, this.#actions.model().sampling),
      ...(begun && { continues: true }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(this.#actions.thinks() && { thinking: begun ? thinking !== "" : settings.thinking }),
    });
    this.#actions.changed();
  }

  #endingOf(reason: EndReason, usage: Usage | null): Ending {
    if (reason !== "length") return reason;
    const limit = this.#conversation.settings.numbers.max_tokens ?? Number.POSITIVE_INFINITY;
    return (usage?.completionTokens ?? 0) >= limit ? "limit" : "full";
  }

  /** Another branch of the same conversation, on screen as well. */
  #become(conversation: Conversation): void {
    this.#keep(conversation);
    this.#transcript.show(conversation);
    this.#actions.changed();
  }

  /** A conversation is kept once something was said in it. */
  #keep(conversation: Conversation): void {
    this.#conversation = conversation;
    if (conversation.messages.length > 0) void this.#library.put(conversation);
    else if (this.#library.get(conversation.id)) void this.#library.delete(conversation.id);
  }
}

function withText(conversation: Conversation, { at, thinking, content }: Writing): Conversation {
  return change(conversation, at, { thinking, content });
}
