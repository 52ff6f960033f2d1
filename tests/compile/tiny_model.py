"""Tiny models with random weights, complete with a tokenizer and a chat template."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from windowseat.compile.random_checkpoint import write_random_checkpoint

CONFIG: Mapping[str, Any] = {
    "architectures": ["Qwen3_5ForCausalLM"],
    "model_type": "qwen3_5_text",
    "vocab_size": 160,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "layer_types": ["linear_attention", "full_attention"],
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "linear_num_key_heads": 1,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_conv_kernel_dim": 4,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": True,
    "max_position_embeddings": 512,
    "eos_token_id": 3,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "partial_rotary_factor": 0.5,
        "mrope_interleaved": True,
        "mrope_section": [3, 3, 2],
    },
}
DENSE: Mapping[str, Any] = {
    "vocab_size": 160,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "max_position_embeddings": 512,
    "eos_token_id": 3,
    "rope_theta": 10000.0,
}
QWEN_2: Mapping[str, Any] = {**DENSE, "model_type": "qwen2"}
QWEN_3: Mapping[str, Any] = {**DENSE, "model_type": "qwen3", "head_dim": 24}
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


def wrapped(text: Mapping[str, Any]) -> dict[str, Any]:
    """The config as it stands inside the model that also sees."""
    return {"model_type": "qwen3_5", "tie_word_embeddings": text["tie_word_embeddings"], "text_config": dict(text)}


def write_text_files(folder: Path) -> Path:
    """tokenizer.json of a hundred words, its config, and a chat template."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["<unk>", "<s>", "<pad>", "<|im_end|>", *(f"word{i}" for i in range(96))]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def write_tiny(folder: Path, config: Mapping[str, Any] = CONFIG, **options: Any) -> Path:
    """A whole checkpoint; `options` are those of write_random_checkpoint."""
    text_files = write_text_files(folder.parent / f"{folder.name}-text")
    write_random_checkpoint(config, folder, tokenizer=text_files, **options)
    return folder
