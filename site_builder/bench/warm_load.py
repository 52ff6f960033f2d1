"""How soon the first token comes when the model is in the browser's storage already, and how soon it should."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...compile.errors import UserError
from ..runtimes import find_chromium, open_page, serving
from .results import WarmLoad

# A worker loads the bundle, answers with one token, and reads the stored shards once more without doing anything.
SCRIPT = """async ([bundle, variant]) => {
  const worker = new Worker(windowseat.engineScript, { type: "module" });
  const ends = ["ready", "done", "storage_speed"];
  const ask = (message) => new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => {
      if (data.kind.endsWith("failed")) reject(new Error(data.failure.message));
      else if (ends.includes(data.kind)) resolve(data);
    };
    worker.postMessage(message);
  });
  const started = performance.now();
  const { model } = await ask({ kind: "load", bundle, variant });
  const sampling = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };
  await ask({ kind: "generate", id: 1, messages: [{ role: "user", content: "Hi" }], maxTokens: 1, sampling });
  const firstTokenMs = performance.now() - started;
  const storage = await ask({ kind: "measure_storage", address: bundle });
  worker.terminate();
  return { model, firstTokenMs, storage };
}"""


def measure_warm_load(site: Path, bundle_name: str, variant: str, loads: int) -> WarmLoad:
    """Loads a bundle of the site once from its server and then so many times from Chromium's storage."""
    with serving(site) as url, _page(url) as page:
        address = f"{url}models/{bundle_name}"
        reason = page.evaluate(SCRIPT, [address, variant])["model"]["notKept"]
        if reason is not None:
            raise UserError(f"A warm load cannot be measured: {reason}")
        runs: list[dict[str, Any]] = [page.evaluate(SCRIPT, [address, variant]) for _ in range(loads)]
    if fetched := sum(run["model"]["networkBytes"] for run in runs):
        raise UserError(f"A warm load of {bundle_name} fetched {fetched} bytes; it should fetch none: report this.")
    read_ms = min(run["storage"]["ms"] for run in runs)
    return WarmLoad(
        read_ms=read_ms,
        load_ms=min(run["model"]["loadMs"] for run in runs),
        first_token_ms=min(run["firstTokenMs"] for run in runs),
        limit_ms=1.2 * read_ms + 1000,
    )


@contextmanager
def _page(url: str) -> Iterator[Any]:
    """A page of a profile on disk: one that is only in memory stores and reads in other ways."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="windowseat-profile-") as profile, sync_playwright() as playwright:

        def launch(flags: list[str]) -> Any:
            return playwright.chromium.launch_persistent_context(
                profile, executable_path=find_chromium(), headless=True, args=flags
            )

        with open_page(launch, url) as page:
            yield page
