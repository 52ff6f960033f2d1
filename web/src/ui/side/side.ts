import { focusForTyping, part } from "../parts.ts";
import { recall, remember } from "../remembered.ts";

const root = document.documentElement;
const wide = matchMedia("(width >= 60rem)");

/**
 * The list of chats beside the page; on a narrow screen over it, and then nothing else can be reached until it is closed.
 */
export class Side {
  readonly #toggle = part("side-toggle", HTMLButtonElement);
  readonly #side = part("side", HTMLElement);
  readonly #page = part("page", HTMLElement);

  constructor() {
    if (!wide.matches) root.dataset.side = "closed";
    this.#toggle.addEventListener("click", () => this.#set(!this.#isOpen));
    part("side-close", HTMLButtonElement).addEventListener("click", () => this.close());
    part("scrim", HTMLElement).addEventListener("click", () => this.close());
    this.#side.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || wide.matches) return;
      event.stopPropagation();
      this.close();
    });
    // Printing makes a page narrow as well: what a person chose for a wide one stays.
    wide.addEventListener("change", () => {
      root.dataset.side = (wide.matches && recall("side")) || "closed";
      this.#show();
    });
    this.#show();
  }

  /** Makes room for what was chosen in it. */
  closeIfOver(): void {
    if (!wide.matches && this.#isOpen) this.close();
  }

  close(): void {
    this.#set(false);
    this.#toggle.focus();
  }

  get #isOpen(): boolean {
    return root.dataset.side === "open";
  }

  #set(open: boolean): void {
    root.dataset.side = open ? "open" : "closed";
    if (wide.matches) remember("side", root.dataset.side);
    this.#show();
    if (!open) return;
    part("side-close", HTMLButtonElement).focus({ preventScroll: true });
    focusForTyping(part("search", HTMLInputElement));
  }

  #show(): void {
    this.#toggle.ariaExpanded = String(this.#isOpen);
    this.#page.inert = this.#isOpen && !wide.matches;
  }
}
