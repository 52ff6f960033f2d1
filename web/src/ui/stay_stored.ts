/**
 * Has the browser keep what this site stores when its disk gets full, where that asks nobody.
 *
 * Workers cannot ask it. Chromium decides by itself, from how a site is used, so it may say yes at a later visit. Firefox
 * would show a question, but for sites that a person has allowed it before; of others nothing is known.
 */
export async function stayStored(): Promise<void> {
  const { storage } = navigator;
  if (storage?.persist === undefined || (await storage.persisted())) return;
  const isChromium = "userAgentData" in navigator;
  if (isChromium || (await isAllowed())) await storage.persist();
}

async function isAllowed(): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: "persistent-storage" });
    return state === "granted";
  } catch {
    return false; // the browser does not know that name
  }
}
