"""From a checkpoint to a bundle: the whole arrow, one stage after the other."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from .bundle import ModelIdentity, VariantEntry, as_json, is_bundle, validate, write_file, write_manifest
from .checkpoint import Checkpoint, find_checkpoint
from .errors import UserError
from .fingerprint import fingerprint
from .folders import check_replaceable, replacing
from .journal import Journal
from .models import ARCHITECTURES
from .models.layers import Model
from .plan import Plan, to_json
from .planner import make_plan
from .progress import Report
from .quantise import FORMATS
from .report import build_report
from .schedule import schedule, weights_of
from .shards import SHARD_BYTES, ShardWriter
from .tokenizer_files import TextFiles, read_text_files
from .variants import VARIANTS, Variant
from .weights import check_sources, on_disk, tensor_sizes, write_weights


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose about a bundle."""

    quantisation: str = "q4"
    name: str | None = None  # None: after the checkpoint
    context: int | None = None  # tokens that a conversation may hold unless told otherwise; None: all the model takes
    variants: tuple[str, ...] = ()  # by their names; empty: all


@dataclass(frozen=True, slots=True)
class Outset:
    """What is settled before any weight is there."""

    target: Path
    kind: str  # the model_type
    architecture: Any
    cfg: Any
    model: Model
    context: int
    text: TextFiles
    licence: str | None


def build(model: str, models_dir: Path, options: Options, report: Report) -> Path:
    """Compiles a folder or hub id into models_dir/<name> and gives back that folder; UserError if it cannot."""
    if options.quantisation not in FORMATS:
        known = ", ".join(FORMATS)
        raise UserError(f"There is no quantisation {options.quantisation!r}; choose one of {known}.")
    if options.context is not None and options.context < 1:
        raise UserError(f"A context of {options.context} tokens is too small; choose at least 1.")
    if odd := set(options.variants) - {variant.name for variant in VARIANTS}:
        known = ", ".join(variant.name for variant in VARIANTS)
        raise UserError(f"There is no variant {min(odd)!r}; choose among {known}.")
    with find_checkpoint(model, report) as checkpoint:
        outset = _outset(checkpoint, models_dir, options)
        checkpoint.open_weights(report)
        return _build(checkpoint, outset, options, report)


def _outset(checkpoint: Checkpoint, models_dir: Path, options: Options) -> Outset:
    """All that a build can be refused for before weights are downloaded."""
    name = bundle_name(checkpoint.source) if options.name is None else options.name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        tried = checkpoint.source if options.name is None else name
        raise UserError(
            f"{tried!r} cannot name a bundle; give it a --name of letters, digits, dots, dashes and underscores."
        )
    _check_target(models_dir / name, checkpoint)
    kind, architecture, cfg = read_model(checkpoint.config, checkpoint.source)
    model: Model = architecture.model(cfg)
    context = model.positions if options.context is None else options.context
    if context > model.positions:
        raise UserError(
            f"{checkpoint.source} takes up to {model.positions} tokens, and a context of {context} was asked for; "
            "choose a smaller one, or none for all of them."
        )
    return Outset(
        target=models_dir / name,
        kind=kind,
        architecture=architecture,
        cfg=cfg,
        model=model,
        context=context,
        text=read_text_files(checkpoint, model.vocabulary),
        licence=checkpoint.licence(),
    )


def _build(checkpoint: Checkpoint, outset: Outset, options: Options, report: Report) -> Path:
    target, model, architecture, text = outset.target, outset.model, outset.architecture, outset.text
    weights = weights_of(model)
    prefix, skipped = check_sources(checkpoint, weights, architecture.PREFIXES, architecture.SKIPPED)
    sources = {source.name for weight in weights for source in weight.sources}
    names = {s.name: on_disk(s, prefix, architecture.PREFIXES[0]) for w in weights for s in w.sources}
    sizes = {name: size for w in weights for name, size in tensor_sizes(w, options.quantisation).items()}
    chosen = [variant for variant in VARIANTS if not options.variants or variant.name in options.variants]
    schedules = [(variant, schedule(model, options.quantisation, variant)) for variant in chosen]
    plans = [(variant, launches, make_plan(launches, variant, sizes.keys())) for variant, launches in schedules]
    key = fingerprint(checkpoint, options.quantisation)
    with replacing(target, key) as folder, Journal(folder, report) as journal:
        _check_room(folder, sum(sizes.values()) - sum(shard.bytes for shard in journal.shards.values()))
        with ShardWriter(folder, journal) as writer:
            errors = write_weights(checkpoint, weights, names, options.quantisation, journal, writer, report)
        files = [write_file(folder, name, content) for name, content in sorted(text.files.items())]
        for variant, _, plan in plans:
            content = to_json(plan)
            validate(content, "plan")
            files.append(write_file(folder, plan_file(variant), as_json(content)))
        summary = build_report(plans, sizes, errors, skipped, model.positions)
        files.append(write_file(folder, "report.json", as_json(summary)))
        write_manifest(
            folder,
            name=target.name,
            model=ModelIdentity(
                architecture=outset.kind,
                source=checkpoint.source,
                revision=checkpoint.revision,
                licence=outset.licence,
                parameters=sum(prod(checkpoint.tensors[names[source]].shape) for source in sources),
                config=asdict(outset.cfg),
            ),
            quantisation=options.quantisation,
            context=(outset.context, model.positions),
            vocabulary=model.vocabulary,
            stop_tokens=text.stop_tokens,
            variants=[variant_entry(variant, plan, sizes) for variant, _, plan in plans],
            weights=(writer.bytes, SHARD_BYTES, writer.files, writer.tensors),
            files=files,
        )
    return target


def read_model(config: Mapping[str, object], source: str) -> tuple[str, Any, Any]:
    """A checkpoint's model_type, the module of its architecture and what that read in config.json."""
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise UserError(f"{source} is of model_type {kind!r}, which Windowseat cannot compile yet; it knows {known}.")
    text = config.get("text_config")
    for stated in (config, text if isinstance(text, dict) else {}):
        if isinstance(quantised := stated.get("quantization_config"), dict):
            raise UserError(
                f"{source} is quantised already ({quantised.get('quant_method', 'by an unnamed method')});"
                " give the checkpoint that it was made from, with weights in bf16, f16 or f32."
            )
    architecture = ARCHITECTURES[kind]
    return kind, architecture, architecture.config(config, source)


def variant_entry(variant: Variant, plan: Plan, sizes: Mapping[str, int]) -> VariantEntry:
    """What the manifest says of a variant."""
    largest = max([*sizes.values(), *(buffer.bytes + buffer.bytes_per_position for buffer in plan.buffers)])
    return VariantEntry(
        name=variant.name,
        plan=plan_file(variant),
        prefill_chunk=variant.tuning.chunk,
        software=variant.tuning.software,
        kv_cache=variant.kv_cache,
        features=variant.features,
        limits={"maxStorageBufferBindingSize": largest, "maxBufferSize": largest},
        memory={
            "weights": sum(sizes.values()),
            "fixed": sum(buffer.bytes for buffer in plan.buffers),
            "per_position": sum(buffer.bytes_per_position for buffer in plan.buffers),
        },
    )


def plan_file(variant: Variant) -> str:
    """The name of a variant's plan in the bundle."""
    return f"plan-{variant.name}.json"


def bundle_name(source: str) -> str:
    """A name after a hub id or a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", source.partition("@")[0].rstrip("/").rpartition("/")[2]).strip("-.")


def _check_target(target: Path, checkpoint: Checkpoint) -> None:
    if checkpoint.folder.resolve().is_relative_to(target.resolve()):
        raise UserError(
            f"The bundle would take the place of {target}, where its checkpoint is; choose another --out or --name."
        )
    check_replaceable(target, "compiled model", is_bundle)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed * 1.02:
        raise UserError(
            f"The bundle needs {needed / 1e6:,.0f} MB under {folder.parent}, where {free / 1e6:,.0f} MB are free;"
            " free some space or choose another folder with --out."
        )
