"""Bias and penalties: as transformers has them, and as OpenAI does where transformers has none."""

# V vocabulary

import numpy as np
import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor, SequenceBiasLogitsProcessor
from windowseat.compile.kernels.sample_penalise import IN_PROMPT, count_token, penalise, reference

from tests.compile.machine import Array, Machine, exact, normal

NEUTRAL = {"repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}


def run(machine: Machine, arrays: dict[str, Array], **scalars: float) -> dict[str, Array]:
    count = len(arrays["logits"])
    usual = {"raw": np.zeros(count, np.float32), "bias": np.zeros(count, np.float32)}
    usual |= {"occurrences": np.zeros(count, np.uint32)}
    return machine.run(penalise(count), {**usual, **arrays}, {**NEUTRAL, **scalars})


@pytest.mark.parametrize("vocabulary", [1, 7, 1000])
def test_all_of_it_is_as_defined(f32_machine: Machine, vocabulary: int) -> None:
    logits, choice = normal(1, vocabulary) * 4, np.random.default_rng(2)
    bias = choice.choice([0, 0, 2.5, -100], vocabulary).astype(np.float32)
    occurrences = choice.choice([0, 0, 1, 7, IN_PROMPT, IN_PROMPT + 3], vocabulary).astype(np.uint32)
    arrays = {"logits": logits, "bias": bias, "occurrences": occurrences}
    found = run(f32_machine, arrays, repetition_penalty=1.3, presence_penalty=0.5, frequency_penalty=-0.25)
    f32_machine.agree(found["logits"], reference(exact(logits), exact(bias), occurrences, 1.3, 0.5, -0.25))
    np.testing.assert_array_equal(found["raw"], logits)


def test_neutral_settings_change_no_bit_of_a_large_vocabulary(wgpu_f32: Machine) -> None:
    logits = normal(1, 248_320)
    occurrences = np.full(len(logits), IN_PROMPT + 2, np.uint32)
    np.testing.assert_array_equal(run(wgpu_f32, {"logits": logits, "occurrences": occurrences})["logits"], logits)


def test_bias_and_repetition_penalty_are_those_of_transformers(wgpu_f32: Machine) -> None:
    logits, prompt, made = normal(3, 500) * 4, [5, 9, 9, 200], [7, 5, 499]
    biases = {5: 3.0, 7: -2.5, 100: 60.0}
    ids, scores = torch.tensor([prompt + made]), torch.tensor(logits[None])
    scores = SequenceBiasLogitsProcessor({(id_,): value for id_, value in biases.items()})(ids, scores)
    wanted = RepetitionPenaltyLogitsProcessor(1.2)(ids, scores).numpy()[0]
    bias, occurrences = np.zeros(500, np.float32), np.zeros(500, np.uint32)
    bias[list(biases)] = list(biases.values())
    occurrences[prompt] = IN_PROMPT
    np.add.at(occurrences, made, 1)
    arrays = {"logits": logits, "bias": bias, "occurrences": occurrences}
    wgpu_f32.agree(run(wgpu_f32, arrays, repetition_penalty=1.2)["logits"], exact(wanted))


def test_presence_and_frequency_do_not_count_the_prompt(wgpu_f32: Machine) -> None:
    occurrences = np.array([0, IN_PROMPT, 1, IN_PROMPT + 1, 4], np.uint32)
    arrays = {"logits": np.zeros(5, np.float32), "occurrences": occurrences}
    found = run(wgpu_f32, arrays, presence_penalty=0.5, frequency_penalty=0.25)["logits"]
    assert found.tolist() == [0, 0, -0.75, -0.75, -1.5]


def test_what_is_no_number_stays_where_it_is(f32_machine: Machine) -> None:
    logits = np.array([np.nan, np.inf, -np.inf, 1, 2], np.float32)
    found = run(f32_machine, {"logits": logits, "occurrences": np.ones(5, np.uint32)}, frequency_penalty=1.0)
    assert found["logits"][3:].tolist() == [0, 1]


def test_the_first_token_is_counted(f32_machine: Machine) -> None:
    occurrences = np.array([0, 3, IN_PROMPT, 0], np.uint32)
    for token, wanted in ((1, 4), (2, IN_PROMPT + 1), (3, 1)):
        arrays = {"tokens": np.array([token, 0, 0, 0], np.uint32), "occurrences": occurrences}
        occurrences = f32_machine.run(count_token(4, chunk=4), arrays, {})["occurrences"]
        assert occurrences[token] == wanted
    assert occurrences.tolist() == [0, 4, IN_PROMPT + 1, 1]
