/** The events of `<windowseat-chat>`: they bubble, and pass the borders of shadow trees. */

import type { LoadProgress } from "../api/index.ts";
import type { ErrorDetail, MessageDetail, ReadyDetail } from "./panel_types.ts";

export interface WindowseatChatEvents {
  /** The panel was opened. */
  readonly "windowseat-open": CustomEvent<null>;
  /** The panel was closed. */
  readonly "windowseat-close": CustomEvent<null>;
  /** More of the model is here. */
  readonly "windowseat-progress": CustomEvent<LoadProgress>;
  /** The model is loaded. */
  readonly "windowseat-ready": CustomEvent<ReadyDetail>;
  /** A question was asked, or its answer is whole. */
  readonly "windowseat-message": CustomEvent<MessageDetail>;
  /** The model could not be loaded, or a question not be answered. */
  readonly "windowseat-error": CustomEvent<ErrorDetail>;
}

export function tell<Name extends keyof WindowseatChatEvents>(
  element: HTMLElement,
  name: Name,
  detail: WindowseatChatEvents[Name]["detail"],
): void {
  element.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}
