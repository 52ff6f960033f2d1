"""Random weights of a model in their packed form, and what they mean: hundreds of millions in a second.

A matrix repeats the levels of its first few rows under scales that are all its own, so that no two rows are the same
and dequantising is one multiplication. Matrices of one shape are the same. Small tensors are those of a random
checkpoint.
"""

# R rows, B rows of levels, G groups of 32 in a row

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from windowseat.compile.models.layers import F32, Matrix, Model
from windowseat.compile.parts import parts
from windowseat.compile.quantise import GROUP, Packed, dequantise, groups, quantise
from windowseat.compile.random_checkpoint import RandomRows, tensors_of
from windowseat.compile.reference import sources_of
from windowseat.compile.schedule import weights_of

from tests.gpu import Array

FORM = "q4"
BLOCK = 64  # rows of levels


@dataclass(frozen=True, slots=True)
class PackedWeights:
    """The same weights twice."""

    stream: dict[str, Array]  # as kernels read them, by their names in the weight stream
    tensors: dict[str, F32]  # as transformers reads them, by their names in a checkpoint


def packed_weights(model: Model, config: Mapping[str, Any]) -> PackedWeights:
    """Random weights of a model of this config, whose matrices are all exact or in FORM."""
    rng, rows = np.random.default_rng(0), RandomRows(0)
    on_disk = {tensor.name: tensor for tensor in tensors_of(config, "f32")}
    stream: dict[str, Array] = {}
    tensors: dict[str, F32] = {}
    drawn: dict[tuple[object, ...], tuple[Array, Array, list[F32]]] = {}
    for weight in weights_of(model):
        names = [source.name for source in weight.sources]
        if isinstance(weight, Matrix) and not weight.exact:
            shape = (weight.interleaved, *(source.shape for source in weight.sources))
            if shape not in drawn:
                words, scales, whole = random_matrix(weight, rng)
                drawn[shape] = words, scales, [np.ascontiguousarray(each) for _, each in sources_of(weight, whole)]
            words, scales, values = drawn[shape]
            tensors |= zip(names, values, strict=True)
            for part in parts(weight, FORM):
                bound = part.bound()
                stream[bound["w_words"]] = words[part.start : part.stop]
                stream[bound["w_scales"]] = scales[part.start : part.stop].reshape(-1).view(np.uint32)
            continue
        # Rows of matrices come as bits.
        read = [np.concatenate(list(rows.chunks(on_disk[source.name]))).view(np.float32) for source in weight.sources]
        tensors |= zip(names, read, strict=True)
        if isinstance(weight, Matrix):
            stream[f"{weight.name}.words"] = quantise(np.concatenate(read), "f32").words
        else:
            stream[weight.name] = weight.make(read)
    return PackedWeights(stream, tensors)


def random_matrix(matrix: Matrix, rng: np.random.Generator) -> tuple[Array, Array, F32]:
    """Words [R, G, 4], scales [R, G] in f16, and the values [R, K], of variance about 1 / K; R a multiple of BLOCK."""
    count, width = groups(matrix.width), matrix.width
    words = rng.integers(0, 1 << 32, (BLOCK, count, 4), np.uint32)
    ones = np.ones(BLOCK * count, np.float16).view(np.uint32)
    levels = dequantise(Packed(words, ones), width, FORM)
    # f16 bits: any sign, any fraction, and the one exponent that fits.
    exponent = 15 + round(np.log2(1 / (1.5 * levels.std() * width**0.5)))
    bits = rng.integers(0, 1 << 16, (matrix.rows, count), np.uint16)
    scales = (bits & 0x83FF | exponent << 10).astype(np.uint16).view(np.float16)
    whole = np.empty((matrix.rows, width), np.float32)
    np.multiply(
        levels.reshape(BLOCK, count, GROUP),
        scales.astype(np.float32).reshape(-1, BLOCK, count, 1),
        out=whole.reshape(-1, BLOCK, count, GROUP),
    )
    return np.tile(words, (matrix.rows // BLOCK, 1, 1)), scales, whole
