// What must be settled before the first paint, or it would flash: theme, language, and whether the list of chats is open.
// web/src/ui does the rest, but for the colour of the browser's bar, which follows the theme from here.
{
  const root = document.documentElement;
  const recall = (name) => {
    try {
      return localStorage.getItem(`windowseat-${name}`);
    } catch {
      return null; // storage is switched off
    }
  };
  root.dataset.theme = recall("theme") ?? "system";
  const colours = [...document.querySelectorAll("meta[name=theme-color]")].map((meta) => [meta, meta.media]);
  const colourBar = () => {
    const { theme } = root.dataset;
    for (const [meta, media] of colours) {
      meta.media = theme === "system" ? media : media.includes(theme) ? "all" : "not all";
    }
  };
  colourBar();
  new MutationObserver(colourBar).observe(root, { attributeFilter: ["data-theme"] });
  root.dataset.side = recall("side") ?? "closed";
  // Only pages whose words come in several languages name them.
  const { languages } = root.dataset;
  if (languages !== undefined) {
    const known = languages.split(" ");
    const wanted = [recall("language") ?? "", ...navigator.languages];
    const tags = wanted.map((tag) => tag.split("-")[0].toLowerCase());
    root.lang = tags.find((tag) => known.includes(tag)) ?? "en";
    if (root.dataset.rightToLeft.split(" ").includes(root.lang)) root.dir = "rtl";
    if (root.lang !== "en") {
      root.dataset.waiting = ""; // for the words, but not for ever
      setTimeout(() => delete root.dataset.waiting, 3000);
    }
  }
}
