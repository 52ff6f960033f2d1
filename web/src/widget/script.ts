/** What `<script type="module" src="…/widget.js">` runs: the element, with the rest of it and its models on this script's site. */

import { define } from "./element.ts";
import type { FrameModule, PanelModule, RemoteScript } from "./sources.ts";

/** A file beside this one; build.mjs puts in what the other scripts are called and what they are held against. */
interface File {
  readonly file: string;
  readonly integrity: string;
}
declare const WIDGET_FILES: {
  readonly worker: File;
  /** A script, and then what it imports before it runs. */
  readonly panel: readonly [File, ...File[]];
  readonly frame: readonly [File, ...File[]];
};

define({
  site: new URL("./", import.meta.url).href,
  worker: scriptOf(WIDGET_FILES.worker),
  importPanel: () => load<PanelModule>(WIDGET_FILES.panel),
  importFrame: () => load<FrameModule>(WIDGET_FILES.frame),
});

function scriptOf({ file, integrity }: File): RemoteScript {
  return { address: new URL(`assets/${file}`, import.meta.url).href, integrity };
}

/** A policy may know scripts by a nonce, which this script hands on; browsers hide it from style sheets, not from here. */
const nonce = [...document.scripts].find(({ src }) => src === import.meta.url)?.nonce ?? "";

async function load<Module>([main, ...imports]: readonly [File, ...File[]]): Promise<Module> {
  await Promise.all([main, ...imports].map((file) => preload(scriptOf(file))));
  return import(scriptOf(main).address);
}

/** Fetches a module and holds it against its hash; an import that follows takes it, and nothing else. */
function preload({ address, integrity }: RemoteScript): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = address;
    link.integrity = integrity;
    link.crossOrigin = "anonymous";
    link.nonce = nonce;
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      reject(
        new Error(
          `${address} could not be loaded or is not what it has to be; check the connection, and script-src in the page's Content-Security-Policy.`,
        ),
      );
    };
    document.head.append(link);
  });
}
