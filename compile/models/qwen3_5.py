"""Qwen 3.5, the text model: Gated DeltaNet layers with gated full attention in between.

The vision tower and the multi-token-prediction head are not part of it. Reference: transformers, models/qwen3_5. All
norms but the DeltaNet's own store w and scale by 1 + w.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import UserError
from ..shapes import DeltaShape
from .decoder import DecoderConfig, attention_layer, check_layer_types, decoder, layer_norm, read_decoder
from .layers import (
    F32,
    GatedDelta,
    Matrix,
    Model,
    NormProject,
    Operation,
    ProjectAdd,
    Source,
    Value,
    Vector,
    as_it_is,
    one_plus,
)

MODEL_TYPES = ("qwen3_5", "qwen3_5_text")
# Where the text model's names start: alone, and inside the model that also sees.
PREFIXES = ("model.", "model.language_model.")
SKIPPED = {"vision": ("model.visual.", "visual."), "multi-token prediction": ("mtp.", "model.mtp.")}
LINEAR, FULL = "linear_attention", "full_attention"


@dataclass(frozen=True, slots=True)
class Config(DecoderConfig):
    """The fields of config.json that only this model reads, under the names they have there."""

    gated: ClassVar[bool] = True

    layer_types: tuple[str, ...]
    linear_num_key_heads: int
    linear_num_value_heads: int
    linear_key_head_dim: int
    linear_value_head_dim: int
    linear_conv_kernel_dim: int

    @property
    def delta(self) -> DeltaShape:
        return DeltaShape(
            key_heads=self.linear_num_key_heads,
            value_heads=self.linear_num_value_heads,
            key_size=self.linear_key_head_dim,
            value_size=self.linear_value_head_dim,
            taps=self.linear_conv_kernel_dim,
        )


def config(raw: Mapping[str, Any], source: str) -> Config:
    """The text model's config, which a model that also sees keeps under `text_config`; UserError if it cannot be."""
    inner = raw.get("text_config", raw)
    if not isinstance(inner, Mapping):
        raise UserError(f"config.json of {source} has text_config = {inner!r}; it must be an object.")
    text = dict(inner)
    text.setdefault("tie_word_embeddings", raw.get("tie_word_embeddings", False))
    text.setdefault("partial_rotary_factor", 0.25)  # transformers' own default for this family
    interval, layers = text.get("full_attention_interval"), text.get("num_hidden_layers")
    if "layer_types" not in text and isinstance(interval, int) and interval > 0 and isinstance(layers, int):
        text["layer_types"] = [FULL if (i + 1) % interval == 0 else LINEAR for i in range(layers)]
    known = {"hidden_act": "silu", "attention_bias": False, "attn_output_gate": True}
    cfg = read_decoder(Config, text, source, known)
    check_layer_types(cfg.layer_types, (LINEAR, FULL), source)
    if cfg.linear_num_value_heads % cfg.linear_num_key_heads:
        raise UserError(
            f"config.json of {source}: linear_num_value_heads {cfg.linear_num_value_heads} is no multiple of"
            f" linear_num_key_heads {cfg.linear_num_key_heads}."
        )
    return cfg


def model(cfg: Config) -> Model:
    """The operations from tokens to logits."""
    layers = (
        delta_layer(cfg, i) if kind == LINEAR else attention_layer(cfg, i, one_plus, biased=False, normed=True)
        for i, kind in enumerate(cfg.layer_types)
    )
    return decoder(cfg, layers, one_plus)


def delta_layer(cfg: Config, i: int) -> Iterator[Operation]:
    """out_proj(gated_delta(in_proj(norm(h))))"""
    s, name = cfg.delta, f"layers.{i}"
    on_disk = f"model.layers.{i}.linear_attn"
    in_proj = Matrix(
        f"{name}.in_proj",
        (
            Source(f"{on_disk}.in_proj_qkv.weight", (s.channels, cfg.hidden_size)),
            Source(f"{on_disk}.in_proj_z.weight", (s.values, cfg.hidden_size)),
        ),
    )
    in_proj_ba = Matrix(
        f"{name}.in_proj_ba",
        tuple(Source(f"{on_disk}.in_proj_{x}.weight", (s.value_heads, cfg.hidden_size)) for x in "ba"),
        exact=True,
    )
    decay_dt = (Source(f"{on_disk}.A_log", (s.value_heads,)), Source(f"{on_disk}.dt_bias", (s.value_heads,)))
    conv = (Source(f"{on_disk}.conv1d.weight", (s.channels, 1, s.taps)),)
    out_norm = (Source(f"{on_disk}.norm.weight", (s.value_size,)),)
    projected = Value(f"{name}.projected", s.projected)
    gates = Value(f"{name}.gates", 2 * s.value_heads, exact=True)
    mixed = Value(f"{name}.mixed", s.values)

    yield NormProject(
        layer_norm(cfg, i, "input", one_plus), cfg.rms_norm_eps, ((in_proj, projected), (in_proj_ba, gates))
    )
    yield GatedDelta(
        name=name,
        shape=s,
        projected=projected,
        gates=gates,
        conv=Vector(f"{name}.conv1d", conv, as_it_is, s.channels * s.taps),
        decay_dt=Vector(f"{name}.decay_dt", decay_dt, decay_and_dt, 2 * s.value_heads),
        norm=Vector(f"{name}.linear_norm", out_norm, as_it_is, s.value_size),
        eps=cfg.rms_norm_eps,
        into=mixed,
    )
    out_proj = (Source(f"{on_disk}.out_proj.weight", (cfg.hidden_size, s.values)),)
    yield ProjectAdd(mixed, Matrix(f"{name}.out_proj", out_proj))


def decay_and_dt(values: Sequence[F32]) -> F32:
    """-exp(A_log) and dt_bias: the exponential is taken once, here, in f64."""
    a_log, dt_bias = values
    return np.stack([-np.exp(a_log.astype(np.float64)), dt_bias]).astype(np.float32)
