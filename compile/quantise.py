"""Group quantisation of matrices, and its exact inverse.

A matrix [R, K] is cut along K into groups of 32, the last one filled with zeros. Per group, in the order of `FORMATS`:

q4   16 bytes, scale f16: w = (q - 8) · scale. Byte b of word j holds weight 8j+b in its low and 8j+4+b in its high
     half, so that `word & 0x0f0f0f0f` and `(word >> 4) & 0x0f0f0f0f` unpack to four consecutive weights each.
q8   32 bytes, scale f16: w = q · scale, q signed.
f16  64 bytes, no scale.
f32  128 bytes, no scale: for small matrices that the person is not asked about.

Words are u32; scales are f16, two to a u32, in the order of the groups.
"""

# R rows, K columns, G groups per row

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GROUP = 32
FORMATS = ("q4", "q8", "f16")
WORDS_PER_GROUP = {"q4": 4, "q8": 8, "f16": 16, "f32": 32}
PLAIN = {"f16": "float16", "f32": "float32"}

F32 = NDArray[np.float32]
U32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Packed:
    """A quantised matrix as it stands in the shards."""

    words: U32  # [R, G, WORDS_PER_GROUP]
    scales: U32 | None  # [ceil(R · G / 2)]


def groups(width: int) -> int:
    """Groups in a row of `width` values."""
    return -(-width // GROUP)


def quantise(weights: F32, form: str) -> Packed:
    """The rows of a matrix in one of FORMATS; the values must be finite and within f16's range."""
    rows, width = weights.shape
    padded = weights
    if width % GROUP:
        padded = np.zeros((rows, groups(width) * GROUP), np.float32)
        padded[:, :width] = weights
    grouped = padded.reshape(-1, GROUP)
    if form in PLAIN:
        plain = grouped.astype(np.dtype(PLAIN[form]))
        return Packed(plain.view(np.uint32).reshape(rows, -1, WORDS_PER_GROUP[form]), None)
    scale = (_q4_scale if form == "q4" else _q8_scale)(grouped).astype(np.float16)
    inverse = scale.astype(np.float32)
    np.divide(1.0, inverse, out=inverse, where=inverse != 0)
    levels = grouped * inverse[:, None]
    np.rint(levels, out=levels)
    if form == "q8":
        words = np.clip(levels, -127, 127, out=levels).astype(np.int8).view(np.uint32)
    else:
        np.clip(levels, -8, 7, out=levels)
        levels += 8
        fours = levels.astype(np.uint8).view(np.uint32).reshape(-1, 4, 2)  # four levels at a time, a byte each
        words = fours[:, :, 0] | (fours[:, :, 1] << np.uint32(4))
    return Packed(words.reshape(rows, -1, WORDS_PER_GROUP[form]), _pack_pairs(scale))


def dequantise(packed: Packed, width: int, form: str) -> F32:
    """The matrix that the kernels compute with: [R, width], exactly."""
    rows = packed.words.shape[0]
    words = np.ascontiguousarray(packed.words)
    if form in PLAIN:
        values = words.view(np.dtype(PLAIN[form])).reshape(rows, -1).astype(np.float32)
        return np.ascontiguousarray(values[:, :width])
    if packed.scales is None:
        raise ValueError(f"{form} needs scales")
    if form == "q8":
        levels = words.view(np.int8).astype(np.float32).reshape(-1, GROUP)
    else:
        fours = np.empty((*words.shape, 2), np.uint32)
        np.bitwise_and(words, 0x0F0F0F0F, out=fours[..., 0])
        np.bitwise_and(words >> np.uint32(4), 0x0F0F0F0F, out=fours[..., 1])
        levels = fours.view(np.uint8).reshape(-1, GROUP).astype(np.float32)
        levels -= 8
    scale = packed.scales.view(np.float16)[: len(levels)].astype(np.float32)
    levels *= scale[:, None]
    return np.ascontiguousarray(levels.reshape(rows, -1)[:, :width])


def _q4_scale(grouped: F32) -> F32:
    """The value of largest magnitude becomes level -8: the one level without a counterpart is put to use."""
    peak = np.take_along_axis(grouped, np.abs(grouped).argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.asarray(peak / np.float32(-8))


def _q8_scale(grouped: F32) -> F32:
    return np.asarray(np.abs(grouped).max(axis=1) / np.float32(127))


def _pack_pairs(scale: NDArray[np.float16]) -> U32:
    if len(scale) % 2:
        scale = np.append(scale, np.float16(0))
    return scale.view(np.uint32)
