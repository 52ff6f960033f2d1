/**
 * Whether the site allows every page around this frame. `frame-ancestors` in a header says the same to the browser, but not
 * every static host sends headers. `said` is the origin of the parent as a message of its own has shown it.
 *
 * A browser that does not tell a frame's ancestors tells where it was opened from, unless that page keeps it to itself.
 */
export function mayShow(allowed: readonly string[], said?: string): boolean {
  const around = ancestors() ?? (said === undefined ? referrer() : []);
  const origins = said === undefined ? around : [said, ...around];
  const isAllowed = (origin: string): boolean =>
    origin === location.origin || allowed.includes("*") || allowed.includes(origin);
  return origins.length > 0 && origins.every(isAllowed);
}

function ancestors(): readonly string[] | null {
  const list = location.ancestorOrigins;
  return list === undefined ? null : [...list];
}

function referrer(): readonly string[] {
  return document.referrer === "" ? [] : [new URL(document.referrer).origin];
}
