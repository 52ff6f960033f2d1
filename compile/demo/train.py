"""Makes the demo checkpoint from nothing: `python -m windowseat.compile.demo.train`.

The last part of the run computes with 4-bit weights, so that the model still answers after quantisation.
"""

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen3_5ForCausalLM

from .chats import training_chat
from .four_bits import quantised
from .model import CHECKPOINT, MAX_POSITIONS, demo_config, save_checkpoint
from .rendering import example, training_texts
from .split import Draw
from .tokenizer import save_tokenizer, trained_tokenizer

# B rows, T tokens in a row
SEED = 20
TOKENIZER_CHATS = 20_000
STEPS = 5000
ROWS = 8
ROW_TOKENS = 384
WARMUP_STEPS = 50
DECAY_FROM = 0.2
QUANTISED_FROM = 0.72
LAST_RATE = 0.02
# Muon needs two thirds of the steps AdamW needs for the same loss; 1e-2 is too high for it here.
LEARNING_RATE = 3e-3
NOT_LEARNT = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows full of chats, and which of their tokens the model has to produce."""

    ids: Tensor  # [B, T]
    labels: Tensor  # [B, T]


def batches(tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[Batch]:
    """Endless batches: chats are packed into rows, with an end-of-text token after each."""
    draw = Draw(seed, evaluation=False)
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


def learning_rate(step: int, steps: int) -> float:
    """A short rise, a plateau, then a straight way down."""
    rise = min(1.0, (step + 1) / WARMUP_STEPS)
    fall = min(1.0, (1 - step / steps) / (1 - DECAY_FROM))
    return LEARNING_RATE * rise * (LAST_RATE + (1 - LAST_RATE) * fall)


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


def train(folder: Path, steps: int, report_every: int) -> None:
    """Trains for this many steps and writes the checkpoint, also every 500 steps on the way."""
    torch.manual_seed(SEED)
    torch.set_flush_denormal(True)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = new_tokenizer(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Qwen3_5ForCausalLM(demo_config(tokenizer)).to(device)
    chosen = optimizers(model)
    started, total = time.monotonic(), 0.0
    for step, batch in zip(range(steps), batches(tokenizer, SEED + 1), strict=False):
        for group in (group for optimizer in chosen for group in optimizer.param_groups):
            group["lr"] = learning_rate(step, steps)
        if step < QUANTISED_FROM * steps:
            total += backward(model, batch, device)
        else:
            with quantised(model):
                total += backward(model, batch, device)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in chosen:
            optimizer.step()
            optimizer.zero_grad()
        if (step + 1) % report_every == 0:
            speed = (step + 1) * ROWS * ROW_TOKENS / (time.monotonic() - started)
            print(f"step {step + 1} loss {total / report_every:.4f} tokens/s {speed:.0f}", flush=True)
            total = 0.0
        if (step + 1) % 500 == 0 or step + 1 == steps:
            save_checkpoint(model, tokenizer, folder)


def backward(model: torch.nn.Module, batch: Batch, device: str) -> float:
    """Adds one batch's gradients and returns its loss."""
    with torch.autocast(device, torch.bfloat16):
        loss = model(input_ids=batch.ids.to(device), labels=batch.labels.to(device), use_cache=False).loss
    loss.backward()
    return float(loss.detach())


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=CHECKPOINT)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    train(arguments.output, arguments.steps, report_every=50)


if __name__ == "__main__":
    main()
