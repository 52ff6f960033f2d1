import { WidgetError } from "./panel_types.ts";

/** How long browsers may take to tell of what they have refused. */
const PATIENCE_MS = 200;

/**
 * Tries what the page's Content-Security-Policy may forbid: the loading of `address`. The failure itself says nothing of the
 * policy; the browser tells of it by an event, before the failure or after.
 */
export async function underPolicy<T>(address: string, attempt: () => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const refused = new Promise<never>((_, reject) => {
    const hear = ({
      disposition,
      blockedURI,
      effectiveDirective,
    }: SecurityPolicyViolationEvent) => {
      // Of some addresses only the scheme or the origin is told.
      const isThis = blockedURI !== "" && address.startsWith(blockedURI);
      if (disposition === "enforce" && isThis) reject(refusal(address, effectiveDirective));
    };
    document.addEventListener("securitypolicyviolation", hear, { signal: ended.signal });
  });
  try {
    return await Promise.race([refused, attempt()]);
  } catch (error) {
    await Promise.race([refused, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    throw error;
  } finally {
    ended.abort();
  }
}

function refusal(address: string, directive: string): WidgetError {
  const message = `The page's Content-Security-Policy refuses ${address} by its ${directive}; allow ${sourceOf(address)} in ${directive}.`;
  return new WidgetError("unavailable", message);
}

/** What a policy calls the place of an address. */
function sourceOf(address: string): string {
  const { protocol, origin } = new URL(address);
  if (protocol === "blob:") return protocol;
  return origin === location.origin ? "'self'" : origin;
}
