import type { EndReason, GenerateRequest, Usage } from "../runtime/messages.ts";
import {
  type Conversation,
  type Ending,
  emptyAnswer,
  type Message,
  newConversation,
  question,
} from "./conversation/conversation.ts";
import type { Edit, Library } from "./conversation/library.ts";
import { caughtUp, type EndTurn, endOfTurn, takeTurn } from "./conversation/other_tabs.ts";
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
  /** Lets other tabs write in the conversation; null as long as this one has not got its turn. */
  endTurn: EndTurn | null;
}

export interface DialogueActions {
  readonly model: () => ModelChoice;
  /** Whether the model can think before it answers. */
  readonly thinks: () => boolean;
  /** A request is made and will be sent, or stopped. */
  readonly begin: (id: number) => void;
  readonly send: (request: GenerateRequest) => void;
  readonly stop: (id: number) => void;
  /** Puts a question back into the message box. */
  readonly giveBack: (asked: string) => void;
  /** Nothing can be asked now: the model is not ready, or another tab is writing. */
  readonly refuse: (why: "not_ready" | "other_tab") => void;
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
  #ready = false;
  /** The conversation in which another tab writes an answer, as far as is known. */
  #awaited: string | null = null;
  /** When what this tab wrote last is stored, and its turn over. */
  #stored: Promise<void> = Promise.resolve();

  constructor(library: Library, actions: DialogueActions) {
    this.#library = library;
    this.#actions = actions;
    this.#transcript = new Transcript({
      edit: (at, content) => this.#answer(content, this.#conversation.messages[at]?.parent ?? null),
      regenerate: (at) => this.#regenerate(at),
      goOn: (at) => this.#goOn(at),
      choose: (at) => {
        if (this.#writing === null) this.#become((conversation) => show(conversation, at));
      },
    });
  }

  /** Whether the model can be asked. */
  set ready(ready: boolean) {
    this.#ready = ready;
    this.#transcript.mayAsk = ready;
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
    void this.#watch();
    this.#transcript.replace(conversation);
    this.#actions.changed();
  }

  /** Shows what another tab has made of the conversation on screen. */
  follow(stored: Conversation): void {
    if (this.#writing !== null) {
      // The messages are this tab's to write.
      const { messages, shown } = this.#conversation;
      this.#conversation = { ...stored, messages, shown };
    } else {
      this.#conversation = caughtUp(this.#conversation, stored);
      void this.#watch();
      this.#transcript.show(this.#conversation);
    }
    this.#actions.changed();
  }

  /** Leaves a conversation that another tab has deleted. */
  abandon(): void {
    const writing = this.#writing;
    this.#writing = null;
    if (writing !== null) this.#actions.stop(writing.id);
    writing?.endTurn?.();
    this.startNew();
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
    void this.#keep((conversation) => ({ ...conversation, settings }));
    this.#actions.changed();
  }

  rename(title: string): void {
    void this.#keep((conversation) => ({ ...conversation, title }));
    this.#actions.changed();
  }

  /** Asks a question, unless that is refused. */
  ask(content: string): boolean {
    return this.#answer(content, this.#conversation.shown);
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
    void this.#keep(withText(writing));
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
    const ended = withText(writing, { ending, usage });
    this.#stored = this.#keep(ended).then(writing.endTurn);
    this.#transcript.finish(this.#conversation);
    this.#actions.changed();
  }

  /** Takes back the question that got no answer. */
  withdraw(): void {
    const writing = this.#writing;
    if (writing === null) return;
    this.#writing = null;
    const { messages, shown, changed } = writing.before;
    const back: Edit = (conversation) => ({ ...conversation, messages, shown, changed });
    // Without a turn nothing was stored, and another tab's messages may be.
    if (writing.endTurn === null) this.#conversation = back(this.#conversation);
    else this.#stored = this.#keep(back).then(writing.endTurn);
    this.#transcript.drop();
    this.#transcript.show(this.#conversation);
    this.#actions.giveBack(writing.asked);
    this.#actions.changed();
  }

  /** Asks a question after another message. */
  #answer(content: string, parent: number | null): boolean {
    return this.#request((conversation) => {
      const asked = add(conversation, parent, question(content));
      return add(asked, asked.shown, emptyAnswer());
    }, content);
  }

  #regenerate(at: number): void {
    const parent = this.#conversation.messages[at]?.parent ?? null;
    this.#request((conversation) => add(conversation, parent, emptyAnswer()), "");
  }

  #goOn(at: number): void {
    this.#request((conversation) => change(conversation, at, { ending: null }), "");
  }

  /** Shows what an edit makes of the conversation and has its last answer written, unless nothing can be asked now. */
  #request(edit: Edit, asked: string): boolean {
    const elsewhere = this.#awaited !== null;
    if (!this.#ready || elsewhere) {
      this.#actions.refuse(elsewhere ? "other_tab" : "not_ready");
      return false;
    }
    const before = this.#conversation;
    const conversation = edit(before);
    const at = conversation.shown ?? 0;
    const { thinking = "", content = "" } = conversation.messages[at] ?? {};
    this.#requests += 1;
    const id = this.#requests;
    this.#transcript.show(conversation, at);
    const view = this.#transcript.open(at, thinking, content);
    const savedAt = performance.now();
    const text = { begun: false, thinking, content, savedAt, endTurn: null };
    this.#writing = { id, at, view, before, asked, ...text };
    this.#conversation = conversation;
    this.#actions.begin(id);
    void this.#send(this.#writing, edit);
    this.#actions.changed();
    return true;
  }

  /** Sends a request once this tab has its turn; takes it back when another tab was faster. */
  async #send(writing: Writing, edit: Edit): Promise<void> {
    const { before, id } = writing;
    await this.#stored;
    const endTurn = await takeTurn(before.id);
    const stored = endTurn && (await this.#library.stored(before.id));
    if (this.#writing !== writing) {
      endTurn?.();
      return;
    }
    const seen = stored ? caughtUp(before, stored) : before;
    if (endTurn === null || seen.messages.some((message, at) => message !== before.messages[at])) {
      endTurn?.();
      this.#actions.stop(id);
      this.withdraw();
      if (stored) this.follow(stored);
      this.#actions.refuse("other_tab");
      return;
    }
    writing.endTurn = endTurn;
    void this.#library.keep(this.#conversation, edit);
    this.#actions.send(this.#requestOf(writing));
    this.#actions.changed();
  }

  #requestOf({ id, at, thinking, content }: Writing): GenerateRequest {
    const conversation = this.#conversation;
    const { settings, messages } = conversation;
    const begun = thinking + content !== "";
    const maxTokens = settings.numbers.max_tokens;
    return {
      id,
      messages: chatMessages(conversation, begun ? at : (messages[at]?.parent ?? null)),
      sampling: samplingOf(settings, this.#actions.model().sampling),
      ...(begun && { continues: true }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(this.#actions.thinks() && { thinking: begun ? thinking !== "" : settings.thinking }),
    };
  }

  #endingOf(reason: EndReason, usage: Usage | null): Ending {
    if (reason !== "length") return reason;
    const limit = this.#conversation.settings.numbers.max_tokens ?? Number.POSITIVE_INFINITY;
    return (usage?.completionTokens ?? 0) >= limit ? "limit" : "full";
  }

  /** Another branch of the same conversation, on screen as well. */
  #become(edit: Edit): void {
    void this.#keep(edit);
    this.#transcript.show(this.#conversation);
    this.#actions.changed();
  }

  /** An answer without an end is on its way in another tab, as far as this one knows: waits until it cannot be. */
  async #watch(): Promise<void> {
    const { id, messages, shown } = this.#conversation;
    const last = shown === null ? undefined : messages[shown];
    const unfinished = last?.role === "assistant" && last.ending === null;
    const known = unfinished && this.#awaited === id;
    this.#await(unfinished ? id : null);
    if (!unfinished || known) return;
    await endOfTurn(id);
    if (this.#awaited !== id) return;
    this.#await(null);
    this.#transcript.show(this.#conversation);
  }

  #await(conversation: string | null): void {
    this.#awaited = conversation;
    this.#transcript.writtenElsewhere = conversation !== null;
  }

  /** Makes an edit; a conversation is kept once something was said in it. */
  async #keep(edit: Edit): Promise<void> {
    this.#conversation = edit(this.#conversation);
    const { id, messages } = this.#conversation;
    if (messages.length > 0) await this.#library.keep(this.#conversation, edit);
    else if (this.#library.get(id)) await this.#library.delete(id);
  }
}

function withText({ at, thinking, content }: Writing, end: Partial<Message> = {}): Edit {
  return (conversation) => change(conversation, at, { thinking, content, ...end });
}
