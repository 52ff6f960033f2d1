"""Launches that turn logits into the next token: programs of which the runtime takes what a request asks for.

In this order: `penalise`, `mask`, then `sample` or `draw`, then `count`, then `logprobs`. Only `sample` or `draw`
always runs.
"""

from collections.abc import Callable, Iterator

from ..kernels.sample_cutoffs import choose_bins
from ..kernels.sample_draw import draw
from ..kernels.sample_greedy import find_peaks, peaks, take_peak
from ..kernels.sample_logprobs import WORDS, choose_top, rank
from ..kernels.sample_mask import mask, words
from ..kernels.sample_penalise import count_token, penalise
from ..kernels.sample_spread import find_range, spread
from ..kernels.sample_totals import Bounds, list_bins
from ..kernels.sample_words import BINS, Frame, blocks
from .workspace import Launch, Workspace


def sampling(w: Workspace, vocabulary: int) -> None:
    """Adds all programs that come after the head."""
    sizes = dict.fromkeys(("bias", "occurrences", "raw"), vocabulary) | {
        "allowed": words(vocabulary),
        "logprobs": WORDS,
    }
    for name, size in sizes.items():
        w.io(name, 4 * size)
    programs: dict[str, Callable[[Workspace, int], Iterator[Launch]]] = {
        "penalise": _penalise,
        "mask": _mask,
        "sample": _sample,
        "draw": _draw,
        "count": _count,
        "logprobs": _logprobs,
    }
    for name, launches in programs.items():
        w.enter(name, launches(w, vocabulary))


def _penalise(w: Workspace, vocabulary: int) -> Iterator[Launch]:
    """logits, bias, occurrences -> logits; the logits as they were -> raw"""
    yield Launch(penalise(vocabulary), {name: name for name in ("logits", "raw", "bias", "occurrences")})


def _mask(w: Workspace, vocabulary: int) -> Iterator[Launch]:
    """logits, allowed -> logits"""
    yield Launch(mask(vocabulary), {name: name for name in ("logits", "allowed")})


def _sample(w: Workspace, vocabulary: int) -> Iterator[Launch]:
    """logits -> tokens[0], the likeliest"""
    found = {name: w.scratch(name, peaks(vocabulary), "float32") for name in ("peak_values", "peak_ids")}
    yield Launch(find_peaks(vocabulary, together=w.tuning.together), {"logits": "logits", **found})
    yield Launch(take_peak(vocabulary, chunk=w.chunk, together=w.tuning.together), {"tokens": "tokens", **found})


def _draw(w: Workspace, vocabulary: int) -> Iterator[Launch]:
    """logits -> tokens[0], drawn"""
    b = _Binned(w, vocabulary, "logits")
    yield from b.spread(tempered=True)
    yield Launch(choose_bins(vocabulary, together=w.tuning.together), {**b.frame, **b.totals, **b.bounds, **b.kept})
    yield b.list()
    keys = {"listed_keys": b.listed["listed_keys"]}
    bound = {**b.logits, **b.frame, **b.bounds, **b.kept, **keys, "tokens": "tokens"}
    yield Launch(draw(vocabulary, chunk=w.chunk), bound)


def _count(w: Workspace, vocabulary: int) -> Iterator[Launch]:
    """tokens[0] -> occurrences"""
    yield Launch(count_token(vocabulary, chunk=w.chunk), {"tokens": "tokens", "occurrences": "occurrences"})


def _logprobs(w: Workspace, vocabulary: int) -> Iterator[Launch]:
    """raw, tokens[0] -> logprobs"""
    b = _Binned(w, vocabulary, "raw")
    yield from b.spread(tempered=False)
    yield Launch(choose_top(vocabulary, together=w.tuning.together), {**b.totals, **b.bounds, **b.kept})
    yield b.list()
    bound = {name: name for name in ("raw", "tokens", "logprobs")} | {**b.frame, **b.bounds, **b.listed}
    yield Launch(rank(vocabulary, chunk=w.chunk), bound)


class _Binned:
    """The launches that draws and log-probabilities have in common, and what they leave for others to bind."""

    def __init__(self, w: Workspace, vocabulary: int, logits: str) -> None:
        def scratch(**sizes: int) -> dict[str, str]:
            return {name: w.scratch(name, size, "float32") for name, size in sizes.items()}

        count = blocks(vocabulary)
        self._vocabulary, self._together = vocabulary, w.tuning.together
        self.logits = {"logits": logits}
        self._range = scratch(highs=peaks(vocabulary), lows=peaks(vocabulary))
        self.frame = scratch(frame=len(Frame))
        self.totals = scratch(counts=count * BINS, weights=count * BINS)
        self.bounds = scratch(bounds=len(Bounds), offsets=count + 1)
        self.kept = scratch(kept=count)
        self.listed = scratch(listed_ids=vocabulary, listed_keys=vocabulary)

    def spread(self, *, tempered: bool) -> Iterator[Launch]:
        """What the logits come to in each bin."""
        yield Launch(find_range(self._vocabulary, together=self._together), {**self.logits, **self._range})
        bound = {**self.logits, **self._range, **self.frame, **self.totals}
        yield Launch(spread(self._vocabulary, tempered=tempered, together=self._together), bound)

    def list(self) -> Launch:
        """The tokens of the bins that were chosen in between."""
        return Launch(
            list_bins(self._vocabulary, together=self._together),
            {**self.logits, **self.frame, **self.bounds, **self.listed},
        )
