"""How kernels share their work among threads: one way for GPUs, one for adapters that are software."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Tuning:
    """Choices of the matrix kernels. On a GPU neighbouring threads must read neighbouring bytes, and barriers are
    cheap; in software each load is paid for in full, and barriers are dear."""

    name: str
    software: bool  # whether a thread works alone, and prefill stages no tiles in workgroup memory
    threads: int  # in a workgroup of a matrix-vector product
    lanes: int  # threads that share a row there
    subgroups: bool  # whether they add up their sums in the registers of a subgroup
    most_rows: int  # that such a thread works on; even
    rows_for_most: int  # of a matrix in which it does
    step_parts: int  # threads that share the columns of a delta rule's state in decode
    scan_parts: int  # the same in prefill
    together: int  # loads that a thread of a kernel with little else to do has on their way at the same time
    delta_tile: int  # tokens there that a thread takes side by side, 2 or 4: in software, compiling counts too
    chunk: int  # tokens that prefill takes at once, at most

    def lanes_for(self, width: int) -> int:
        """`lanes`, but no more than a row of this width has runs of 8 weights; a power of two."""
        return min(self.lanes, 1 << (-(-width // 32) * 4).bit_length() - 1)

    def rows_for(self, rows: int) -> int:
        """`most_rows`, but fewer in a small matrix, whose few threads would leave cores idle; even."""
        return self.most_rows if rows >= self.rows_for_most else 2


GPU = Tuning(
    "gpu",
    software=False,
    threads=128,
    lanes=32,
    subgroups=False,
    most_rows=4,
    rows_for_most=4096,
    step_parts=8,
    scan_parts=16,
    together=4,
    delta_tile=4,
    chunk=512,
)
GPU_SUBGROUPS = replace(GPU, name="gpu_subgroups", subgroups=True)
# Measured on lavapipe, q4 7168x1024 with a norm: lanes 8 rows 2: 0.54 GB/s; 8/8: 1.10; 1/1: 0.64; 1/4: 1.40; 1/8: 1.67.
# Later, without a norm, on lavapipe and SwiftShader: rows 8: 3.3, 0.53; 16: 3.8, 0.58; with levels in place: 4.2, 0.88.
SOFTWARE = Tuning(
    "software",
    software=True,
    threads=16,
    lanes=1,
    subgroups=False,
    most_rows=16,
    rows_for_most=512,
    step_parts=1,
    scan_parts=1,
    together=1,
    delta_tile=2,
    chunk=128,
)
