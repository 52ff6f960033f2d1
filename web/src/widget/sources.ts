import type { Panel, PanelHost } from "./panel_types.ts";
import type { Settings } from "./settings.ts";

/** A script of the widget's site, which is not always the page's. */
export interface RemoteScript {
  readonly address: string;
  /** What its content is held against. */
  readonly integrity: string;
}

/** Where the engine's worker comes from: the site, or a package that a bundler has put beside the page's own scripts. */
export type WorkerSource = RemoteScript | (() => Worker);

/** The visible text of what a selector names; it comes with the panel, so that the element stays small. */
export type ReadPage = (selector: string | null) => string | null;

export interface PanelModule {
  readonly readPage: ReadPage;
  readonly openPanel: (
    place: HTMLElement,
    settings: Settings,
    host: PanelHost,
    worker: WorkerSource,
  ) => Panel;
}

export interface FrameModule {
  readonly readPage: ReadPage;
  readonly openFrame: (
    address: URL,
    place: HTMLElement,
    settings: Settings,
    host: PanelHost,
    signal: AbortSignal,
  ) => Promise<Panel>;
}

/** Where everything comes from that the element does not need before it is opened. */
export interface Sources {
  /** The folder that has `models/` and `embed.html`. */
  readonly site: string;
  readonly importPanel: () => Promise<PanelModule>;
  readonly importFrame: () => Promise<FrameModule>;
  readonly worker: WorkerSource;
}
