"""What a site offers of the compiled models: which, in which order, under which labels, and from where.

A list of one's own is a TOML file:

    [[model]]
    name = "Qwen3.5-0.8B"                     # one of the compiled models
    label = "Small and quick"
    prompts = ["What is a harbour?"]          # things to ask it first
    address = "https://models.example/Qwen3.5-0.8B/"    # where its folder was copied to, if not into this site
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..compile.errors import UserError
from .bundles import Bundle, bundle_names, read_bundle
from .origins import origin_of

PROMPTS = files("windowseat.site_builder").joinpath("templates/prompts.json")
KEYS = ("name", "label", "prompts", "address")


@dataclass(frozen=True, slots=True)
class Offer:
    """A model of the site."""

    bundle: Bundle
    label: str
    prompts: tuple[str, ...]
    address: str  # relative to the site, or on another host

    @property
    def origin(self) -> str | None:
        """Where it is fetched from, when that is not this site."""
        return origin_of(self.address) if urlsplit(self.address).scheme else None


def offers(models_dir: Path, names: Sequence[str] = (), listed: Path | None = None) -> list[Offer]:
    """The models that are named, in that order; else those of the list; else all of the folder."""
    compiled = bundle_names(models_dir)
    entries = _read_list(listed) if listed else [{"name": name} for name in compiled]
    if names:
        by_name = {entry["name"]: entry for entry in entries}
        entries = [by_name.get(name, {"name": name}) for name in dict.fromkeys(names)]
    if missing := [entry["name"] for entry in entries if entry["name"] not in compiled]:
        known = ", ".join(compiled)
        raise UserError(
            f"there is no compiled model {missing[0]!r} in {models_dir}, which has {known}; compile it first"
        )
    return [_offer(models_dir, entry) for entry in entries]


def _offer(models_dir: Path, entry: dict[str, Any]) -> Offer:
    name = entry["name"]
    return Offer(
        bundle=read_bundle(models_dir / name),
        label=entry.get("label", name),
        prompts=tuple(entry.get("prompts", _prompts(name))),
        address=entry.get("address", f"models/{name}").rstrip("/") + "/",
    )


def _prompts(name: str) -> list[str]:
    """Things to ask the model first; models without their own have the ones under the empty name."""
    by_model: dict[str, list[str]] = json.loads(PROMPTS.read_text("utf-8"))
    return by_model.get(name, by_model[""])


def _read_list(path: Path) -> list[dict[str, Any]]:
    try:
        stated = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no list of models {path}; docs/hosting.md has an example") from error
    except ValueError as error:
        raise UserError(f"{path} is not TOML ({error}); docs/hosting.md has an example") from error
    entries = stated.get("model")
    if set(stated) != {"model"} or not isinstance(entries, list) or not entries:
        raise UserError(f"{path} must be a list of models, each begun with a line [[model]]; docs/hosting.md has one")
    for at, entry in enumerate(entries, 1):
        _check(f"model {at} of {path}", entry)
    names = [entry["name"] for entry in entries]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{path} has {twice[0]!r} twice; list each model once")
    return entries


def _check(where: str, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise UserError(f"{where} is {entry!r}; it must begin with a line [[model]]")
    if odd := set(entry) - set(KEYS):
        raise UserError(f"{where} has {min(odd)!r}; a model has {', '.join(KEYS)}")
    if "name" not in entry:
        raise UserError(f"{where} has no name; give it that of a compiled model")
    for key in ("name", "label", "address"):
        if not isinstance(entry.get(key, ""), str):
            raise UserError(f"{where} has {entry[key]!r} as its {key}; it must be a text")
    prompts = entry.get("prompts", [])
    if not isinstance(prompts, list) or not all(isinstance(prompt, str) for prompt in prompts):
        raise UserError(f"{where} has {prompts!r} as its prompts; they must be a list of texts")
    try:
        origin_of(entry.get("address", "https://host/"))
    except ValueError:
        raise UserError(
            f"{where} has the address {entry['address']!r}; it must begin with https:// and a host"
        ) from None
