/** The panel: a script of its own, which the element loads when it is first opened. */

import type { Message } from "../api/index.ts";
import { Assistant, detailOf } from "./assistant.ts";
import type { Notice } from "./notice.ts";
import { type ErrorDetail, type Panel, type PanelHost, WidgetError } from "./panel_types.ts";
import { PanelView } from "./panel_view.ts";
import { withPage } from "./quote.ts";
import type { Settings } from "./settings.ts";
import type { WorkerSource } from "./sources.ts";

export { readPage } from "./page_text.ts";

/** Where the model is. */
type State =
  | { readonly kind: "coming" }
  | { readonly kind: "asking_consent" }
  | { readonly kind: "ready" }
  | { readonly kind: "failed" };

const BEGINNING: Notice = {
  kind: "progress",
  progress: { stage: "manifest", done: 0, total: 1 },
};

/** A question that has no whole answer yet. */
interface Question {
  readonly text: string;
  readonly page: string | null;
  readonly stopped: AbortController;
  readonly answered: (answer: string) => void;
  readonly refused: (error: WidgetError) => void;
}

export function openPanel(
  place: HTMLElement,
  settings: Settings,
  host: PanelHost,
  worker: WorkerSource,
): Panel {
  return new ChatPanel(place, settings, host, worker);
}

class ChatPanel implements Panel {
  readonly #host: PanelHost;
  readonly #worker: WorkerSource;
  readonly #view: PanelView;
  #settings: Settings;
  #assistant: Assistant;
  #state: State = { kind: "coming" };
  #turns: Message[] = [];
  #question: Question | null = null;

  constructor(place: HTMLElement, settings: Settings, host: PanelHost, worker: WorkerSource) {
    this.#settings = settings;
    this.#host = host;
    this.#worker = worker;
    this.#view = new PanelView(place, settings, {
      // What came of it is told by the view and by events.
      ask: (text, page) => void this.#ask(text, page).catch(() => {}),
      stop: () => this.stop(),
      reset: () => {
        this.reset();
        this.focus();
      },
      close: host.onClose,
      download: () => void this.#load(this.#assistant),
      again: () => this.#start(),
      readPage: () => this.#readPage(),
    });
    this.#assistant = new Assistant(settings.model, worker);
    void this.#look(this.#assistant);
  }

  ask(question: string): Promise<string> {
    return this.#ask(question.trim(), null);
  }

  stop(): void {
    const question = this.#question;
    question?.stopped.abort();
    // Nothing answers yet that could end it.
    if (question && this.#state.kind !== "ready") {
      this.#withdraw(question, { code: "stopped", message: "The question was taken back." });
    }
  }

  reset(): void {
    const question = this.#question;
    this.stop();
    if (question && this.#question === question) {
      this.#question = null;
      question.refused(new WidgetError("stopped", "A new conversation was begun."));
    }
    this.#turns = [];
    this.#view.clear();
    this.#view.busy = false;
    if (this.#state.kind === "ready") this.#view.show({ kind: "none" });
  }

  focus(): void {
    this.#view.focus();
  }

  update(settings: Settings): void {
    const other = settings.model !== this.#settings.model;
    this.#settings = settings;
    this.#view.update(settings);
    if (!other) return;
    this.reset();
    this.#start();
  }

  close(): void {
    this.stop();
    this.#assistant.close();
    this.#view.remove();
  }

  /** So many characters at most as the chat holds tokens: a question has to fit beside them. */
  async #readPage(): Promise<string | null> {
    const [page, { context }] = await Promise.all([this.#host.readPage(), this.#assistant.facts]);
    return page?.slice(0, context) ?? null;
  }

  /** Begins with the model from nothing, which keeps what was fetched of it. */
  #start(): void {
    this.#assistant.close();
    this.#assistant = new Assistant(this.#settings.model, this.#worker);
    this.#state = { kind: "coming" };
    void this.#look(this.#assistant);
  }

  async #look(assistant: Assistant): Promise<void> {
    this.#view.show(BEGINNING);
    try {
      const bytes = await assistant.look(this.#settings.download === "ask");
      if (assistant !== this.#assistant) return;
      if (bytes === null) await this.#load(assistant);
      else {
        this.#state = { kind: "asking_consent" };
        this.#view.show({ kind: "consent", bytes });
      }
    } catch (thrown) {
      if (assistant === this.#assistant) this.#fail(detailOf(thrown));
    }
  }

  async #load(assistant: Assistant): Promise<void> {
    this.#state = { kind: "coming" };
    // The button that begins it goes at once: pressed twice, it would load twice.
    this.#view.show(BEGINNING);
    try {
      const ready = await assistant.load((progress) => {
        if (assistant !== this.#assistant) return;
        this.#view.show({ kind: "progress", progress });
        this.#host.onProgress(progress);
      });
      if (assistant !== this.#assistant) return;
      this.#state = { kind: "ready" };
      this.#view.show({ kind: "none" });
      this.#host.onReady(ready);
      if (this.#question) void this.#answer(this.#question);
    } catch (thrown) {
      if (assistant === this.#assistant) this.#fail(detailOf(thrown));
    }
  }

  /** Nothing works until the model is loaded again. */
  #fail(error: ErrorDetail): void {
    this.#state = { kind: "failed" };
    if (this.#question) this.#withdraw(this.#question, error);
    this.#view.show({ kind: "error", error, lasting: true });
    this.#host.onError(error);
  }

  #ask(text: string, page: string | null): Promise<string> {
    if (this.#question) {
      const message = "Another question is being answered; wait for its answer or stop it.";
      return Promise.reject(new WidgetError("busy", message));
    }
    if (this.#state.kind === "ready") this.#view.show({ kind: "none" });
    this.#view.busy = true;
    this.#view.transcript.ask(text, page, this.#view.texts);
    this.#view.showIntro();
    this.#host.onMessage({ role: "user", text });
    return new Promise((answered, refused) => {
      const question = { text, page, stopped: new AbortController(), answered, refused };
      this.#question = question;
      if (this.#state.kind === "ready") void this.#answer(question);
      else if (this.#state.kind === "failed") this.#start();
    });
  }

  async #answer(question: Question): Promise<void> {
    const { text, page, stopped } = question;
    const content = page === null ? text.toWellFormed() : withPage(text.toWellFormed(), page);
    const { system } = this.#settings;
    const asked: Message = { role: "user", content };
    const first: Message[] =
      system === "" ? [] : [{ role: "system", content: system.toWellFormed() }];
    let answer = "";
    let note = "";
    try {
      const pieces = this.#assistant.answer([...first, ...this.#turns, asked], stopped.signal);
      let next = await pieces.next();
      while (!next.done) {
        if (this.#question !== question) return;
        answer += next.value;
        this.#view.transcript.append(next.value);
        next = await pieces.next();
      }
      if (next.value === "full") note = this.#view.texts.full;
    } catch (thrown) {
      if (this.#question !== question) return;
      if (!stopped.signal.aborted) return this.#failAnswer(question, detailOf(thrown));
      if (answer === "") {
        return this.#withdraw(question, { code: "stopped", message: "The question was stopped." });
      }
      note = this.#view.texts.stopped;
    }
    if (this.#question !== question) return;
    this.#question = null;
    this.#turns.push(asked, { role: "assistant", content: answer });
    this.#view.transcript.finish(note);
    this.#view.busy = false;
    this.#host.onMessage({ role: "assistant", text: answer });
    question.answered(answer);
  }

  #failAnswer(question: Question, error: ErrorDetail): void {
    if (error.code === "context_length_exceeded") {
      this.#withdraw(question, error);
      this.#view.show({ kind: "error", error, lasting: false });
      this.#host.onError(error);
    } else {
      this.#fail(error);
    }
  }

  /** The question goes back to where it was written. */
  #withdraw(question: Question, { code, message }: ErrorDetail): void {
    this.#question = null;
    this.#view.withdraw(question.text);
    this.#view.busy = false;
    question.refused(new WidgetError(code, message));
  }
}
