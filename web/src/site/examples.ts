/** The gallery: runs what web/examples has, on a model that is loaded once for all of them. */

import { Windowseat, type WindowseatEngine } from "windowseat";
import { extract } from "../../examples/extract.ts";
import { summarise } from "../../examples/summarise.ts";
import { translate } from "../../examples/translate.ts";
import { weather } from "../../examples/weather.ts";
import { messageOf } from "../runtime/message_of.ts";
import { readPageData } from "../ui/page_data.ts";
import { element, part } from "../ui/parts.ts";
import { formatted, text } from "../ui/texts.ts";
import { ENGINE_SCRIPT } from "./engine_script.ts";

type Run = (
  engine: WindowseatEngine,
  field: (name: string) => string,
  show: (text: string) => void,
  signal: AbortSignal,
) => Promise<void>;

/** By the id of their forms. */
const RUNS: Readonly<Record<string, Run>> = {
  summarise: (engine, field, show, signal) => summarise(engine, field("text"), show, signal),
  translate: (engine, field, show, signal) =>
    translate(engine, field("text"), field("language"), show, signal),
  extract: (engine, field, show, signal) => extract(engine, field("text"), show, signal),
  weather: (engine, field, show, signal) => weather(engine, field("text"), show, signal),
};

const { models } = readPageData();
const picker = part("model", HTMLSelectElement);
picker.replaceChildren(...models.map(({ name, label }) => new Option(label, name)));

/** What was loaded last, or is being loaded; `stop` ends the load. */
let loaded:
  | {
      readonly name: string;
      readonly engine: Promise<WindowseatEngine>;
      readonly stop: AbortController;
    }
  | undefined;
/** Hears how far the load is. */
let report: (text: string) => void = () => {};

/** The model that is picked; the one before it makes room. */
function engineOf(name: string): Promise<WindowseatEngine> {
  if (loaded?.name === name) return loaded.engine;
  loaded?.stop.abort();
  loaded?.engine.then((engine) => engine.close()).catch(() => {});
  const stop = new AbortController();
  const { bundle } = models.find((model) => model.name === name) ?? models[0];
  const engine = Windowseat.load(bundle, {
    worker: ENGINE_SCRIPT,
    signal: stop.signal,
    onProgress: ({ done, total }) => {
      const share = formatted(Math.min(done / Math.max(total, 1), 1), { style: "percent" });
      report(text("loading_share", { share }));
    },
  });
  loaded = { name, engine, stop };
  engine.catch(() => {
    // The next try begins anew.
    if (loaded?.engine === engine) loaded = undefined;
  });
  return engine;
}

for (const [id, run] of Object.entries(RUNS)) offer(part(id, HTMLFormElement), run);

/** Makes a form run its example. */
function offer(form: HTMLFormElement, run: Run): void {
  const output = within(form, "output", HTMLOutputElement);
  const start = within(form, "[type=submit]", HTMLButtonElement);
  const stop = within(form, ".stop", HTMLButtonElement);
  const status = within(form, ".status", HTMLElement);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const stopping = new AbortController();
    stop.onclick = () => stopping.abort();
    const show = (answer: string): void => {
      output.hidden = false;
      output.textContent = answer;
    };
    const say = (words: string): void => {
      status.textContent = words;
    };
    start.disabled = true;
    stop.hidden = false;
    report = say;
    try {
      const engine = await Promise.race([engineOf(picker.value), ended(stopping.signal)]);
      say(text("thinking_now"));
      await run(engine, (name) => String(fields.get(name)), show, stopping.signal);
      say("");
    } catch (error) {
      // By the button, or because another model was picked.
      const wasStopped = error instanceof DOMException && error.name === "AbortError";
      say(wasStopped ? text("stopped") : "");
      if (!wasStopped) showFailure(output, error);
    } finally {
      start.disabled = false;
      if (document.activeElement === stop) start.focus();
      stop.hidden = true;
    }
  });
}

/** Fails as soon as the signal ends; what was waited for goes on, for the next time. */
function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** A model that is too small for an example may well fail it. */
function showFailure(output: HTMLOutputElement, error: unknown): void {
  const said = messageOf(error);
  output.hidden = false;
  output.replaceChildren(element("span", "failure", said));
}

function within<E extends Element>(form: Element, selector: string, type: new () => E): E {
  const found = form.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`A form of the gallery has no ${selector}.`);
  return found;
}
