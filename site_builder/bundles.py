"""Reads what the site needs to know of the bundles in a folder; the browser reads the rest."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jsonschema import ValidationError

from ..compile.bundle import validate
from ..compile.errors import UserError


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the checkpoint wants its tokens drawn; the field names are those of messages.ts."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float = 0.0
    repetition_penalty: float = 1.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of GPU memory that a variant takes: all of it, and more for each token of a conversation."""

    weights: int
    fixed: int
    per_position: int


@dataclass(frozen=True, slots=True)
class Variant:
    """What a variant needs of an adapter."""

    software: bool
    features: list[str]
    limits: dict[str, int]
    memory: Memory


@dataclass(frozen=True, slots=True)
class Bundle:
    """A compiled model on disk."""

    name: str
    folder: Path
    files: tuple[str, ...]
    bytes: int  # that a first load fetches, or a little more
    parameters: int
    context: int  # tokens that a conversation may hold
    variants: tuple[Variant, ...]  # those that are taken unasked, best first
    sampling: Sampling


VERSION = 1  # of the bundle format
GREEDY = Sampling(temperature=0.0, top_k=0, top_p=1.0)


def bundle_names(models_dir: Path) -> list[str]:
    """The names of the bundles in a folder, in order; what a build is still writing, or left, is hidden."""
    folders = [manifest.parent.name for manifest in models_dir.glob("*/bundle.json")]
    names = sorted(name for name in folders if not name.startswith("."))
    if not names:
        raise UserError(f"no compiled model in {models_dir}; compile one first: windowseat build MODEL")
    return names


def read_bundle(folder: Path) -> Bundle:
    """One bundle, once its manifest keeps to the schema and every file is there at its full size."""
    manifest = _parse(folder / "bundle.json")
    again = f"compile {folder.name} again with: windowseat build"
    if (version := manifest.get("version")) != VERSION:
        raise UserError(f"{folder / 'bundle.json'} has format version {version}; this site reads {VERSION}; {again}")
    try:
        validate(manifest, "bundle")
    except ValidationError as problem:
        why = problem.message[:200]
        raise UserError(f"{folder / 'bundle.json'} does not keep to the format ({why}); {again}") from problem
    if manifest["name"] != folder.name:
        raise UserError(f"the folder {folder} holds a bundle named {manifest['name']!r}; rename the folder to that")
    for entry in manifest["files"]:
        path = folder / entry["path"]
        size = path.stat().st_size if path.is_file() else None
        if size != entry["bytes"]:
            found = "is missing" if size is None else f"has {size} bytes instead of {entry['bytes']}"
            raise UserError(f"{path} {found}; {again}")
    names = tuple(entry["path"] for entry in manifest["files"])
    return Bundle(
        name=manifest["name"],
        folder=folder,
        files=("bundle.json", *names),
        bytes=_fetched(manifest),
        parameters=manifest["model"]["parameters"],
        context=manifest["context"]["default"],
        variants=tuple(_variant(entry) for entry in manifest["variants"] if entry["kv_cache"] != "q8"),
        sampling=_sampling(folder / "generation_config.json"),
    )


def _fetched(manifest: dict[str, Any]) -> int:
    """Of the plans only one is fetched; which one, the browser finds out."""
    plans = {variant["plan"] for variant in manifest["variants"]}
    sizes: dict[str, int] = {entry["path"]: entry["bytes"] for entry in manifest["files"]}
    return sum(size for path, size in sizes.items() if path not in plans) + max(sizes[plan] for plan in plans)


def _variant(entry: dict[str, Any]) -> Variant:
    return Variant(entry["software"], entry["features"], entry["limits"], Memory(**entry["memory"]))


def _sampling(path: Path) -> Sampling:
    """generation_config.json, read as transformers reads it: greedy unless it says do_sample, penalised anyway."""
    settings = _parse(path) if path.is_file() else {}

    def number(name: str, otherwise: float) -> float:
        value = settings.get(name) or otherwise
        if not isinstance(value, int | float):
            raise UserError(f"{path} has {name} = {value!r}; make it a number in the checkpoint, and compile it again")
        return float(value)

    repetition_penalty = number("repetition_penalty", 1.0)
    if not settings.get("do_sample", False):
        return replace(GREEDY, repetition_penalty=repetition_penalty)
    return Sampling(
        temperature=number("temperature", 1.0),
        top_k=int(number("top_k", 0)),
        top_p=number("top_p", 1.0),
        min_p=number("min_p", 0.0),
        repetition_penalty=repetition_penalty,
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); compile the model again") from error
    if not isinstance(parsed, dict):
        raise UserError(f"{path} holds a {type(parsed).__name__} instead of an object; compile the model again")
    return parsed
