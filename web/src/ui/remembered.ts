/** Small choices that outlive a visit. Where storage is switched off they hold until the page is closed. */

const PREFIX = "windowseat-";

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // It is not kept.
  }
}
