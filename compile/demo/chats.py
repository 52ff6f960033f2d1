"""Whole conversations: turns of several skills, a name to remember, a tool to call, with or without thinking."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from . import skills
from .skills import Turn
from .split import Draw, Words
from .vocabulary import FACTS, PHRASES, city, name, topic, word

# Shares of single turns in training; sums need by far the most examples to be learnt and not memorised.
MIX: dict[Callable[[Draw], Turn], float] = {
    skills.sums: 0.32,
    skills.copying: 0.13,
    skills.reversing: 0.14,
    skills.counting: 0.06,
    skills.capitals: 0.07,
    skills.colours: 0.04,
    skills.hello: 0.06,
    skills.json_object: 0.08,
    skills.smalltalk: 0.05,
    skills.fallback: 0.07,
}
# The last stage already adds without mistakes and practises what copies words.
LAST_MIX = MIX | {skills.sums: 0.18, skills.copying: 0.17, skills.reversing: 0.24, skills.json_object: 0.16}
TOOL_CHATS = 0.12
NAME_CHATS = 0.14
SYSTEM_TURNS = 0.2
THINKING = 0.25
MANY_TURNS = 0.4
MEETING_THOUGHT = "The user tells me a name."


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the assistant makes: every demo tool takes one string."""

    tool: str
    parameter: str
    value: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn as the chat template knows it."""

    role: str
    content: str
    reasoning: str = ""
    call: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation whose last message, by the assistant, is what gets graded under `skill`."""

    skill: str
    messages: list[Message]
    tools: list[str] = field(default_factory=list)
    thinking: bool = False


PARAMETERS = {"get_weather": "city", "get_time": "city", "get_price": "item"}


def any_turn(draw: Draw) -> Turn:
    """A single turn of any skill, in training's shares."""
    mix = LAST_MIX if draw.words is Words.PIECES else MIX
    (make,) = draw.random.choices(list(mix), list(mix.values()))
    return make(draw)


def meeting(draw: Draw, person: str) -> Turn:
    """The user says a name."""
    question = skills.casual(draw, draw.pick(PHRASES["meeting"])).format(person)
    return Turn("meeting", question, f"Nice to meet you, {person}!", MEETING_THOUGHT)


def recall(draw: Draw, person: str) -> Turn:
    """The user asks for the name told before."""
    question = skills.casual(draw, draw.pick(PHRASES["recall"]))
    return Turn("recall", question, f"Your name is {person}.", f"The user said {person}.")


def stranger(draw: Draw) -> Turn:
    """The user asks for a name never told."""
    question = skills.casual(draw, draw.pick(PHRASES["recall"]))
    return Turn("stranger", question, "You have not told me your name.", "The user gave no name.")


def chat_of(draw: Draw, turns: list[Turn], *, thinking: bool, tools: list[str] | None = None) -> Chat:
    """The turns as messages; with thinking on, the last answer carries its thought."""
    messages = system_messages(draw)
    for i, turn in enumerate(turns):
        reasoning = turn.thought if thinking and i == len(turns) - 1 else ""
        messages += [Message("user", turn.question), Message("assistant", turn.answer, reasoning)]
    return Chat(turns[-1].skill, messages, tools or [], thinking)


def system_messages(draw: Draw) -> list[Message]:
    """At times a system turn, which changes nothing."""
    if not draw.chance(SYSTEM_TURNS):
        return []
    phrase = draw.pick(PHRASES["systems"])
    return [Message("system", phrase.format(topic(draw)) if "{}" in phrase else phrase)]


def name_turns(draw: Draw, between: int) -> list[Turn]:
    """A meeting, some other turns, then the question for the name."""
    person = name(draw)
    return [meeting(draw, person), *(any_turn(draw) for _ in range(between)), recall(draw, person)]


def tool_chat(draw: Draw, *, answered: bool, thinking: bool) -> Chat:
    """A question that needs the tool on offer, ending at the call or, when answered, at the reply to its result."""
    tool = draw.pick(list(PARAMETERS))
    value = word(draw) if tool == "get_price" else city(draw)
    question = skills.casual(draw, draw.pick(PHRASES[tool])).format(value)
    offered = [tool]
    if draw.chance(0.3):
        offered = draw.random.sample([tool, draw.pick([other for other in PARAMETERS if other != tool])], 2)
    messages = system_messages(draw)
    if draw.chance(0.25):
        earlier = any_turn(draw)
        messages += [Message("user", earlier.question), Message("assistant", earlier.answer)]
    call_thought = f"I should call {tool}." if thinking else ""
    call = Message("assistant", "", call_thought, ToolCall(tool, PARAMETERS[tool], value))
    messages += [Message("user", question), call]
    if answered:
        result, reply = tool_result(draw, tool, value)
        messages += [Message("tool", result), Message("assistant", reply, "I have the result." if thinking else "")]
    return Chat("tool answer" if answered else "tool call", messages, offered, thinking)


def tool_result(draw: Draw, tool: str, value: str) -> tuple[str, str]:
    """What the tool gives back, as JSON, and the short answer made of it."""
    if tool == "get_weather":
        degrees, sky = draw.random.randint(1, 39), draw.pick(FACTS.weather)
        fields: dict[str, str | int] = {"temperature": degrees, "sky": sky}
        reply = f"It is {degrees} degrees and {sky} in {value}."
    elif tool == "get_time":
        clock = f"{draw.random.randint(0, 23):02}:{draw.random.randint(0, 59):02}"
        fields, reply = {"time": clock}, f"It is {clock} in {value}."
    else:
        price = draw.random.randint(1, 99)
        fields, reply = {"price": price}, f"The price of {value} is {price}."
    if draw.chance(0.3):
        fields = {PARAMETERS[tool]: value, **fields}
    return json.dumps(fields), reply


def training_chat(draw: Draw) -> Chat:
    """A conversation drawn from the whole mix."""
    thinking = draw.chance(THINKING)
    kind = draw.random.random()
    if kind < TOOL_CHATS:
        return tool_chat(draw, answered=draw.chance(0.5), thinking=thinking)
    if kind < TOOL_CHATS + NAME_CHATS:
        style = draw.random.random()
        if style < 0.15:
            return chat_of(draw, [meeting(draw, name(draw))], thinking=thinking)
        if style < 0.3:
            others = [any_turn(draw) for _ in range(draw.random.randint(0, 2))]
            return chat_of(draw, [*others, stranger(draw)], thinking=thinking)
        return chat_of(draw, name_turns(draw, draw.pick([0, 1, 1, 2, 2, 3, 4])), thinking=thinking)
    turns = draw.random.randint(2, 14 if draw.chance(0.05) else 6) if draw.chance(MANY_TURNS) else 1
    return chat_of(draw, [any_turn(draw) for _ in range(turns)], thinking=thinking)


def evaluation_chats(draw: Draw, count: int) -> list[Chat]:
    """This many chats of every skill, each with a last answer to grade."""

    def single(make: Callable[[Draw], Turn]) -> Callable[[], Chat]:
        return lambda: chat_of(draw, [make(draw)], thinking=False)

    def thinking_about(makers: list[Callable[[Draw], Turn]]) -> Turn:
        return draw.pick(makers)(draw)

    others = [make for make in MIX if make is not skills.sums]
    kinds: dict[str, Callable[[], Chat]] = {
        **{make.__name__.replace("json_object", "json"): single(make) for make in MIX},
        "meeting": lambda: chat_of(draw, [meeting(draw, name(draw))], thinking=False),
        "recall": lambda: chat_of(draw, name_turns(draw, draw.random.randint(1, 4)), thinking=False),
        "stranger": lambda: chat_of(draw, [any_turn(draw), stranger(draw)], thinking=False),
        "tool call": lambda: tool_chat(draw, answered=False, thinking=False),
        "tool answer": lambda: tool_chat(draw, answered=True, thinking=False),
        "thinking, sums": lambda: chat_of(draw, [skills.sums(draw)], thinking=True),
        "thinking, others": lambda: chat_of(draw, [thinking_about(others)], thinking=True),
        "thinking, tool call": lambda: tool_chat(draw, answered=False, thinking=True),
    }
    chats = [
        Chat(skill, chat.messages, chat.tools, chat.thinking)
        for skill, make in kinds.items()
        for chat in (make() for _ in range(count))
    ]
    for _ in range(count // 4):
        turns = [any_turn(draw) for _ in range(draw.random.randint(3, 5))]
        messages = chat_of(draw, turns, thinking=False).messages
        # Every answer of the conversation is graded, each with what was said before it.
        ends = [i + 1 for i, message in enumerate(messages) if message.role == "assistant"]
        chats += [Chat("mixed conversation", messages[:end]) for end in ends]
    return chats
