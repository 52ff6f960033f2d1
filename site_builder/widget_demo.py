"""What the page about the widget shows, as the HTML that it also runs."""

from collections.abc import Iterable

from markupsafe import Markup

from .offers import Offer

ELEMENTS = {
    "script": '<script type="module" src="https://chat.example/widget.js"></script>',
    "frame": """<windowseat-chat{model} mode="inline" frame
  heading="Ask anything"
  suggestions="What is 17 + 25? | Count from 3 to 9.">
</windowseat-chat>""",
    "corner": """<windowseat-chat{model} context="#hours"
  heading="Ask the shop"
  greeting="Hello! What would you like to know?">
</windowseat-chat>""",
}


def elements(offers: Iterable[Offer]) -> dict[str, str]:
    """The elements' HTML by their places in the page, with the site's first model."""
    first = next(iter(offers))
    # A frame knows the site's models by their names; a page looks for a name in the site itself.
    named = {"frame": first.bundle.name, "corner": first.address if first.origin else first.bundle.name}
    return {
        place: html.format(model=Markup(' model="{}"').format(named.get(place, ""))) for place, html in ELEMENTS.items()
    }
