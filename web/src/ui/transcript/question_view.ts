import { button, element, iconButton } from "../parts.ts";
import { text } from "../texts.ts";
import { branchSwitch, copyButton, type MessageActions } from "./actions.ts";

/** A question and the buttons at it. */
export function questionView(
  at: number,
  content: string,
  siblings: readonly number[],
  { edit, choose }: MessageActions,
): HTMLElement {
  const node = element("article", "asked");
  node.ariaLabel = text("question");
  const words = element("p", "question", content);
  words.dir = "auto";
  const tools = element("div", "tools");
  const change = iconButton("edit", text("edit"), () => {
    const editor = questionEditor(content, (changed) => {
      // What was written stays until it is asked, or given up.
      if (changed !== null && !edit(at, changed)) return;
      editor.replaceWith(words, tools);
      if (changed === null) change.focus();
    });
    words.remove();
    tools.replaceWith(editor);
    editor.querySelector("textarea")?.focus();
  });
  tools.append(
    copyButton(() => content),
    change,
    branchSwitch(at, siblings, choose),
  );
  node.append(words, tools);
  return node;
}

/** Whether somebody is changing the question. */
export function isEdited(node: HTMLElement): boolean {
  return node.querySelector(".editor") !== null;
}

/** A box with the question in it; gives back what became of it, or null when it stays as it was. */
function questionEditor(content: string, done: (changed: string | null) => void): HTMLFormElement {
  const form = element("form", "editor");
  const box = element("textarea", "", "");
  box.value = content;
  box.dir = "auto";
  box.ariaLabel = text("question");
  const send = element("button", "action", text("send"));
  const row = element("div", "buttons");
  row.append(
    button("plain", text("cancel"), () => done(null)),
    send,
  );
  form.append(box, row);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim() !== "") done(box.value.trim());
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      done(null);
    } else if (
      event.key === "Enter" &&
      event.target === box &&
      !event.shiftKey &&
      !event.isComposing
    ) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  return form;
}
