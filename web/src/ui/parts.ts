/** Finding and making elements of the page. */

import { type IconName, icon } from "./icons.ts";

/** The element of the template with this id; its absence is a mistake in the template. */
export function part<E extends Element>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} with the id ${id}.`);
  return found;
}

/** A new element with a class and text; the text is never read as HTML. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  text = "",
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A button with words on it. */
export function button(className: string, text: string, act: () => void): HTMLButtonElement {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** A button with a picture on it; its class is the picture's name. */
export function iconButton(name: IconName, label: string, act: () => void): HTMLButtonElement {
  const made = button(`icon ${name}`, "", act);
  made.ariaLabel = label;
  made.title = label;
  made.append(icon(name));
  return made;
}

/** Moves the focus to a message box, unless that would pop up a touch keyboard nobody asked for. */
export function focusForTyping(box: HTMLElement): void {
  if (!matchMedia("(hover: none) and (pointer: coarse)").matches) box.focus();
}
