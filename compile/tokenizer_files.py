"""The text side of a checkpoint: the files that the browser needs, and the ids that end a turn."""

import json
from dataclasses import dataclass

from tokenizers import Tokenizer

from .checkpoint import Checkpoint
from .errors import UserError
from .hub import again


@dataclass(frozen=True, slots=True)
class TextFiles:
    """Files by name, and the ids of the tokens that end a turn."""

    files: dict[str, bytes]
    stop_tokens: list[int]


def read_text_files(checkpoint: Checkpoint, vocabulary: int) -> TextFiles:
    """The tokenizer, chat template and generation config; UserError when one that chats need is missing or wrong."""
    path = checkpoint.file("tokenizer.json")
    if path is None:
        raise UserError(f"{checkpoint.source} has no tokenizer.json; add the one of the model it was trained from.")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception for whatever it cannot read
        raise UserError(f"tokenizer.json of {checkpoint.source} cannot be read ({error}); {again(path)}.") from error
    highest = max(tokenizer.get_vocab().values(), default=0)
    if highest >= vocabulary:
        raise UserError(
            f"tokenizer.json of {checkpoint.source} has ids up to {highest}, but the model knows {vocabulary} tokens:"
            " the tokenizer belongs to another checkpoint."
        )
    template = checkpoint.chat_template()
    if template is None:
        raise UserError(
            f"{checkpoint.source} has no chat template (chat_template.jinja, or chat_template in"
            " tokenizer_config.json); choose the chat or instruct version of the model."
        )
    files = {"tokenizer.json": _compact(path.read_bytes()), "chat_template.jinja": template.encode()}
    for name in ("tokenizer_config.json", "generation_config.json"):
        if other := checkpoint.file(name):
            files[name] = other.read_bytes()
    return TextFiles(files, _stop_tokens(checkpoint, tokenizer, files))


def _stop_tokens(checkpoint: Checkpoint, tokenizer: Tokenizer, files: dict[str, bytes]) -> list[int]:
    """All of them: the model's config, its generation config and its tokenizer often disagree."""
    text = checkpoint.config.get("text_config")
    said = [checkpoint.config.get("eos_token_id"), text.get("eos_token_id") if isinstance(text, dict) else None]
    said.append(_json(files, "generation_config.json").get("eos_token_id"))
    token = _json(files, "tokenizer_config.json").get("eos_token")
    content = token.get("content") if isinstance(token, dict) else token
    said.append(tokenizer.token_to_id(content) if isinstance(content, str) else None)
    ids = {i for each in said for i in (each if isinstance(each, list) else [each]) if type(i) is int}
    if not ids:
        raise UserError(f"{checkpoint.source} names no eos_token_id anywhere; add one to generation_config.json.")
    return sorted(ids)


def _compact(tokenizer: bytes) -> bytes:
    """The same JSON without the white space: 6 of the 11 MB of Qwen 3.5's."""
    return json.dumps(json.loads(tokenizer), ensure_ascii=False, separators=(",", ":")).encode()


def _json(files: dict[str, bytes], name: str) -> dict[str, object]:
    try:
        content = json.loads(files.get(name, b"{}"))
    except ValueError as error:
        raise UserError(f"{name} is not JSON ({error}); fetch the file again.") from None
    return content if isinstance(content, dict) else {}
