"""The pages of the site: each is a function from data to HTML."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from .assets import Assets
from .bundles import Bundle

# Nothing from elsewhere is loaded and nothing can be sent elsewhere: the browser itself keeps the page's promise.
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'none'"

TEMPLATES = Environment(
    loader=PackageLoader("windowseat.site_builder"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
PROMPTS = files("windowseat.site_builder").joinpath("templates/prompts.json")


def chat(assets: Assets, bundles: Sequence[Bundle]) -> str:
    """The chat page, offering these models."""
    models = [
        {
            "name": bundle.name,
            "bundle": f"models/{bundle.name}/",
            "prompts": _prompts(bundle.name),
            "sampling": asdict(bundle.sampling),
        }
        for bundle in bundles
    ]
    return _render("chat.html", assets=assets, page={"models": models})


def verify(assets: Assets) -> str:
    """The blank page from which `windowseat verify` drives the engine."""
    return _render("verify.html", assets=assets)


def not_found() -> str:
    """What static hosts and the dev server answer for an address without a file."""
    return _render("not_found.html")


def _render(template: str, **values: object) -> str:
    return TEMPLATES.get_template(template).render(policy=POLICY, **values)


def _prompts(name: str) -> list[str]:
    """Things to ask the model first; models without their own have the ones under the empty name."""
    by_model: dict[str, list[str]] = json.loads(PROMPTS.read_text("utf-8"))
    return by_model.get(name, by_model[""])
