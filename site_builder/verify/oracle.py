"""What the right answer is: transformers, on the weights that the bundle really holds."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from ...compile.checkpoint import Checkpoint
from ...compile.errors import UserError
from ...compile.reference import reference_tensors

F32 = NDArray[np.float32]

logging.set_verbosity_error()  # it warns that its kernels are the slow, right ones: those are what is wanted here


class Oracle:
    """A checkpoint in transformers, f32 on the CPU, with a bundle's dequantised weights."""

    def __init__(self, checkpoint: Checkpoint, bundle: Path) -> None:
        raw = checkpoint.config.get("text_config", checkpoint.config)
        if not isinstance(raw, dict):
            raise UserError(f"config.json of {checkpoint.source} is not an object.")
        tied = raw.get("tie_word_embeddings", checkpoint.config.get("tie_word_embeddings", False))
        config = AutoConfig.for_model(**{**raw, "dtype": "float32", "tie_word_embeddings": tied})
        with torch.device("meta"):
            self._model = AutoModelForCausalLM.from_config(config)
        self._model.to_empty(device="cpu").float().eval()
        self._model.tie_weights()
        self._model.model.rotary_emb = type(self._model.model.rotary_emb)(config)  # no weights, so to_empty lost it
        parameters = dict(self._model.named_parameters())
        with torch.no_grad():
            for name, tensor in reference_tensors(checkpoint, bundle):
                parameters.pop(name).copy_(torch.from_numpy(np.ascontiguousarray(tensor)))
        left = [name for name in parameters if not (name == "lm_head.weight" and tied)]
        if left:
            raise RuntimeError(f"the bundle left {left[0]} of the reference unset")

    def logits(self, ids: list[int]) -> F32:
        """The logits after each token: [T, V]."""
        with torch.no_grad():
            logits = self._model(torch.tensor([ids]), use_cache=False).logits[0]
        return np.asarray(logits.numpy(), np.float32)
