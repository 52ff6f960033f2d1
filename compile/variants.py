"""The variants that a model is compiled in, over one set of weights."""

from dataclasses import dataclass, replace

from .tuning import GPU, GPU_SUBGROUPS, SOFTWARE, Tuning


@dataclass(frozen=True, slots=True)
class Variant:
    """How activations and the cache are stored, the features that takes, and what kind of adapter it is made for."""

    name: str
    act: str
    features: tuple[str, ...]
    tuning: Tuning
    kv_cache: str  # "f32", "f16" or "q8"


FULL = (
    Variant("f16_subgroups", "float16", ("shader-f16", "subgroups"), GPU_SUBGROUPS, "f16"),
    Variant("f16", "float16", ("shader-f16",), GPU, "f16"),
    Variant("base", "float32", (), GPU, "f32"),
    Variant("software", "float32", (), SOFTWARE, "f32"),
)
# Best first; then their twins, which round keys and values and are taken only when asked for.
VARIANTS = (*FULL, *(replace(variant, name=f"{variant.name}_q8kv", kv_cache="q8") for variant in FULL))
