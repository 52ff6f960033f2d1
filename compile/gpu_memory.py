"""The GPU memory that the browser runtime takes for a plan, in bytes, by the length of the conversation."""

from collections.abc import Mapping
from dataclasses import dataclass

from .plan import Plan, PlanBuffer

# As web/src/runtime has them: kv_cache.ts, snapshots.ts, uniforms.ts, readback.ts and sampling.ts.
BLOCK = 1024  # positions that the cache grows by
SNAPSHOT_BUDGET = 256 << 20
MOST_SNAPSHOTS, LEAST_SNAPSHOTS = 8, 2
UNIFORM_SLOT = 256
READ_BACK = 2 * 4 * (1 + 1 + 2 * 20)  # the token and its log-probabilities, of two steps


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """The parts of it; all but the cache stay as they are, snapshots once there are as many as are kept."""

    weights: int
    buffers: int  # fixed state, what prefill keeps of it, scratch, logits, uniforms, what tokens are read back through
    snapshot: int  # one copy of the state of a fixed size
    snapshots: int  # of those, at most
    cache_per_position: int

    def at(self, tokens: int, most: int) -> int:
        """Bytes for a conversation of so many tokens, whose cache never grows beyond `most`."""
        positions = min(most, -(-tokens // BLOCK) * BLOCK)
        kept = self.snapshots * self.snapshot
        return self.weights + self.buffers + kept + self.cache_per_position * positions


def gpu_memory(plan: Plan, sizes: Mapping[str, int]) -> GpuMemory:
    """The memory of a plan over tensors of these sizes."""
    fixed = [_allocated(buffer) for buffer in plan.buffers if not buffer.bytes_per_position]
    snapshot = sum(_allocated(b) for b in plan.buffers if b.is_uncut)
    slots = {kernel.scalars for kernel in plan.kernels if kernel.scalars}
    return GpuMemory(
        weights=sum(sizes.values()),
        buffers=sum(fixed) + UNIFORM_SLOT * len(slots) + READ_BACK,
        snapshot=snapshot,
        snapshots=most_snapshots(snapshot),
        cache_per_position=sum(buffer.bytes_per_position for buffer in plan.buffers),
    )


def most_snapshots(snapshot: int) -> int:
    """How many of a size are kept."""
    return max(LEAST_SNAPSHOTS, min(MOST_SNAPSHOTS, SNAPSHOT_BUDGET // snapshot)) if snapshot else 0


def _allocated(buffer: PlanBuffer) -> int:
    return max(4, -(-buffer.bytes // 4) * 4)
