"""Runs the launches of the sampling programs one after the other, on either device."""

# V vocabulary

from dataclasses import asdict, dataclass

import numpy as np
from windowseat.compile.kernels.sample_cutoffs import choose_bins
from windowseat.compile.kernels.sample_draw import draw, reference
from windowseat.compile.kernels.sample_greedy import find_peaks, peaks, take_peak
from windowseat.compile.kernels.sample_logprobs import MOST, WORDS, choose_top, rank
from windowseat.compile.kernels.sample_spread import find_range, spread
from windowseat.compile.kernels.sample_totals import Bounds, list_bins
from windowseat.compile.kernels.sample_words import BINS, Frame, blocks

from tests.compile.machine import F32, F64, Array, Machine, exact


@dataclass(frozen=True, slots=True)
class Settings:
    """How a token is drawn."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def shares(self, logits: F32) -> F64:
        """The probabilities that the definition gives."""
        return reference(exact(logits), self.temperature, self.top_k, self.top_p, self.min_p)


def greedy(machine: Machine, logits: F32) -> Array:
    """All of `tokens`, of which the first is chosen."""
    count = peaks(len(logits))
    arrays = {"logits": logits, "peak_values": np.zeros(count, np.float32), "peak_ids": np.zeros(count, np.int32)}
    found = machine.run(find_peaks(len(logits), together=machine.together), arrays, {})
    del found["logits"]
    return machine.run(
        take_peak(len(logits), chunk=4, together=machine.together), {**found, "tokens": np.full(4, 9, np.uint32)}, {}
    )["tokens"]


def spread_out(machine: Machine, logits: F32, settings: Settings | None) -> dict[str, Array]:
    """frame, counts [B, 32] and weights [B, 32]; without settings as log-probabilities take them."""
    count, size = len(logits), blocks(len(logits)) * BINS
    arrays = {"logits": logits, **{name: np.zeros(peaks(count), np.float32) for name in ("highs", "lows")}}
    arrays = machine.run(find_range(count, together=machine.together), arrays, {})
    arrays |= {"frame": np.zeros(len(Frame), np.float32)}
    arrays |= {"counts": np.zeros(size, np.uint32), "weights": np.zeros(size, np.float32)}
    found = machine.run(
        spread(count, tempered=settings is not None, together=machine.together),
        arrays,
        asdict(settings) if settings else {},
    )
    return {name: found[name] for name in ("frame", "counts", "weights")}


def prepared(machine: Machine, logits: F32, settings: Settings) -> dict[str, Array]:
    """Everything that `draw` reads."""
    found = spread_out(machine, logits, settings)
    chosen = machine.run(
        choose_bins(len(logits), together=machine.together), {**found, **_room(logits)}, asdict(settings)
    )
    return {**_listed(machine, logits, {**found, **chosen}), "kept": chosen["kept"]}


def draws(
    machine: Machine,
    found: dict[str, Array],
    settings: Settings,
    seed: int,
    position: int,
    *,
    times: int,
    tokens: int = 1,
) -> Array:
    """The tokens at so many positions from the one after the call's last token on."""
    arrays = {name: each for name, each in found.items() if name != "listed_ids"}
    arrays["tokens"] = np.full(times, 0xFFFFFFFF, np.uint32)
    scalars = {**asdict(settings), "seed": seed, "position": position, "tokens": tokens}
    return machine.run(draw(len(found["logits"]), chunk=times, draws=times), arrays, scalars)["tokens"]


def logprobs(machine: Machine, logits: F32, token: int) -> tuple[float, Array, Array]:
    """The chosen token's log-probability, and of the likeliest tokens the ids and theirs."""
    found = spread_out(machine, logits, None)
    arrays = {name: found[name] for name in ("counts", "weights")} | _room(logits)
    listed = _listed(
        machine, logits, {**found, **machine.run(choose_top(len(logits), together=machine.together), arrays, {})}
    )
    listed["raw"] = listed.pop("logits")
    arrays = {"tokens": np.array([token, 9, 9, 9], np.uint32), "logprobs": np.zeros(WORDS, np.uint32)}
    words = machine.run(rank(len(logits), chunk=4), {**listed, **arrays}, {})["logprobs"]
    values = words.view(np.float32)
    return float(values[0]), words[1 : 1 + MOST], values[1 + MOST :]


def _room(logits: F32) -> dict[str, Array]:
    count = blocks(len(logits))
    words = {"bounds": np.zeros(len(Bounds), np.uint32), "offsets": np.zeros(count + 1, np.uint32)}
    return {**words, "kept": np.zeros(count, np.float32)}


def _listed(machine: Machine, logits: F32, found: dict[str, Array]) -> dict[str, Array]:
    arrays = {name: found[name] for name in ("frame", "bounds", "offsets")} | {"logits": logits}
    arrays |= {name: np.zeros(len(logits), np.uint32) for name in ("listed_ids", "listed_keys")}
    return machine.run(list_bins(len(logits), together=machine.together), arrays, {})
