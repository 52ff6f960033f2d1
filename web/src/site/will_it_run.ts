/** "Will it run here?": what the device offers, and what that means for each model of the site. */

import { type Fit, fitOf } from "../ui/models/fit.ts";
import { fitText } from "../ui/models/fit_text.ts";
import { type ModelChoice, readPageData } from "../ui/page_data.ts";
import { element, part } from "../ui/parts.ts";
import { formatted, sizeText, text } from "../ui/texts.ts";
import { type Device, readDevice } from "./device.ts";

const device = await readDevice();
for (const place of document.querySelectorAll<HTMLElement>("[data-fact]")) {
  place.textContent = factOf(place.dataset.fact ?? "", device);
}
const { models } = readPageData();
const fits = models.map((model) => ({ model, fit: fitOf(model, device, 0) }));
part("models", HTMLUListElement).replaceChildren(...fits.map(({ model, fit }) => card(model, fit)));
part("verdict", HTMLElement).textContent = verdict(fits.map(({ fit }) => fit));

/** The whole page in a sentence or two. */
function verdict(found: readonly Fit[]): string {
  if (!device.webgpu) {
    return text(isSecureContext ? "verdict_no_webgpu" : "verdict_not_secure");
  }
  if (device.adapter === null) return text("verdict_no_adapter");
  const said = verdictOn(found);
  return device.adapter.software ? `${said} ${text("verdict_slow")}` : said;
}

function verdictOn(found: readonly Fit[]): string {
  const running = found.filter(({ kind }) => kind === "fits" || kind === "no_room").length;
  if (running === found.length) return text(running > 1 ? "verdict_all" : "verdict_one");
  if (running > 0) return text("verdict_some", { some: running, all: found.length });
  return text(found.some(({ kind }) => kind === "tight") ? "verdict_tight" : "verdict_too_large");
}

function card(model: ModelChoice, fit: Fit): HTMLLIElement {
  const made = element("li", "card");
  made.append(
    element("h3", "", model.label),
    element("p", "", fitText(fit)),
    element("p", "quiet", text("to_fetch", { size: sizeText(model.bytes) })),
  );
  made.dataset.fit = fit.kind;
  return made;
}

function factOf(key: string, { webgpu, adapter, memory, room }: Device): string {
  const present = (is: boolean | undefined): string => text(is ? "here" : "missing");
  switch (key) {
    case "webgpu":
      return present(webgpu);
    case "adapter":
      return adapter === null ? text("none_found_here") : adapter.name || text("name_hidden");
    case "memory":
      return memory === null ? text("not_told") : text("or_more", { size: limit(memory) });
    case "room":
      return room === null ? text("not_told") : sizeText(room);
    case "isolated":
      return text(crossOriginIsolated ? "yes" : "no");
    case "shader-f16":
    case "subgroups":
      return present(adapter?.features.includes(key));
    default: {
      const most = adapter?.limit(key);
      if (most === undefined) return "–";
      return key === "maxComputeInvocationsPerWorkgroup" ? formatted(most, {}) : limit(most);
    }
  }
}

/** Of memory and limits, which are powers of two. */
function limit(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 3);
  const value = formatted(bytes / 1024 ** power, { maximumFractionDigits: 1 });
  return `${value} ${["B", "KiB", "MiB", "GiB"][power]}`;
}
