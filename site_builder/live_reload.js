// In pages of `windowseat serve --watch`: loads the page again when the site was built again, or the server started again.
const builds = new EventSource("/live_reload");
let lost = false;
builds.addEventListener("built", () => location.reload());
builds.addEventListener("error", () => {
  lost = true;
});
builds.addEventListener("open", () => {
  if (lost) location.reload();
});
// Without this, a page that is left keeps its connection until the server gives up on it.
addEventListener("pagehide", () => builds.close());
