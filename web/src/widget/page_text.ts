/** So much of a page is read at most: some thousand tokens, which a small model can still attend to. */
export const PAGE_CHARACTERS = 12_000;

/**
 * What a visitor sees of an element, or null where there is none. Text that is hidden from the eye is no part of it: it
 * would be the place to hide instructions to the model in.
 */
export function readPage(selector: string | null): string | null {
  if (!selector) return null;
  const found = document.querySelector<HTMLElement>(selector);
  return found === null ? null : found.innerText.trim().slice(0, PAGE_CHARACTERS);
}
