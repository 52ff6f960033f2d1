import { type Conversation, titleOf } from "../conversation/conversation.ts";
import type { Library } from "../conversation/library.ts";
import { notify } from "../notice.ts";
import { text } from "../texts.ts";

/** Deletes chats; as long as the notice stands there, all that were deleted meanwhile come back with one press. */
export class Deletions {
  readonly #library: Library;
  readonly #cameBack: (open: string | null) => void;
  #deleted: readonly Conversation[] = [];
  /** Which of them was on screen. */
  #open: string | null = null;
  #offered = (): boolean => false;

  /** `cameBack` hears which of the chats that came back was on screen. */
  constructor(library: Library, cameBack: (open: string | null) => void) {
    this.#library = library;
    this.#cameBack = cameBack;
  }

  delete(conversation: Conversation, wasOpen: boolean): void {
    if (!this.#offered()) {
      this.#deleted = [];
      this.#open = null;
    }
    this.#deleted = [...this.#deleted, conversation];
    if (wasOpen) this.#open = conversation.id;
    void this.#library.delete(conversation.id);
    const count = this.#deleted.length;
    const sentence =
      count === 1
        ? text("chat_deleted", { title: titleOf(conversation) })
        : text("chats_deleted", { count });
    this.#offered = notify(sentence, { label: text("undo"), act: () => this.#undo() });
  }

  #undo(): void {
    void this.#library.put(...this.#deleted);
    this.#cameBack(this.#open);
  }
}
