"""Random checkpoints: what is in them, that transformers loads them, and that writing one stays small in memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3_5ForCausalLM
from windowseat.compile.checkpoint import Checkpoint, open_checkpoint
from windowseat.compile.errors import UserError
from windowseat.compile.random_checkpoint import main, write_random_checkpoint

from tests.compile.tiny_model import QWEN_2, QWEN_3

TINY: Mapping[str, Any] = {
    "architectures": ["Qwen3_5ForCausalLM"],
    "model_type": "qwen3_5_text",
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 8,
    "full_attention_interval": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "attention_bias": False,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_conv_kernel_dim": 4,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
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
WRAPPED: Mapping[str, Any] = {
    "architectures": ["Qwen3_5ForConditionalGeneration"],
    "model_type": "qwen3_5",
    "tie_word_embeddings": True,
    "text_config": TINY,
}


def opened(folder: Path) -> Checkpoint:
    return open_checkpoint(str(folder), lambda progress: None)


@pytest.mark.parametrize("config", [TINY, {**TINY, "tie_word_embeddings": True}, QWEN_2, QWEN_3])
def test_transformers_loads_every_tensor_and_misses_none(tmp_path: Path, config: Mapping[str, Any]) -> None:
    write_random_checkpoint(config, tmp_path)
    model, loading = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, output_loading_info=True)
    assert not any(loading.values())
    logits = model(torch.arange(64)[None]).logits
    assert torch.isfinite(logits).all()
    assert 0.5 < logits.std() < 5


def test_the_reader_gives_the_same_numbers_as_transformers(tmp_path: Path) -> None:
    write_random_checkpoint(TINY, tmp_path, shard_bytes=100_000)
    model = Qwen3_5ForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    with opened(tmp_path) as checkpoint:
        assert checkpoint.tensors.keys() == model.state_dict().keys()
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(checkpoint.read(name), value.numpy())


def test_the_published_wrapper_gets_its_names_and_tensors_to_skip(tmp_path: Path) -> None:
    write_random_checkpoint(WRAPPED, tmp_path, layers=1, vision_and_mtp=True)
    with opened(tmp_path) as checkpoint:
        assert sorted(checkpoint.tensors) == [
            "model.language_model.embed_tokens.weight",
            "model.language_model.layers.0.input_layernorm.weight",
            "model.language_model.layers.0.linear_attn.A_log",
            "model.language_model.layers.0.linear_attn.conv1d.weight",
            "model.language_model.layers.0.linear_attn.dt_bias",
            "model.language_model.layers.0.linear_attn.in_proj_a.weight",
            "model.language_model.layers.0.linear_attn.in_proj_b.weight",
            "model.language_model.layers.0.linear_attn.in_proj_qkv.weight",
            "model.language_model.layers.0.linear_attn.in_proj_z.weight",
            "model.language_model.layers.0.linear_attn.norm.weight",
            "model.language_model.layers.0.linear_attn.out_proj.weight",
            "model.language_model.layers.0.mlp.down_proj.weight",
            "model.language_model.layers.0.mlp.gate_proj.weight",
            "model.language_model.layers.0.mlp.up_proj.weight",
            "model.language_model.layers.0.post_attention_layernorm.weight",
            "model.language_model.norm.weight",
            "model.visual.blocks.0.norm1.weight",
            "model.visual.patch_embed.proj.weight",
            "mtp.fc.weight",
            "mtp.norm.weight",
        ]


def test_fewer_layers_are_the_first_ones(tmp_path: Path) -> None:
    write_random_checkpoint(TINY, tmp_path, layers=5)
    with opened(tmp_path) as checkpoint:
        assert checkpoint.config["num_hidden_layers"] == 5
        assert checkpoint.config["layer_types"] == ["linear_attention"] * 3 + ["full_attention", "linear_attention"]
        assert "model.layers.4.linear_attn.A_log" in checkpoint.tensors
        assert "model.layers.5.linear_attn.A_log" not in checkpoint.tensors


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_random_checkpoint(TINY, tmp_path / folder, seed=seed)
    a, b, c = ((tmp_path / folder / "model.safetensors").read_bytes() for folder in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize(("dtype", "stored"), [("bf16", "BF16"), ("f16", "F16"), ("f32", "F32")])
def test_matrices_are_gaussian_with_distinct_rows_in_every_type(tmp_path: Path, dtype: str, stored: str) -> None:
    write_random_checkpoint({**TINY, "vocab_size": 20_000}, tmp_path, layers=1, dtype=dtype)
    with opened(tmp_path) as checkpoint:
        assert checkpoint.tensors["model.embed_tokens.weight"].dtype == stored
        matrix = checkpoint.read("model.embed_tokens.weight")
    assert matrix.std() == pytest.approx(1 / 8, rel=0.01)
    assert abs(matrix.mean()) < 1e-3
    assert np.mean(np.abs(matrix) < 1 / 8) == pytest.approx(0.6827, abs=0.005)
    assert len(np.unique(matrix, axis=0)) == 20_000
    overlaps = matrix[:2000] @ matrix[:2000].T - np.diag((matrix[:2000] ** 2).sum(1))
    assert np.abs(overlaps).max() < 0.9  # independent rows of 64: a deviation of 1/8, two million pairs


def test_matrices_differ_from_each_other(tmp_path: Path) -> None:
    write_random_checkpoint(TINY, tmp_path, layers=1)
    with opened(tmp_path) as checkpoint:
        gate = checkpoint.read("model.layers.0.mlp.gate_proj.weight")
        up = checkpoint.read("model.layers.0.mlp.up_proj.weight")
    assert abs(np.corrcoef(gate.ravel(), up.ravel())[0, 1]) < 0.05


def test_the_gates_forget_neither_at_once_nor_never(tmp_path: Path) -> None:
    write_random_checkpoint({**TINY, "linear_num_value_heads": 512}, tmp_path, layers=1)
    with opened(tmp_path) as checkpoint:
        a = np.exp(checkpoint.read("model.layers.0.linear_attn.A_log"))
        dt = np.log1p(np.exp(checkpoint.read("model.layers.0.linear_attn.dt_bias")))
    assert 1 <= a.min() < 2
    assert 15 < a.max() <= 16
    assert 0.0009 < dt.min() < 0.002
    assert 0.08 < dt.max() < 0.11


def test_shards_stay_under_their_size_and_the_index_names_them(tmp_path: Path) -> None:
    write_random_checkpoint(TINY, tmp_path, shard_bytes=100_000)
    shards = sorted(tmp_path.glob("*.safetensors"))
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert {path.name for path in shards} == set(index["weight_map"].values())
    assert shards[0].name == f"model-00001-of-{len(shards):05}.safetensors"
    assert max(path.stat().st_size for path in shards) < 110_000  # their headers come on top


def test_the_command_copies_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    (tmp_path / "tokenizer.json").write_text("{}")
    main([str(tmp_path / "config.json"), str(tmp_path / "out"), "--layers", "1", "--tokenizer", str(tmp_path)])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert json.loads((tmp_path / "out" / "generation_config.json").read_text()) == {"eos_token_id": 3}


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="is not empty; give a new folder"):
        write_random_checkpoint(TINY, tmp_path)


@pytest.mark.parametrize("layers", [0, 9])
def test_a_number_of_layers_that_the_config_has_not_is_refused(tmp_path: Path, layers: int) -> None:
    with pytest.raises(UserError, match=f"--layers is {layers}, but the config has 8 layers; give 1 to 8"):
        write_random_checkpoint(TINY, tmp_path, layers=layers)


MEASURE = """
import json, resource, sys
from pathlib import Path
from windowseat.compile.checkpoint import open_checkpoint
from windowseat.compile.random_checkpoint import write_random_checkpoint
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
write_random_checkpoint(json.loads(sys.argv[1]), Path(sys.argv[2]))
written = peak()
with open_checkpoint(sys.argv[2], print) as checkpoint:
    for name, tensor in checkpoint.tensors.items():
        for row in range(0, tensor.shape[0], 4096):
            checkpoint.read(name, row, min(row + 4096, tensor.shape[0]))
print(written - before, peak() - written)
"""


def test_200_megabytes_are_written_and_read_in_under_64(tmp_path: Path) -> None:
    config = {**TINY, "vocab_size": 100_000, "hidden_size": 1024, "num_hidden_layers": 1, "tie_word_embeddings": True}
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(config), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    writing, reading = map(int, ran.stdout.split())
    assert (tmp_path / "out" / "model.safetensors").stat().st_size > 200e6
    assert writing < 64
    assert reading < 64
