"""The comparison itself: logits within a bound, greedy text the same."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ...compile import build as compiler
from ...compile.checkpoint import Checkpoint, open_checkpoint
from ...compile.errors import UserError
from ...compile.progress import Progress, Report
from .. import runtimes
from ..runtimes import Runtime, Unsupported
from ..site import SCRIPTS, build_site
from .oracle import F32, Oracle, oracle_of

# Of max |logit|, by variant.
BOUNDS = {"base": 1e-3, "software": 1e-3, "f16": 2e-2, "f16_subgroups": 2e-2}
# Rounding keys and values to q8 costs more than arithmetic: 4e-3 to 2.8e-2 in random models, twice that is allowed.
BOUNDS |= {f"{name}_q8kv": 6e-2 for name in BOUNDS}
# Tokens of random prompts: around the edges of chunks, of which the first has 64 and others what the device can do.
LENGTHS = (1, 2, 7, 63, 64, 65, 127, 129, 259)
FORCED = 8  # tokens decoded one by one after each prompt
GREEDY = 64  # tokens of greedy text
PROMPTS = json.loads((Path(__file__).parent / "prompts.json").read_text("utf-8"))
RUNTIMES = ("node", "chromium")


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose about a comparison."""

    quantisation: str = "q4"
    runtimes: tuple[str, ...] = RUNTIMES
    prompts: int = len(PROMPTS)  # texts to continue greedily, besides the random prompts
    variants: tuple[str, ...] = ()  # empty: all
    lengths: tuple[int, ...] = ()  # of random prompts; empty: around the edges of prefill's chunks


@dataclass(frozen=True, slots=True)
class Check:
    """What came out for one runtime and variant; `unsupported` says why there are no figures."""

    runtime: str
    variant: str
    adapter: str = ""
    error: float = 0.0  # max |difference| / max |logit|
    bound: float = 0.0
    positions: int = 0  # compared
    texts: int = 0
    same_texts: int = 0
    worst_margin: float = 0.0  # where a text differs: how far apart the reference's two choices were, as `error`
    unsupported: str = ""

    @property
    def passed(self) -> bool:
        """Within the bound, and no text differs where the reference was surer than the bound."""
        return bool(self.unsupported) or (self.error <= self.bound and self.worst_margin <= self.bound)


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt, what to force after it, and the right logits: [1 + len(forced), V]."""

    prompt: list[int]
    forced: list[int]
    logits: F32


def verify(model: str, options: Options, report: Report) -> Iterator[Check]:
    """Compiles the checkpoint into a temporary folder and yields a check for each runtime and variant."""
    with tempfile.TemporaryDirectory(prefix="windowseat-verify-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        build = compiler.Options(quantisation=options.quantisation, name="model", variants=options.variants)
        bundle = compiler.build(model, folder / "models", build, report)
        checkpoint = stack.enter_context(open_checkpoint(model, report))
        oracle = oracle_of(checkpoint, bundle)
        manifest = json.loads((bundle / "bundle.json").read_text())
        context: int = manifest["context"]["default"]
        if too_long := [n for n in options.lengths if n + FORCED >= context]:
            raise UserError(
                f"{model} holds {context} tokens; a prompt of {too_long[0]} and {FORCED} after it do not fit: choose a "
                "shorter --length."
            )
        lengths = options.lengths or LENGTHS
        cases = random_cases(oracle, manifest["vocabulary"], [n for n in lengths if n + FORCED < context], report)
        texts = text_prompts(checkpoint, PROMPTS[: options.prompts], context)
        texts += [case.prompt for case in cases if len(case.prompt) + GREEDY <= context]
        # The same text comes out of most runtimes and variants, and is judged once.
        judge = cache(lambda prompt, ids: margin(oracle, list(prompt), list(ids)))
        for name in options.runtimes:
            if name == "node":
                runtime = stack.enter_context(runtimes.node(bundle, SCRIPTS / "node_driver.mjs"))
            else:
                site = build_site(folder / "models", folder / "site", report)
                runtime = stack.enter_context(runtimes.chromium(site, "model"))
            for variant in manifest["variants"]:
                yield check(runtime, variant["name"], context, judge, cases, texts, report)


def random_cases(oracle: Oracle, vocabulary: int, lengths: Sequence[int], report: Report) -> list[Case]:
    """Prompts of random ids."""
    rng = np.random.default_rng(0)
    cases = []
    for i, length in enumerate(lengths):
        report(Progress("Reference logits", i, len(lengths), "prompts"))
        ids = rng.integers(0, vocabulary, length + FORCED).tolist()
        cases.append(Case(ids[:length], ids[length:], oracle.logits(ids)[length - 1 :]))
    return cases


def text_prompts(checkpoint: Checkpoint, prompts: list[str], context: int) -> list[list[int]]:
    """The ids of texts in the checkpoint's own chat template, those that leave room for an answer."""
    from transformers.utils.chat_template_utils import render_jinja_template

    path, template = checkpoint.file("tokenizer.json"), checkpoint.chat_template()
    assert path is not None  # compiled without one, it would not have been
    tokenizer = Tokenizer.from_file(str(path))
    conversations = [[{"role": "user", "content": prompt}] for prompt in prompts]
    rendered, _ = render_jinja_template(conversations, chat_template=template, add_generation_prompt=True)
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in rendered]
    return [each for each in ids if len(each) + GREEDY <= context]


def check(
    runtime: Runtime,
    variant: str,
    context: int,
    judge: Callable[[tuple[int, ...], tuple[int, ...]], float],
    cases: list[Case],
    texts: list[list[int]],
    report: Report,
) -> Check:
    """Runs all cases and texts in a runtime; `judge` gives a text's margin."""
    try:
        adapter = runtime.load(variant, context).adapter
    except Unsupported as reason:
        return Check(runtime.name, variant, unsupported=str(reason))
    stage = f"{runtime.name}, {variant}"
    error, margins = 0.0, []
    for i, case in enumerate(cases):
        report(Progress(f"{stage}: logits", i, len(cases), "prompts"))
        logits = runtime.logits(case.prompt, case.forced)
        found = np.abs(logits - case.logits).max() / np.abs(case.logits).max()
        error = float(np.maximum(error, found))  # a NaN stays one, and passes no bound
    for i, prompt in enumerate(texts):
        report(Progress(f"{stage}: texts", i, len(texts), "texts"))
        margins.append(judge(tuple(prompt), tuple(runtime.greedy(prompt, GREEDY))))
    return Check(
        runtime=runtime.name,
        variant=variant,
        adapter=adapter,
        error=error,
        bound=BOUNDS[variant],
        positions=sum(len(case.logits) for case in cases),
        texts=len(texts),
        same_texts=margins.count(0.0),
        worst_margin=max(margins, default=0.0),
    )


def margin(oracle: Oracle, prompt: list[int], ids: list[int]) -> float:
    """How sure the reference is at the first token where it would have gone on otherwise than with `ids`:
    (its choice - the other) / max |logit|; 0 if it would have written the same.

    One pass over the whole text tells: up to that token the reference's own text is this one.
    """
    logits = oracle.logits(prompt + ids[:-1])[len(prompt) - 1 :]
    for found, row in zip(ids, logits, strict=True):
        if found != row.argmax():
            return float((row.max() - row[found]) / np.abs(row).max())
    return 0.0
