"""Qwen 3.5, the text model: Gated DeltaNet layers with gated full attention in between.

h += mix(norm(h)); h += mlp(norm(h)). The vision tower and the multi-token-prediction head are not part of it.
Reference: transformers, models/qwen3_5. All norms but the DeltaNet's own store w and scale by 1 + w.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UserError
from ..shapes import AttentionShape, DeltaShape
from .layers import (
    F32,
    Attention,
    Embed,
    GatedDelta,
    Head,
    Matrix,
    Model,
    NormProject,
    NormSwiGlu,
    Operation,
    ProjectAdd,
    Source,
    Value,
    Vector,
    as_it_is,
    one_plus,
    read_config,
    rope_vector,
)

MODEL_TYPES = ("qwen3_5", "qwen3_5_text")
# Where the text model's names start: alone, and inside the model that also sees.
PREFIXES = ("model.", "model.language_model.")
SKIPPED = {"vision": ("model.visual.", "visual."), "multi-token prediction": ("mtp.", "model.mtp.")}


@dataclass(frozen=True, slots=True)
class Config:
    """The fields of config.json that this model reads, under the names they have there."""

    hidden_size: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    rms_norm_eps: float
    layer_types: tuple[str, ...]
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rope_parameters: dict[str, Any]
    linear_num_key_heads: int
    linear_num_value_heads: int
    linear_key_head_dim: int
    linear_value_head_dim: int
    linear_conv_kernel_dim: int
    tie_word_embeddings: bool

    @property
    def delta(self) -> DeltaShape:
        return DeltaShape(
            key_heads=self.linear_num_key_heads,
            value_heads=self.linear_num_value_heads,
            key_size=self.linear_key_head_dim,
            value_size=self.linear_value_head_dim,
            taps=self.linear_conv_kernel_dim,
        )

    @property
    def attention(self) -> AttentionShape:
        return AttentionShape(
            heads=self.num_attention_heads,
            kv_heads=self.num_key_value_heads,
            size=self.head_dim,
            rotary=int(self.head_dim * self.rope_parameters.get("partial_rotary_factor", 1.0)),
            positions=self.max_position_embeddings,
            gated=True,
        )


def config(raw: Mapping[str, Any], source: str) -> Config:
    """The text model's config, which a model that also sees keeps under `text_config`; UserError if it cannot be."""
    text = dict(raw.get("text_config", raw))
    text.setdefault("tie_word_embeddings", raw.get("tie_word_embeddings", False))
    interval = text.get("full_attention_interval")
    if "layer_types" not in text and isinstance(interval, int) and "num_hidden_layers" in text:
        kinds = ("linear_attention", "full_attention")
        text["layer_types"] = [kinds[(i + 1) % interval == 0] for i in range(text["num_hidden_layers"])]
    cfg = read_config(Config, text, source)
    if odd := set(cfg.layer_types) - {"linear_attention", "full_attention"}:
        raise UserError(f"config.json of {source} has a layer of type {min(odd)!r}, which is not known here.")
    if text.get("attention_bias") or text.get("hidden_act", "silu") != "silu":
        raise UserError(f"config.json of {source} asks for attention_bias or an activation other than silu.")
    if "rope_theta" not in cfg.rope_parameters or cfg.rope_parameters.get("rope_type", "default") != "default":
        raise UserError(f"config.json of {source} needs rope_parameters of type 'default' with a rope_theta.")
    for many, few in (
        ("linear_num_value_heads", "linear_num_key_heads"),
        ("num_attention_heads", "num_key_value_heads"),
    ):
        if getattr(cfg, many) % getattr(cfg, few):
            raise UserError(f"config.json of {source}: {many} {getattr(cfg, many)} is no multiple of {few}.")
    return cfg


def model(cfg: Config) -> Model:
    """The operations from tokens to logits."""
    table = Matrix("embed_tokens", (Source("model.embed_tokens.weight", (cfg.vocab_size, cfg.hidden_size)),))
    head = Matrix("lm_head", (Source("lm_head.weight", (cfg.vocab_size, cfg.hidden_size)),))
    rope = rope_vector(cfg.rope_parameters["rope_theta"], cfg.attention)
    operations: list[Operation] = [Embed(table)]
    for i, kind in enumerate(cfg.layer_types):
        mix = delta_layer(cfg, i) if kind == "linear_attention" else attention_layer(cfg, i, rope)
        operations += [*mix, *mlp(cfg, i)]
    final = norm(cfg, "norm", "model.norm.weight")
    operations.append(Head(final, cfg.rms_norm_eps, table if cfg.tie_word_embeddings else head))
    return Model(cfg.hidden_size, cfg.vocab_size, cfg.max_position_embeddings, tuple(operations))


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

    yield NormProject(layer_norm(cfg, i, "input"), cfg.rms_norm_eps, ((in_proj, projected), (in_proj_ba, gates)))
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


def attention_layer(cfg: Config, i: int, rope: Vector) -> Iterator[Operation]:
    """o_proj(attention(q, k, v) · sigmoid(gate)); each head of q_proj is [q | gate]"""
    s, name = cfg.attention, f"layers.{i}"
    on_disk = f"model.layers.{i}.self_attn"
    kv = s.kv_heads * s.size
    heights = {"q": s.keys_at, "k": kv, "v": kv}
    qkv = tuple(Source(f"{on_disk}.{x}_proj.weight", (rows, cfg.hidden_size)) for x, rows in heights.items())
    projected = Value(f"{name}.projected", s.projected)
    mixed = Value(f"{name}.mixed", s.heads * s.size)

    yield NormProject(layer_norm(cfg, i, "input"), cfg.rms_norm_eps, ((Matrix(f"{name}.qkv_proj", qkv), projected),))
    norms = tuple(Source(f"{on_disk}.{x}_norm.weight", (s.size,)) for x in "qk")
    qk_norm = Vector(f"{name}.qk_norm", norms, one_plus, 2 * s.size)
    yield Attention(name, s, projected, bias=None, qk_norm=qk_norm, eps=cfg.rms_norm_eps, rope=rope, into=mixed)
    o_proj = (Source(f"{on_disk}.o_proj.weight", (cfg.hidden_size, s.heads * s.size)),)
    yield ProjectAdd(mixed, Matrix(f"{name}.o_proj", o_proj))


def mlp(cfg: Config, i: int) -> Iterator[Operation]:
    """down(silu(gate(norm(h))) · up(norm(h)))"""
    on_disk = f"model.layers.{i}.mlp"
    shape = (cfg.intermediate_size, cfg.hidden_size)
    gate_up = tuple(Source(f"{on_disk}.{x}_proj.weight", shape) for x in ("gate", "up"))
    inner = Value(f"layers.{i}.inner", cfg.intermediate_size)
    yield NormSwiGlu(
        layer_norm(cfg, i, "post_attention"),
        cfg.rms_norm_eps,
        Matrix(f"layers.{i}.gate_up_proj", gate_up, interleaved=True),
        inner,
    )
    down = (Source(f"{on_disk}.down_proj.weight", (cfg.hidden_size, cfg.intermediate_size)),)
    yield ProjectAdd(inner, Matrix(f"layers.{i}.down_proj", down))


def layer_norm(cfg: Config, i: int, which: str) -> Vector:
    """The norm in front of a layer's mixer or MLP."""
    return norm(cfg, f"layers.{i}.{which}_norm", f"model.layers.{i}.{which}_layernorm.weight")


def norm(cfg: Config, name: str, on_disk: str) -> Vector:
    """A norm over the hidden size."""
    return Vector(name, (Source(on_disk, (cfg.hidden_size,)),), one_plus, cfg.hidden_size)


def decay_and_dt(values: Sequence[F32]) -> F32:
    """-exp(A_log) and dt_bias: the exponential is taken once, here, in f64."""
    a_log, dt_bias = values
    return np.stack([-np.exp(a_log.astype(np.float64)), dt_bias]).astype(np.float32)
