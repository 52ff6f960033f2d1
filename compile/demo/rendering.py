"""From chats to token ids, always through the checkpoint's own chat template."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from .chats import PARAMETERS, Chat, Message, training_chat
from .split import Draw, Words

# The prompt ends after an assistant header and, in the last turn, after the think mark that the template forces.
REPLY = re.compile(
    r"(?<=<\|im_start\|>assistant\n)((?:<think>\n\n</think>\n\n|<think>\n)?)(.*?<\|im_end\|>)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, and for each whether the model has to produce it."""

    ids: list[int]
    learnt: list[bool]


def tool_schema(tool: str) -> dict[str, object]:
    """The tool in the form that chat templates and servers take."""
    parameter = PARAMETERS[tool]
    parameters = {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}
    return {"type": "function", "function": {"name": tool, "parameters": parameters}}


def template_message(message: Message) -> dict[str, object]:
    """The message under the names the template reads."""
    fields: dict[str, object] = {"role": message.role, "content": message.content}
    if message.reasoning:
        fields["reasoning_content"] = message.reasoning
    if message.call:
        call = {"name": message.call.tool, "arguments": {message.call.parameter: message.call.value}}
        fields["tool_calls"] = [{"type": "function", "function": call}]
    return fields


def rendered(tokenizer: PreTrainedTokenizerFast, chat: Chat, *, ask: bool) -> str:
    """The chat's text: all of it, or with `ask` the prompt that waits for its last message."""
    text = tokenizer.apply_chat_template(
        [template_message(message) for message in (chat.messages[:-1] if ask else chat.messages)],
        tools=[tool_schema(tool) for tool in chat.tools] or None,
        tokenize=False,
        add_generation_prompt=ask,
        enable_thinking=chat.thinking,
    )
    assert isinstance(text, str)
    return text


def example(tokenizer: PreTrainedTokenizerFast, chat: Chat) -> Example:
    """The chat's ids; every assistant turn is learnt, from behind what the template puts there to its end mark."""
    text = rendered(tokenizer, chat, ask=False)
    ids: list[int] = []
    learnt: list[bool] = []

    def append(piece: str, learn: bool) -> None:
        piece_ids = tokenizer.encode(piece, add_special_tokens=False) if piece else []
        ids.extend(piece_ids)
        learnt.extend([learn] * len(piece_ids))

    end = 0
    for reply in REPLY.finditer(text):
        append(text[end : reply.start(2)], False)
        append(reply[2], True)
        end = reply.end()
    append(text[end:], False)
    return Example(ids, learnt)


def training_texts(tokenizer: PreTrainedTokenizerFast, seed: int, count: int) -> Iterator[str]:
    """Rendered training chats, for the BPE to learn its merges from."""
    draw = Draw(seed, evaluation=False, words=Words.PLAIN)
    for _ in range(count):
        yield rendered(tokenizer, training_chat(draw), ask=False)
