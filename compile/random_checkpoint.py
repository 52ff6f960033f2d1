"""A checkpoint of any dense Qwen 2, 2.5, 3 or 3.5 config with random weights: real shapes and names, no download.

    python -m windowseat.compile.random_checkpoint CONFIG OUT_DIR [--layers N] [--seed S] [--dtype bf16|f16|f32]

Drawing 752 million normals would take most of the time, so one block of a million is drawn and every row of every
matrix is a window of it: window starts step by an odd stride, so no two rows of a matrix are the same, and every matrix
has its own offset and its own random sign per column. Windows are copied as stored bytes, never as float32.
Measured on one core: 0.8B in bf16 (1.5 GB) in 4 s, with 35 MB in memory besides the interpreter.
"""

import argparse
import json
import shutil
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Literal

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .published import PUBLISHED

# R rows, N values in a row
BLOCK = 1 << 20  # values drawn for all the matrices
STRIDE = 514_229  # between the windows of two rows; odd, so that 2^20 rows start at different places
CHUNK = 4 << 20  # bytes written at a time

STORED: dict[str, tuple[str, str, np.dtype[Any]]] = {  # by --dtype: in the header, in config.json, in memory
    "bf16": ("BF16", "bfloat16", np.dtype(ml_dtypes.bfloat16)),
    "f16": ("F16", "float16", np.dtype(np.float16)),
    "f32": ("F32", "float32", np.dtype(np.float32)),
}
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)

Fill = Literal["matrix", "offset_norm", "norm", "bias", "conv", "A_log", "dt_bias"]
ATTENTION_ONLY = ("qwen2", "qwen3")  # model types without gated-delta layers and without a gate; others are Qwen 3.5's


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor to write."""

    name: str
    shape: tuple[int, ...]
    fill: Fill
    dtype: str  # a key of STORED

    @property
    def size(self) -> int:
        """Its bytes on disk."""
        return prod(self.shape) * STORED[self.dtype][2].itemsize


def write_random_checkpoint(
    config: Mapping[str, Any],
    out: Path,
    *,
    layers: int | None = None,
    seed: int = 0,
    dtype: str = "bf16",
    shard_bytes: int | None = None,
    tokenizer: Path | None = None,
    vision_and_mtp: bool = False,
) -> None:
    """Writes a checkpoint of this config, cut to its first `layers` layers, into the empty or new folder `out`.

    With `shard_bytes` the weights are shards of at most that size (a larger tensor is a shard of its own). The same
    arguments give the same bytes.
    """
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; give a new folder for the random checkpoint")
    config = _cut(config, layers, dtype)
    tensors = sorted(tensors_of(config, dtype, vision_and_mtp), key=lambda t: (t.dtype != "f32", t.name))
    out.mkdir(parents=True, exist_ok=True)
    rows = RandomRows(seed)
    shards = _shards(tensors, shard_bytes)
    names = [f"model-{i + 1:05}-of-{len(shards):05}.safetensors" for i in range(len(shards))]
    if len(shards) == 1:
        names = ["model.safetensors"]
    else:
        weight_map = {tensor.name: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
        index = {"metadata": {"total_size": sum(tensor.size for tensor in tensors)}, "weight_map": weight_map}
        _write_json(out / "model.safetensors.index.json", index)
    for name, shard in zip(names, shards, strict=True):
        with open(out / name, "wb") as file:
            _write_shard(file, shard, rows)
    for name in TOKENIZER_FILES:
        if tokenizer and (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, out / name)
    eos = _text(config).get("eos_token_id")
    _write_json(out / "generation_config.json", {} if eos is None else {"eos_token_id": eos})
    _write_json(out / "config.json", config)  # last: a folder without it is not a checkpoint


def vocabulary_of(config: Mapping[str, Any]) -> int:
    """The tokens that a model of this config knows."""
    return int(_text(config)["vocab_size"])


def _text(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The language model's part of the config."""
    text: Mapping[str, Any] = config.get("text_config", config)
    return text


def _cut(config: Mapping[str, Any], layers: int | None, dtype: str) -> dict[str, Any]:
    """The config with only its first layers and with the type that the weights are stored in."""
    text = dict(_text(config))
    if "num_experts" in text or text.get("attention_bias"):
        raise UserError("only dense Qwen configs without attention_bias can be written; give one of those")
    count = text["num_hidden_layers"]
    if layers is not None and not 1 <= layers <= count:
        raise UserError(f"--layers is {layers}, but the config has {count} layers; give 1 to {count}")
    interval = 1 if text.get("model_type") in ATTENTION_ONLY else text.get("full_attention_interval", 4)
    types = text.get("layer_types") or [
        "linear_attention" if (i + 1) % interval else "full_attention" for i in range(count)
    ]
    count = layers or count
    text |= {"num_hidden_layers": count, "layer_types": types[:count], "dtype": STORED[dtype][1]}
    return {**config, "text_config": text} if "text_config" in config else text


def tensors_of(config: Mapping[str, Any], dtype: str, vision_and_mtp: bool = False) -> Iterator[Tensor]:
    """Every tensor of the checkpoint, under its name on disk."""
    text = _text(config)
    hidden, vocabulary = text["hidden_size"], text["vocab_size"]
    model = "model.language_model" if "text_config" in config else "model"
    norm_fill: Fill = "norm" if text.get("model_type") in ATTENTION_ONLY else "offset_norm"
    yield Tensor(f"{model}.embed_tokens.weight", (vocabulary, hidden), "matrix", dtype)
    yield Tensor(f"{model}.norm.weight", (hidden,), norm_fill, dtype)
    if not config.get("tie_word_embeddings", text.get("tie_word_embeddings", False)):
        yield Tensor("lm_head.weight", (vocabulary, hidden), "matrix", dtype)
    for i, kind in enumerate(text["layer_types"]):
        layer = f"{model}.layers.{i}"
        yield from (
            _gated_delta(f"{layer}.linear_attn", text, dtype)
            if kind == "linear_attention"
            else _attention(f"{layer}.self_attn", text, norm_fill, dtype)
        )
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield Tensor(f"{layer}.{norm}.weight", (hidden,), norm_fill, dtype)
        width = text["intermediate_size"]
        yield Tensor(f"{layer}.mlp.gate_proj.weight", (width, hidden), "matrix", dtype)
        yield Tensor(f"{layer}.mlp.up_proj.weight", (width, hidden), "matrix", dtype)
        yield Tensor(f"{layer}.mlp.down_proj.weight", (hidden, width), "matrix", dtype)
    if vision_and_mtp:  # a few, to be skipped: the text model has no use for them
        yield Tensor("model.visual.patch_embed.proj.weight", (16, 3, 2, 4, 4), "conv", dtype)
        yield Tensor("model.visual.blocks.0.norm1.weight", (16,), "norm", dtype)
        yield Tensor("mtp.fc.weight", (hidden, 2 * hidden), "matrix", dtype)
        yield Tensor("mtp.norm.weight", (hidden,), "offset_norm", dtype)


def _gated_delta(layer: str, text: Mapping[str, Any], dtype: str) -> Iterator[Tensor]:
    hidden, value_heads = text["hidden_size"], text["linear_num_value_heads"]
    keys = text["linear_num_key_heads"] * text["linear_key_head_dim"]
    values = value_heads * text["linear_value_head_dim"]
    channels = 2 * keys + values
    # These two are f32 whatever --dtype says, so that a reader meets two types in one file.
    yield Tensor(f"{layer}.A_log", (value_heads,), "A_log", "f32")
    yield Tensor(f"{layer}.norm.weight", (text["linear_value_head_dim"],), "norm", "f32")
    yield Tensor(f"{layer}.dt_bias", (value_heads,), "dt_bias", dtype)
    yield Tensor(f"{layer}.conv1d.weight", (channels, 1, text["linear_conv_kernel_dim"]), "conv", dtype)
    yield Tensor(f"{layer}.in_proj_qkv.weight", (channels, hidden), "matrix", dtype)
    yield Tensor(f"{layer}.in_proj_z.weight", (values, hidden), "matrix", dtype)
    yield Tensor(f"{layer}.in_proj_b.weight", (value_heads, hidden), "matrix", dtype)
    yield Tensor(f"{layer}.in_proj_a.weight", (value_heads, hidden), "matrix", dtype)
    yield Tensor(f"{layer}.out_proj.weight", (hidden, values), "matrix", dtype)


def _attention(layer: str, text: Mapping[str, Any], norm_fill: Fill, dtype: str) -> Iterator[Tensor]:
    hidden, kind = text["hidden_size"], text.get("model_type")
    head = text.get("head_dim") or hidden // text["num_attention_heads"]
    queries, keys = text["num_attention_heads"] * head, text["num_key_value_heads"] * head
    # With a gate, each head of q_proj is the query, then the gate.
    for name, rows in {"q": queries if kind in ATTENTION_ONLY else 2 * queries, "k": keys, "v": keys}.items():
        yield Tensor(f"{layer}.{name}_proj.weight", (rows, hidden), "matrix", dtype)
        if kind == "qwen2":
            yield Tensor(f"{layer}.{name}_proj.bias", (rows,), "bias", dtype)
    yield Tensor(f"{layer}.o_proj.weight", (hidden, queries), "matrix", dtype)
    if kind != "qwen2":
        yield Tensor(f"{layer}.q_norm.weight", (head,), norm_fill, dtype)
        yield Tensor(f"{layer}.k_norm.weight", (head,), norm_fill, dtype)


class RandomRows:
    """The values of tensors, a chunk of rows at a time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.block = np.random.default_rng(seed).standard_normal(BLOCK, np.float32)

    def chunks(self, tensor: Tensor) -> Iterator[NDArray[Any]]:
        """The tensor's values in order, in the type they are stored in."""
        stored = STORED[tensor.dtype][2]
        rng = np.random.default_rng((self.seed, zlib.crc32(tensor.name.encode())))
        if tensor.fill != "matrix":
            yield _small(tensor, rng).astype(stored)
            return
        count, width = tensor.shape
        # With variance 1/fan_in a matrix keeps the size of what it multiplies.
        bits = np.dtype(f"u{stored.itemsize}")
        block = (self.block * np.float32(width**-0.5)).astype(stored).view(bits)
        windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([block, block[:width]]), width)
        sign = rng.integers(0, 2, width, bits) << bits.type(8 * bits.itemsize - 1)  # [N]
        first = int(rng.integers(BLOCK))
        step = max(1, CHUNK // (width * bits.itemsize))
        for start in range(0, count, step):
            rows = np.arange(start, min(start + step, count))
            yield windows[(first + rows * STRIDE) % BLOCK] ^ sign  # [R, N]


def _small(tensor: Tensor, rng: np.random.Generator) -> NDArray[np.float64]:
    """The values of a tensor that is not a matrix."""
    normal: NDArray[np.float64] = rng.standard_normal(tensor.shape)
    uniform: NDArray[np.float64] = rng.random(tensor.shape)
    match tensor.fill:
        case "A_log":
            return np.log(1 + 15 * uniform)
        case "dt_bias":
            # softplus(dt_bias) between 0.001 and 0.1, evenly in its logarithm: with 0 here a state would forget within
            # a few tokens, and an error in the recurrence would not show.
            return np.log(np.expm1(0.001 * 100**uniform))
        case "norm":
            return 1 + normal / 10
        case "bias":  # as large as what it is added to
            return normal
        case "conv":
            return normal * 0.3
        case "offset_norm" | "matrix":  # a norm that multiplies by 1 + w
            return normal / 10


def _shards(tensors: Sequence[Tensor], limit: int | None) -> list[list[Tensor]]:
    shards: list[list[Tensor]] = [[]]
    room = limit
    for tensor in tensors:
        if limit is not None and room is not None and tensor.size > room and shards[-1]:
            shards.append([])
            room = limit
        shards[-1].append(tensor)
        room = None if room is None else room - tensor.size
    return shards


def _write_shard(file: BinaryIO, tensors: Sequence[Tensor], rows: RandomRows) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}  # transformers insists on the format
    end = 0
    for tensor in tensors:
        begin, end = end, end + tensor.size
        header[tensor.name] = {
            "dtype": STORED[tensor.dtype][0],
            "shape": tensor.shape,
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts at a multiple of 8
    file.write(len(text).to_bytes(8, "little") + text)
    for tensor in tensors:
        for chunk in rows.chunks(tensor):
            file.write(np.ascontiguousarray(chunk).view(np.uint8).data)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the checkpoint that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m windowseat.compile.random_checkpoint")
    parser.add_argument("config", help="a config.json, with or without the vision wrapper, or " + ", ".join(PUBLISHED))
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--layers", type=int, help="keep only the first N layers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=STORED, default="bf16")
    parser.add_argument("--shard-bytes", type=int, help="write shards of at most this size and an index")
    parser.add_argument("--tokenizer", type=Path, help="a folder whose tokenizer and chat template are copied")
    parser.add_argument("--with-vision-and-mtp", action="store_true", help="add tensors that a text model must skip")
    asked = parser.parse_args(arguments)
    try:
        write_random_checkpoint(
            PUBLISHED.get(asked.config) or json.loads(Path(asked.config).read_text(encoding="utf-8")),
            asked.out,
            layers=asked.layers,
            seed=asked.seed,
            dtype=asked.dtype,
            shard_bytes=asked.shard_bytes,
            tokenizer=asked.tokenizer,
            vision_and_mtp=asked.with_vision_and_mtp,
        )
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
