/** What the element and its panel are to each other, whether the panel stands in the page or in a frame. */

import type { LoadProgress } from "../api/index.ts";
import type { Settings } from "./settings.ts";

export const ERROR_CODES = [
  // This browser or this device will not do.
  "no_webgpu",
  "no_adapter",
  "adapter_too_small",
  "device_lost",
  // The model.
  "network",
  "missing_file",
  "damaged_file",
  "unknown_version",
  // One question: no text, too long, ended before it had an answer, or asked while another one was being answered.
  "invalid_type",
  "context_length_exceeded",
  "stopped",
  "busy",
  // The widget's own script or frame did not come, or this page's policy or the site does not allow it here.
  "unavailable",
  "internal",
] as const;
export type WidgetErrorCode = (typeof ERROR_CODES)[number];

/** Why a chat, or one question, came to nothing: one sentence for people, in English; the panel has its own words. */
export class WidgetError extends Error {
  readonly code: WidgetErrorCode;

  constructor(code: WidgetErrorCode, message: string) {
    super(message);
    this.name = "WidgetError";
    this.code = code;
  }
}

export interface ReadyDetail {
  /** The model's name. */
  readonly model: string;
  /** Tokens that a conversation may hold. */
  readonly context: number;
}

export interface MessageDetail {
  readonly role: "user" | "assistant";
  readonly text: string;
}

export interface ErrorDetail {
  readonly code: WidgetErrorCode;
  readonly message: string;
}

/** What a panel asks and tells the element that it belongs to. */
export interface PanelHost {
  readonly onProgress: (progress: LoadProgress) => void;
  readonly onReady: (ready: ReadyDetail) => void;
  readonly onMessage: (message: MessageDetail) => void;
  readonly onError: (error: ErrorDetail) => void;
  /** The visitor closed the panel. */
  readonly onClose: () => void;
  /** The visitor wants the page's text to go along: reads it, or gives null where there is none. */
  readonly readPage: () => Promise<string | null>;
}

export interface Panel {
  /** Gives the whole answer; throws a `WidgetError` where there is none. */
  readonly ask: (question: string) => Promise<string>;
  /** Ends the answer that is being written. */
  readonly stop: () => void;
  /** Begins a new conversation. */
  readonly reset: () => void;
  /** Moves the focus to where one writes. */
  readonly focus: () => void;
  readonly update: (settings: Settings) => void;
  /** Ends everything and frees the GPU. */
  readonly close: () => void;
}
