"""The sampling programs of a plan, run one after the other: each leaves what the next one needs."""

from dataclasses import asdict

import numpy as np
from windowseat.compile.kernels.sample_greedy import reference as greedy
from windowseat.compile.kernels.sample_logprobs import MOST
from windowseat.compile.kernels.sample_logprobs import reference as log_shares
from windowseat.compile.kernels.sample_mask import words
from windowseat.compile.kernels.sample_penalise import IN_PROMPT
from windowseat.compile.kernels.sample_penalise import reference as penalised
from windowseat.compile.kernels.sample_random import reference as random_unit
from windowseat.compile.plan import to_json
from windowseat.compile.planner import make_plan
from windowseat.compile.schedule.sampling import sampling
from windowseat.compile.schedule.workspace import Workspace
from windowseat.compile.variants import VARIANTS

from tests.compile.kernels.sampler import Settings
from tests.compile.machine import exact, normal
from tests.gpu import Gpu
from tests.plan_runner import PlanRunner

VOCABULARY = 300
PENALTIES = {"repetition_penalty": 1.2, "presence_penalty": 0.5, "frequency_penalty": 0.75}


def runner(gpu: Gpu) -> PlanRunner:
    """A plan with sampling alone."""
    base = next(variant for variant in VARIANTS if variant.name == "base")
    w = Workspace("q4", base)
    w.io("tokens", w.chunk * 4)
    w.io("logits", VOCABULARY * 4)
    sampling(w, VOCABULARY)
    return PlanRunner(gpu, to_json(make_plan(w.schedule, base, set())), {}, chunk=w.chunk, context=1)


def test_tokens_are_penalised_drawn_counted_and_reported(gpu: Gpu) -> None:
    run = runner(gpu)
    settings, bias = Settings(0.6, top_k=60, top_p=0.9, min_p=0.001), np.zeros(VOCABULARY, np.float32)
    bias[7] = 6
    occurrences = np.zeros(VOCABULARY, np.uint32)
    occurrences[[3, 7]] = IN_PROMPT
    run.write("bias", bias)
    run.write("occurrences", occurrences)
    for position in range(12):
        logits = normal(position % 2, VOCABULARY) * 2  # of two kinds, so that tokens come again
        changed = penalised(exact(logits), exact(bias), occurrences, *PENALTIES.values())
        shares = settings.shares(changed.astype(np.float32))
        wanted = int(np.searchsorted(np.cumsum(shares), random_unit(5, position + 1), side="right"))
        run.write("logits", logits)
        run.position = position
        run.sample(("penalise", "draw", "count", "logprobs"), {**asdict(settings), **PENALTIES, "seed": 5})
        assert run.read("tokens")[0] == wanted
        occurrences[wanted] += 1
        assert run.read("occurrences").tolist() == occurrences.tolist()
        found, of_all = run.read("logprobs"), log_shares(exact(logits))
        order = np.argsort(-logits, kind="stable")[:MOST]
        assert found[1 : 1 + MOST].tolist() == order.tolist()
        got = np.delete(found, range(1, 1 + MOST)).view(np.float32)
        np.testing.assert_allclose(got, of_all[[wanted, *order]], rtol=1e-5)
    assert (occurrences & (IN_PROMPT - 1)).max() > 1


def test_a_bias_lifts_no_masked_token_and_log_probabilities_know_no_mask(gpu: Gpu) -> None:
    run, logits = runner(gpu), normal(3, VOCABULARY)
    bias, allowed = np.zeros(VOCABULARY, np.float32), np.zeros(words(VOCABULARY), np.uint32)
    bias[7] = 100
    allowed[1] = 0b110
    run.write("logits", logits)
    run.write("bias", bias)
    run.write("occurrences", np.zeros(VOCABULARY, np.uint32))
    run.write("allowed", allowed)
    run.sample(("penalise", "mask", "sample", "logprobs"), {**PENALTIES, "top_k": 0})
    chosen = 33 if logits[33] > logits[34] else 34
    assert run.read("tokens")[0] == chosen
    reported = run.read("logprobs")[:1].view(np.float32)
    np.testing.assert_allclose(reported, log_shares(exact(logits))[[chosen]], rtol=1e-5)


def test_the_greedy_program_needs_nothing_else(gpu: Gpu) -> None:
    run, logits = runner(gpu), normal(3, VOCABULARY)
    run.write("logits", logits)
    run.sample(("sample",), {})
    assert run.read("tokens")[0] == greedy(exact(logits))
