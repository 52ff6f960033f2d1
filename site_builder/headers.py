"""What a host is to say with each file: once, for `_headers`, for the dev server, and for the policy in the pages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import assets, offline, widget

FILE = "_headers"  # as Netlify and Cloudflare Pages read it

# Files that lie compressed beside a file, by the encoding's name in HTTP; the best first.
ENCODINGS = {"br": ".br", "gzip": ".gz"}

# The scripts and styles of the site are checked by their integrity; a new name comes with new content.
KEEP, ASK = "public, max-age=31536000, immutable", "no-cache"

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Isolates the page, which SharedArrayBuffer and exact timers need.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    # All of the site is public, and isolated pages elsewhere may use its models and scripts.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Headers of the files whose path fits: exactly, or up to a star at its end."""

    path: str
    headers: Mapping[str, str]

    def fits(self, path: str) -> bool:
        """Whether the rule is for this path, which begins with a slash."""
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path


def policy(elsewhere: Iterable[str] = (), style: str | None = None) -> str:
    """What a page and its worker may load and run: nothing but the site itself, and models from these origins.

    `style` is the hash of a style sheet inside the page.
    """
    directives = {
        "default-src": ["'self'"],
        # The engine compiles its grammars with WebAssembly.
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        "style-src": ["'self'", *([style] if style else [])],
        "connect-src": ["'self'", *sorted(set(elsewhere))],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    return "; ".join(" ".join([name, *sources]) for name, sources in directives.items())


def rules(pages: Iterable[str], framed: Mapping[str, Iterable[str]], page_policy: str) -> list[Rule]:
    """The rules of a site with these pages, of which pages of other origins may frame some.

    Hosts put the headers of all rules that fit together, so no header stands in two of them.
    """
    found = [Rule("/*", EVERYWHERE)]
    for page in pages:
        ancestors = " ".join(["'self'", *framed.get(page, ())])
        of_page = {"Content-Security-Policy": f"{page_policy}; frame-ancestors {ancestors}", "Cache-Control": ASK}
        # Some hosts leave the ending away, and index.html is its folder.
        short = "/" if page == "index.html" else f"/{page.removesuffix('.html')}"
        found += [Rule(f"/{page}", of_page), Rule(short, of_page)]
    shared = {"Access-Control-Allow-Origin": "*"}
    # A worker keeps to the policy that comes with its script, not to the page's.
    of_scripts = {"Content-Security-Policy": page_policy}
    return [
        *found,
        Rule(f"/{offline.WORKER}", {**of_scripts, "Cache-Control": ASK}),
        Rule(f"/{widget.SCRIPT}", {**shared, "Cache-Control": ASK}),
        Rule(f"/{offline.MANIFEST}", {"Content-Type": "application/manifest+json", "Cache-Control": ASK}),
        Rule(f"/{assets.FOLDER}/*", {**of_scripts, **shared, "Cache-Control": KEEP}),
        Rule("/models/*", {**shared, "Cache-Control": ASK, "Access-Control-Expose-Headers": "Content-Range"}),
    ]


def render(rules: Iterable[Rule]) -> str:
    """The rules as a `_headers` file."""
    blocks = [[rule.path, *(f"  {name}: {value}" for name, value in rule.headers.items())] for rule in rules]
    return "\n".join("\n".join(block) + "\n" for block in blocks)


def parse(text: str) -> list[Rule]:
    """The rules in a `_headers` file."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in filter(str.strip, text.splitlines()):
        if line[0].isspace():
            name, _, value = line.partition(":")
            found[-1][1][name.strip()] = value.strip()
        else:
            found.append((line, {}))
    return [Rule(path, headers) for path, headers in found]


def headers_of(path: str, rules: Iterable[Rule]) -> dict[str, str]:
    """The headers of a file, by all rules that fit."""
    return {name: value for rule in rules if rule.fits(path) for name, value in rule.headers.items()}
