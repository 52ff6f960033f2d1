"""Launches of everything that multiplies with a matrix, and of the norms in front."""

from collections.abc import Generator, Iterator

from ..kernels.embed import blocks as embed_blocks
from ..kernels.embed import embed, embed_row
from ..kernels.last_row import last_row
from ..kernels.matmul import matmul
from ..kernels.matvec import matvec, matvec_add, workgroups
from ..kernels.rms_norm import rms_norm
from ..models.layers import Head, Matrix, Model, ProjectAdd, Value, Vector
from ..parts import parts
from .workspace import HIDDEN, Launch, Workspace


def most_squares(w: Workspace, model: Model) -> int:
    """The numbers that `squares` has room for: each launch that writes the hidden row leaves one per workgroup."""
    adds = [op.matrix for op in model.operations if isinstance(op, ProjectAdd)]
    counts = [
        sum(workgroups(part.rows, matrix.width, w.tuning) for part in parts(matrix, w.quantisation)) for matrix in adds
    ]
    return max(embed_blocks(model.hidden), *counts)


def embed_of(w: Workspace, table: Matrix) -> Iterator[Launch]:
    """Prefill: hidden = table[tokens]."""
    for part in parts(table, w.quantisation):
        kernel = embed(part.rows, table.width, part.form, first_row=part.start, chunk=w.chunk)
        yield Launch(kernel, {**part.bound(), "tokens": "tokens", "hidden": "hidden"})


def embed_row_of(w: Workspace, table: Matrix, norm: Vector) -> Iterator[Launch]:
    """Decode: the same for one token, and what the norm that follows needs."""
    w.squares = embed_blocks(table.width)
    for part in parts(table, w.quantisation):
        kernel = embed_row(part.rows, table.width, part.form, first_row=part.start)
        yield Launch(kernel, {**part.bound(), **HIDDEN, "tokens": "tokens", "norm": norm.name})


def normed(w: Workspace, norm: Vector, eps: float) -> Generator[Launch, None, str]:
    """Prefill: the norm of the hidden rows; gives back the value's name."""
    into = w.scratch(f"{norm.name}ed", norm.size, w.act)
    kernel = rms_norm(norm.size, tuning=w.tuning, chunk=w.chunk, y_dtype=w.act, eps=eps)
    yield Launch(kernel, {"x": "hidden", "norm": norm.name, "y": into})
    return into


def matmul_of(
    w: Workspace, matrix: Matrix, x: str, x_dtype: str, y: str, y_dtype: str, epilogue: str
) -> Iterator[Launch]:
    """Prefill: y = x · matrixᵀ, with an epilogue (kernels/matmul.py)."""
    shrink = 2 if epilogue == "swiglu" else 1
    for part in parts(matrix, w.quantisation):
        kernel = matmul(
            part.rows,
            matrix.width,
            part.form,
            tuning=w.tuning,
            chunk=w.chunk,
            x_dtype=x_dtype,
            y_dtype=y_dtype,
            epilogue=epilogue,
            y_start=part.start // shrink,
            y_width=matrix.rows // shrink,
        )
        yield Launch(kernel, {**part.bound(), "x": x, "y": y})


def projections(w: Workspace, into: tuple[tuple[Matrix, Value], ...], eps: float) -> Iterator[Launch]:
    """A small exact matrix rides along with the first part of the first other one."""
    exact = [(matrix, value) for matrix, value in into if matrix.exact]
    others = [(matrix, value) for matrix, value in into if not matrix.exact]
    for matrix, value in others:
        beside = exact.pop() if exact else None
        yield from matvec_of(w, matrix, w.named(value), w.dtype(value), "store", eps, beside)
    if exact:
        raise ValueError(f"{exact[0][0].name} has no other matrix to ride along with")


def matvec_of(
    w: Workspace,
    matrix: Matrix,
    y: str,
    y_dtype: str,
    epilogue: str,
    eps: float,
    beside: tuple[Matrix, Value] | None = None,
) -> Iterator[Launch]:
    """Decode: y = rms_norm(hidden) · matrixᵀ. Two parts of a matrix share a launch; or the first part and a small exact
    matrix `beside`, since three bind more buffers than every adapter has."""
    shrink = 2 if epilogue == "swiglu" else 1
    waiting = parts(matrix, w.quantisation)
    while waiting:
        part = waiting.pop(0)
        exact, beside = beside, None
        following = waiting.pop(0) if waiting and exact is None else None
        bound = {**part.bound(), "x": "scaled", "squares": "squares", "y": y}
        if following is not None:
            bound |= following.bound("n")
        if exact is not None:
            (whole,) = parts(exact[0], w.quantisation)
            bound |= {**whole.bound("e"), "exact": w.named(exact[1])}
        kernel = matvec(
            part.rows,
            matrix.width,
            part.form,
            tuning=w.tuning,
            x_dtype="float32",
            y_dtype=y_dtype,
            epilogue=epilogue,
            squares=w.squares,
            eps=eps,
            y_start=part.start // shrink,
            y_size=matrix.rows // shrink,
            next_rows=following.rows if following is not None else 0,
            exact_rows=exact[0].rows if exact is not None else 0,
        )
        yield Launch(kernel, bound)


def matvec_add_of(w: Workspace, matrix: Matrix, value: Value, norm: Vector) -> Iterator[Launch]:
    """Decode: hidden += value · matrixᵀ, and what the norm that follows needs."""
    cut = parts(matrix, w.quantisation)
    counts = [workgroups(part.rows, matrix.width, w.tuning) for part in cut]
    w.squares = sum(counts)
    for i, part in enumerate(cut):
        kernel = matvec_add(
            part.rows,
            matrix.width,
            part.form,
            tuning=w.tuning,
            x_dtype=w.dtype(value),
            start=part.start,
            size=matrix.rows,
            squares_start=sum(counts[:i]),
            squares_size=w.squares,
        )
        yield Launch(kernel, {**part.bound(), **HIDDEN, "x": w.named(value), "norm": norm.name})


def last_row_of(w: Workspace, op: Head) -> Launch:
    """The end of prefill: the last token's row, prepared for the head as decode prepares it."""
    return Launch(last_row(op.norm.size, chunk=w.chunk, squares=w.squares), {**HIDDEN, "norm": op.norm.name})
