/** The folder of a bundle: an address of its own, relative to the page, or the name of one of the site's models. */
export function modelAddress(model: string, site: string): string {
  if (!model.includes("/")) return new URL(`models/${model}/`, site).href;
  return new URL(model.endsWith("/") ? model : `${model}/`, document.baseURI).href;
}
