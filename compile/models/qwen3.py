"""Qwen 3, dense: softmax attention in every layer, with norms of q and k per head and without biases.

Reference: transformers, models/qwen3. Norms store what they scale by.
"""

from collections.abc import Mapping
from typing import Any

from .decoder import DenseConfig, attention_layer, decoder, read_dense
from .layers import Model, as_it_is

MODEL_TYPES = ("qwen3",)
PREFIXES = ("model.",)
SKIPPED: dict[str, tuple[str, ...]] = {}


def config(raw: Mapping[str, Any], source: str) -> DenseConfig:
    """The model's config; UserError if it cannot be."""
    return read_dense(raw, source, {"attention_bias": False})


def model(cfg: DenseConfig) -> Model:
    """The operations from tokens to logits."""
    layers = (attention_layer(cfg, i, as_it_is, biased=False, normed=True) for i in range(cfg.num_hidden_layers))
    return decoder(cfg, layers, as_it_is)
