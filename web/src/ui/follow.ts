import { focusForTyping, part } from "./parts.ts";

/** How far from the end, in pixels, still counts as reading the end. */
const NEAR_THE_END = 48;

/** Keeps the end of the conversation in view while, and only while, the reader is there. */
export class Follower {
  readonly #view = part("view", HTMLElement);
  readonly #button = part("newest", HTMLButtonElement);
  #following = false;
  #lastTop = 0;

  constructor() {
    this.#view.addEventListener("scroll", () => this.#notice());
    this.#button.addEventListener("click", () => {
      this.goToEnd();
      focusForTyping(part("message", HTMLElement)); // the button is gone now
    });
    const size = new ResizeObserver(() => {
      if (this.#following) this.goToEnd();
    });
    size.observe(part("conversation", HTMLElement));
    size.observe(this.#view);
  }

  goToEnd(): void {
    this.#view.scrollTop = this.#view.scrollHeight;
    this.#lastTop = this.#view.scrollTop;
    this.#setFollowing(true);
  }

  /** Brings something into view from its beginning on, which is then what the reader is at. */
  goTo(element: HTMLElement): void {
    element.scrollIntoView({ block: "start" });
    this.#lastTop = this.#view.scrollTop;
    this.#following = false;
    this.#button.hidden = true;
  }

  goToStart(): void {
    this.#view.scrollTop = 0;
    this.#lastTop = 0;
    this.#following = false;
    this.#button.hidden = true;
  }

  /** Text may have come in since the last scroll, so only a move upwards shows that the reader left the end. */
  #notice(): void {
    const top = this.#view.scrollTop;
    if (top === this.#lastTop) return; // the page itself scrolled there
    const below = this.#view.scrollHeight - top - this.#view.clientHeight;
    if (below < NEAR_THE_END) this.#setFollowing(true);
    else if (top < this.#lastTop) this.#setFollowing(false);
    this.#lastTop = top;
  }

  #setFollowing(following: boolean): void {
    this.#following = following;
    this.#button.hidden = following;
  }
}
