"""Qwen 2 and 2.5, dense: softmax attention in every layer, with biases on q, k and v.

Reference: transformers, models/qwen2. Norms store what they scale by.
"""

from collections.abc import Mapping
from typing import Any

from .decoder import DenseConfig, attention_layer, decoder, read_dense
from .layers import Model, as_it_is

MODEL_TYPES = ("qwen2",)
PREFIXES = ("model.",)
SKIPPED: dict[str, tuple[str, ...]] = {}


def config(raw: Mapping[str, Any], source: str) -> DenseConfig:
    """The model's config; UserError if it cannot be."""
    text = dict(raw)
    hidden, heads = text.get("hidden_size"), text.get("num_attention_heads")
    if text.get("head_dim") is None and isinstance(hidden, int) and isinstance(heads, int) and heads > 0:
        text["head_dim"] = hidden // heads
    return read_dense(text, source, {})


def model(cfg: DenseConfig) -> Model:
    """The operations from tokens to logits."""
    layers = (attention_layer(cfg, i, as_it_is, biased=True, normed=False) for i in range(cfg.num_hidden_layers))
    return decoder(cfg, layers, as_it_is)
