/** "Will it run here?": what the device offers, and what that means for each model of the site. */

import { type Fit, fitOf } from "../ui/models/fit.ts";
import { type ModelChoice, readPageData } from "../ui/page_data.ts";
import { element, part } from "../ui/parts.ts";
import { sizeText } from "../ui/size_text.ts";
import { type Device, readDevice } from "./device.ts";

/** Of limits, which are powers of two. */
const limit = (bytes: number): string => {
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 3);
  const value = (bytes / 1024 ** power).toLocaleString("en", { maximumFractionDigits: 1 });
  return `${value} ${["bytes", "KiB", "MiB", "GiB"][power]}`;
};

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
  if (navigator.gpu === undefined) {
    return isSecureContext
      ? "No: this browser has no WebGPU. A current Chrome, Edge, Safari or Firefox has it."
      : "No: browsers offer WebGPU only to secure pages. Open this page over https.";
  }
  if (device.adapter === null) {
    return "No: this browser has WebGPU, but no graphics adapter for it. Switch on hardware acceleration in its settings, or update the graphics driver.";
  }
  const running = found.filter(({ kind }) => kind === "fits" || kind === "no_room").length;
  const slow = device.adapter.software
    ? " The processor computes here in place of a GPU, so expect it to be slow."
    : "";
  if (running === found.length)
    return `Yes${found.length > 1 ? ": all models of this site run here." : ": it runs here."}${slow}`;
  const perhaps = found.some(({ kind }) => kind === "tight");
  if (running > 0) return `Yes: ${running} of ${found.length} models of this site run here.${slow}`;
  return perhaps
    ? `Perhaps: memory is short for every model of this site.${slow}`
    : "No: the models of this site are too large for this graphics adapter.";
}

function card(model: ModelChoice, fit: Fit): HTMLLIElement {
  const made = element("li", "card");
  const needs = `${sizeText(model.bytes, "en")} to download${"memory" in fit ? `, ${sizeText(fit.memory, "en")} of memory while it runs` : ""}.`;
  made.append(
    element("h3", "", model.label),
    element("p", "", sentence(fit)),
    element("p", "quiet", needs),
  );
  made.dataset.fit = fit.kind;
  return made;
}

function sentence(fit: Fit): string {
  switch (fit.kind) {
    case "fits":
      return "Runs here.";
    case "tight":
      return "May run here if other programs are closed: it takes more than half of the memory.";
    case "no_room":
      return "Runs here, but this site has no room to keep it: each visit fetches it again.";
    case "no_gpu":
      return "Needs WebGPU and a graphics adapter.";
    case "too_small":
      return `Does not run here: it needs more of ${fit.lacks} than this adapter has.`;
  }
}

function factOf(key: string, { adapter, memory, room }: Device): string {
  switch (key) {
    case "webgpu":
      return navigator.gpu === undefined ? "Missing" : "Here";
    case "adapter":
      return adapter === null ? "None" : adapter.name || "Here; this browser hides its name";
    case "memory":
      return memory === null ? "Not told" : `${memory / 2 ** 30} GB or more`;
    case "room":
      return room === null ? "Not told" : sizeText(room, "en");
    case "isolated":
      return crossOriginIsolated ? "Yes" : "No";
    case "shader-f16":
    case "subgroups":
      return adapter?.features.includes(key) ? "Here" : "Missing";
    case "maxComputeInvocationsPerWorkgroup":
      return adapter?.limit(key)?.toLocaleString("en") ?? "–";
    default: {
      const bytes = adapter?.limit(key);
      return bytes === undefined ? "–" : limit(bytes);
    }
  }
}
