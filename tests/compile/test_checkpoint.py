"""Checkpoints in folders: what is read, how much of it, and what is said about a broken one."""

import json
from collections.abc import Mapping
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from windowseat.compile.checkpoint import Checkpoint, open_checkpoint
from windowseat.compile.errors import UserError

Arrays = Mapping[str, NDArray[np.generic]]
W = np.arange(12, dtype=np.float32).reshape(4, 3)
HEADER = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'


def opened(folder: Path) -> Checkpoint:
    return open_checkpoint(str(folder), lambda progress: None)


def checkpoint(folder: Path, **files: Arrays) -> Path:
    """A folder with these safetensors files (`model` is model.safetensors) and a config."""
    (folder / "config.json").write_text('{"model_type": "test"}')
    for name, tensors in files.items():
        save_file(dict(tensors), folder / f"{name}.safetensors")
    return folder


def raw(folder: Path, content: bytes) -> Path:
    """A folder whose weight file has these bytes."""
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(content)
    return folder


def with_index(folder: Path, weight_map: object) -> Path:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return folder


def with_header(header: bytes, data: bytes = bytes(8)) -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def refusal(folder: Path | str) -> str:
    with pytest.raises(UserError) as caught:
        opened(Path(folder))
    return str(caught.value)


def test_a_folder_gives_its_name_its_config_and_its_tensors(tmp_path: Path) -> None:
    (tmp_path / "my-model").mkdir()
    with opened(checkpoint(tmp_path / "my-model", model={"w": W})) as model:
        assert (model.source, model.revision, model.config) == ("my-model", None, {"model_type": "test"})
        assert {(each.name, each.shape, each.dtype) for each in model.tensors.values()} == {("w", (4, 3), "F32")}


def test_the_current_folder_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(checkpoint(tmp_path / "here", model={"w": W}))
    with open_checkpoint(".", lambda progress: None) as model:
        assert model.source == "here"


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16, np.float32])
def test_every_type_is_read_exactly_as_float32(tmp_path: Path, dtype: type[np.generic]) -> None:
    values = np.random.default_rng(0).standard_normal((64, 5)).astype(dtype)
    with opened(checkpoint(tmp_path, model={"w": values})) as model:
        got = model.read("w")
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, values.astype(np.float32))


def test_infinities_zeros_and_subnormals_of_bf16_survive(tmp_path: Path) -> None:
    values = np.array([np.inf, -np.inf, -0.0, 1e-40, 3.4e38], ml_dtypes.bfloat16)
    with opened(checkpoint(tmp_path, model={"w": values})) as model:
        assert model.read("w").tobytes() == values.astype(np.float32).tobytes()


@pytest.mark.parametrize(
    ("start", "stop", "rows"), [(0, None, [0, 1, 2, 3]), (1, 3, [1, 2]), (3, None, [3]), (2, 2, [])]
)
def test_rows_are_read_alone(tmp_path: Path, start: int, stop: int | None, rows: list[int]) -> None:
    with opened(checkpoint(tmp_path, model={"first": np.ones(7, np.float32), "w": W})) as model:
        np.testing.assert_array_equal(model.read("w", start, stop), W[rows])


def test_a_scalar_and_an_empty_tensor_are_read(tmp_path: Path) -> None:
    tensors: Arrays = {"scalar": np.array(3, np.float32), "empty": np.zeros((0, 4), np.float16)}
    with opened(checkpoint(tmp_path, model=tensors)) as model:
        assert (model.read("scalar").shape, model.read("scalar").item()) == ((), 3)
        assert model.read("empty").shape == (0, 4)


def test_rows_that_are_not_there_are_a_bug_of_the_caller(tmp_path: Path) -> None:
    with opened(checkpoint(tmp_path, model={"w": W})) as model, pytest.raises(IndexError, match="rows 0:5 of w"):
        model.read("w", 0, 5)


def test_a_tensor_that_is_not_there_is_named(tmp_path: Path) -> None:
    model = opened(checkpoint(tmp_path, model={"w": W}))
    with model, pytest.raises(UserError, match=f"{tmp_path.name} has no tensor 'v'"):
        model.read("v")


def test_shards_read_like_one_file(tmp_path: Path) -> None:
    with_index(checkpoint(tmp_path, a={"v": W + 1}, b={"w": W}), {"v": "a.safetensors", "w": "b.safetensors"})
    with opened(tmp_path) as model:
        assert sorted(model.tensors) == ["v", "w"]
        np.testing.assert_array_equal(model.read("v"), W + 1)
        np.testing.assert_array_equal(model.read("w"), W)


def test_files_that_the_index_does_not_name_are_ignored(tmp_path: Path) -> None:
    with opened(with_index(checkpoint(tmp_path, a={"w": W}, consolidated={"w": W}), {"w": "a.safetensors"})) as model:
        assert list(model.tensors) == ["w"]


def test_nothing_is_read_after_close(tmp_path: Path) -> None:
    model = opened(checkpoint(tmp_path, model={"w": W}))
    model.close()
    with pytest.raises(ValueError, match="closed file"):
        model.read("w")


def test_a_file_that_shrank_after_it_was_opened_is_noticed(tmp_path: Path) -> None:
    with opened(checkpoint(tmp_path, model={"w": W})) as model:
        with open(tmp_path / "model.safetensors", "r+b") as file:
            file.truncate(100)
        with pytest.raises(UserError, match="became shorter while w was read"):
            model.read("w")


def test_a_file_of_the_checkpoint_is_found_or_none(tmp_path: Path) -> None:
    with opened(checkpoint(tmp_path, model={"w": W})) as model:
        assert model.file("config.json") == tmp_path / "config.json"
        assert model.file("tokenizer.json") is None


@pytest.mark.parametrize(
    ("files", "template"),
    [
        ({}, None),
        ({"chat_template.jinja": "new", "tokenizer_config.json": '{"chat_template": "old"}'}, "new"),
        ({"tokenizer_config.json": '{"chat_template": "old"}'}, "old"),
        ({"tokenizer_config.json": "{}", "chat_template.json": '{"chat_template": "processor"}'}, "processor"),
        (
            {
                "tokenizer_config.json": '{"chat_template": [{"name": "rag", "template": "r"},'
                '{"name": "default", "template": "d"}]}'
            },
            "d",
        ),
        ({"tokenizer_config.json": '{"chat_template": [3, {"name": []}]}'}, None),
    ],
)
def test_the_chat_template_is_found_wherever_it_is(tmp_path: Path, files: dict[str, str], template: str | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with opened(checkpoint(tmp_path, model={"w": W})) as model:
        assert model.chat_template() == template


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags: [x]\n---\n# A model\n", "apache-2.0"),
        ("---\r\nlicense: mit\r\n---\r\n# A model\r\n", "mit"),
        ("---\nlicense: other\nlicense_name: qwen-research\n---\n", "qwen-research"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\ntags: [x]\n---\n", None),
        ("---\nlicense: [\n---\n", None),
        ("---\nlicense: mit\ndate: 2024-02-30\n---\n", None),
        ("\ufeff---\nlicense: mit\n---\n", "mit"),
        ("# A model\n\n---\nlicense: mit\n---\n", None),
    ],
)
def test_the_licence_comes_from_the_model_card(tmp_path: Path, card: str, licence: str | None) -> None:
    (tmp_path / "README.md").write_bytes(card.encode())
    with opened(checkpoint(tmp_path, model={"w": W})) as model:
        assert model.licence() == licence


def test_a_model_card_in_another_encoding_is_read_as_far_as_it_can_be(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes("---\nlicense: mit\nauthor: Jürgen\n---\n".encode("latin-1"))
    with opened(checkpoint(tmp_path, model={"w": W})) as model:
        assert model.licence() == "mit"


def test_a_template_is_utf_8_and_begins_after_its_mark(tmp_path: Path) -> None:
    with opened(checkpoint(tmp_path, model={"w": W})) as model:
        (tmp_path / "chat_template.jinja").write_bytes("\ufeff{{ messages }}".encode())
        assert model.chat_template() == "{{ messages }}"
        (tmp_path / "chat_template.jinja").write_bytes("{# für #}".encode("latin-1"))
        with pytest.raises(UserError, match=r"^chat_template.jinja of .* is not UTF-8 .*; save it as that$"):
            model.chat_template()


def test_without_a_model_card_there_is_no_licence(tmp_path: Path) -> None:
    with opened(checkpoint(tmp_path, model={"w": W})) as model:
        assert model.licence() is None


def test_a_missing_folder_is_named() -> None:
    assert refusal("/no/such/folder").startswith("there is no folder /no/such/folder; give a checkpoint's folder")


@pytest.mark.parametrize("model", ["name", "https://huggingface.co/owner/name", "a/b/c"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_said_to_be(model: str) -> None:
    with pytest.raises(UserError, match="is neither a folder here nor a hub id; write a path or owner/name"):
        open_checkpoint(model, lambda progress: None)


def test_a_gguf_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "q4.gguf").touch()
    assert refusal(tmp_path / "q4.gguf").endswith("is GGUF; give the safetensors checkpoint that it was made from")
    assert "has only GGUF files" in refusal(tmp_path)


def test_a_weight_file_instead_of_its_folder_is_refused(tmp_path: Path) -> None:
    file = checkpoint(tmp_path, model={"w": W}) / "model.safetensors"
    assert refusal(file) == f"{file} is a file; give the folder that has it and its config.json"


def test_a_folder_without_config_is_refused(tmp_path: Path) -> None:
    (checkpoint(tmp_path, model={"w": W}) / "config.json").unlink()
    assert "has no config.json; give a checkpoint in Hugging Face format" in refusal(tmp_path)


def test_a_config_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (checkpoint(tmp_path, model={"w": W}) / "config.json").write_text("{not json")
    assert refusal(tmp_path).startswith("config.json is not JSON (Expecting property name")


def test_a_config_that_is_a_list_is_refused(tmp_path: Path) -> None:
    (checkpoint(tmp_path, model={"w": W}) / "config.json").write_text("[]")
    assert refusal(tmp_path) == "config.json holds a list, not an object; fetch the file again"


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("pytorch_model.bin", "has only pytorch_model.bin, which can run code when it is opened; convert it once with"),
        ("adapter_model.safetensors", "is an adapter, not a whole model; merge it into its base model"),
        ("other.safetensors", "has neither model.safetensors nor model.safetensors.index.json"),
    ],
)
def test_a_folder_without_usable_weights_says_what_it_needs(tmp_path: Path, file: str, sentence: str) -> None:
    (checkpoint(tmp_path) / file).touch()
    assert sentence in refusal(tmp_path)


def test_an_index_without_a_map_is_refused(tmp_path: Path) -> None:
    assert refusal(with_index(checkpoint(tmp_path), [])).endswith("index.json has no weight_map; fetch the file again")


def test_an_index_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    folder = with_index(checkpoint(tmp_path), {"w": "../secret.safetensors"})
    assert "names the weight file '../secret.safetensors', which is not in the checkpoint's folder" in refusal(folder)


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = with_index(checkpoint(tmp_path, a={"v": W}), {"v": "a.safetensors", "w": "b.safetensors"})
    assert refusal(folder) == (
        f"model.safetensors.index.json of {tmp_path.name} names b.safetensors, which is missing; fetch it again"
    )


def test_a_tensor_that_the_index_promises_in_vain_is_named(tmp_path: Path) -> None:
    folder = with_index(checkpoint(tmp_path, a={"v": W}), {"v": "a.safetensors", "w": "a.safetensors"})
    assert refusal(folder) == (
        "model.safetensors.index.json says that w is in a.safetensors, which does not have it; fetch both again"
    )


def test_a_tensor_in_two_shards_is_named(tmp_path: Path) -> None:
    folder = with_index(
        checkpoint(tmp_path, a={"v": W, "w": W}, b={"w": W}), {"v": "a.safetensors", "w": "b.safetensors"}
    )
    assert refusal(folder) == "tensor w is both in a.safetensors and in b.safetensors; remove one of them"


def test_a_tensor_twice_in_one_header_is_named(tmp_path: Path) -> None:
    header = HEADER[:-1] + b"," + HEADER[1:]
    assert refusal(raw(tmp_path, with_header(header))).startswith("tensor w appears twice in model.safetensors")


def test_a_truncated_file_says_how_much_it_should_have(tmp_path: Path) -> None:
    assert refusal(raw(tmp_path, with_header(HEADER, bytes(7)))) == (
        "model.safetensors has 69 bytes but w ends at 70; fetch the file again"
    )


def test_a_link_to_a_file_of_ones_own_is_not_to_be_deleted(tmp_path: Path) -> None:
    (raw(tmp_path, b"\xff" * 20) / "model.safetensors").rename(tmp_path / "own")
    (tmp_path / "model.safetensors").symlink_to("own")
    assert refusal(tmp_path).endswith("; fetch the file again")


def test_a_file_truncated_in_its_header_says_so(tmp_path: Path) -> None:
    assert refusal(raw(tmp_path, with_header(HEADER)[:30])) == (
        "model.safetensors has 30 bytes but its header alone needs 62; fetch the file again"
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<!doctype html><title>Not found"])
def test_a_file_that_is_something_else_says_so(tmp_path: Path, content: bytes) -> None:
    assert refusal(raw(tmp_path, content)).startswith("model.safetensors is not a safetensors file")


def test_a_git_lfs_pointer_says_how_to_get_the_weights(tmp_path: Path) -> None:
    content = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    assert refusal(raw(tmp_path, content)) == (
        "model.safetensors is a Git LFS pointer, not the weights; run: git lfs pull"
    )


@pytest.mark.parametrize(
    "header",
    [
        b"{not json",
        b"[]",
        b"\xff\xfe",
        b'{"w":{}}',
        b'{"w":7}',
        b'{"w":{"dtype":"F32","shape":"2","data_offsets":[0]}}',
        b'{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}',
        b'{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}',
        b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}',
    ],
)
def test_a_damaged_header_is_told_from_a_truncated_file(tmp_path: Path, header: bytes) -> None:
    assert refusal(raw(tmp_path, with_header(header))).startswith("the header of model.safetensors is damaged")


@pytest.mark.parametrize("dtype", ["I64", "F8_E4M3", "U8"])
def test_a_type_that_is_not_supported_is_named_with_those_that_are(tmp_path: Path, dtype: str) -> None:
    assert refusal(raw(tmp_path, with_header(HEADER.replace(b"F32", dtype.encode())))) == (
        f"tensor w in model.safetensors has type {dtype}; give a checkpoint whose weights are BF16, F16, F32"
    )
