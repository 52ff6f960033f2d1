"""What "Will it run here?" tells of a browser: each fact that matters to a model, and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the page; web/src/site/will_it_run.ts finds out what it is on this device."""

    key: str
    title: str
    meaning: str


FACTS: Sequence[Fact] = (
    Fact("webgpu", "WebGPU", "How a page reaches the GPU. Models need it; nothing else on this list is a must."),
    Fact(
        "adapter", "Graphics adapter", "What computes. Where it is the processor itself, models run many times slower."
    ),
    Fact(
        "shader-f16",
        "Half precision (shader-f16)",
        "What a model computes on its way takes half the memory. Without it, it computes in full precision.",
    ),
    Fact(
        "subgroups",
        "Subgroups",
        "Threads that run side by side add up results without a detour through memory: words come faster.",
    ),
    Fact(
        "maxStorageBufferBindingSize",
        "Largest binding",
        "How much memory one step of a model can see at once. A larger one allows longer conversations.",
    ),
    Fact("maxBufferSize", "Largest buffer", "The largest piece of GPU memory that a page may have in one."),
    Fact(
        "maxComputeInvocationsPerWorkgroup",
        "Threads in a workgroup",
        "How many threads can share what they have read.",
    ),
    Fact(
        "maxComputeWorkgroupStorageSize",
        "Memory of a workgroup",
        "How much those threads can share; a long prompt is read faster with more.",
    ),
    Fact(
        "memory",
        "Memory of the device",
        "Models take some of it as long as the page is open; browsers tell it roughly.",
    ),
    Fact("room", "Room for models", "What this site may store, so that the next visit needs no download."),
    Fact("isolated", "Isolated page", "Whether the host lets the page have exact timers. Speeds are rounded without."),
)
