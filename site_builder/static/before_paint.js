// What must be settled before the first paint, or it would flash: theme, language, and whether the list of chats is open.
// web/src/ui does the rest.
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
