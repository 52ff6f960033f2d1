const ALLOWED: readonly string[] = ["http:", "https:", "mailto:"];

/**
 * The address of a link in full, or null for one that is shown as text: a script, a file, an address without a host.
 *
 * A link leads to another site or to a mail program, and only when a person follows it.
 */
export function safeAddress(href: string): string | null {
  try {
    const url = new URL(href);
    return ALLOWED.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
