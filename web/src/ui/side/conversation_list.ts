import { type Conversation, LONGEST_TITLE, titleOf } from "../conversation/conversation.ts";
import type { Library } from "../conversation/library.ts";
import { element, iconButton, part } from "../parts.ts";
import { text } from "../texts.ts";

export interface ListActions {
  readonly rename: (id: string, title: string) => void;
  readonly remove: (id: string) => void;
}

/** The conversations of this browser, as links: the address of the page names the one that is open. */
export class ConversationList {
  readonly #list = part("conversations", HTMLElement);
  readonly #search = part("search", HTMLInputElement);
  readonly #none = part("none-found", HTMLElement);
  readonly #library: Library;
  readonly #actions: ListActions;
  #current = "";

  constructor(library: Library, actions: ListActions) {
    this.#library = library;
    this.#actions = actions;
    this.#search.addEventListener("input", () => this.show(this.#current));
  }

  /** Shows what is there now and fits the search; `current` is the one that is open. */
  show(current: string): void {
    this.#current = current;
    const found = this.#library.find(this.#search.value);
    // While a title is being written, the list waits.
    if (this.#list.querySelector("input") !== null) return;
    this.#list.replaceChildren(...found.map((conversation) => this.#item(conversation)));
    this.#none.hidden = found.length > 0;
    this.#none.textContent = text(this.#search.value === "" ? "no_chats" : "none_found");
  }

  /** Shows all of them again. */
  clearSearch(): void {
    this.#search.value = "";
  }

  #item(conversation: Conversation): HTMLLIElement {
    const { id } = conversation;
    const title = titleOf(conversation);
    const item = element("li", "chat");
    const link = element("a", "", title);
    link.href = `#${id}`;
    link.dir = "auto";
    link.title = title; // there may be no room for all of it
    if (id === this.#current) link.ariaCurrent = "page";
    const change = iconButton("edit", text("rename_chat", { title }), () =>
      item.replaceChildren(this.#editor(conversation)),
    );
    const remove = iconButton("delete", text("delete_chat", { title }), () => {
      const next = item.nextElementSibling ?? item.previousElementSibling;
      const place = [...this.#list.children].indexOf(next ?? item);
      this.#actions.remove(id);
      const after = this.#list.children[next === item.nextElementSibling ? place - 1 : place];
      (after?.querySelector("a") ?? this.#search).focus();
    });
    item.append(link, change, remove);
    return item;
  }

  #editor(conversation: Conversation): HTMLInputElement {
    const box = element("input", "");
    box.value = titleOf(conversation);
    box.ariaLabel = text("chat_title");
    box.dir = "auto";
    box.maxLength = LONGEST_TITLE;
    let ended = false; // removing the box takes the focus away from it, which ends it as well
    const end = (title: string | null): void => {
      if (ended) return;
      ended = true;
      const hadFocus = document.activeElement === box;
      box.remove();
      if (title !== null) this.#actions.rename(conversation.id, title);
      this.show(this.#current);
      const link = [...this.#list.querySelectorAll("a")].find(
        ({ hash }) => hash === `#${conversation.id}`,
      );
      if (hadFocus) link?.focus();
    };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) end(box.value.trim());
      if (event.key !== "Escape") return;
      event.stopPropagation();
      end(null);
    });
    box.addEventListener("blur", () => end(box.value.trim()));
    queueMicrotask(() => {
      box.focus();
      box.select();
    });
    return box;
  }
}
