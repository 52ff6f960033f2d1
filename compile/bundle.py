"""The bundle: a folder that a browser can run. bundle.schema.json is the written form of its manifest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

FORMAT = "windowseat-bundle"
VERSION = 1
MANIFEST = "bundle.json"


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A file of the bundle, with what its content must be."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TensorRange:
    """Where a tensor lies in the stream of weights."""

    name: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Where a model comes from."""

    architecture: str
    source: str
    revision: str | None
    licence: str | None
    parameters: int
    config: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class VariantEntry:
    """A variant in the manifest: its plan, and what an adapter must offer."""

    name: str
    plan: str
    prefill_chunk: int
    software: bool
    kv_cache: str
    features: Sequence[str]
    limits: Mapping[str, int]
    memory: Mapping[str, int]


def is_bundle(folder: Path) -> bool:
    """Whether the folder is a bundle, of any version, whole or damaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT


def write_file(folder: Path, name: str, content: bytes) -> BundleFile:
    """Writes one file of the bundle."""
    (folder / name).write_bytes(content)
    return BundleFile(name, len(content), hashlib.sha256(content).hexdigest())


def as_json(content: object) -> bytes:
    """JSON with the same bytes every time."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def write_manifest(
    folder: Path,
    *,
    name: str,
    model: ModelIdentity,
    quantisation: str,
    context: tuple[int, int],
    vocabulary: int,
    stop_tokens: Sequence[int],
    variants: Sequence[VariantEntry],
    weights: tuple[int, int, Sequence[BundleFile], Sequence[TensorRange]],
    files: Sequence[BundleFile],
) -> None:
    """Writes bundle.json, the last file of a bundle, and holds it against its schema."""
    weight_bytes, shard_bytes, shards, tensors = weights
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "model": asdict(model),
        "quantisation": quantisation,
        "context": {"default": context[0], "max": context[1]},
        "vocabulary": vocabulary,
        "stop_tokens": list(stop_tokens),
        "variants": [asdict(variant) for variant in variants],
        "weights": {
            "bytes": weight_bytes,
            "shard_bytes": shard_bytes,
            "shards": [shard.path for shard in shards],
            "tensors": [asdict(tensor) for tensor in tensors],
        },
        "files": [asdict(file) for file in (*shards, *files)],
    }
    content = as_json(manifest)
    validate(json.loads(content), "bundle")
    write_file(folder, MANIFEST, content)


def validate(content: object, what: str) -> None:
    """Holds JSON against the written format `what`.schema.json."""
    if (error := best_match(_validator(what).iter_errors(content))) is not None:
        raise error


@cache
def _validator(what: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((Path(__file__).parent / f"{what}.schema.json").read_text()))
