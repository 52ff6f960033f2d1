import json
from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.compile.errors import UserError
from windowseat.site_builder.bundles import Sampling, bundle_names, read_bundle


def with_settings(folder: Path, settings: dict[str, object]) -> Path:
    """The bundle with this as its generation config."""
    text = json.dumps(settings)
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["files"][-1]["bytes"] = len(text)
    (folder / "bundle.json").write_text(json.dumps(manifest))
    (folder / "generation_config.json").write_text(text)
    return folder


def test_bundles_come_in_the_order_of_their_names(make_bundle: Callable[[str], Path]) -> None:
    models = make_bundle("second").parent
    make_bundle("first")
    assert bundle_names(models) == ["first", "second"]


def test_what_a_build_that_was_killed_left_is_no_bundle(make_bundle: Callable[[str], Path]) -> None:
    make_bundle(".demo.partial-0-0")
    assert bundle_names(make_bundle("demo").parent) == ["demo"]


def test_a_folder_without_models_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="windowseat build MODEL"):
        bundle_names(tmp_path)


def test_a_missing_file_is_named(make_bundle: Callable[[str], Path]) -> None:
    folder = make_bundle("demo")
    (folder / "weights-0000.bin").unlink()
    with pytest.raises(UserError, match=r"weights-0000\.bin is missing; compile demo again"):
        read_bundle(folder)


def test_a_short_file_is_named_with_both_sizes(make_bundle: Callable[[str], Path]) -> None:
    folder = make_bundle("demo")
    (folder / "weights-0000.bin").write_bytes(bytes(100))
    with pytest.raises(UserError, match="has 100 bytes instead of 256"):
        read_bundle(folder)


def test_another_format_version_is_named(make_bundle: Callable[[str], Path]) -> None:
    folder = make_bundle("demo")
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**manifest, "version": 2}))
    with pytest.raises(UserError, match="has format version 2; this site reads 1"):
        read_bundle(folder)


def test_a_manifest_without_its_fields_does_not_pass(make_bundle: Callable[[str], Path]) -> None:
    folder = make_bundle("demo")
    (folder / "bundle.json").write_text('{"version": 1}')
    with pytest.raises(UserError, match="does not keep to the format"):
        read_bundle(folder)


def test_of_the_plans_only_one_counts_for_what_is_fetched(make_bundle: Callable[[str], Path]) -> None:
    folder = make_bundle("demo")
    alone = read_bundle(folder).bytes
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    (folder / "large.plan.json").write_bytes(bytes(50))
    manifest["files"].append({"path": "large.plan.json", "bytes": 50, "sha256": "0" * 64})
    manifest["variants"].append({**manifest["variants"][0], "name": "large", "plan": "large.plan.json"})
    (folder / "bundle.json").write_text(json.dumps(manifest), "utf-8")
    assert read_bundle(folder).bytes == alone + 50 - len("{}")


def test_tokens_are_drawn_greedily_unless_the_checkpoint_samples(make_bundle: Callable[[str], Path]) -> None:
    assert read_bundle(make_bundle("demo")).sampling == Sampling(temperature=0.0, top_k=0, top_p=1.0)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95}, Sampling(0.6, 20, 0.95)),
        ({"do_sample": True}, Sampling(1.0, 0, 1.0)),
        ({"temperature": 0.6}, Sampling(0.0, 0, 1.0)),
        ({"do_sample": True, "min_p": 0.05, "repetition_penalty": 1.1}, Sampling(1.0, 0, 1.0, 0.05, 1.1)),
        ({"repetition_penalty": 1.1}, Sampling(0.0, 0, 1.0, 0.0, 1.1)),
    ],
)
def test_sampling_comes_from_the_generation_config(
    make_bundle: Callable[[str], Path], settings: dict[str, object], expected: Sampling
) -> None:
    assert read_bundle(with_settings(make_bundle("demo"), settings)).sampling == expected


def test_a_setting_that_is_no_number_is_named(make_bundle: Callable[[str], Path]) -> None:
    folder = with_settings(make_bundle("demo"), {"do_sample": True, "temperature": "hot"})
    with pytest.raises(UserError, match="has temperature = 'hot'; make it a number in the checkpoint"):
        read_bundle(folder)
