"""A published model with few layers at its true widths, beside what transformers makes of it.

The vocabulary is cut to VOCABULARY rows; test_schedule.py has the plans of whole ones, in parts.
"""

from dataclasses import dataclass

import numpy as np
from windowseat.compile.models import ARCHITECTURES
from windowseat.compile.models.layers import F32, Model
from windowseat.compile.plan import to_json
from windowseat.compile.planner import make_plan
from windowseat.compile.published import published_config
from windowseat.compile.schedule import schedule
from windowseat.compile.variants import VARIANTS
from windowseat.site_builder.verify.oracle import Oracle

from tests.compile.packed_weights import FORM, PackedWeights, packed_weights
from tests.gpu import Gpu
from tests.plan_runner import PlanRunner

VOCABULARY = 2048


@dataclass(frozen=True)
class CutModel:
    """The model, tokens, and the right logits after each of them."""

    model: Model
    weights: PackedWeights
    ids: list[int]
    logits: F32  # [len(ids), VOCABULARY]

    def error(self, gpu: Gpu, variant_name: str, prompt: int, decoded: int) -> float:
        """max |difference| / max |logit| after a prompt, if any, and after each of the tokens decoded then."""
        variant = next(variant for variant in VARIANTS if variant.name == variant_name)
        scheduled = schedule(self.model, FORM, variant)
        for program in scheduled.programs.keys() - {"prefill", "decode", "head"}:
            scheduled.programs[program] = []  # drawing a token has nothing to do with widths
        plan = make_plan(scheduled, variant, self.weights.stream.keys())
        context = len(self.ids)
        runner = PlanRunner(gpu, to_json(plan), self.weights.stream, chunk=variant.tuning.chunk, context=context)
        found = []
        if prompt:
            runner.prefill(self.ids[:prompt])
            found.append(runner.logits((prompt - 1) % runner.chunk + 1))
        for token in self.ids[prompt : prompt + decoded]:
            runner.decode(token)
            found.append(runner.logits())
        wanted = self.logits[prompt + decoded - len(found) : prompt + decoded]
        return float(np.abs(np.array(found) - wanted).max() / np.abs(wanted).max())


def cut(name: str, layer_types: list[str], tokens: int) -> CutModel:
    """So many random tokens for a model that is published under this name, with these layers."""
    config = published_config(name)
    config |= {"vocab_size": VOCABULARY, "num_hidden_layers": len(layer_types), "layer_types": layer_types}
    architecture = ARCHITECTURES[config["model_type"]]
    model = architecture.model(architecture.config(config, name))
    weights = packed_weights(model, config)
    ids = np.random.default_rng(0).integers(0, VOCABULARY, tokens).tolist()
    return CutModel(model, weights, ids, Oracle(config, weights.tensors.items()).logits(ids))
