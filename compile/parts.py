"""Matrices cut between rows, so that none needs a larger binding than every adapter has."""

from dataclasses import dataclass

from .models.layers import Matrix
from .quantise import PLAIN, WORDS_PER_GROUP, groups
from .webgpu_limits import MAX_BINDING

ROW_MULTIPLE = 64  # parts are whole workgroups of rows


@dataclass(frozen=True, slots=True)
class Part:
    """Rows start..stop of a matrix, with the names of its tensors in the weight stream."""

    matrix: Matrix
    form: str
    start: int
    stop: int
    name: str

    @property
    def rows(self) -> int:
        return self.stop - self.start

    def bound(self, as_: str = "w") -> dict[str, str]:
        """The kernel parameters w_words and w_scales, or those of another matrix of the kernel."""
        scales = {} if self.form in PLAIN else {f"{as_}_scales": f"{self.name}.scales"}
        return {f"{as_}_words": f"{self.name}.words", **scales}


def parts(matrix: Matrix, quantisation: str) -> list[Part]:
    """The matrix cut so that every part's words fit one binding."""
    form = "f32" if matrix.exact else quantisation
    row_bytes = groups(matrix.width) * WORDS_PER_GROUP[form] * 4
    most = MAX_BINDING // row_bytes // ROW_MULTIPLE * ROW_MULTIPLE
    starts = range(0, matrix.rows, most)
    return [
        Part(
            matrix,
            form,
            start,
            min(start + most, matrix.rows),
            matrix.name if len(starts) == 1 else f"{matrix.name}.{i}",
        )
        for i, start in enumerate(starts)
    ]
