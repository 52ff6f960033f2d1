import type { Conversation } from "../conversation/conversation.ts";
import { branch, siblings } from "../conversation/tree.ts";
import { part } from "../parts.ts";
import type { MessageActions } from "./actions.ts";
import { AnswerView } from "./answer_view.ts";
import { isEdited, questionView } from "./question_view.ts";

/** A message on screen, and all that it was made from. */
interface Shown {
  readonly at: number;
  readonly key: unknown;
  readonly versions: string;
  readonly last: boolean;
  /** Whether another tab is writing it. */
  readonly elsewhere: boolean;
  readonly node: HTMLElement;
}

/**
 * The branch of a conversation that is on screen.
 *
 * Finished answers sit in a live region; the answer that is being written stands beside it and moves in when it is
 * finished, so that a screen reader says it once and whole.
 */
export class Transcript {
  readonly #finished = part("finished", HTMLElement);
  readonly #unfinished = part("unfinished", HTMLElement);
  readonly #actions: MessageActions;
  #shown: readonly Shown[] = [];
  #open: { readonly at: number; readonly view: AnswerView } | null = null;
  #mayAsk = false;
  /** Whether another tab writes the last answer; what is shown next says so. */
  writtenElsewhere = false;

  constructor(actions: MessageActions) {
    const focusing = (at: number, selector: string): void =>
      this.#shown
        .find((each) => each.at === at)
        ?.node.querySelector<HTMLElement>(selector)
        ?.focus();
    this.#actions = {
      ...actions,
      choose: (at) => {
        const pressed = document.activeElement?.classList.contains("back") ? "back" : "forth";
        actions.choose(at);
        // The button that was pressed is gone; its twin may have nowhere further to go.
        focusing(at, `.branches .${pressed}:enabled, .branches button:enabled`);
      },
    };
  }

  /** Whether the buttons that ask can do so now. */
  set mayAsk(mayAsk: boolean) {
    if (mayAsk === this.#mayAsk) return;
    this.#mayAsk = mayAsk;
    this.#enable();
  }

  /** Shows a conversation as it is now; what is on screen already stays. A message at `writing` is left to the open view. */
  show(conversation: Conversation, writing: number | null = null): void {
    const places = branch(conversation).filter((at) => at !== writing);
    const wanted = places.map((at) => ({
      at,
      key: conversation.messages[at],
      versions: siblings(conversation, at).join(),
      last: at === conversation.shown,
      elsewhere: at === conversation.shown && this.writtenElsewhere,
    }));
    const same = wanted.findIndex((each, i) => !alike(each, this.#shown[i]));
    const kept = same < 0 ? wanted.length : same;
    for (const { node } of this.#shown.slice(kept)) node.remove();
    const made = wanted
      .slice(kept)
      .map((each) => ({ ...each, node: this.#make(conversation, each) }));
    this.#finished.append(...made.map(({ node }) => node));
    this.#shown = [...this.#shown.slice(0, kept), ...made];
    this.#enable();
  }

  /** Shows another conversation, without a screen reader saying all of it. */
  replace(conversation: Conversation): void {
    this.drop();
    this.#finished.ariaLive = "off";
    this.show(conversation);
    requestAnimationFrame(() => {
      this.#finished.ariaLive = null;
    });
  }

  /** Opens the answer at a place, with what it has already. */
  open(at: number, thinking: string, content: string): AnswerView {
    this.drop();
    const view = new AnswerView();
    view.append("thinking", thinking);
    view.append("answer", content);
    this.#unfinished.append(view.node);
    this.#open = { at, view };
    this.#enable();
    return view;
  }

  /** The open answer is over: it joins the others, as it stands. */
  finish(conversation: Conversation): void {
    const open = this.#open;
    this.#open = null;
    const message = open === null ? undefined : conversation.messages[open.at];
    if (open === null || message === undefined) return;
    this.show(conversation, open.at);
    const { at, view } = open;
    const versions = siblings(conversation, at);
    const place = { versions: versions.join(), last: true, elsewhere: false };
    view.finish(at, message, { ...place, siblings: versions }, this.#actions);
    const focused = document.activeElement;
    const keepsFocus = focused instanceof HTMLElement && view.node.contains(focused);
    this.#finished.append(view.node);
    if (keepsFocus) focused.focus(); // moving an element takes the focus away from it
    this.#shown = [...this.#shown, { at, key: message, ...place, node: view.node }];
    this.#enable();
  }

  /** Takes the open answer away. */
  drop(): void {
    this.#open?.view.node.remove();
    this.#open = null;
  }

  /** Buttons can be pressed when they would do something: one that shows another version, unless an answer is being written. */
  #enable(): void {
    const set = (selector: string, enabled: boolean): void => {
      for (const button of this.#finished.querySelectorAll<HTMLButtonElement>(selector)) {
        button.disabled = !enabled;
      }
    };
    set(".again, .go_on", this.#mayAsk && !this.writtenElsewhere);
    set(".branches button[value]", this.#open === null);
  }

  #make(conversation: Conversation, { at, last, elsewhere }: Omit<Shown, "node">): HTMLElement {
    const message = conversation.messages[at];
    const versions = siblings(conversation, at);
    if (message?.role !== "assistant") {
      return questionView(at, message?.content ?? "", versions, this.#actions);
    }
    const view = new AnswerView();
    view.append("thinking", message.thinking);
    view.append("answer", message.content);
    view.finish(at, message, { siblings: versions, last, elsewhere }, this.#actions);
    return view.node;
  }
}

function alike(wanted: Omit<Shown, "node">, shown: Shown | undefined): boolean {
  if (shown === undefined || wanted.at !== shown.at || wanted.key !== shown.key) return false;
  // What is being written into a question outlives another version of it, which comes from another tab.
  if (isEdited(shown.node)) return true;
  return (
    wanted.versions === shown.versions &&
    wanted.last === shown.last &&
    wanted.elsewhere === shown.elsewhere
  );
}
