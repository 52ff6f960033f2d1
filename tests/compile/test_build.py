"""A checkpoint becomes a bundle: whole, described truly, and the same bytes every time."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from windowseat.compile.build import Options, build
from windowseat.compile.bundle import validate
from windowseat.compile.progress import Progress

from tests.compile.tiny_model import CONFIG, TEMPLATE, wrapped, write_tiny

BUILD = """
import sys
from pathlib import Path
from windowseat.compile.build import Options, build
build(sys.argv[1], Path(sys.argv[2]), Options(), lambda progress: None)
assert "torch" not in sys.modules  # which takes longer to import than all the rest
"""


BASE = Options(variants=("base",))  # where it matters to no test that there are others


def compiled(source: Path, models: Path, options: Options = BASE) -> Path:
    return build(str(source), models, options, lambda progress: None)


def manifest(bundle: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((bundle / "bundle.json").read_text())
    return content


def contents(bundle: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bundle.iterdir()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("source") / "Tiny-Model")


@pytest.fixture(scope="module", params=["q4", "q8", "f16"])
def bundle(request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(source, tmp_path_factory.mktemp("models"), Options(request.param))


def test_the_manifest_and_the_plans_follow_their_schemas(bundle: Path) -> None:
    validate(manifest(bundle), "bundle")
    for variant in manifest(bundle)["variants"]:
        validate(json.loads((bundle / variant["plan"]).read_text()), "plan")


def test_every_file_is_listed_with_its_length_and_hash(bundle: Path) -> None:
    described = {file["path"]: (file["bytes"], file["sha256"]) for file in manifest(bundle)["files"]}
    found = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in contents(bundle).items()}
    found.pop("bundle.json")
    assert described == found


def test_the_folder_holds_what_a_chat_needs(bundle: Path) -> None:
    assert sorted(contents(bundle)) == [
        "bundle.json",
        "chat_template.jinja",
        "generation_config.json",
        "plan-base.json",
        "plan-base_q8kv.json",
        "plan-f16.json",
        "plan-f16_q8kv.json",
        "plan-f16_subgroups.json",
        "plan-f16_subgroups_q8kv.json",
        "plan-software.json",
        "plan-software_q8kv.json",
        "report.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "weights-0000.bin",
    ]


def test_every_weight_of_the_plans_is_in_the_stream(bundle: Path) -> None:
    tensors = {tensor["name"] for tensor in manifest(bundle)["weights"]["tensors"]}
    for name in (each["plan"] for each in manifest(bundle)["variants"]):
        plan = json.loads((bundle / name).read_text())
        bound = {buffer for steps in plan["programs"].values() for step in steps for buffer in step["buffers"]}
        assert bound - {buffer["name"] for buffer in plan["buffers"]} == tensors


def test_tensors_lie_one_after_the_other_in_the_shards(bundle: Path) -> None:
    weights = manifest(bundle)["weights"]
    ends = [tensor["offset"] + tensor["bytes"] for tensor in weights["tensors"]]
    starts = [tensor["offset"] for tensor in weights["tensors"]]
    assert all(0 <= start - end < 256 for end, start in zip(ends[:-1], starts[1:], strict=True))
    assert weights["bytes"] == ends[-1] == (bundle / "weights-0000.bin").stat().st_size


def test_the_best_variants_ask_for_features_and_only_the_last_is_for_software(bundle: Path) -> None:
    variants = [each for each in manifest(bundle)["variants"] if each["kv_cache"] != "q8"]
    assert [(each["name"], each["features"], each["software"]) for each in variants] == [
        ("f16_subgroups", ["shader-f16", "subgroups"], False),
        ("f16", ["shader-f16"], False),
        ("base", [], False),
        ("software", [], True),
    ]


def test_each_variant_has_a_twin_with_a_q8_cache_that_comes_after_all_the_others(bundle: Path) -> None:
    variants = manifest(bundle)["variants"]
    full, twins = variants[: len(variants) // 2], variants[len(variants) // 2 :]
    assert [each["name"] for each in twins] == [f"{each['name']}_q8kv" for each in full]
    assert {each["kv_cache"] for each in twins} == {"q8"}
    for one, other in zip(full, twins, strict=True):
        assert (other["features"], other["software"]) == (one["features"], one["software"])
        assert other["memory"]["per_position"] < one["memory"]["per_position"]


def test_the_stop_tokens_are_those_of_all_files_together(source: Path, tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "model", {**CONFIG, "eos_token_id": [5, 7]})
    (folder / "generation_config.json").write_text('{"eos_token_id": 9}')
    assert manifest(compiled(folder, tmp_path / "models"))["stop_tokens"] == [3, 5, 7, 9]


def test_a_template_inside_the_tokenizer_config_gets_a_file(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    assert (compiled(folder, tmp_path / "models") / "chat_template.jinja").read_text() == TEMPLATE


def test_a_bundle_is_named_after_its_folder(source: Path, tmp_path: Path) -> None:
    assert compiled(source, tmp_path) == tmp_path / "Tiny-Model"
    assert manifest(tmp_path / "Tiny-Model")["name"] == "Tiny-Model"
    assert manifest(tmp_path / "Tiny-Model")["model"]["source"] == "Tiny-Model"


def test_a_bundle_may_be_given_a_name(source: Path, tmp_path: Path) -> None:
    assert compiled(source, tmp_path, replace(BASE, name="other.v2")) == tmp_path / "other.v2"


def test_only_the_variants_that_are_named_are_compiled(source: Path, tmp_path: Path) -> None:
    folder = compiled(source, tmp_path, Options(variants=("software", "base")))
    assert [variant["name"] for variant in manifest(folder)["variants"]] == ["base", "software"]
    assert sorted(path.name for path in folder.glob("plan-*")) == ["plan-base.json", "plan-software.json"]


@pytest.mark.parametrize(("asked", "got"), [(300, 300), (512, 512), (None, 512)])
def test_a_bundle_may_be_given_a_context(source: Path, tmp_path: Path, asked: int | None, got: int) -> None:
    assert manifest(compiled(source, tmp_path, replace(BASE, context=asked)))["context"] == {"default": got, "max": 512}


@pytest.mark.parametrize(
    ("card", "licence"), [("---\nlicense: apache-2.0\n---\n# Card\n", "apache-2.0"), ("#\n", None)]
)
def test_the_licence_is_the_one_of_the_model_card(tmp_path: Path, card: str, licence: str | None) -> None:
    folder = write_tiny(tmp_path / "model")
    (folder / "README.md").write_text(card)
    assert manifest(compiled(folder, tmp_path / "models"))["model"]["licence"] == licence


def test_building_twice_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    assert contents(compiled(source, tmp_path / "a")) == contents(compiled(source, tmp_path / "b"))


def test_another_process_builds_the_same_bytes(source: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", BUILD, source, tmp_path / "a"], check=True, env=environment)
    assert contents(tmp_path / "a" / "Tiny-Model") == contents(compiled(source, tmp_path / "b", Options()))


def test_shards_and_types_of_the_checkpoint_leave_no_trace(tmp_path: Path) -> None:
    whole = write_tiny(tmp_path / "whole" / "model")
    shards = write_tiny(tmp_path / "shards" / "model", shard_bytes=20_000)
    assert len(list(shards.glob("*.safetensors"))) > 2
    assert contents(compiled(whole, tmp_path / "a")) == contents(compiled(shards, tmp_path / "b"))


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32"])
def test_every_type_of_weights_is_read(tmp_path: Path, dtype: str) -> None:
    bundle = compiled(write_tiny(tmp_path / "m", dtype=dtype), tmp_path / "models")
    written = json.loads((bundle / "report.json").read_text())
    assert 0.05 < max(error["relative_rms"] for error in written["quantisation_errors"]) < 0.12


def test_the_text_model_is_taken_out_of_the_one_that_sees(tmp_path: Path) -> None:
    alone = write_tiny(tmp_path / "alone" / "model")
    inside = write_tiny(tmp_path / "inside" / "model", wrapped(CONFIG), vision_and_mtp=True)
    text, seeing = compiled(alone, tmp_path / "a"), compiled(inside, tmp_path / "b")
    assert json.loads((seeing / "report.json").read_text())["skipped_tensors"] == {
        "vision": 2,
        "multi-token prediction": 2,
    }
    assert manifest(seeing)["model"]["parameters"] == manifest(text)["model"]["parameters"]
    assert [tensor["name"] for tensor in manifest(seeing)["weights"]["tensors"]] == [
        tensor["name"] for tensor in manifest(text)["weights"]["tensors"]
    ]


def test_parameters_are_counted_once_each(source: Path, tmp_path: Path) -> None:
    header = (source / "model.safetensors").read_bytes()
    entries: Mapping[str, Any] = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])
    sizes = [_size(entry["shape"]) for name, entry in entries.items() if name != "__metadata__"]
    assert manifest(compiled(source, tmp_path))["model"]["parameters"] == sum(sizes)


def _size(shape: list[int]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


def test_the_report_counts_launches_and_bytes(source: Path, tmp_path: Path) -> None:
    folder = compiled(source, tmp_path)
    written = json.loads((folder / "report.json").read_text())
    base = written["variants"]["base"]
    tensors = manifest(folder)["weights"]["tensors"]
    assert base["dispatches"] == {
        "prefill": 22,
        "decode": 13,
        "head": 1,
        "penalise": 1,
        "mask": 1,
        "sample": 2,
        "draw": 5,
        "count": 1,
        "logprobs": 5,
    }
    assert base["dispatches_per_token"] == 16
    assert base["cache_bytes_per_position"] == 2 * 32 * 4
    assert written["weight_bytes"] == sum(tensor["bytes"] for tensor in tensors)
    row = 64 // 2 + 2 * 2  # the head reads the whole table, which is tied to it, and the embedding a row of it
    assert base["weight_bytes_per_token"] == written["weight_bytes"] + row


def test_progress_counts_up_to_every_byte_of_the_weights(source: Path, tmp_path: Path) -> None:
    reports: list[Progress] = []
    folder = build(str(source), tmp_path, Options(), reports.append)
    quantising = [report for report in reports if report.stage == "Quantising"]
    assert {(report.unit, report.total) for report in quantising} == {("bytes", manifest(folder)["weights"]["bytes"])}
    assert [report.done for report in quantising] == sorted(report.done for report in quantising)
    assert quantising[-1].done == quantising[-1].total
