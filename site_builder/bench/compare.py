"""Two benchmarks, figure by figure: what got slower, what got faster, and what is within the noise."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ...compile.errors import UserError
from .results import Benchmark, Figure

LEAST = 0.10  # a share under which no difference counts: two runs of the same code differ by so much
OF_ONE_RUN = 0.10  # taken for the spread of what was measured once
OF_MEMORY = 0.03
# Of a prompt, and whether less is better.
SPEEDS = {"prefill_tokens_per_s": False, "decode_tokens_per_s": False, "js_ms_per_token": True}
COUNTS = (
    "dispatches",
    "submits",
    "bind_groups",
    "buffers",
    "pipelines",
    "weight_bytes",
    "state_bytes",
    "activation_bytes",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, before and now. `ratio` is over 1 where it got better."""

    model: str
    runtime: str
    what: str
    before: float
    now: float
    ratio: float
    threshold: float  # a change by a smaller share is noise

    @property
    def verdict(self) -> str:
        if self.ratio < 1 - self.threshold:
            return "worse"
        return "better" if self.ratio > 1 + self.threshold else "same"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes; `apart` says why times were left out, if they were, and `left_out` what else was."""

    changes: list[Change]
    apart: str | None
    left_out: list[str]

    @property
    def worse(self) -> list[Change]:
        return [change for change in self.changes if change.verdict == "worse"]


def compare(before: dict[str, Any], benchmark: Benchmark) -> Comparison:
    """What changed since `before`; of other machines or adapters only what does not depend on them."""
    now = asdict(benchmark)
    old = {(each["model"], each["runtime"]): each for each in before["results"]}
    pairs = [(old[key], each) for each in now["results"] if (key := (each["model"], each["runtime"])) in old]
    if not pairs:
        known = ", ".join(f"{model} in {runtime}" for model, runtime in old)
        raise UserError(f"Nothing that was measured is in the file to compare with; that has {known}.")
    for pair in pairs:
        _check_same_model(*pair)
    apart = _difference(before["machine"], now["machine"], pairs)
    changes = [change for pair in pairs for change in _counts(*pair)]
    if apart is None:
        changes += [change for pair in pairs for change in _speeds(*pair)]
    met = [new for _, new in pairs]
    left_out = [
        f"{each['model']} in {each['runtime']} is not in the file" for each in now["results"] if each not in met
    ]
    left_out += [reason for pair in pairs for reason in _left_out(*pair)]
    if not changes:
        raise UserError(f"Nothing is left to compare: {'; '.join(filter(None, [apart, *left_out]))}.")
    return Comparison(changes, apart, left_out)


def _check_same_model(old: dict[str, Any], new: dict[str, Any]) -> None:
    was, is_now = (f"{each['parameters']:,} parameters in {each['quantisation']}" for each in (old, new))
    if was != is_now:
        raise UserError(
            f"{new['model']} is another model in the file: it had {was} and has {is_now}; measure it again."
        )


def _left_out(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    where = f"{new['model']} in {new['runtime']}"
    if old["variant"] != new["variant"]:
        yield f"{where} ran {old['variant']} before and {new['variant']} now, so its counts are not compared"
    was, is_now = ({each["tokens"] for each in result["prompts"]} for result in (old, new))
    for lengths, when in ((was - is_now, "only before"), (is_now - was, "only now")):
        if lengths:
            yield f"{where} had prompts of {', '.join(map(str, sorted(lengths)))} tokens {when}"


def _difference(before: dict[str, Any], now: dict[str, Any], pairs: list[tuple[Any, Any]]) -> str | None:
    for name in ("processor", "cores"):
        if before[name] != now[name]:
            return f"the file is from a machine with another {name}: {before[name]}; this one has {now[name]}"
    for old, new in pairs:
        was, is_now = old["adapter"]["description"], new["adapter"]["description"]
        if was != is_now:
            return f"{new['model']} ran in {new['runtime']} on another adapter: {was}; now on {is_now}"
    return None


def _counts(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    if old["variant"] == new["variant"]:
        for name in COUNTS:
            yield _change(new, f"{name} per token", old["costs"][name], new["costs"][name], less=True, threshold=0.0)
        name = "gpu_memory_bytes"
        yield _change(new, name, old[name], new[name], less=True, threshold=OF_MEMORY)


def _speeds(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    # A machine that is busier now reads and multiplies slower, too; that is not the code's doing.
    busy = max(0.0, *(1 - _top(new, kind) / _top(old, kind) for kind in ("bandwidth", "matmul")))
    lengths = {each["tokens"]: each for each in old["prompts"]}
    for each in new["prompts"]:
        if (known := lengths.get(each["tokens"])) is None:
            continue
        for name, less in SPEEDS.items():
            was, is_now = Figure(**known[name]), Figure(**each[name])
            threshold = max(LEAST, _noise(was) + _noise(is_now), busy)
            what = f"{name} with a prompt of {each['tokens']}"
            yield _change(new, what, was.median, is_now.median, less=less, threshold=threshold)


def _top(result: dict[str, Any], kind: str) -> float:
    return max(float(each["per_second"]) for each in result["ceilings"] if each["kind"] == kind)


def _noise(measured: Figure) -> float:
    return measured.spread if measured.runs > 1 else OF_ONE_RUN


def _change(result: dict[str, Any], what: str, before: float, now: float, *, less: bool, threshold: float) -> Change:
    good, bad = (before, now) if less else (now, before)
    ratio = 1.0 if good == bad else good / bad if bad else float("inf")
    return Change(result["model"], result["runtime"], what.replace("_", " "), before, now, ratio, threshold)
