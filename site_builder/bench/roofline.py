"""A roofline picture: how much arithmetic each kernel does for each byte, and how close it comes to what is possible.

Williams, Waterman and Patterson 2009. Both axes are logarithmic; the roof is the measured bandwidth where bytes are
short, and the measured plain matmul where arithmetic is. The SVG follows the reader's light or dark scheme.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor, log10, sqrt
from pathlib import Path
from xml.sax.saxutils import escape

from .results import KernelFigures, Result

WIDTH, HEIGHT = 900, 640
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 64, 172
NAMED = 5  # kernels of a stretch, the slowest ones; a reader who can point at a mark sees the others' names
STYLE = """
svg { background: #ffffff; color: #1b1f24; font: 13px system-ui, sans-serif; }
text { fill: currentColor; }
.small { font-size: 11px; }
.grid { stroke: #d7dce2; }
.roof { stroke: currentColor; stroke-width: 2; fill: none; }
.prefill { fill: #b2540d; } .decode { fill: #0b63c4; }
.kernel { fill-opacity: 0.75; stroke: #ffffff; }
@media (prefers-color-scheme: dark) {
  svg { background: #15181c; color: #e6e9ed; }
  .grid { stroke: #343a42; }
  .prefill { fill: #f0a15e; } .decode { fill: #6cb0ff; }
  .kernel { stroke: #15181c; }
}
"""


class _Axes:
    """Positions in the picture of intensities and of speeds, from one power of ten to another."""

    def __init__(self, intensities: Sequence[float], speeds: Sequence[float]) -> None:
        self.x = (floor(log10(min(intensities))), ceil(log10(max(intensities))))
        self.y = (floor(log10(min(speeds))), ceil(log10(max(speeds))))

    def across(self, intensity: float) -> float:
        low, high = self.x
        return LEFT + (WIDTH - LEFT - RIGHT) * (log10(intensity) - low) / max(1, high - low)

    def down(self, speed: float) -> float:
        low, high = self.y
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (log10(speed) - low) / max(1, high - low)


def roofline(result: Result) -> str:
    """The picture of a result's profile, as SVG: a mark for each kernel whose arithmetic is counted."""
    stretches = {"prefill": result.profile.prefill, "decode": result.profile.decode}
    drawn = [(name, each) for name, kernels in stretches.items() for each in kernels if each.flop_per_s > 0]
    bandwidth, matmul = result.ceiling("bandwidth"), result.ceiling("matmul")
    ridge = matmul / bandwidth
    axes = _Axes(
        [ridge / 10, ridge * 10, *(each.intensity for _, each in drawn)],
        [matmul * 1.01, matmul / 1000, *(each.flop_per_s for _, each in drawn)],
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(_title(result))}</title>",
        f"<style>{STYLE}</style>",
        f'<text x="{LEFT}" y="24" font-weight="600">{escape(_title(result))}</text>',
        f'<text x="{LEFT}" y="44" class="small">{escape(_subtitle(result))}</text>',
        *_grid(axes),
        *_roof(axes, bandwidth, matmul),
        *(_mark(axes, name, each) for name, each in drawn),
        *(line for name, kernels in stretches.items() for line in _legend(axes, name, kernels)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def write_rooflines(results: Iterable[Result], beside: Path) -> list[Path]:
    """Writes a picture of each result beside the JSON file, and gives back their paths."""
    paths = []
    for result in results:
        model = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in Path(result.model).name)
        path = beside.with_name(f"{beside.stem}-{model}-{result.runtime}.svg")
        path.write_text(roofline(result), "utf-8")
        paths.append(path)
    return paths


def _title(result: Result) -> str:
    weights = ", random weights" if result.random_weights else ""
    return f"{result.model}, {result.quantisation}{weights}: kernels in {result.runtime}, variant {result.variant}"


def _subtitle(result: Result) -> str:
    kind = "software adapter" if result.adapter.software else "GPU"
    profile = result.profile
    return f"{kind} {result.adapter.description}; prompt of {profile.prompt_tokens} tokens; timed by {profile.method}"


def _grid(axes: _Axes) -> Iterator[str]:
    bottom = HEIGHT - BOTTOM
    for power in range(axes.x[0], axes.x[1] + 1):
        x = axes.across(10.0**power)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>'
        yield f'<text class="small" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{_power(power)}</text>'
    for power in range(axes.y[0], axes.y[1] + 1):
        y = axes.down(10.0**power)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield f'<text class="small" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_power(power - 9)}</text>'
    yield f'<text x="{WIDTH / 2}" y="{bottom + 36}" text-anchor="middle">operations for each byte</text>'
    yield f'<text transform="translate(16 {(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">GFLOP/s</text>'


def _power(power: int) -> str:
    return f"{10.0**power:g}" if -4 <= power <= 5 else f"1e{power}"


def _roof(axes: _Axes, bandwidth: float, matmul: float) -> Iterator[str]:
    left = max(10.0 ** axes.x[0], 10.0 ** axes.y[0] / bandwidth)
    corners = ((left, bandwidth * left), (matmul / bandwidth, matmul), (10.0 ** axes.x[1], matmul))
    points = " ".join(f"{axes.across(x):.1f},{axes.down(y):.1f}" for x, y in corners)
    yield f'<polyline class="roof" points="{points}"/>'
    x, y = axes.across(10.0 ** axes.x[1]), axes.down(matmul)
    yield f'<text x="{x:.1f}" y="{y - 6:.1f}" text-anchor="end">plain matmul {matmul / 1e9:.3g} GFLOP/s</text>'
    x, y = axes.across(left), axes.down(bandwidth * left)
    yield f'<text x="{x + 24:.1f}" y="{y + 8:.1f}">read {bandwidth / 1e9:.3g} GB/s</text>'


def _mark(axes: _Axes, stretch: str, each: KernelFigures) -> str:
    x, y = axes.across(each.intensity), axes.down(each.flop_per_s)
    said = f"{stretch}: {each.kernel}, {each.share:.1%} of the time, {each.flop_per_s / 1e9:.3g} GFLOP/s"
    mark = f'<circle class="kernel {stretch}" cx="{x:.1f}" cy="{y:.1f}" r="{_radius(each):.1f}">'
    return f"{mark}<title>{escape(said)}</title></circle>"


def _legend(axes: _Axes, stretch: str, kernels: list[KernelFigures]) -> Iterator[str]:
    """The names of the slowest kernels, numbered beside their marks, and how much is not drawn."""
    x, y = LEFT if stretch == "prefill" else (LEFT + WIDTH) // 2, HEIGHT - BOTTOM + 62
    yield f'<circle class="{stretch}" cx="{x + 5}" cy="{y - 4}" r="5"/>'
    yield f'<text x="{x + 16}" y="{y}">{stretch}; the larger, the more of the time</text>'
    drawn = [each for each in kernels if each.flop_per_s > 0]
    for i, each in enumerate(drawn[:NAMED]):
        name = each.kernel if len(each.kernel) <= 48 else f"{each.kernel[:47]}…"
        text = f"{i + 1}  {each.share:.0%}  {name}"
        yield f'<text class="small" x="{x}" y="{y + 18 + 14 * i}">{escape(text)}</text>'
        at = axes.across(each.intensity) + _radius(each) + 3, axes.down(each.flop_per_s) + 4
        yield f'<text class="small" x="{at[0]:.1f}" y="{at[1]:.1f}">{i + 1}</text>'
    rest = 1 - sum(each.share for each in drawn)
    left_out = f"not drawn: {len(kernels) - len(drawn)} whose arithmetic is not counted, {rest:.0%}"
    yield f'<text class="small" x="{x}" y="{y + 18 + 14 * NAMED}">{left_out}</text>'


def _radius(each: KernelFigures) -> float:
    return 4 + 14 * sqrt(each.share)
