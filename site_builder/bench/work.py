"""How much arithmetic and memory traffic a bundle's launches stand for, from its manifest and its plan.

A matrix R x K costs 2·R·K operations a token and its bytes once a launch, besides the row that it reads and the one
that it writes. Softmax attention costs 4·H·D operations for each position that a token sees, the delta rule 7·H·K·V for
each token. State is read and written once a launch; of a cache, a launch reads what its tokens see. Other arithmetic is
not counted. Scratch is counted as large as its buffer, which other values may have made larger: an upper bound.
"""

# R rows, K columns of a matrix; H heads, D head size; K, V key and value size of the delta rule

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ...compile.models import ARCHITECTURES
from ...compile.models.layers import Attention, GatedDelta, Matrix, Model
from ...compile.parts import Part, parts
from ...compile.schedule.weights import weights_of


@dataclass(slots=True)
class Work:
    """Floating point operations of matrix products and attention, those of recurrences, bytes, and weights of those."""

    products: float = 0.0
    recurrence: float = 0.0
    bytes: float = 0.0
    weight_bytes: float = 0.0

    def add(self, other: "Work") -> None:
        """Adds another to this one."""
        self.products += other.products
        self.recurrence += other.recurrence
        self.bytes += other.bytes
        self.weight_bytes += other.weight_bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a program: how many tokens, after how many others."""

    position: float
    tokens: float

    @property
    def end(self) -> float:
        """Positions that it leaves behind."""
        return self.position + self.tokens

    def seen(self, past: float = 0) -> float:
        """Positions from `past` on that the tokens see, all together."""
        last = max(0, self.end - past)
        count = min(self.tokens, last)
        return count * (last - (count - 1) / 2)


def chunks(tokens: int, count: int) -> list[Call]:
    """A prompt in so many chunks of the same size."""
    return [Call(i * tokens / count, tokens / count) for i in range(count)]


class Accounts:
    """The books of one variant of a bundle."""

    def __init__(self, manifest: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        self._plan = plan
        self._tensors: dict[str, int] = {each["name"]: each["bytes"] for each in manifest["weights"]["tensors"]}
        self._buffers: dict[str, Any] = {each["name"]: each for each in plan["buffers"]}
        (variant,) = (each for each in manifest["variants"] if each["name"] == plan["variant"])
        self._activation = 2 if "shader-f16" in variant["features"] else 4  # bytes
        self._chunk: int = variant["prefill_chunk"]
        architecture = ARCHITECTURES[manifest["model"]["architecture"]]
        model: Model = architecture.model(architecture.config(manifest["model"]["config"], manifest["name"]))
        matrices = [weight for weight in weights_of(model) if isinstance(weight, Matrix)]
        cut = [part for matrix in matrices for part in parts(matrix, manifest["quantisation"])]
        self._parts: dict[str, Part] = {part.bound()["w_words"]: part for part in cut}
        self._rules = {f"{op.name}.state": op.shape for op in model.operations if isinstance(op, GatedDelta)}
        self._caches = {
            f"{op.name}.{which}_cache": op.shape
            for op in model.operations
            if isinstance(op, Attention)
            for which in ("k", "v")
        }

    def prompt(self, calls: Sequence[Call]) -> dict[str, Work]:
        """The work of reading a prompt and sampling a token, by kernel."""
        whole = self._launches("prefill", calls)
        return _joined([*whole, *self._launches("head", calls[-1:]), *self._launches("sample", calls[-1:])])

    def decoding(self, calls: Sequence[Call]) -> dict[str, Work]:
        """The work of decode steps, by kernel."""
        return _joined(each for name in ("decode", "head", "sample") for each in self._launches(name, calls))

    def chunks_of(self, counts: Mapping[str, int]) -> int:
        """In how many chunks a prompt was read, by how often kernels were launched."""
        once = {self._kernel(step)["name"] for name in ("head", "sample") for step in self._plan["programs"][name]}
        prefill = [step for step in self._plan["programs"]["prefill"] if not step.get("past")]
        steps = [self._kernel(step)["name"] for step in prefill]
        always = [name for name in steps if name not in once]
        return max(1, round(sum(counts.get(name, 0) for name in set(always)) / len(always)))

    def _launches(self, program: str, calls: Sequence[Call]) -> Iterable[tuple[str, Work]]:
        steps = self._plan["programs"][program]
        for call in calls:
            for step, following in pairwise([*steps, {}]):
                past, until = step.get("past", 0), following.get("past", 0)
                if call.end > past:
                    # The head reads the last row only.
                    rows = call.tokens if program == "prefill" else 1
                    seen = call.seen(past) - (call.seen(until) if until > past else 0)
                    yield self._kernel(step)["name"], self._work(step, call, rows, seen)

    def _kernel(self, step: Mapping[str, Any]) -> Any:
        return self._plan["kernels"][step["kernel"]]

    def _work(self, step: Mapping[str, Any], call: Call, rows: float, seen: float) -> Work:
        kernel = self._kernel(step)
        work = Work()
        accesses = [buffer["access"] for buffer in kernel["buffers"]]
        bound = dict(zip(step["buffers"], accesses, strict=True))
        multiplied = [self._parts[name] for name in bound if name in self._parts]
        looks_up = kernel["name"].startswith("embed_")
        for part in multiplied:
            if not looks_up:
                work.products += 2 * part.rows * part.matrix.width * rows
                work.bytes += rows * (part.rows + part.matrix.width) * self._activation
        for name, access in bound.items():
            if name in self._tensors:
                share = rows / max(each.rows for each in multiplied) if looks_up and multiplied else 1
                work.weight_bytes += self._tensors[name] * min(1, share)
            elif name in self._caches:
                shape = self._caches[name]
                per_position = self._buffers[name]["bytes_per_position"]
                if access == "read":
                    work.products += 2 * shape.heads * shape.size * seen
                    work.bytes += per_position * call.end * seen / call.seen()
                else:
                    work.bytes += per_position * call.tokens
            elif not multiplied or looks_up:
                work.bytes += self._traffic(name, access, rows)
            if name in self._rules and access != "read":
                rule = self._rules[name]
                work.recurrence += 7 * rule.value_heads * rule.key_size * rule.value_size * call.tokens
        work.bytes += work.weight_bytes
        return work

    def _traffic(self, name: str, access: str, rows: float) -> float:
        """Bytes of a buffer that is neither weight nor cache."""
        buffer = self._buffers[name]
        if buffer["role"] == "state":
            return float(buffer["bytes"] * (1 if access == "read" else 2))
        if buffer["role"] == "kept":
            return 0.0  # a benchmark keeps nothing on the way
        return float(buffer["bytes"] * (rows / self._chunk if buffer["role"] == "scratch" or name == "hidden" else 1))


def _joined(launches: Iterable[tuple[str, Work]]) -> dict[str, Work]:
    works: dict[str, Work] = {}
    for name, work in launches:
        works.setdefault(name, Work()).add(work)
    return works
