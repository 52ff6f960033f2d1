/** Conversations to files and back. */

import { messageOf } from "../../runtime/message_of.ts";
import { type Conversation, type Message, titleOf } from "../conversation/conversation.ts";
import { readJson, writeJson } from "../conversation/json_file.ts";
import type { Library } from "../conversation/library.ts";
import { readMarkdown, writeMarkdown } from "../conversation/markdown_file.ts";
import { saveFile } from "../download.ts";
import { notify } from "../notice.ts";
import { part } from "../parts.ts";
import { sizeText, text } from "../texts.ts";

/** More than any chat takes; the file is read into memory. */
const LARGEST = 64e6;

const speaker = (role: Message["role"]): string => text(role === "user" ? "question" : "answer");

export function saveAsMarkdown(conversation: Conversation): void {
  const name = `${titleOf(conversation) || text("chat")}.md`;
  saveFile(name, "text/markdown", writeMarkdown(conversation, speaker));
}

export function saveAsJson(conversations: readonly Conversation[]): void {
  const [first, second] = conversations;
  const title = first && !second ? titleOf(first) : "";
  saveFile(`${title || text("chats")}.json`, "application/json", writeJson(conversations));
}

/** Makes the buttons work that take in files and save everything; tells which conversation came in. */
export function watchFileButtons(library: Library, came: (last: Conversation) => void): void {
  const files = part("import-files", HTMLInputElement);
  part("import", HTMLButtonElement).addEventListener("click", () => files.click());
  part("export-all", HTMLButtonElement).addEventListener("click", () =>
    saveAsJson(library.find("")),
  );
  files.addEventListener("change", async () => {
    const chosen = [...(files.files ?? [])];
    files.value = ""; // so that the same file can be chosen again
    void takeIn(chosen, library, came);
  });
}

async function takeIn(
  files: readonly File[],
  library: Library,
  came: (last: Conversation) => void,
): Promise<void> {
  const found: Conversation[] = [];
  const refusals: string[] = [];
  for (const file of files) {
    try {
      found.push(...(await read(file)));
    } catch (error) {
      refusals.push(text("not_imported", { file: file.name, problem: messageOf(error) }));
    }
  }
  await library.put(...found);
  const count = found.length;
  notify([...(count > 0 ? [text("imported", { count })] : []), ...refusals].join(" "));
  const last = found.at(-1);
  if (last) came(last);
}

async function read(file: File): Promise<readonly Conversation[]> {
  if (file.size > LARGEST) throw new Error(`${sizeText(file.size)} > ${sizeText(LARGEST)}`);
  const content = await file.text();
  const isJson = /^\s*[{[]/.test(content);
  return isJson ? readJson(content) : [readMarkdown(content)];
}
