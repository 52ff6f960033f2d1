import pytest
from windowseat.compile.demo.chats import Chat, evaluation_chats, training_chat
from windowseat.compile.demo.split import Draw, Words, held_out

NEEDS_A_NAME_TO_TELL_APART = {"recall", "stranger"}


def training_chats(seed: int, count: int, words: Words = Words.ANY) -> list[Chat]:
    draw = Draw(seed, evaluation=False, words=words)
    return [training_chat(draw) for _ in range(count)]


def conversation(chat: Chat) -> str:
    return "\n".join(message.content for message in chat.messages if message.role == "user")


def questions(chat: Chat) -> set[str]:
    return {message.content for message in chat.messages if message.role == "user"}


def test_the_same_seed_gives_the_same_chats() -> None:
    assert training_chats(3, 50) == training_chats(3, 50)


def test_another_seed_gives_other_chats() -> None:
    assert training_chats(3, 50) != training_chats(4, 50)


def test_evaluation_covers_every_skill_with_the_number_asked_for() -> None:
    skills = [chat.skill for chat in evaluation_chats(Draw(1, evaluation=True), 8)]
    assert all(skills.count(skill) == 8 for skill in set(skills) - {"mixed conversation"})
    assert {"sums", "recall", "tool call", "tool answer", "thinking, sums", "fallback", "mixed conversation"} <= {
        *skills
    }


@pytest.mark.parametrize("words", list(Words))
def test_no_evaluated_question_occurs_in_training(words: Words) -> None:
    seen = set().union(*(questions(chat) for chat in training_chats(5, 3_000, words)))
    asked = [chat for chat in evaluation_chats(Draw(1, evaluation=True), 50) if "tool" not in chat.skill]
    asked = [chat for chat in asked if chat.skill not in NEEDS_A_NAME_TO_TELL_APART]
    assert [chat.messages[-2].content for chat in asked if chat.messages[-2].content in seen] == []


@pytest.mark.parametrize("words", list(Words))
def test_no_evaluated_conversation_about_a_name_or_a_tool_occurs_in_training(words: Words) -> None:
    seen = {conversation(chat) for chat in training_chats(6, 3_000, words)}
    asked = [conversation(chat) for chat in evaluation_chats(Draw(1, evaluation=True), 50)]
    assert [text for text in asked if text in seen] == []


@pytest.mark.parametrize(("key", "expected"), [("sum|47|85", False), ("sum|8|77", True)])
def test_the_split_never_changes(key: str, expected: bool) -> None:
    assert held_out(key) is expected


def test_about_one_key_in_ten_is_held_out() -> None:
    assert 900 < sum(held_out(f"key {i}") for i in range(10_000)) < 1100
