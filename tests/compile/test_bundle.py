"""The bundle's folder appears whole or not at all, and its manifest follows its schema."""

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from jsonschema import Draft202012Validator
from windowseat.compile import bundle
from windowseat.compile.bundle import (
    ModelIdentity,
    TensorRange,
    VariantEntry,
    as_json,
    validate,
    write_file,
    write_manifest,
)


def manifest(folder: Path, name: str = "model") -> None:
    write_manifest(
        folder,
        name=name,
        model=ModelIdentity("qwen3_5_text", "source", None, "apache-2.0", 100, {"hidden_size": 4}),
        quantisation="q4",
        context=(1024, 4096),
        vocabulary=10,
        stop_tokens=[3],
        variants=[
            VariantEntry(
                "base", "plan-base.json", 128, False, "f32", (), {}, {"weights": 1, "fixed": 2, "per_position": 3}
            )
        ],
        weights=(4, 1024, [write_file(folder, "weights-0000.bin", b"1234")], [TensorRange("a", 0, 4)]),
        files=[write_file(folder, "plan-base.json", b"{}")],
    )


def test_a_file_is_described_by_its_length_and_hash(tmp_path: Path) -> None:
    written = write_file(tmp_path, "file", b"content")
    assert (written.path, written.bytes, written.sha256) == ("file", 7, hashlib.sha256(b"content").hexdigest())


def test_json_keeps_letters_of_every_language() -> None:
    assert as_json({"name": "Fünf 五"}) == '{\n "name": "Fünf 五"\n}\n'.encode()


def test_the_manifest_lists_every_file_but_itself(tmp_path: Path) -> None:
    manifest(tmp_path)
    written = json.loads((tmp_path / "bundle.json").read_text())
    assert [file["path"] for file in written["files"]] == ["weights-0000.bin", "plan-base.json"]
    assert written["weights"] == {
        "bytes": 4,
        "shard_bytes": 1024,
        "shards": ["weights-0000.bin"],
        "tensors": [{"name": "a", "offset": 0, "bytes": 4}],
    }


def test_a_manifest_that_breaks_the_format_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(jsonschema.ValidationError, match="'not a name' does not match"):
        manifest(tmp_path, name="not a name")
    assert not (tmp_path / "bundle.json").exists()


@pytest.mark.parametrize("what", ["bundle", "plan"])
def test_nothing_is_no_bundle_and_no_plan(what: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match="is a required property"):
        validate({}, what)


@pytest.mark.parametrize("what", ["bundle", "plan"])
def test_a_written_format_is_a_json_schema(what: str) -> None:
    schema = json.loads((Path(bundle.__file__).parent / f"{what}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
