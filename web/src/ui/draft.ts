/** What is being written in the message box outlives a reload of its tab; where storage is switched off, it does not. */

const KEY = "windowseat-draft";

export function recallDraft(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function keepDraft(draft: string): void {
  try {
    sessionStorage.setItem(KEY, draft);
  } catch {
    // It is not kept.
  }
}
