"""The model as it will be in the browser: every matrix through the compiler's own 4-bit round trip."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ..quantise import dequantise, quantise


@contextmanager
def quantised(model: nn.Module) -> Iterator[None]:
    """Inside, the model computes with 4-bit matrices, the embedding's included; on leaving, the exact ones are back.

    Gradients taken inside land on the exact weights: a straight-through estimator.
    """
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    exact = [matrix.data.clone() for matrix in matrices]
    for matrix in matrices:
        weights = np.ascontiguousarray(matrix.detach().cpu().numpy(), dtype=np.float32)
        matrix.data.copy_(torch.from_numpy(dequantise(quantise(weights, "q4"), weights.shape[1], "q4")))
    try:
        yield
    finally:
        for matrix, weights_before in zip(matrices, exact, strict=True):
            matrix.data.copy_(weights_before)
