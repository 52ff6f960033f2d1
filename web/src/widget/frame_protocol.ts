/**
 * What a page and the embed page in its frame say to each other, by `postMessage`: objects with `windowseat: 1`, the
 * protocol's version, and a `kind`.
 *
 * The page begins with `hello`, once the frame is loaded, and again whenever a setting changes; the frame answers each with
 * `hello`. Before the first, and to origins that the site does not allow, the frame says nothing. `open` has it load the
 * model; an `ask` gets exactly one `answered` or `refused` with its number. `read_page` asks the page for its text, which
 * comes as `page`. Whoever gets a message that is not one of these, or not from the window and the origin that it should
 * be from, does nothing.
 */

import type { LoadProgress } from "../api/index.ts";
import { Field } from "../runtime/fields.ts";
import { PAGE_CHARACTERS } from "./page_text.ts";
import {
  ERROR_CODES,
  type ErrorDetail,
  type MessageDetail,
  type ReadyDetail,
} from "./panel_types.ts";
import { DOWNLOADS, type Settings, THEMES } from "./settings.ts";

export const VERSION = 1;

/** The custom properties that a page's style may give a frame. */
export const COLOURS = [
  "paper",
  "raised",
  "ink",
  "quiet",
  "line",
  "bubble",
  "accent",
  "on-accent",
] as const;
export type Colours = Readonly<Partial<Record<(typeof COLOURS)[number], string>>>;

export type ToFrame =
  | { readonly kind: "hello"; readonly settings: Settings; readonly colours: Colours }
  | { readonly kind: "open" }
  | { readonly kind: "ask"; readonly id: number; readonly text: string }
  | { readonly kind: "stop" }
  | { readonly kind: "reset" }
  | { readonly kind: "page"; readonly text: string | null };

export type FromFrame =
  | { readonly kind: "hello" }
  | ({ readonly kind: "progress" } & LoadProgress)
  | ({ readonly kind: "ready" } & ReadyDetail)
  | ({ readonly kind: "message" } & MessageDetail)
  | ({ readonly kind: "error" } & ErrorDetail)
  | { readonly kind: "answered"; readonly id: number; readonly text: string }
  | ({ readonly kind: "refused"; readonly id: number } & ErrorDetail)
  | { readonly kind: "read_page" }
  | { readonly kind: "close" };

/** Characters of a name or an error, and of what is asked and answered; a message with more is none. */
const SHORT = 1_000;
export const LONG = 100_000;
const MOST_SUGGESTIONS = 20;

/** Sends a message, whose texts are cut to what the other side takes. */
export function post(to: Window, origin: string, message: ToFrame | FromFrame): void {
  to.postMessage({ windowseat: VERSION, ...fitting(message) }, origin);
}

function fitting(message: ToFrame | FromFrame): ToFrame | FromFrame {
  switch (message.kind) {
    case "hello":
      return "settings" in message
        ? { ...message, settings: fittingSettings(message.settings) }
        : message;
    case "page":
      return { ...message, text: message.text?.slice(0, PAGE_CHARACTERS) ?? null };
    case "message":
    case "answered":
      return { ...message, text: message.text.slice(0, LONG) };
    case "error":
    case "refused":
      return { ...message, message: message.message.slice(0, SHORT) };
    default:
      return message;
  }
}

function fittingSettings(settings: Settings): Settings {
  return {
    ...settings,
    model: settings.model.slice(0, SHORT),
    heading: settings.heading.slice(0, SHORT),
    greeting: settings.greeting.slice(0, LONG),
    system: settings.system.slice(0, LONG),
    lang: settings.lang.slice(0, SHORT),
    suggestions: settings.suggestions
      .slice(0, MOST_SUGGESTIONS)
      .map(({ label, text }) => ({ label: label.slice(0, SHORT), text: text.slice(0, LONG) })),
  };
}

/** A message from a page, or null where it is none. */
export function readToFrame(message: unknown): ToFrame | null {
  return read(message, (field): ToFrame => {
    const kind = field.get("kind").oneOf(["hello", "open", "ask", "stop", "reset", "page"]);
    switch (kind) {
      case "open":
      case "stop":
      case "reset":
        return { kind };
      case "hello": {
        const settings = readSettings(field.get("settings"));
        return { kind, settings, colours: readColours(field.get("colours")) };
      }
      case "ask":
        return { kind, id: field.get("id").integer(), text: textUpTo(LONG, field.get("text")) };
      case "page": {
        const text = field.get("text");
        return { kind, text: text.value === null ? null : textUpTo(PAGE_CHARACTERS, text) };
      }
    }
  });
}

/** A message from the frame, or null where it is none. */
export function readFromFrame(message: unknown): FromFrame | null {
  return read(message, (field): FromFrame => {
    const id = (): number => field.get("id").integer();
    const text = (): string => textUpTo(LONG, field.get("text"));
    const error = (): ErrorDetail => ({
      code: field.get("code").oneOf(ERROR_CODES),
      message: textUpTo(SHORT, field.get("message")),
    });
    const kind = field.get("kind").oneOf(FROM_FRAME);
    switch (kind) {
      case "hello":
      case "read_page":
      case "close":
        return { kind };
      case "progress":
        return {
          kind,
          stage: field.get("stage").oneOf(["manifest", "weights", "kernels"]),
          done: field.get("done").integer(),
          total: field.get("total").integer(),
        };
      case "ready":
        return {
          kind,
          model: textUpTo(SHORT, field.get("model")),
          context: field.get("context").integer(),
        };
      case "message":
        return { kind, role: field.get("role").oneOf(["user", "assistant"]), text: text() };
      case "error":
        return { kind, ...error() };
      case "answered":
        return { kind, id: id(), text: text() };
      case "refused":
        return { kind, id: id(), ...error() };
    }
  });
}

const FROM_FRAME = [
  "hello",
  "progress",
  "ready",
  "message",
  "error",
  "answered",
  "refused",
  "read_page",
  "close",
] as const;

function read<Message>(message: unknown, reader: (field: Field) => Message): Message | null {
  try {
    const field = new Field("", message);
    return field.get("windowseat").value === VERSION ? reader(field) : null;
  } catch {
    return null;
  }
}

function readSettings(field: Field): Settings {
  const short = (name: string): string => textUpTo(SHORT, field.get(name));
  const suggestions = field.get("suggestions").list((each) => ({
    label: textUpTo(SHORT, each.get("label")),
    text: textUpTo(LONG, each.get("text")),
  }));
  if (suggestions.length > MOST_SUGGESTIONS) throw new Error("too many suggestions");
  return {
    model: short("model"),
    heading: short("heading"),
    greeting: textUpTo(LONG, field.get("greeting")),
    system: textUpTo(LONG, field.get("system")),
    suggestions,
    lang: short("lang"),
    theme: field.get("theme").oneOf(THEMES),
    download: field.get("download").oneOf(DOWNLOADS),
    closable: field.get("closable").flag,
    offersPage: field.get("offersPage").flag,
  };
}

function readColours(field: Field): Colours {
  const given = field.members((value) => textUpTo(SHORT, value));
  return Object.fromEntries(
    COLOURS.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
}

function textUpTo(most: number, { text }: Field): string {
  if (text.length > most) throw new Error(`longer than ${most} characters`);
  return text;
}
