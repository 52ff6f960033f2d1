"""Operations to kernel launches: once for prefill, once for decode, for one variant.

Prefill gives a norm its own launch and multiplies matrices with many tokens. Decode multiplies with one vector, and
whoever writes the hidden row prepares the norm that comes next (matvec.py), in the buffers `scaled` and `squares`; the
last launch of prefill does the same for the head.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from .kernels.attention import attention
from .kernels.common import Kernel
from .kernels.embed import blocks as embed_blocks
from .kernels.embed import embed, embed_row
from .kernels.gated_delta import causal_conv, delta_gates, delta_scan, gated_delta_step, gated_norm
from .kernels.last_row import last_row
from .kernels.matmul import matmul
from .kernels.matvec import matvec, matvec_add, workgroups
from .kernels.rms_norm import rms_norm
from .kernels.rope_cache import rope_cache
from .kernels.sample import blocks as sample_blocks
from .kernels.sample import find_peaks, sample
from .models.layers import (
    Attention,
    Embed,
    GatedDelta,
    Head,
    Matrix,
    Model,
    NormProject,
    NormSwiGlu,
    Operation,
    ProjectAdd,
    Value,
    Vector,
)
from .parts import parts
from .plan import PlanBuffer
from .variants import Variant

CHUNK = 128  # tokens that prefill takes at once
SIZES = {"float32": 4, "float16": 2}
HIDDEN = {"hidden": "hidden", "scaled": "scaled", "squares": "squares"}


@dataclass(frozen=True, slots=True)
class Launch:
    """A kernel and what each of its parameters is bound to."""

    kernel: Kernel
    bound: dict[str, str]


@dataclass(slots=True)
class Schedule:
    """The launches of every program, and the buffers and weights they name."""

    programs: dict[str, list[Launch]]
    fixed: dict[str, PlanBuffer] = field(default_factory=dict)  # io and state
    scratch: dict[tuple[str, str], int] = field(default_factory=dict)  # bytes of a value in a program


def weights_of(model: Model) -> list[Matrix | Vector]:
    """Every weight once, in the order of use."""
    found: dict[str, Matrix | Vector] = {}
    for operation in model.operations:
        for weight in _weights(operation):
            found.setdefault(weight.name, weight)
    return list(found.values())


def _weights(operation: Operation) -> Sequence[Matrix | Vector]:
    match operation:
        case Embed(table):
            return (table,)
        case NormProject(norm, _, into):
            return (norm, *(matrix for matrix, _ in into))
        case NormSwiGlu(norm, _, matrix, _) | Head(norm, _, matrix):
            return (norm, matrix)
        case ProjectAdd(_, matrix):
            return (matrix,)
        case GatedDelta():
            return (operation.conv, operation.decay_dt, operation.norm)
        case Attention():
            return (operation.q_norm, operation.k_norm, operation.rope)


def following_norms(model: Model) -> list[Vector]:
    """For each operation the norm that comes after it; for the last one, its own."""
    norms: list[Vector] = []
    following: Vector | None = None
    for operation in reversed(model.operations):
        own = operation.norm if isinstance(operation, NormProject | NormSwiGlu | Head) else None
        norm = following or own
        if norm is None:
            raise ValueError("a model ends with its head")
        norms.append(norm)
        following = own or following
    return norms[::-1]


def schedule(model: Model, quantisation: str, variant: Variant) -> Schedule:
    """All launches of a model in a variant."""
    return _Scheduler(model, quantisation, variant).run()


class _Scheduler:
    def __init__(self, model: Model, quantisation: str, variant: Variant) -> None:
        self._model, self._quantisation = model, quantisation
        self._act, self._tuning = variant.act, variant.tuning
        self._schedule = Schedule({name: [] for name in ("prefill", "decode", "head", "sample")})
        self._program = "prefill"
        self._squares = 0  # numbers in `squares` at this point of decode

    def run(self) -> Schedule:
        model = self._model
        self._io("tokens", CHUNK * 4)
        self._io("hidden", CHUNK * model.hidden * 4)
        self._io("logits", model.vocabulary * 4)
        self._io("scaled", model.hidden * 4)
        self._io("squares", self._most_squares() * 4)
        for operation, norm in zip(model.operations, following_norms(model), strict=True):
            if isinstance(operation, Head):
                self._enter("prefill", self._last_row(operation))
                self._enter("head", self._head(operation))
            else:
                self._enter("prefill", self._prefill(operation))
                self._enter("decode", self._decode(operation, norm))
        self._enter("sample", self._sample())
        return self._schedule

    def _most_squares(self) -> int:
        adds = [op.matrix for op in self._model.operations if isinstance(op, ProjectAdd)]
        counts = [
            sum(workgroups(part.rows, matrix.width, self._tuning) for part in parts(matrix, self._quantisation))
            for matrix in adds
        ]
        return max(embed_blocks(self._model.hidden), *counts)

    def _enter(self, program: str, launches: Iterator[Launch]) -> None:
        self._program = program  # generators run below: the values they name belong to this program
        self._schedule.programs[program] += launches

    def _io(self, name: str, size: int) -> str:
        self._schedule.fixed[name] = PlanBuffer(name, "io", size)
        return name

    def _state(self, name: str, size: int, per_position: int = 0) -> str:
        self._schedule.fixed[name] = PlanBuffer(name, "state", size, per_position)
        return name

    def _value(self, name: str, width: int, dtype: str) -> str:
        rows = CHUNK if self._program == "prefill" else 1
        self._schedule.scratch[self._program, name] = -(-rows * width * SIZES[dtype] // 4) * 4
        return name

    def _dtype(self, value: Value) -> str:
        return "float32" if value.exact else self._act

    def _named(self, value: Value) -> str:
        return self._value(value.name, value.width, self._dtype(value))

    def _prefill(self, operation: Operation) -> Iterator[Launch]:
        match operation:
            case Embed(table):
                yield from self._embed(table)
            case NormProject(norm, eps, into):
                normed = yield from self._normed(norm, eps)
                for matrix, value in into:
                    yield from self._matmul(matrix, normed, self._act, self._named(value), self._dtype(value), "store")
            case NormSwiGlu(norm, eps, matrix, into):
                normed = yield from self._normed(norm, eps)
                yield from self._matmul(matrix, normed, self._act, self._named(into), self._act, "swiglu")
            case ProjectAdd(value, matrix):
                yield from self._matmul(matrix, self._named(value), self._dtype(value), "hidden", "float32", "add")
            case GatedDelta():
                yield from self._delta_chunk(operation)
            case Attention():
                yield from self._attention(operation)

    def _decode(self, operation: Operation, norm: Vector) -> Iterator[Launch]:
        match operation:
            case Embed(table):
                yield from self._embed_row(table, norm)
            case NormProject(_, eps, into):
                yield from self._projections(into, eps)
            case NormSwiGlu(_, eps, matrix, into):
                yield from self._matvec(matrix, self._named(into), self._act, "swiglu", eps)
            case ProjectAdd(value, matrix):
                yield from self._matvec_add(matrix, value, norm)
            case GatedDelta():
                yield self._delta_step(operation)
            case Attention():
                yield from self._attention(operation)

    def _embed(self, table: Matrix) -> Iterator[Launch]:
        for part in parts(table, self._quantisation):
            kernel = embed(part.rows, table.width, part.form, first_row=part.start, chunk=CHUNK)
            yield Launch(kernel, {**part.bound(), "tokens": "tokens", "hidden": "hidden"})

    def _embed_row(self, table: Matrix, norm: Vector) -> Iterator[Launch]:
        self._squares = embed_blocks(table.width)
        for part in parts(table, self._quantisation):
            kernel = embed_row(part.rows, table.width, part.form, first_row=part.start)
            yield Launch(kernel, {**part.bound(), **HIDDEN, "tokens": "tokens", "norm": norm.name})

    def _normed(self, norm: Vector, eps: float) -> Generator[Launch, None, str]:
        normed = self._value(f"{norm.name}ed", norm.size, self._act)
        kernel = rms_norm(norm.size, chunk=CHUNK, y_dtype=self._act, eps=eps)
        yield Launch(kernel, {"x": "hidden", "norm": norm.name, "y": normed})
        return normed

    def _matmul(self, matrix: Matrix, x: str, x_dtype: str, y: str, y_dtype: str, epilogue: str) -> Iterator[Launch]:
        shrink = 2 if epilogue == "swiglu" else 1
        for part in parts(matrix, self._quantisation):
            kernel = matmul(
                part.rows,
                matrix.width,
                part.form,
                tuning=self._tuning,
                chunk=CHUNK,
                x_dtype=x_dtype,
                y_dtype=y_dtype,
                epilogue=epilogue,
                y_start=part.start // shrink,
                y_width=matrix.rows // shrink,
            )
            yield Launch(kernel, {**part.bound(), "x": x, "y": y})

    def _projections(self, into: tuple[tuple[Matrix, Value], ...], eps: float) -> Iterator[Launch]:
        """A small exact matrix rides along with the first part of the first other one."""
        exact = [(matrix, value) for matrix, value in into if matrix.exact]
        others = [(matrix, value) for matrix, value in into if not matrix.exact]
        for matrix, value in others:
            beside = exact.pop() if exact else None
            yield from self._matvec(matrix, self._named(value), self._dtype(value), "store", eps, beside)

    def _matvec(
        self,
        matrix: Matrix,
        y: str,
        y_dtype: str,
        epilogue: str,
        eps: float,
        beside: tuple[Matrix, Value] | None = None,
    ) -> Iterator[Launch]:
        shrink = 2 if epilogue == "swiglu" else 1
        for part in parts(matrix, self._quantisation):
            extra: dict[str, str] = {}
            if beside is not None and part.start == 0:
                (words,) = parts(beside[0], self._quantisation)
                extra = {"e_words": words.bound()["w_words"], "exact": self._named(beside[1])}
            kernel = matvec(
                part.rows,
                matrix.width,
                part.form,
                tuning=self._tuning,
                x_dtype="float32",
                y_dtype=y_dtype,
                epilogue=epilogue,
                squares=self._squares,
                eps=eps,
                y_start=part.start // shrink,
                y_size=matrix.rows // shrink,
                exact_rows=beside[0].rows if beside is not None and extra else 0,
            )
            yield Launch(kernel, {**part.bound(), "x": "scaled", "squares": "squares", "y": y, **extra})

    def _matvec_add(self, matrix: Matrix, value: Value, norm: Vector) -> Iterator[Launch]:
        cut = parts(matrix, self._quantisation)
        counts = [workgroups(part.rows, matrix.width, self._tuning) for part in cut]
        self._squares = sum(counts)
        for i, part in enumerate(cut):
            kernel = matvec_add(
                part.rows,
                matrix.width,
                part.form,
                tuning=self._tuning,
                x_dtype=self._dtype(value),
                start=part.start,
                size=matrix.rows,
                squares_start=sum(counts[:i]),
                squares_size=self._squares,
            )
            yield Launch(kernel, {**part.bound(), **HIDDEN, "x": self._named(value), "norm": norm.name})

    def _delta_states(self, op: GatedDelta) -> dict[str, str]:
        s = op.shape
        return {
            "ring": self._state(f"{op.name}.ring", s.taps * s.channels * 4),
            "state": self._state(f"{op.name}.state", s.value_heads * s.key_size * s.value_size * 4),
        }

    def _delta_step(self, op: GatedDelta) -> Launch:
        bound = self._delta_states(op) | {
            "projected": self._named(op.projected),
            "gates": self._named(op.gates),
            "conv": op.conv.name,
            "decay_dt": op.decay_dt.name,
            "norm": op.norm.name,
            "y": self._named(op.into),
        }
        return Launch(gated_delta_step(op.shape, tuning=self._tuning, act=self._act, eps=op.eps), bound)

    def _delta_chunk(self, op: GatedDelta) -> Iterator[Launch]:
        s, act, states = op.shape, self._act, self._delta_states(op)
        projected, gates = self._named(op.projected), self._named(op.gates)
        convolved = self._value(f"{op.name}.convolved", s.channels, act)
        factors = self._value(f"{op.name}.factors", s.value_heads * 4, "float32")
        outputs = self._value(f"{op.name}.outputs", s.values, "float32")
        yield Launch(
            causal_conv(s, chunk=CHUNK, act=act),
            {"projected": projected, "conv": op.conv.name, "ring": states["ring"], "convolved": convolved},
        )
        yield Launch(
            delta_gates(s, chunk=CHUNK, act=act),
            {"convolved": convolved, "gates": gates, "decay_dt": op.decay_dt.name, "factors": factors},
        )
        yield Launch(
            delta_scan(s, tuning=self._tuning, chunk=CHUNK, act=act),
            {"convolved": convolved, "factors": factors, "state": states["state"], "outputs": outputs},
        )
        yield Launch(
            gated_norm(s, chunk=CHUNK, act=act, eps=op.eps),
            {"outputs": outputs, "projected": projected, "norm": op.norm.name, "y": self._named(op.into)},
        )

    def _attention(self, op: Attention) -> Iterator[Launch]:
        s = op.shape
        per_position = s.kv_heads * s.size * SIZES[self._act]
        caches = {x: self._state(f"{op.name}.{x}", 0, per_position) for x in ("k_cache", "v_cache")}
        projected = self._named(op.projected)
        q = self._value(f"{op.name}.q", s.heads * s.size, self._act)
        norms = {"q_norm": op.q_norm.name, "k_norm": op.k_norm.name, "rope": op.rope.name}
        kernel = rope_cache(s, chunk=CHUNK, act=self._act, eps=op.eps)
        yield Launch(kernel, {"projected": projected, "q": q, **norms, **caches})
        gate = {"projected": projected} if s.gated else {}
        kernel = attention(s, chunk=CHUNK, act=self._act)
        yield Launch(kernel, {"q": q, "y": self._named(op.into), **gate, **caches})

    def _last_row(self, op: Head) -> Iterator[Launch]:
        kernel = last_row(op.norm.size, chunk=CHUNK, squares=self._squares)
        yield Launch(kernel, {**HIDDEN, "norm": op.norm.name})

    def _head(self, op: Head) -> Iterator[Launch]:
        return self._matvec(op.matrix, "logits", "float32", "store", op.eps)

    def _sample(self) -> Iterator[Launch]:
        count = sample_blocks(self._model.vocabulary)
        peaks = {name: self._value(name, count, "float32") for name in ("peak_values", "peak_ids")}
        yield Launch(find_peaks(self._model.vocabulary), {"logits": "logits", **peaks})
        kernel = sample(self._model.vocabulary, chunk=CHUNK)
        yield Launch(kernel, {"logits": "logits", "tokens": "tokens", **peaks})
