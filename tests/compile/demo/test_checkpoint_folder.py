import re

import pytest
from safetensors import safe_open
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from windowseat.compile.demo.chats import evaluation_chats
from windowseat.compile.demo.evaluate import END, START
from windowseat.compile.demo.model import CHECKPOINT
from windowseat.compile.demo.rendering import example, rendered
from windowseat.compile.demo.split import Draw
from windowseat.compile.demo.tokenizer import SPECIAL, VISIBLE
from windowseat.compile.demo.vocabulary import FACTS

WEIGHTS = CHECKPOINT / "model.safetensors"


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    loaded = AutoTokenizer.from_pretrained(CHECKPOINT)
    assert isinstance(loaded, PreTrainedTokenizerFast)
    return loaded


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size <= 8_000_000
    with safe_open(WEIGHTS, "numpy") as tensors:
        sizes = [tensors.get_tensor(name).size for name in tensors.keys()]  # noqa: SIM118
    assert sum(sizes) <= 4_000_000


@pytest.mark.parametrize(
    "text", [*FACTS.hello.values(), "naïve café 🙂 \n\n  x = 10_000;", "<tool_call>\n</tool_call>"]
)
def test_the_tokenizer_gives_back_every_script(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_digits_are_single_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer.encode("2048", add_special_tokens=False)) == 4


def test_added_tokens_are_one_id_each_at_the_end_of_the_vocabulary(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = tokenizer.convert_tokens_to_ids([*SPECIAL, *VISIBLE])
    assert ids == list(range(len(tokenizer) - 9, len(tokenizer)))
    assert [token.special for token in tokenizer.added_tokens_decoder.values()] == [True] * 3 + [False] * 6


def test_training_learns_the_very_tokens_that_a_prompt_is_followed_by(tokenizer: PreTrainedTokenizerFast) -> None:
    for chat in evaluation_chats(Draw(2, evaluation=True), 4):
        prompt = tokenizer.encode(rendered(tokenizer, chat, ask=True), add_special_tokens=False)
        taught = example(tokenizer, chat)
        assert taught.ids == tokenizer.encode(rendered(tokenizer, chat, ask=False), add_special_tokens=False)
        assert taught.ids[: len(prompt)] == prompt
        assert all(taught.learnt[len(prompt) : -1])
        assert not taught.learnt[len(prompt) - 1]


def test_the_card_states_at_least_95_percent_for_every_skill() -> None:
    card = (CHECKPOINT / "README.md").read_text(encoding="utf-8")
    table = card.partition(START)[2].partition(END)[0]
    rows = re.findall(r"^\| (.+?) \| (\d+)% \| (\d+)% \|$", table, re.MULTILINE)
    skills = {chat.skill for chat in evaluation_chats(Draw(1, evaluation=True), 4)}
    assert {skill for skill, _, _ in rows} == skills
    assert [row for row in rows if int(row[2]) < 95] == []
