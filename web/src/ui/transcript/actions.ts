import { notify } from "../notice.ts";
import { element, iconButton } from "../parts.ts";
import { text } from "../texts.ts";

/** What the buttons at a message do; a message is named by its place in the conversation. */
export interface MessageActions {
  /** Whether the changed question was taken. */
  readonly edit: (at: number, content: string) => boolean;
  readonly regenerate: (at: number) => void;
  readonly goOn: (at: number) => void;
  /** Shows the branch through this message. */
  readonly choose: (at: number) => void;
}

const COPIED_MS = 1500;

/** A button that copies a text and says whether it has. */
export function copyButton(content: () => string): HTMLButtonElement {
  const copy = iconButton("copy", text("copy"), async () => {
    try {
      await navigator.clipboard.writeText(content());
    } catch {
      notify(text("not_copied"));
      return;
    }
    copy.replaceWith(copied);
    copied.focus();
    setTimeout(() => {
      const focused = document.activeElement === copied;
      copied.replaceWith(copy);
      if (focused) copy.focus();
    }, COPIED_MS);
  });
  const copied = iconButton("done", text("copied"), () => {});
  return copy;
}

/** ‹ 2/3 ›: goes through the siblings of a message; nothing where it has none. */
export function branchSwitch(
  at: number,
  siblings: readonly number[],
  choose: (at: number) => void,
): HTMLElement | "" {
  if (siblings.length < 2) return "";
  const place = siblings.indexOf(at);
  const group = element("span", "branches");
  group.role = "group";
  group.ariaLabel = text("versions");
  const go = (name: "back" | "forth", step: number): HTMLButtonElement => {
    const target = siblings[place + step];
    const label = text(name === "back" ? "version_before" : "version_after");
    const made = iconButton(name, label, () => {
      if (target !== undefined) choose(target);
    });
    if (target === undefined) made.disabled = true;
    else made.value = String(target);
    return made;
  };
  const count = element("span", "count", `${place + 1}/${siblings.length}`);
  count.dir = "ltr";
  group.append(go("back", -1), count, go("forth", 1));
  return group;
}
