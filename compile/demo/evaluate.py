"""Asks a checkpoint questions it never saw, in f16 and in 4 bits, and writes the table into its card.

`python -m windowseat.compile.demo.evaluate [CHECKPOINT] [--count 100]` fails when a skill is under 95 % in 4 bits.
"""

import argparse
import sys
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen3_5ForCausalLM

from .chats import Chat, evaluation_chats
from .four_bits import quantised
from .model import CHECKPOINT
from .rendering import rendered
from .split import Draw

SEED = 2026
REQUIRED = 0.95
ROWS_AT_ONCE = 64
START, END = "<!-- accuracy -->", "<!-- /accuracy -->"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a chat should end with and what the model said."""

    chat: Chat
    prompt: str
    expected: str
    said: str

    @property
    def right(self) -> bool:
        """Whether the reply is the expected one, letter by letter; a thought only has to be there and to end."""
        if self.chat.thinking:
            thought, mark, reply = self.said.partition("\n</think>\n\n")
            return bool(thought and mark) and reply == self.expected.partition("\n</think>\n\n")[2]
        return self.said == self.expected


def answers(model: Qwen3_5ForCausalLM, tokenizer: PreTrainedTokenizerFast, chats: list[Chat]) -> list[Answer]:
    """The model's greedy replies; prompts of one length go together, as padding would enter the recurrent state."""
    prompts = [rendered(tokenizer, chat, ask=True) for chat in chats]
    expected = [
        rendered(tokenizer, chat, ask=False)[len(prompt) :].strip() for chat, prompt in zip(chats, prompts, strict=True)
    ]
    ids = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
    longest = 8 + max(len(tokenizer.encode(text, add_special_tokens=False)) for text in expected)
    by_length: dict[int, list[int]] = defaultdict(list)
    for i, prompt_ids in enumerate(ids):
        by_length[len(prompt_ids)].append(i)
    said = [""] * len(chats)
    for same in by_length.values():
        for first in range(0, len(same), ROWS_AT_ONCE):
            rows = same[first : first + ROWS_AT_ONCE]
            inputs = torch.tensor([ids[i] for i in rows])
            output = model.generate(
                input_ids=inputs,
                attention_mask=torch.ones_like(inputs),
                max_new_tokens=longest,
                do_sample=False,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
            for i, row in zip(rows, output[:, inputs.shape[1] :].tolist(), strict=True):
                text, mark, _ = tokenizer.decode(row).partition("<|im_end|>")
                said[i] = text + mark
    return [Answer(*parts) for parts in zip(chats, prompts, expected, said, strict=True)]


def accuracies(graded: list[Answer]) -> dict[str, float]:
    """The share of right answers by skill."""
    by_skill: dict[str, list[bool]] = defaultdict(list)
    for answer in graded:
        by_skill[answer.chat.skill].append(answer.right)
    return {skill: sum(right) / len(right) for skill, right in by_skill.items()}


def table(f16: dict[str, float], q4: dict[str, float], count: int) -> str:
    """The accuracies as a Markdown table."""
    lines = [f"Share of right answers to {count} held-out prompts a skill, greedy:", "", "| skill | f16 | q4 |"]
    lines += ["|---|---:|---:|", *(f"| {skill} | {f16[skill]:.0%} | {q4[skill]:.0%} |" for skill in f16)]
    return "\n".join(lines)


def write_into_card(card: Path, text: str) -> None:
    """Puts the table between the card's two marks."""
    before, _, rest = card.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    card.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Reads the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, nargs="?", default=CHECKPOINT)
    parser.add_argument("--count", type=int, default=100, help="prompts a skill")
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.checkpoint)
    model = Qwen3_5ForCausalLM.from_pretrained(arguments.checkpoint, dtype=torch.float32).eval()
    chats = evaluation_chats(Draw(SEED, evaluation=True), arguments.count)
    results = []
    for inside in (nullcontext(), quantised(model)):
        with inside, torch.no_grad():
            graded = answers(model, tokenizer, chats)
        for answer in [answer for answer in graded if not answer.right][:60]:
            print(f"{answer.chat.skill}: {answer.prompt[-60:]!r}\n  {answer.expected!r}\n  {answer.said!r}")
        results.append(accuracies(graded))
    f16, q4 = results
    print(table(f16, q4, arguments.count))
    if (card := arguments.checkpoint / "README.md").exists():
        write_into_card(card, table(f16, q4, arguments.count))
    return 1 if min(q4.values()) < REQUIRED else 0


if __name__ == "__main__":
    sys.exit(main())
