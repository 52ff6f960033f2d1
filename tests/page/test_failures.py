"""What the page says when the model cannot run: the thing, and what the person can do."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

CopyOfSite = Callable[[], tuple[Path, str]]


def test_a_browser_without_webgpu_is_told_so(page_without_webgpu: Page, site_url: str) -> None:
    page_without_webgpu.goto(site_url)
    expect(page_without_webgpu.get_by_role("alert")).to_contain_text("WebGPU")
    expect(page_without_webgpu.get_by_role("button", name="Send")).to_be_disabled()


def test_a_flipped_bit_in_the_weights_is_found_before_anything_runs(page: Page, copy_of_site: CopyOfSite) -> None:
    folder, url = copy_of_site()
    shard = next((folder / "models/demo").glob("weights-*.bin"))
    weights = bytearray(shard.read_bytes())
    weights[1000] ^= 1
    shard.write_bytes(weights)
    page.goto(url)
    expect(page.get_by_role("alert")).to_contain_text("A file of the model is damaged")
    expect(page.get_by_role("alert")).to_contain_text(shard.name)


def test_a_missing_file_is_named_and_trying_again_helps_once_it_is_back(
    page: Page, copy_of_site: CopyOfSite, expected_console: list[str]
) -> None:
    expected_console.append("404")
    folder, url = copy_of_site()
    tokenizer = folder / "models/demo/tokenizer.json"
    text = tokenizer.read_text("utf-8")
    tokenizer.unlink()
    page.goto(url)
    expect(page.get_by_role("alert")).to_contain_text("A file of the model did not arrive")
    expect(page.get_by_role("alert")).to_contain_text("tokenizer.json")
    tokenizer.write_text(text, "utf-8")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    expect(page.get_by_role("alert")).to_be_empty()


def test_a_bundle_of_a_newer_version_is_refused(page: Page, copy_of_site: CopyOfSite) -> None:
    folder, url = copy_of_site()
    manifest = folder / "models/demo/bundle.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text("utf-8")), "version": 99}), "utf-8")
    page.goto(url)
    expect(page.get_by_role("alert")).to_contain_text("This model and this page do not fit together")
    expect(page.get_by_role("alert")).to_contain_text("99")


def test_an_adapter_that_is_too_small_is_named_with_what_it_has_and_what_is_needed(
    page: Page, copy_of_site: CopyOfSite
) -> None:
    folder, url = copy_of_site()
    path = folder / "models/demo/bundle.json"
    manifest = json.loads(path.read_text("utf-8"))
    for variant in manifest["variants"]:
        variant["limits"]["maxStorageBuffersPerShaderStage"] = 1000
    path.write_text(json.dumps(manifest), "utf-8")
    page.goto(url)
    expect(page.get_by_role("alert")).to_contain_text("This model is too large for this graphics card")
    expect(page.get_by_role("alert")).to_contain_text("1000 are needed")


def test_a_missing_engine_script_is_said_too(page: Page, copy_of_site: CopyOfSite, expected_console: list[str]) -> None:
    expected_console.append("404")
    folder, url = copy_of_site()
    script = next((folder / "assets").glob("engine_worker-*.js"))
    script.unlink()
    page.goto(url)
    expect(page.get_by_role("alert")).to_contain_text(script.name)


def test_a_message_that_is_too_long_comes_back_into_the_message_box(chat: Page) -> None:
    long_message = "window seat " * 20_000
    box = chat.get_by_role("textbox", name="Message")
    box.fill(long_message)
    chat.get_by_role("button", name="Send").click()
    expect(chat.get_by_role("alert")).to_contain_text("This no longer fits into the chat")
    expect(box).to_have_value(long_message.strip())
    chat.get_by_role("button", name="Start a new chat").click()
    expect(chat.get_by_role("alert")).to_be_empty()
    box.fill("")


def test_no_place_finds_a_card_missing_where_the_browser_has_no_webgpu(
    page_without_webgpu: Page, site_url: str
) -> None:
    page = page_without_webgpu
    page.add_init_script("delete Navigator.prototype.gpu")
    page.goto(f"{site_url}will_it_run.html")
    expect(page.locator("#models")).to_contain_text("Does not run here: there is no WebGPU.")
    page.goto(site_url)
    page.locator("#open-models").click()
    expect(page.get_by_role("dialog", name="Models")).to_contain_text("Does not run here: there is no WebGPU.")


def test_the_heading_of_a_failure_is_in_view_on_a_small_phone(
    page: Page, site_url: str, expected_console: list[str]
) -> None:
    expected_console.append("net::ERR_FAILED")
    page.set_viewport_size({"width": 320, "height": 568})
    page.route("**/weights-0000.bin", lambda route: route.abort())
    page.goto(site_url)
    expect(page.get_by_role("alert").get_by_role("heading")).to_be_in_viewport(ratio=1)


def test_what_has_come_of_an_answer_outlives_a_failure(page: Page, site_url: str) -> None:
    page.add_init_script("""
        const Own = Worker;
        window.Worker = class extends Own { constructor(...given) { super(...given); window.engineWorker = this; } };
    """)
    page.goto(site_url)
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.evaluate("""() => {
        const failure = { code: "device_lost", message: "The browser lost the GPU." };
        const data = { kind: "failed", id: null, failure };
        const watching = new MutationObserver(() => {
            if ((document.querySelector("[data-testid=reply]")?.textContent ?? "").length < 3) return;
            watching.disconnect();
            engineWorker.dispatchEvent(new MessageEvent("message", { data }));
        });
        watching.observe(document.body, { subtree: true, childList: true, characterData: true });
    }""")
    page.get_by_role("textbox", name="Message").fill("Count from 1 to 20.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The graphics card stopped answering")
    expect(page.get_by_test_id("reply")).to_contain_text("1 2")
    expect(page.get_by_role("textbox", name="Message")).to_be_empty()


def test_a_model_that_another_tab_has_deleted_is_gone_from_the_list(page: Page, copy_of_site: CopyOfSite) -> None:
    _, url = copy_of_site()
    page.goto(url)
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.locator("#open-models").click()
    sheet = page.get_by_role("dialog", name="Models")
    expect(sheet.get_by_role("button", name="Delete")).to_have_count(1)
    page.evaluate("navigator.storage.getDirectory().then((root) => root.removeEntry('windowseat', {recursive: true}))")
    sheet.get_by_role("button", name="Delete").click()
    expect(sheet.get_by_role("button", name="Delete")).to_have_count(0)
    expect(page.locator("#notice")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
