"""Scratch values to as few buffers as their lifetimes allow, shared by all programs: they never run at once."""

from collections.abc import Mapping, Sequence

Uses = Sequence[Sequence[str]]  # for each launch, the scratch values it touches


def place(
    programs: Mapping[str, Uses], sizes: Mapping[tuple[str, str], int]
) -> tuple[dict[tuple[str, str], int], list[int]]:
    """(program, value) -> buffer, and each buffer's bytes. Two values share a buffer only if one ends before the other
    begins, so no launch ever reads and writes the same buffer by two names."""
    placed: dict[tuple[str, str], int] = {}
    buffers: list[int] = []
    for program, launches in programs.items():
        last = {value: i for i, values in enumerate(launches) for value in values}
        free = set(range(len(buffers)))
        for i, values in enumerate(launches):
            for value in dict.fromkeys(values):
                if (program, value) not in placed:
                    placed[program, value] = _take(free, buffers, sizes[program, value])
            free |= {placed[program, value] for value in values if last[value] == i}
    return placed, buffers


def _take(free: set[int], buffers: list[int], size: int) -> int:
    """The smallest free buffer that is large enough, else the largest free one, grown, else a new one."""
    fitting = [i for i in free if buffers[i] >= size]
    if fitting:
        best = min(fitting, key=lambda i: (buffers[i], i))
    elif free:
        best = max(free, key=lambda i: (buffers[i], -i))
        buffers[best] = size
    else:
        buffers.append(size)
        return len(buffers) - 1
    free.discard(best)
    return best
