/** The page that stands in another page's frame: one chat, which answers `frame_protocol.ts` to those the site allows. */

import { Field } from "../runtime/fields.ts";
import { ENGINE_SCRIPT } from "../site/engine_script.ts";
import { part } from "../ui/parts.ts";
import { define, WindowseatChat } from "./element.ts";
import {
  COLOURS,
  type Colours,
  type FromFrame,
  post,
  readToFrame,
  type ToFrame,
} from "./frame_protocol.ts";
import { mayShow } from "./framing.ts";
import { WidgetError } from "./panel_types.ts";
import type { Settings } from "./settings.ts";

const site = new Field("", JSON.parse(part("page-data", HTMLScriptElement).text));
const allowed = site.get("allow").list(({ text }) => text);
/** Folders of bundles, by the names of the models. */
const models = site.get("models").members(({ text }) => text);

define({
  site: document.baseURI,
  worker: () => new Worker(ENGINE_SCRIPT, { type: "module" }),
  importPanel: () => import("./panel.ts"),
  importFrame: () => import("./frame_panel.ts"),
});
const chat = part("chat", WindowseatChat);
/** The page that said hello, at its origin. */
let page: { readonly window: Window; readonly origin: string } | null = null;
let givePage: (text: string | null) => void = () => {};

if (window.parent !== window) {
  if (mayShow(allowed)) showAsAddressed();
  window.addEventListener("message", ({ source, origin, data }: MessageEvent<unknown>) => {
    if (source !== window.parent || !mayShow(allowed, origin)) return;
    const message = readToFrame(data);
    if (message?.kind === "hello") page = { window: window.parent, origin };
    if (message !== null && page?.origin === origin) obey(message);
  });
  forward();
}

/** A frame without a script around it says in its address what the chat is to be. */
function showAsAddressed(): void {
  const query = new URLSearchParams(location.search);
  const known = ["model", "heading", "greeting", "system", "suggestions", "lang", "theme"];
  for (const name of known) chat.setAttribute(name, query.get(name) ?? "");
  if (!query.has("lang")) chat.removeAttribute("lang");
  show(chat.getAttribute("model") ?? "");
}

/** Only models of the site itself: the first one unless another is named. */
function show(model: string): void {
  chat.setAttribute("model", models[model] ?? Object.values(models)[0] ?? "");
  part("refusal", HTMLElement).hidden = true;
  chat.hidden = false;
}

function obey(message: ToFrame): void {
  switch (message.kind) {
    case "hello":
      apply(message.settings);
      paint(message.colours);
      tell({ kind: "hello" });
      break;
    case "open":
      chat.open();
      chat.focus();
      break;
    case "ask":
      void answer(message.id, message.text);
      break;
    case "stop":
      chat.stop();
      break;
    case "reset":
      chat.reset();
      break;
    case "page":
      givePage(message.text);
      break;
  }
}

function apply({ suggestions, closable, offersPage, model, ...texts }: Settings): void {
  for (const [name, value] of Object.entries(texts)) chat.setAttribute(name, value);
  chat.replaceChildren(...suggestions.map(({ label, text }) => new Option(label, text)));
  chat.toggleAttribute("closable", closable);
  chat.toggleAttribute("context", offersPage);
  show(model);
  chat.refresh();
}

/** Takes colours and nothing else: a value that named an image would have it fetched. */
function paint(colours: Colours): void {
  for (const name of COLOURS) {
    const given = colours[name] ?? "";
    chat.style.setProperty(`--windowseat-${name}`, CSS.supports("color", given) ? given : "");
  }
}

async function answer(id: number, question: string): Promise<void> {
  try {
    tell({ kind: "answered", id, text: await chat.ask(question) });
  } catch (thrown) {
    const code = thrown instanceof WidgetError ? thrown.code : "internal";
    tell({ kind: "refused", id, code, message: thrown instanceof Error ? thrown.message : "" });
  }
}

/** Tells the page what the chat tells this one. */
function forward(): void {
  chat.addEventListener("windowseat-progress", ({ detail }) =>
    tell({ kind: "progress", ...detail }),
  );
  chat.addEventListener("windowseat-ready", ({ detail }) => tell({ kind: "ready", ...detail }));
  chat.addEventListener("windowseat-message", ({ detail }) => tell({ kind: "message", ...detail }));
  chat.addEventListener("windowseat-error", ({ detail }) => tell({ kind: "error", ...detail }));
  chat.addEventListener("windowseat-close", () => tell({ kind: "close" }));
  chat.readPage = () =>
    new Promise((resolve) => {
      givePage = resolve;
      tell({ kind: "read_page" });
    });
}

function tell(message: FromFrame): void {
  if (page) post(page.window, page.origin, message);
}
