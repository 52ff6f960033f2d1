import { part } from "../ui/parts.ts";

/**
 * Has the browser keep the site for visits without a network, through a service worker with this script, and offers a new
 * version once it has been fetched.
 */
export async function keepForOffline(script: string): Promise<void> {
  const { serviceWorker } = navigator;
  // Only secure pages have it.
  if (serviceWorker === undefined) return;
  await settled();
  const options: RegistrationOptions = { updateViaCache: "none" };
  const registration = await serviceWorker.register(script, options).catch(() => null);
  if (registration === null) return; // refused, as in some private windows: the site works, but not without a network
  offerWaiting(registration);
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", () => offerWaiting(registration));
  });
  document.addEventListener("visibilitychange", () => {
    // Without a network it fails, and the version that is here stays.
    if (document.visibilityState === "visible") registration.update().catch(() => {});
  });
}

/** The page itself comes first, and with it the model that it loads: all of the site at once would take their time. */
async function settled(): Promise<void> {
  if (document.readyState !== "complete") {
    await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  }
  const { body } = document;
  while (body.dataset.state === "loading") {
    await new Promise<void>((resolve) => {
      new MutationObserver((_, observer) => {
        observer.disconnect();
        resolve();
      }).observe(body, { attributeFilter: ["data-state"] });
    });
  }
}

/** A version that waits beside the one which runs this page; it takes over only when it is asked to. */
function offerWaiting({ waiting }: ServiceWorkerRegistration): void {
  if (waiting === null || navigator.serviceWorker.controller === null) return;
  const bar = part("update", HTMLElement);
  bar.hidden = false;
  part("update-later", HTMLButtonElement).onclick = () => {
    bar.hidden = true;
  };
  part("update-now", HTMLButtonElement).onclick = () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), {
      once: true,
    });
    waiting.postMessage("take_over");
  };
}
