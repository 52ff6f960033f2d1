/**
 * The site's service worker: keeps the pages and what they load, so that they open without a network. Models are kept by
 * the engine, in the browser's file system, and requests for them go past this.
 *
 * A new version is fetched whole beside the old one and waits; it takes over when a page says so, or when no page is open.
 */

declare const self: ServiceWorkerGlobalScope;

/** What the site builder puts before this script; null while the site is being developed. */
declare const SHELL: { readonly version: string; readonly files: readonly string[] } | null;

export type {}; // a module, so that its `self` is its own

const scope = self.registration.scope;
const prefix = `windowseat ${scope} `;
const files = new Set(SHELL?.files);

self.addEventListener("install", (event) => event.waitUntil(SHELL ? keep() : self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(SHELL ? takeOver() : giveUp()));
self.addEventListener("message", ({ data }) => {
  if (data === "take_over") void self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const file = event.request.method === "GET" ? fileOf(event.request.url) : undefined;
  if (file !== undefined) event.respondWith(answer(file, event.request));
});

/** The file that an address names, if it is one that is kept. */
function fileOf(url: string): string | undefined {
  const { origin, pathname } = new URL(url);
  const address = origin + pathname;
  if (!address.startsWith(scope)) return undefined;
  const path = address.slice(scope.length);
  // An older page that is still open asks for assets of its own version.
  if (path.startsWith("assets/")) return path;
  // Some hosts leave the ending away.
  return [path === "" ? "index.html" : path, `${path}.html`].find((name) => files.has(name));
}

async function answer(file: string, request: Request): Promise<Response> {
  const names = file.startsWith("assets/") ? await versions() : [cacheName()];
  for (const cacheName of names.reverse()) {
    const kept = await caches.match(new URL(file, scope), { cacheName });
    if (kept) return kept;
  }
  return await fetch(request);
}

async function keep(): Promise<void> {
  const cache = await caches.open(cacheName());
  await Promise.all(
    [...files].map(async (file) => {
      const url = new URL(file, scope);
      const response = await fetch(url, {
        cache: file.startsWith("assets/") ? "default" : "no-cache",
      });
      if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
      // A page may not be answered with a response that was redirected, as hosts do that leave the ending away.
      const { status, headers } = response;
      await cache.put(url, new Response(response.body, { status, headers }));
    }),
  );
}

async function takeOver(): Promise<void> {
  const old = (await versions()).slice(0, -2);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function giveUp(): Promise<void> {
  await Promise.all((await versions()).map((name) => caches.delete(name)));
  await self.registration.unregister();
  const pages = await self.clients.matchAll({ type: "window" });
  await Promise.all(pages.map((page) => page.navigate(page.url)));
}

function cacheName(): string {
  return prefix + SHELL?.version;
}

/** The caches of this site, oldest first; another site may lie under another path of the same host. */
async function versions(): Promise<string[]> {
  return (await caches.keys()).filter((name) => name.startsWith(prefix));
}
