"""What the right answer is: transformers, on the weights that the bundle really holds."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from ...compile.checkpoint import Checkpoint
from ...compile.reference import reference_tensors

F32 = NDArray[np.float32]

logging.set_verbosity_error()  # it warns that its kernels are the slow, right ones: those are what is wanted here


def oracle_of(checkpoint: Checkpoint, bundle: Path) -> "Oracle":
    """A checkpoint with the dequantised weights of its bundle."""
    return Oracle(checkpoint.config, reference_tensors(checkpoint, bundle))


class Oracle:
    """The text model of a config.json in transformers, f32 on the CPU, with the weights given by name."""

    def __init__(self, config: Mapping[str, Any], tensors: Iterable[tuple[str, F32]]) -> None:
        text = config.get("text_config", config)
        tied = text.get("tie_word_embeddings", config.get("tie_word_embeddings", False))
        config = AutoConfig.for_model(**{**text, "dtype": "float32", "tie_word_embeddings": tied})
        with torch.device("meta"):
            self._model = AutoModelForCausalLM.from_config(config)
        given = {name: torch.from_numpy(np.require(tensor, np.float32, ["C", "W"])) for name, tensor in tensors}
        loaded = self._model.load_state_dict(given, strict=False, assign=True)
        if odd := set(loaded.missing_keys + loaded.unexpected_keys) - ({"lm_head.weight"} if tied else set()):
            raise RuntimeError(f"{min(odd)} is in only one of the bundle and the reference")
        self._model.tie_weights()
        self._model.model.rotary_emb = type(self._model.model.rotary_emb)(config)  # its buffers are still on no device
        self._model.eval()

    def logits(self, ids: list[int]) -> F32:
        """The logits after each token: [T, V]."""
        with torch.no_grad():
            logits = self._model(torch.tensor([ids]), use_cache=False).logits[0]
        return np.asarray(logits.numpy(), np.float32)
