"""The pages of the site: each is a function from the site to HTML."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import headers, texts
from .assets import Assets
from .device_facts import FACTS
from .gallery import EXAMPLES
from .offers import Offer
from .theme import Theme
from .widget_demo import elements

TEMPLATES = Environment(
    loader=PackageLoader("windowseat.site_builder"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)

# Where visitors can go, and the word for each place.
NAVIGATION = {
    "./": "chat",
    "examples.html": "page_examples",
    "will_it_run.html": "page_will_it_run",
    "widget.html": "page_widget",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What every page is made from."""

    theme: Theme
    assets: Assets
    offers: Sequence[Offer]
    code: Mapping[str, str]  # of the examples, by their names
    allow_origins: Sequence[str] = ()  # whose pages may frame the chat
    live: bool = False  # pages load themselves again when the site was built again

    @property
    def policy(self) -> str:
        """What pages and their workers may load and run: the browser itself keeps the promise that they make."""
        return headers.policy(offer.origin for offer in self.offers if offer.origin)


def chat(site: Site) -> str:
    """The chat page, offering the site's models."""
    return _render("chat.html", site, page={"models": _models(site)})


def examples(site: Site) -> str:
    """Small things to do with a model, each with the code that does them."""
    return _render("examples.html", site, examples=EXAMPLES, page={"models": _models(site)})


def will_it_run(site: Site) -> str:
    """What this browser offers, what that means, and which of the site's models run with it."""
    return _render("will_it_run.html", site, facts=FACTS, page={"models": _models(site)})


def widget_demo(site: Site) -> str:
    """A page with the chat that other sites show, in both of its ways, and the HTML that puts it there."""
    return _render("widget_demo.html", site, code=elements(site.offers))


def embed(site: Site) -> str:
    """The page that other sites show in a frame: one chat, for those that the site allows."""
    page = {"allow": list(site.allow_origins), "models": {offer.bundle.name: offer.address for offer in site.offers}}
    return _render("embed.html", site, page=page)


def verify(site: Site) -> str:
    """The blank page from which `windowseat verify` drives the engine."""
    return _render("verify.html", site)


def not_found(site: Site) -> str:
    """What static hosts and the dev server answer for an address without a file."""
    # It is answered at any depth, so it can name no other file of the site: its style is inside.
    css = "".join(site.assets[name].content.decode() for name in ("look.css", "theme.css", "window.css", "page.css"))
    style = f"'sha256-{base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()}'"
    return _render("not_found.html", site, policy=headers.policy(style=style), css=css)


def _models(site: Site) -> list[dict[str, object]]:
    return [
        {
            "name": offer.bundle.name,
            "label": offer.label,
            "bundle": offer.address,
            "bytes": offer.bundle.bytes,
            "parameters": offer.bundle.parameters,
            "context": offer.bundle.context,
            "variants": [asdict(variant) for variant in offer.bundle.variants],
            "prompts": offer.prompts,
            "sampling": asdict(offer.bundle.sampling),
        }
        for offer in site.offers
    ]


def _render(template: str, site: Site, **values: object) -> str:
    return TEMPLATES.get_template(template).render(
        site=site, navigation=NAVIGATION, **texts.words(site.theme.texts), **{"policy": site.policy, **values}
    )
