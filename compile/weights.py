"""The weights of a checkpoint, checked, quantised and streamed into shards a block of rows at a time."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from .checkpoint import Checkpoint
from .errors import UserError
from .journal import Journal
from .models.layers import Matrix, Source, Vector
from .parts import Part, parts
from .progress import Progress, Report
from .quantise import PLAIN, WORDS_PER_GROUP, Packed, dequantise, groups, quantise
from .shards import ShardWriter, stream_bytes
from .tally import F32, Tally, TensorError, tally

BLOCK_VALUES = 1 << 21  # values that are unpacked at once, per worker
WORKERS = 2
F16_MAX = 65504.0


def check_sources(
    checkpoint: Checkpoint,
    weights: Sequence[Matrix | Vector],
    prefixes: Sequence[str],
    skipped: Mapping[str, Sequence[str]],
) -> tuple[str, dict[str, int]]:
    """The prefix under which the text model's tensors stand, and how many tensors of other parts are left out.

    UserError names the first tensor that is missing, has another shape than the config implies, or is not expected.
    """
    sources = [source for weight in weights for source in weight.sources]
    prefix = max(prefixes, key=lambda p: sum(name.startswith(p + "layers.") for name in checkpoint.tensors))
    expected: set[str] = set()
    for source in sources:
        name = on_disk(source, prefix, prefixes[0])
        expected.add(name)
        if name not in checkpoint.tensors:
            raise UserError(f"{checkpoint.source} has no tensor {name}, which its config.json asks for.")
        shape = checkpoint.tensors[name].shape
        if shape != source.shape:
            raise UserError(
                f"{name} in {checkpoint.source} has the shape {list(shape)}, but config.json implies"
                f" {list(source.shape)}: the config belongs to another checkpoint."
            )
    left_out = dict.fromkeys(skipped, 0)
    for name in checkpoint.tensors.keys() - expected:
        part = next((part for part, starts in skipped.items() if name.startswith(tuple(starts))), None)
        if part is not None:
            left_out[part] += 1
        elif name != "lm_head.weight" and not name.endswith("rotary_emb.inv_freq"):  # tied; derived
            raise UserError(f"{checkpoint.source} has a tensor {name} that this architecture does not know.")
    return prefix, {part: count for part, count in left_out.items() if count}


def on_disk(source: Source, prefix: str, first: str) -> str:
    """A source's name in the checkpoint."""
    return source.name.replace(first, prefix, 1) if source.name.startswith(first) else source.name


def tensor_sizes(weight: Matrix | Vector, quantisation: str) -> dict[str, int]:
    """Bytes of the tensors that a weight has in the stream, by name and in order."""
    if isinstance(weight, Vector):
        return {weight.name: weight.size * 4}
    sizes: dict[str, int] = {}
    for part in parts(weight, quantisation):
        count = part.rows * groups(weight.width)
        sizes[part.bound()["w_words"]] = count * WORDS_PER_GROUP[part.form] * 4
        if part.form not in PLAIN:
            sizes[part.bound()["w_scales"]] = (count + 1) // 2 * 4
    return sizes


def write_weights(
    checkpoint: Checkpoint,
    weights: Sequence[Matrix | Vector],
    names: Mapping[str, str],
    quantisation: str,
    journal: Journal,
    writer: ShardWriter,
    report: Report,
) -> list[TensorError]:
    """Streams every weight into the shards; `names` maps sources to tensors of the checkpoint.

    A weight is passed over if the journal has all its shards; one that has only some of them is quantised again.
    """
    sizes = {weight.name: tensor_sizes(weight, quantisation) for weight in weights}
    whole = stream_bytes({name: size for each in sizes.values() for name, size in each.items()})
    with ThreadPoolExecutor(WORKERS) as pool:
        for weight in weights:
            known = isinstance(weight, Vector) or weight.name in journal.errors
            if known and writer.skip(sizes[weight.name]):
                continue
            if isinstance(weight, Vector):
                writer.begin(weight.name)
                writer.write(_vector(checkpoint, weight, names).tobytes())
                writer.end()
                continue
            total = Tally()
            for part in parts(weight, quantisation):
                for block in _write_part(checkpoint, part, names, writer, pool):
                    total += block
                    report(Progress("Quantising", writer.bytes, whole))
            journal.add_error(total.error(weight.name, part.form))
    report(Progress("Quantising", writer.bytes, whole))
    return [journal.errors[weight.name] for weight in weights if isinstance(weight, Matrix)]


def _write_part(
    checkpoint: Checkpoint,
    part: Part,
    names: Mapping[str, str],
    writer: ShardWriter,
    pool: ThreadPoolExecutor,
) -> Iterator[Tally]:
    """Writes the words, then the scales; yields what each block cost as it is done."""
    matrix = part.matrix
    rows = max(64, BLOCK_VALUES // matrix.width // 64 * 64)
    starts = range(part.start, part.stop, rows)

    def pack(start: int) -> tuple[Packed, Tally]:
        block = read_rows(checkpoint, matrix, names, start, min(start + rows, part.stop))
        _check_values(checkpoint, matrix, block, part.form)
        packed = quantise(block, part.form)
        return packed, tally(block, dequantise(packed, matrix.width, part.form))

    writer.begin(part.bound()["w_words"])
    scales = []
    waiting: list[Future[tuple[Packed, Tally]]] = []
    for i in range(len(starts) + WORKERS):
        if i < len(starts):
            waiting.append(pool.submit(pack, starts[i]))
        if i >= WORKERS:
            packed, cost = waiting.pop(0).result()
            writer.write(np.ascontiguousarray(packed.words).data)
            if packed.scales is not None:
                scales.append(packed.scales)
            yield cost
    writer.end()
    if scales:
        writer.begin(part.bound()["w_scales"])
        writer.write(np.concatenate(scales).tobytes())
        writer.end()


def read_rows(checkpoint: Checkpoint, matrix: Matrix, names: Mapping[str, str], start: int, stop: int) -> F32:
    """Rows start..stop of a matrix of the model, from wherever its sources have them."""
    if matrix.interleaved:
        count = len(matrix.sources)
        block = np.empty((stop - start, matrix.width), np.float32)
        for i, source in enumerate(matrix.sources):
            block[i::count] = checkpoint.read(names[source.name], start // count, stop // count)
        return block
    pieces, at = [], 0
    for source in matrix.sources:
        height = source.shape[0]
        low, high = max(start - at, 0), min(stop - at, height)
        if low < high:
            pieces.append(checkpoint.read(names[source.name], low, high))
        at += height
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _vector(checkpoint: Checkpoint, vector: Vector, names: Mapping[str, str]) -> F32:
    read = [checkpoint.read(names[source.name]) for source in vector.sources]
    values = vector.make(read)
    if not all(np.isfinite(each).all() for each in (*read, values)):
        raise UserError(
            f"{names[vector.sources[0].name]} in {checkpoint.source} holds NaN or infinite values: the checkpoint is"
            " damaged; fetch it again."
        )
    return np.ascontiguousarray(values, np.float32)


def _check_values(checkpoint: Checkpoint, matrix: Matrix, block: F32, form: str) -> None:
    # min and max see NaN and infinity alike, and read the block without a copy
    low, high = float(block.min()), float(block.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        tensors = " or ".join(source.name for source in matrix.sources)
        raise UserError(
            f"{tensors} in {checkpoint.source} holds NaN or infinite values: the checkpoint is damaged; fetch it again."
        )
    limit = {"q4": 8 * F16_MAX, "q8": 127 * F16_MAX, "f16": F16_MAX}.get(form, np.inf)
    if max(high, -low) > limit:
        raise UserError(
            f"{matrix.name} of {checkpoint.source} holds {max(high, -low):.3g}; {form} stores up to {limit:.3g}:"
            " choose another quantisation."
        )
