"""The decoder that the Qwen families share: h += mix(norm(h)); h += mlp(norm(h)), with softmax attention as one mixer.

A family's own file says which mixers its layers have and in which form its norms are stored.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from ..errors import UserError
from ..shapes import AttentionShape
from .layers import (
    Attention,
    Embed,
    Head,
    Make,
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
    read_config,
)
from .rope import Rope, read_rope, rope_vector

ConfigT = TypeVar("ConfigT", bound="DecoderConfig")


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The fields of config.json that every family has, under the names they have there."""

    gated: ClassVar[bool] = False  # whether attention has an output gate

    hidden_size: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    rms_norm_eps: float
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rope_parameters: Rope
    tie_word_embeddings: bool

    @property
    def attention(self) -> AttentionShape:
        return AttentionShape(
            heads=self.num_attention_heads,
            kv_heads=self.num_key_value_heads,
            size=self.head_dim,
            rotary=int(self.head_dim * self.rope_parameters.partial_rotary_factor),
            positions=self.rope_parameters.positions(self.max_position_embeddings),
            gated=self.gated,
        )


@dataclass(frozen=True, slots=True)
class DenseConfig(DecoderConfig):
    """A decoder whose layers are all alike."""

    num_hidden_layers: int


def read_decoder(kind: type[ConfigT], text: Mapping[str, Any], source: str, known: Mapping[str, object]) -> ConfigT:
    """The config as a dataclass of this kind; `known` has the one value that a field may have where it is given.

    UserError names the first field that is missing, cannot be, or asks for something not known here.
    """
    for name, value in known.items():
        if text.get(name) not in (None, value):
            raise UserError(f"config.json of {source} asks for {name} = {text[name]!r}; only {value!r} is known here.")
    cfg = read_config(kind, {"tie_word_embeddings": False, **text, "rope_parameters": read_rope(text, source)}, source)
    s = cfg.attention
    if s.heads % s.kv_heads:
        raise UserError(
            f"config.json of {source}: num_attention_heads {s.heads} is no multiple of num_key_value_heads"
            f" {s.kv_heads}."
        )
    if s.rotary % 2 or not 0 < s.rotary <= s.size:
        raise UserError(
            f"config.json of {source} has RoPE turn {s.rotary} of {s.size} dimensions of a head; it must be an even"
            " number of them."
        )
    return cfg


def read_dense(text: Mapping[str, Any], source: str, known: Mapping[str, object]) -> DenseConfig:
    """The same for a family in which softmax attention over the whole context is all that there is."""
    check_layer_types(text.get("layer_types") or (), ("full_attention",), source)
    cfg = read_decoder(DenseConfig, text, source, {"hidden_act": "silu", "use_sliding_window": False, **known})
    if (turned := cfg.rope_parameters.partial_rotary_factor) != 1:
        raise UserError(f"config.json of {source} asks for partial_rotary_factor = {turned}; only 1.0 is known here.")
    return cfg


def check_layer_types(types: object, known: Collection[str], source: str) -> None:
    """UserError names a kind of layer that is not among the known ones."""
    if not isinstance(types, list | tuple):
        raise UserError(f"config.json of {source} has layer_types = {types!r}; it must be a list.")
    if odd := [kind for kind in types if kind not in known]:
        raise UserError(f"config.json of {source} has a layer of type {odd[0]!r}, which is not known here.")


def decoder(cfg: DecoderConfig, mixers: Iterable[Iterable[Operation]], stored: Make) -> Model:
    """The operations from tokens to logits; `mixers` has each layer's, `stored` makes norms from what is on disk."""
    shape = (cfg.vocab_size, cfg.hidden_size)
    table = Matrix("embed_tokens", (Source("model.embed_tokens.weight", shape),))
    head = table if cfg.tie_word_embeddings else Matrix("lm_head", (Source("lm_head.weight", shape),))
    operations: list[Operation] = [Embed(table)]
    for i, mixer in enumerate(mixers):
        operations += [*mixer, *_mlp(cfg, i, stored)]
    operations.append(Head(_norm(cfg, "norm", "model.norm.weight", stored), cfg.rms_norm_eps, head))
    return Model(cfg.hidden_size, cfg.vocab_size, cfg.attention.positions, tuple(operations))


def attention_layer(cfg: DecoderConfig, i: int, stored: Make, *, biased: bool, normed: bool) -> Iterator[Operation]:
    """o_proj(attention(q, k, v)), times the sigmoid of a gate if there is one: each head of q_proj is [q | gate] then.

    `biased`: q, k and v have biases; `normed`: q and k have norms per head.
    """
    s, name, on_disk = cfg.attention, f"layers.{i}", f"model.layers.{i}.self_attn"
    heights = {"q": s.keys_at, "k": s.kv_heads * s.size, "v": s.kv_heads * s.size}
    qkv = tuple(Source(f"{on_disk}.{x}_proj.weight", (rows, cfg.hidden_size)) for x, rows in heights.items())
    biases = tuple(Source(f"{on_disk}.{x}_proj.bias", (rows,)) for x, rows in heights.items())
    norms = tuple(Source(f"{on_disk}.{x}_norm.weight", (s.size,)) for x in "qk")
    o_proj = (Source(f"{on_disk}.o_proj.weight", (cfg.hidden_size, s.heads * s.size)),)
    projected = Value(f"{name}.projected", s.projected)
    mixed = Value(f"{name}.mixed", s.heads * s.size)

    into = ((Matrix(f"{name}.qkv_proj", qkv), projected),)
    yield NormProject(layer_norm(cfg, i, "input", stored), cfg.rms_norm_eps, into)
    yield Attention(
        name=name,
        shape=s,
        projected=projected,
        bias=Vector(f"{name}.qkv_bias", biases, as_it_is, s.projected) if biased else None,
        qk_norm=Vector(f"{name}.qk_norm", norms, stored, 2 * s.size) if normed else None,
        eps=cfg.rms_norm_eps,
        rope=rope_vector(cfg.rope_parameters, s),
        into=mixed,
    )
    yield ProjectAdd(mixed, Matrix(f"{name}.o_proj", o_proj))


def _mlp(cfg: DecoderConfig, i: int, stored: Make) -> Iterator[Operation]:
    """down(silu(gate(norm(h))) · up(norm(h)))"""
    on_disk = f"model.layers.{i}.mlp"
    shape = (cfg.intermediate_size, cfg.hidden_size)
    gate_up = tuple(Source(f"{on_disk}.{x}_proj.weight", shape) for x in ("gate", "up"))
    down = (Source(f"{on_disk}.down_proj.weight", (cfg.hidden_size, cfg.intermediate_size)),)
    # Products of two activations pass what an f16 holds in some checkpoints, and one infinity is the end of a chat.
    inner = Value(f"layers.{i}.inner", cfg.intermediate_size, exact=True)
    yield NormSwiGlu(
        layer_norm(cfg, i, "post_attention", stored),
        cfg.rms_norm_eps,
        Matrix(f"layers.{i}.gate_up_proj", gate_up, interleaved=True),
        inner,
    )
    yield ProjectAdd(inner, Matrix(f"layers.{i}.down_proj", down))


def layer_norm(cfg: DecoderConfig, i: int, which: str, stored: Make) -> Vector:
    """The norm in front of a layer's mixer ("input") or MLP ("post_attention")."""
    return _norm(cfg, f"layers.{i}.{which}_norm", f"model.layers.{i}.{which}_layernorm.weight", stored)


def _norm(cfg: DecoderConfig, name: str, on_disk: str, stored: Make) -> Vector:
    return Vector(name, (Source(on_disk, (cfg.hidden_size,)),), stored, cfg.hidden_size)
