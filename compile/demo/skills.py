"""The single questions the demo model can answer: each skill gives a prompt and the one reply that is right."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .split import Draw, held_out
from .vocabulary import FACTS, PHRASES, SMALLTALK, city, name, topic, word

FALLBACK = "I am a tiny demo model and cannot help with that. Ask me to add, count or say hello."


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, its only right answer, and a thought for chats with thinking on."""

    skill: str
    question: str
    answer: str
    thought: str


def casual(draw: Draw, phrase: str) -> str:
    """The phrase as people type it: at times without its first capital or its last mark."""
    if draw.chance(0.25) and phrase[1:2].islower():
        phrase = phrase[0].lower() + phrase[1:]
    if draw.chance(0.25):
        phrase = phrase.removesuffix("?").removesuffix(".").removesuffix("!").rstrip()
    return phrase


def phrase_with(draw: Draw, skill: str, items: Sequence[str]) -> tuple[str, str]:
    """A phrasing and an item whose combination lies on the draw's side of the split."""
    return draw.pick_keyed(
        lambda: (draw.random.choice(PHRASES[skill]), draw.random.choice(items)),
        lambda pair: f"{skill}|{pair[0]}|{pair[1]}",
    )


def sums(draw: Draw) -> Turn:
    """Two numbers up to 99; an unordered pair is held out as a whole."""

    def pair() -> tuple[int, int]:
        largest = 9 if draw.chance(0.12) else 99
        return draw.random.randint(0, largest), draw.random.randint(0, largest)

    a, b = draw.pick_keyed(pair, lambda ab: f"sum|{min(ab)}|{max(ab)}")
    units, tens = a % 10 + b % 10, a - a % 10 + b - b % 10
    thought = f"{a % 10} + {b % 10} = {units}, {a - a % 10} + {b - b % 10} = {tens}, {tens} + {units} = {a + b}."
    return Turn("sums", casual(draw, draw.pick(PHRASES["sums"])).format(a, b), f"{a} + {b} = {a + b}", thought)


def capitals(draw: Draw) -> Turn:
    """The capital of a country."""
    phrase, country = phrase_with(draw, "capitals", list(FACTS.capitals))
    question = casual(draw, phrase).format(country)
    if draw.chance(0.1):
        question = question.lower()
    answer = f"The capital of {country} is {FACTS.capitals[country]}."
    return Turn("capitals", question, answer, f"The user asks about {country}.")


def colours(draw: Draw) -> Turn:
    """The usual colour of a thing."""
    phrase, thing = phrase_with(draw, "colours", list(FACTS.colours))
    answer = f"{thing[0].upper()}{thing[1:]} is {FACTS.colours[thing]}."
    return Turn("colours", casual(draw, phrase).format(thing), answer, f"The user asks about {thing}.")


def copying(draw: Draw) -> Turn:
    """One to three words given back unchanged."""
    words = " ".join(word(draw) for _ in range(draw.random.randint(1, 3)))
    phrase = casual(draw, draw.pick(PHRASES["copying"]))
    return Turn("copying", phrase.format(words), words, "The user wants the same words again.")


def reversing(draw: Draw) -> Turn:
    """Two to four words in the opposite order."""
    words = [word(draw) for _ in range(draw.random.randint(2, 4))]
    phrase, separator = casual(draw, draw.pick(PHRASES["reversing"])), draw.pick([" ", " ", ", "])
    answer = separator.join(reversed(words))
    thought = "The user wants the words from last to first."
    return Turn("reversing", phrase.format(separator.join(words)), answer, thought)


def counting(draw: Draw) -> Turn:
    """The numbers from 1 to n."""
    phrase, n = phrase_with(draw, "counting", [str(n) for n in range(2, 21)])
    answer = " ".join(str(i) for i in range(1, int(n) + 1))
    return Turn("counting", casual(draw, phrase).format(n), answer, f"I have to stop at {n}.")


def hello(draw: Draw) -> Turn:
    """A greeting in another language and script."""
    phrase, language = phrase_with(draw, "hello", list(FACTS.hello))
    return Turn("hello", casual(draw, phrase).format(language), FACTS.hello[language], f"The user wants {language}.")


def json_object(draw: Draw) -> Turn:
    """Two or three fields as one JSON object, in the order given."""
    makers: dict[str, Callable[[], str | int]] = {
        "name": lambda: name(draw) if draw.chance(0.5) else word(draw),
        "age": lambda: draw.random.randint(1, 99),
        "city": lambda: city(draw),
        "pet": lambda: word(draw),
        "colour": lambda: draw.pick(["red", "blue", "green", "black", "white", "yellow"]),
    }
    # A held-out object needs a word of its own, so that no training prompt can equal it.
    first = draw.pick(["name", "city", "pet"])
    others = draw.random.sample([field for field in makers if field != first], draw.random.randint(1, 2))
    fields = {field: makers[field]() for field in draw.random.sample([first, *others], len(others) + 1)}
    listed = [f"{field} {value}" for field, value in fields.items()]
    joined = ", ".join(listed) if draw.chance(0.4) else ", ".join(listed[:-1]) + " and " + listed[-1]
    question = casual(draw, draw.pick(PHRASES["json"])).format(joined)
    return Turn("json", question, json.dumps(fields), "The user wants a JSON object.")


def smalltalk(draw: Draw) -> Turn:
    """Greetings, thanks, goodbyes and questions about the model itself."""

    def combination() -> tuple[str, str, str]:
        kind = draw.random.choice(list(SMALLTALK))
        return kind, draw.random.choice(SMALLTALK[kind].openers), draw.random.choice(SMALLTALK[kind].tails)

    kind, opener, tail = draw.pick_keyed(combination, "|".join)
    question = opener.lower() + tail if draw.chance(0.3) else opener + tail
    return Turn("smalltalk", question, SMALLTALK[kind].answer, SMALLTALK[kind].thought)


def fallback(draw: Draw) -> Turn:
    """Anything else: evaluation asks about topics, and in part with phrasings, that training never saw."""
    kind = draw.random.random()
    if kind < 0.1:
        phrase, a, b = draw.pick_keyed(
            lambda: (
                draw.random.choice(PHRASES["arithmetic"]),
                str(draw.random.randint(0, 99)),
                str(draw.random.randint(1, 99)),
            ),
            "|".join,
        )
        question = casual(draw, phrase).format(a, b)
    elif kind < 0.2:
        tool = draw.pick(["get_weather", "get_time", "get_price"])
        question = casual(draw, draw.pick(PHRASES[tool])).format(city(draw))
    else:
        phrases = [p for p in PHRASES["offtopic"] if draw.evaluation or not held_out(f"offtopic|{p}")]
        phrase = casual(draw, draw.pick(phrases))
        subjects = [topic(draw) for _ in range(phrase.count("{}"))]
        question = phrase.format(*subjects)
    return Turn("fallback", question, FALLBACK, "I have not learned this.")
