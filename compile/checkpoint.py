"""A checkpoint in Hugging Face format: its config, and its tensors read lazily, a few rows at a time.

A safetensors file is 8 bytes of header length, a JSON header that gives each tensor's type, shape and byte range, and
the bytes. The header is parsed here and not by the safetensors library because the library maps the file into memory
(a pass over 2 GB of weights would count as 2 GB used) and its NumPy side does not slice BF16.
"""

import json
import os
import re
from collections.abc import Mapping, Set
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Self

import numpy as np
import yaml
from numpy.typing import NDArray

from . import hub
from .errors import UserError
from .progress import Report

INDEX = "model.safetensors.index.json"
SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "README.md",
    "LICENSE*",
    "NOTICE*",
    INDEX,
)
STORED: dict[str, np.dtype[Any]] = {"BF16": np.dtype("<u2"), "F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
LONGEST_HEADER = 100_000_000  # bytes; the safetensors library refuses longer ones too


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor as its file's header describes it."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # "BF16", "F16" or "F32"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor's bytes begin."""

    file: BinaryIO
    offset: int


class Checkpoint:
    """A checkpoint whose config and text files are here. Its tensors are known after `open_weights`; their files stay
    open, and unread, until `close()`."""

    def __init__(
        self, source: str, revision: str | None, folder: Path, config: Mapping[str, object], weight_files: list[str]
    ) -> None:
        self.source = source  # what the person asked for: a hub id or a folder's name, never a machine's path
        self.revision = revision  # the commit of a hub checkpoint, None for a folder
        self.folder = folder
        self.config = config  # config.json, whole
        self.tensors: dict[str, TensorInfo] = {}  # by their names on disk
        self._weight_files = weight_files
        self._places: dict[str, _Place] = {}
        self._files = ExitStack()
        self._lock = Lock()

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Rows `start` to `stop` of the tensor's first axis as float32, reading only their bytes."""
        if name not in self.tensors:
            raise UserError(
                f"{self.source} has no tensor {name!r}; is it a whole checkpoint of the model it says it is?"
            )
        tensor, place = self.tensors[name], self._places[name]
        rows, row_shape = (tensor.shape[0], tensor.shape[1:]) if tensor.shape else (1, ())
        stop = rows if stop is None else stop
        if not 0 <= start <= stop <= rows:
            raise IndexError(f"rows {start}:{stop} of {name}, which has {rows}")
        stored = STORED[tensor.dtype]
        row = prod(row_shape)
        with self._lock:
            place.file.seek(place.offset + start * row * stored.itemsize)
            values = np.fromfile(place.file, stored, (stop - start) * row)
        if values.size != (stop - start) * row:
            raise UserError(f"{place.file.name} became shorter while {name} was read; fetch the file again")
        return _as_float32(values).reshape((stop - start, *row_shape) if tensor.shape else ())

    def file_states(self) -> list[tuple[str, int, int, int, int]]:
        """Each weight file's real path, inode, bytes and times in nanoseconds: no change of its content leaves all as
        they were, for nobody can set the second time, that of the last change."""
        states = {file.name: os.fstat(file.fileno()) for file in {place.file for place in self._places.values()}}
        return [
            (os.path.realpath(n), s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for n, s in sorted(states.items())
        ]

    def file(self, name: str) -> Path | None:
        """The path of a file of the checkpoint (tokenizer.json, README.md), None when it has no such file."""
        path = self.folder / name
        return path if path.is_file() else None

    def chat_template(self) -> str | None:
        """The Jinja chat template: a file of its own in newer checkpoints, an entry of a JSON file in older ones."""
        if path := self.file("chat_template.jinja"):
            try:
                return path.read_text(encoding="utf-8-sig")
            except ValueError as error:
                raise UserError(f"{path.name} of {self.source} is not UTF-8 ({error}); save it as that") from None
        for name in ("tokenizer_config.json", "chat_template.json"):
            if path := self.file(name):
                template = _json_object(path).get("chat_template")
                if isinstance(template, list):  # several under names; "default" is the one for chats
                    named = (each for each in template if isinstance(each, dict) and each.get("name") == "default")
                    template = next(named, {}).get("template")
                if isinstance(template, str):
                    return template
        return None

    def licence(self) -> str | None:
        """The licence named in the front matter of the model card, None when there is none."""
        path = self.file("README.md")
        if path is None:
            return None
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        front_matter = re.match(r"---\r?\n(.*?)\r?\n---\s*?$", text, re.S | re.M)
        try:
            card = yaml.safe_load(front_matter[1]) if front_matter else None
        except (yaml.YAMLError, ValueError):  # the second of a date that no calendar has
            return None
        if not isinstance(card, dict):
            return None
        licence = card.get("license")
        if licence == "other":  # the card's own name for it stands beside
            licence = card.get("license_name") or licence
        return licence if isinstance(licence, str) else None

    def close(self) -> None:
        """Closes the weight files; nothing can be read any more."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_weights(self, report: Report) -> None:
        """Downloads the weight files of a hub's checkpoint where the cache lacks them, and checks every header."""
        if self.revision is not None:
            stage = f"Downloading {self.source}: weights"
            hub.download(self.source, self.revision, self._weight_files, stage, report)
        for name in self._weight_files:
            path = self.folder / name
            try:
                file = self._files.enter_context(open(path, "rb", buffering=0))  # noqa: SIM115
            except FileNotFoundError:
                raise UserError(f"{INDEX} of {self.source} names {name}, which is missing; fetch it again") from None
            for tensor, offset in _header(file, path.stat().st_size):
                if tensor.name in self.tensors:
                    other = Path(self._places[tensor.name].file.name).name
                    raise UserError(f"tensor {tensor.name} is both in {other} and in {name}; remove one of them")
                self.tensors[tensor.name] = tensor
                self._places[tensor.name] = _Place(file, offset)
        _check_index(self)


def open_checkpoint(model: str, report: Report) -> Checkpoint:
    """The checkpoint as `find_checkpoint` gives it, with its weights open. No weight is read."""
    checkpoint = find_checkpoint(model, report)
    try:
        checkpoint.open_weights(report)
    except BaseException:
        checkpoint.close()
        raise
    return checkpoint


def find_checkpoint(model: str, report: Report) -> Checkpoint:
    """The checkpoint in a folder, or of a hub id `owner/name` or `owner/name@revision`, all but its weights downloaded
    where needed. A folder of that name wins over a hub id."""
    path = Path(model).expanduser()
    if path.exists() or model.startswith((".", "/", "~")):
        _check_folder(path, model)
        present = {each.name for each in path.iterdir()}
        weights = _weight_files(model, path, present)
        return Checkpoint(path.resolve().name, None, path, _config(model, path), weights)
    # The index among the small files says which weight files are needed: some repositories hold their weights twice.
    repo, revision = _hub_id(model)
    snapshot = hub.download(repo, revision, SMALL_FILES, f"Downloading {repo}: config and tokenizer", report)
    present = set(snapshot.sizes) or {each.name for each in snapshot.folder.iterdir()}
    weights = _weight_files(model, snapshot.folder, present)
    return Checkpoint(repo, snapshot.commit, snapshot.folder, _config(model, snapshot.folder), weights)


def _check_folder(path: Path, model: str) -> None:
    if not path.exists():
        raise UserError(f"there is no folder {model}; give a checkpoint's folder or a hub id like Qwen/Qwen3.5-0.8B")
    if path.suffix == ".gguf":
        raise UserError(f"{model} is GGUF; give the safetensors checkpoint that it was made from")
    if not path.is_dir():
        raise UserError(f"{model} is a file; give the folder that has it and its config.json")


def _hub_id(model: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@(.+))?", model)
    if match is None:
        raise UserError(f"{model!r} is neither a folder here nor a hub id; write a path or owner/name[@revision]")
    return match[1], match[2]


def _config(model: str, folder: Path) -> dict[str, Any]:
    if not (folder / "config.json").is_file():
        raise UserError(f"{model} has no config.json; give a checkpoint in Hugging Face format, which has one")
    return _json_object(folder / "config.json")


def _weight_files(model: str, folder: Path, present: Set[str]) -> list[str]:
    """The names of the weight files, chosen like transformers does: one file before shards."""
    if "model.safetensors" in present:
        return ["model.safetensors"]
    if INDEX in present:
        return sorted(set(_weight_map(folder / INDEX).values()))
    if any(name.endswith(".gguf") for name in present):
        raise UserError(f"{model} has only GGUF files; give the safetensors checkpoint that they were made from")
    if any(name.startswith("adapter_") for name in present):
        raise UserError(f"{model} is an adapter, not a whole model; merge it into its base model and give the result")
    if "pytorch_model.bin" in present or "pytorch_model.bin.index.json" in present:
        raise UserError(
            f"{model} has only pytorch_model.bin, which can run code when it is opened; convert it once with "
            "transformers: AutoModelForCausalLM.from_pretrained(...).save_pretrained(FOLDER), and give FOLDER"
        )
    raise UserError(f"{model} has neither model.safetensors nor {INDEX}; give a checkpoint with safetensors weights")


def _weight_map(index: Path) -> dict[str, str]:
    weight_map = _json_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise UserError(f"{index.name} has no weight_map; {hub.again(index)}")
    for name in weight_map.values():
        if not isinstance(name, str) or Path(name).name != name:
            raise UserError(f"{index.name} names the weight file {name!r}, which is not in the checkpoint's folder")
    return weight_map


def _check_index(checkpoint: Checkpoint) -> None:
    """Every tensor that the index promises is in the file that the index names."""
    if checkpoint.file("model.safetensors") or not (index := checkpoint.file(INDEX)):
        return
    for name, file in _weight_map(index).items():
        place = checkpoint._places.get(name)
        if place is None or Path(place.file.name).name != file:
            raise UserError(f"{INDEX} says that {name} is in {file}, which does not have it; fetch both again")


def _header(file: BinaryIO, size: int) -> list[tuple[TensorInfo, int]]:
    """The tensors that a safetensors file's header describes, each with its offset in the file in bytes."""
    name, again = Path(file.name).name, hub.again(Path(file.name))
    start = file.read(8)
    if start == b"version ":
        raise UserError(f"{name} is a Git LFS pointer, not the weights; run: git lfs pull")
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > LONGEST_HEADER:
        raise UserError(f"{name} is not a safetensors file (its first 8 bytes give no header length); {again}")
    if 8 + length > size:
        raise UserError(f"{name} has {size} bytes but its header alone needs {8 + length}; {again}")
    try:
        header = json.loads(file.read(length), object_pairs_hook=lambda pairs: _without_repeats(pairs, name))
        header.pop("__metadata__", None)
        entries = []
        for key, entry in header.items():
            begin, end = map(int, entry["data_offsets"])
            entries.append((key, str(entry["dtype"]), tuple(map(int, entry["shape"])), begin, end))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UserError(f"the header of {name} is damaged; {again}") from None
    tensors = []
    for key, dtype, shape, begin, end in entries:
        if dtype not in STORED:
            raise UserError(
                f"tensor {key} in {name} has type {dtype}; give a checkpoint whose weights are {', '.join(STORED)}"
            )
        if 8 + length + end > size:
            raise UserError(f"{name} has {size} bytes but {key} ends at {8 + length + end}; {again}")
        if begin < 0 or min(shape, default=0) < 0 or end - begin != prod(shape) * STORED[dtype].itemsize:
            raise UserError(f"the header of {name} is damaged ({key} has {end - begin} bytes); {again}")
        tensors.append((TensorInfo(key, shape, dtype), 8 + length + begin))
    return tensors


def _without_repeats(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        keys = [key for key, _ in pairs]
        raise UserError(f"tensor {next(key for key in keys if keys.count(key) > 1)} appears twice in {file}")
    return entries


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path.name} is not JSON ({error}); {hub.again(path)}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path.name} holds a {type(value).__name__}, not an object; {hub.again(path)}")
    return value


def _as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Exactly the same numbers: BF16, held as u16, is the upper half of a float32."""
    if values.dtype == STORED["BF16"]:
        wide = values.astype("<u4")
        wide <<= 16
        return wide.view(np.float32)
    return values.astype(np.float32, copy=False)
