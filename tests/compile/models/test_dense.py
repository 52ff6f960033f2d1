"""What the configs of Qwen 2 and Qwen 3 may say, and what is refused in a sentence."""

from collections.abc import Mapping
from typing import Any

import pytest
from windowseat.compile.errors import UserError
from windowseat.compile.models import qwen2, qwen3

from tests.compile.tiny_model import QWEN_2, QWEN_3


def test_a_head_of_qwen2_is_its_share_of_the_hidden_size() -> None:
    assert qwen2.config({**QWEN_2, "hidden_size": 896, "num_attention_heads": 14}, "test").head_dim == 64


def test_a_sliding_window_that_is_not_used_is_no_matter() -> None:
    qwen2.config({**QWEN_2, "use_sliding_window": False, "sliding_window": 32768, "max_window_layers": 21}, "test")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"use_sliding_window": True}, "asks for use_sliding_window = True; only False is known here"),
        ({"attention_bias": True}, "asks for attention_bias = True; only False is known here"),
        ({"hidden_act": "gelu"}, "asks for hidden_act = 'gelu'; only 'silu' is known here"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "has a layer of type 'sliding_attention'"),
        ({"num_key_value_heads": 3}, "num_attention_heads 4 is no multiple of num_key_value_heads 3"),
        ({"head_dim": 25}, "has RoPE turn 25 of 25 dimensions of a head; it must be an even"),
        ({"num_hidden_layers": None}, "has num_hidden_layers = None; it must be a int"),
    ],
)
def test_a_config_of_qwen3_that_cannot_be_computed(config: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        qwen3.config({**QWEN_3, **config}, "test")
