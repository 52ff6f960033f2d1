from pathlib import Path

import pytest
from jinja2.exceptions import TemplateError
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from windowseat.compile.demo.model import CHECKPOINT

Message = dict[str, object]

ASK: list[Message] = [{"role": "user", "content": "Hi"}]
TOOL = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
CALL = {"type": "function", "function": {"name": "get_time", "arguments": {"city": "Oslo", "days": 2}}}


@pytest.fixture(scope="module")
def renderer() -> PreTrainedTokenizerFast:
    template = Path(CHECKPOINT / "chat_template.jinja").read_text(encoding="utf-8")
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=template)


def render(renderer: PreTrainedTokenizerFast, messages: list[Message], **options: object) -> str:
    return str(renderer.apply_chat_template(messages, tokenize=False, **options))


def test_thinking_is_off_by_default(renderer: PreTrainedTokenizerFast) -> None:
    assert render(renderer, ASK, add_generation_prompt=True) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


def test_with_thinking_on_the_prompt_ends_inside_the_thought(renderer: PreTrainedTokenizerFast) -> None:
    text = render(renderer, ASK, add_generation_prompt=True, enable_thinking=True)
    assert text.endswith("<|im_start|>assistant\n<think>\n")


def test_the_last_answer_keeps_its_thought(renderer: PreTrainedTokenizerFast) -> None:
    text = render(renderer, [*ASK, {"role": "assistant", "content": "Hello!", "reasoning_content": "A greeting."}])
    assert text.endswith("<|im_start|>assistant\n<think>\nA greeting.\n</think>\n\nHello!<|im_end|>\n")


@pytest.mark.parametrize(
    "answer",
    [
        {"role": "assistant", "content": "Hello!"},
        {"role": "assistant", "content": "Hello!", "reasoning_content": "A greeting."},
        {"role": "assistant", "content": "<think>\nA greeting.\n</think>\n\nHello!"},
    ],
)
def test_earlier_answers_lose_their_thoughts(renderer: PreTrainedTokenizerFast, answer: Message) -> None:
    text = render(renderer, [*ASK, answer, *ASK])
    assert text == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    )


def test_there_is_no_default_system_turn_and_a_given_one_comes_first(renderer: PreTrainedTokenizerFast) -> None:
    text = render(renderer, [{"role": "system", "content": " Be kind. "}, *ASK])
    assert text == "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"


def test_tools_are_listed_one_json_a_line_before_the_system_text(renderer: PreTrainedTokenizerFast) -> None:
    text = render(renderer, [{"role": "system", "content": "Be kind."}, *ASK], tools=[TOOL, TOOL])
    line = '{"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}\n'
    assert text.startswith(f"<|im_start|>system\nYou can call:\n<tools>\n{line}{line}</tools>\n\nBe kind.<|im_end|>\n")


def test_a_call_and_its_results_are_written_as_qwen_does(renderer: PreTrainedTokenizerFast) -> None:
    call: Message = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    results: list[Message] = [{"role": "tool", "content": "12:00"}, {"role": "tool", "content": "13:00"}]
    text = render(renderer, [*ASK, call, *results], add_generation_prompt=True)
    assert text.partition("Hi<|im_end|>\n")[2] == (
        "<|im_start|>assistant\n<think>\n\n</think>\n\n<tool_call>\n<function=get_time>\n<parameter=city>\nOslo\n"
        "</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call><|im_end|>\n"
        "<|im_start|>user\n<tool_response>\n12:00\n</tool_response>\n<tool_response>\n13:00\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


def test_a_tool_response_in_a_user_turn_is_not_a_new_question(renderer: PreTrainedTokenizerFast) -> None:
    answer: Message = {"role": "assistant", "content": "", "reasoning_content": "I call.", "tool_calls": [CALL]}
    response: Message = {"role": "user", "content": "<tool_response>\n12:00\n</tool_response>"}
    assert "<think>\nI call.\n</think>" in render(renderer, [*ASK, answer, response])


def test_an_unknown_role_is_refused(renderer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(TemplateError, match="Unknown role: bot"):
        render(renderer, [{"role": "bot", "content": "Hi"}])


def test_a_late_system_message_is_refused(renderer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(TemplateError, match="can only be the first"):
        render(renderer, [*ASK, {"role": "system", "content": "Be kind."}])


def test_no_messages_are_refused(renderer: PreTrainedTokenizerFast) -> None:
    with pytest.raises((TemplateError, ValueError), match=r"no messages|empty conversation"):
        render(renderer, [])
