/** Finding and making elements of the page. */

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

/** Moves the focus to a message box, unless that would pop up a touch keyboard nobody asked for. */
export function focusForTyping(box: HTMLElement): void {
  if (!matchMedia("(hover: none) and (pointer: coarse)").matches) box.focus();
}
