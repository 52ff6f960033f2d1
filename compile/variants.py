"""The variants that a model is compiled in, over one set of weights."""

from dataclasses import dataclass

from .tuning import GPU, SOFTWARE, Tuning


@dataclass(frozen=True, slots=True)
class Variant:
    """How activations and the cache are stored, the features that takes, and what kind of adapter it is made for."""

    name: str
    act: str
    features: tuple[str, ...]
    tuning: Tuning


# Best first.
VARIANTS = (
    Variant("f16", "float16", ("shader-f16",), GPU),
    Variant("base", "float32", (), GPU),
    Variant("software", "float32", (), SOFTWARE),
)
