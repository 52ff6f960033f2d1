"""The demo model: Qwen 3.5's architecture with two million parameters, and the folder it is kept in."""

from pathlib import Path

import torch
from safetensors.torch import save
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3_5ForCausalLM, Qwen3_5TextConfig

CHECKPOINT = Path(__file__).with_name("checkpoint")
MAX_POSITIONS = 2048


def demo_config(tokenizer: PreTrainedTokenizerFast) -> Qwen3_5TextConfig:
    """Eight layers, the fourth and eighth with full attention; every matrix is a multiple of 32 wide."""
    config = Qwen3_5TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        linear_num_key_heads=4,
        linear_num_value_heads=4,
        linear_key_head_dim=32,
        linear_value_head_dim=32,
        tie_word_embeddings=True,
        max_position_embeddings=MAX_POSITIONS,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.5,
            "mrope_section": [6, 5, 5],
            "mrope_interleaved": True,
        },
        eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
        pad_token_id=None,
    )
    config.architectures = ["Qwen3_5ForCausalLM"]
    return config


def save_checkpoint(model: Qwen3_5ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes the weights in f16 with both configs; the same weights always make the same bytes."""
    tensors = {
        name: tensor.detach().cpu().to(torch.float16).contiguous()
        for name, tensor in sorted(model.state_dict().items())
        if name != "lm_head.weight"
    }
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))
    config = demo_config(tokenizer)
    config.dtype = torch.float16
    config.save_pretrained(folder)
    ends = [tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")]
    GenerationConfig(eos_token_id=ends, do_sample=False).save_pretrained(folder)
