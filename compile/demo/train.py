"""Makes the demo checkpoint from nothing: `python -m windowseat.compile.demo.train`.

The words to copy get harder from stage to stage. The last part of the last stage computes with 4-bit weights, so that
the model still answers after quantisation.
"""

import argparse
import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen3_5ForCausalLM

from .chats import training_chat
from .four_bits import quantised
from .model import CHECKPOINT, MAX_POSITIONS, demo_config, save_checkpoint
from .rendering import example, training_texts
from .split import Draw, Words
from .tokenizer import save_tokenizer, trained_tokenizer

# B rows, T tokens in a row
SEED = 20
TOKENIZER_CHATS = 20_000
ROWS = 8
ROW_TOKENS = 384
WARMUP_STEPS = 50
REPORT_EVERY = 50
SAVE_EVERY = 250
# Muon needs two thirds of the steps AdamW needs for the same loss; 1e-2 is too high for it here.
LEARNING_RATE = 3e-3
NOT_LEARNT = -100


@dataclass(frozen=True, slots=True)
class Stage:
    """A run with optimizers of its own, from the checkpoint that the stage before it wrote."""

    steps: int
    words: Words
    last_rate: float  # share of the learning rate left at the end, after a straight way down from first_rate
    first_rate: float = 1.0
    quantised_from: float = 1.0  # share of the steps after which the weights are 4-bit ones


STAGES = [
    Stage(steps=1000, words=Words.PLAIN, last_rate=1.0),
    Stage(steps=750, words=Words.CLUSTERS, last_rate=0.6325),
    Stage(steps=1500, words=Words.ANY, last_rate=0.265, quantised_from=0.933),
    Stage(steps=1250, words=Words.PIECES, first_rate=0.6, last_rate=0.02, quantised_from=0.4),
]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows full of chats, and which of their tokens the model has to produce."""

    ids: Tensor  # [B, T]
    labels: Tensor  # [B, T]


def batches(tokenizer: PreTrainedTokenizerFast, draw: Draw) -> Iterator[Batch]:
    """Endless batches: chats are packed into rows, with an end-of-text token after each."""
    separator = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    waiting = example(tokenizer, training_chat(draw))
    while True:
        ids = torch.full((ROWS, ROW_TOKENS), separator)
        labels = torch.full((ROWS, ROW_TOKENS), NOT_LEARNT)
        for row in range(ROWS):
            end = 0
            while end + len(waiting.ids) < ROW_TOKENS:
                chat = torch.tensor(waiting.ids)
                here = slice(end, end + len(chat))
                ids[row, here] = chat
                labels[row, here] = torch.where(torch.tensor(waiting.learnt), chat, NOT_LEARNT)
                end += len(chat) + 1
                waiting = example(tokenizer, training_chat(draw))
            while len(waiting.ids) >= ROW_TOKENS:
                waiting = example(tokenizer, training_chat(draw))
        yield Batch(ids, labels)


def optimizers(model: Qwen3_5ForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the embedding, the convolutions and the vectors."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in model.named_parameters():
        (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=LEARNING_RATE, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def learning_rate(stage: Stage, step: int) -> float:
    """A short rise, then a straight way down."""
    rise = min(1.0, (step + 1) / WARMUP_STEPS)
    fall = stage.first_rate + (stage.last_rate - stage.first_rate) * step / stage.steps
    return LEARNING_RATE * rise * fall


def new_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Trains the tokenizer, writes it beside the chat template and reads it back as transformers does."""
    template = (CHECKPOINT / "chat_template.jinja").read_text(encoding="utf-8")
    renderer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=template)
    save_tokenizer(trained_tokenizer(training_texts(renderer, SEED, TOKENIZER_CHATS)), folder, MAX_POSITIONS)
    if folder != CHECKPOINT:
        shutil.copy(CHECKPOINT / "chat_template.jinja", folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


def train(folder: Path, stages: range) -> None:
    """Runs these of the STAGES in turn; each begins from what lies in the folder, the first one from nothing."""
    torch.manual_seed(SEED)
    torch.set_flush_denormal(True)
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for number in stages:
        if number == 0:
            tokenizer = new_tokenizer(folder)
            model = Qwen3_5ForCausalLM(demo_config(tokenizer))
        else:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model = Qwen3_5ForCausalLM.from_pretrained(folder, dtype=torch.float32)
        draw = Draw(SEED + 1 + number, evaluation=False, words=STAGES[number].words)
        run(model.to(device).train(), tokenizer, batches(tokenizer, draw), STAGES[number], folder)


def run(
    model: Qwen3_5ForCausalLM, tokenizer: PreTrainedTokenizerFast, source: Iterator[Batch], stage: Stage, folder: Path
) -> None:
    """Trains for the steps of one stage and writes the checkpoint, also on the way."""
    chosen = optimizers(model)
    started, total = time.monotonic(), 0.0
    for step, batch in zip(range(stage.steps), source, strict=False):
        for group in (group for optimizer in chosen for group in optimizer.param_groups):
            group["lr"] = learning_rate(stage, step)
        with quantised(model) if step >= stage.quantised_from * stage.steps else nullcontext():
            total += backward(model, batch)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in chosen:
            optimizer.step()
            optimizer.zero_grad()
        if (step + 1) % REPORT_EVERY == 0:
            speed = (step + 1) * ROWS * ROW_TOKENS / (time.monotonic() - started)
            print(f"step {step + 1} loss {total / REPORT_EVERY:.4f} tokens/s {speed:.0f}", flush=True)
            total = 0.0
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == stage.steps:
            save_checkpoint(model, tokenizer, folder)


def backward(model: Qwen3_5ForCausalLM, batch: Batch) -> float:
    """Adds one batch's gradients and returns its loss; only positions before a token to learn reach the head."""
    labels = batch.labels[:, 1:].to(model.device)
    learnt = labels != NOT_LEARNT
    with torch.autocast(model.device.type, torch.bfloat16):
        hidden = model.model(input_ids=batch.ids.to(model.device), use_cache=False).last_hidden_state  # [B, T, D]
        logits = model.lm_head(hidden[:, :-1][learnt])
    loss = cross_entropy(logits.float(), labels[learnt])
    torch.autograd.backward(loss)
    return float(loss.detach())


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=CHECKPOINT)
    parser.add_argument("--from-stage", type=int, default=0, help="continue from the output folder at this stage")
    arguments = parser.parse_args()
    train(arguments.output, range(arguments.from_stage, len(STAGES)))


if __name__ == "__main__":
    main()
