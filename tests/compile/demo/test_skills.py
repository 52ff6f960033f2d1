import json
import re

import pytest
from windowseat.compile.demo import skills
from windowseat.compile.demo.split import Draw


@pytest.fixture(params=[False, True], ids=["training", "evaluation"])
def draw(request: pytest.FixtureRequest) -> Draw:
    return Draw(7, evaluation=request.param)


def test_sums_are_right_and_so_are_the_thoughts_about_them(draw: Draw) -> None:
    for _ in range(300):
        turn = skills.sums(draw)
        for left, right, total in re.findall(r"(\d+) \+ (\d+) = (\d+)", turn.answer + " " + turn.thought):
            assert int(left) + int(right) == int(total)


def test_copied_words_stand_in_the_question(draw: Draw) -> None:
    turns = [skills.copying(draw) for _ in range(100)]
    assert all(turn.answer in turn.question for turn in turns)


def test_reversing_the_answer_gives_the_list_of_the_question(draw: Draw) -> None:
    for _ in range(100):
        turn = skills.reversing(draw)
        separator = ", " if ", " in turn.answer else " "
        assert turn.question.endswith(separator.join(reversed(turn.answer.split(separator))))


def test_counting_stops_at_the_number_asked_for(draw: Draw) -> None:
    for _ in range(100):
        turn = skills.counting(draw)
        numbers = [int(number) for number in turn.answer.split()]
        assert numbers == list(range(1, int(re.findall(r"\d+", turn.question)[-1]) + 1))


def test_json_answers_parse_and_use_the_values_of_the_question(draw: Draw) -> None:
    for _ in range(100):
        turn = skills.json_object(draw)
        assert all(f"{field} {value}" in turn.question for field, value in json.loads(turn.answer).items())


def test_hello_is_said_in_at_least_ten_languages() -> None:
    draw = Draw(7, evaluation=False)
    assert len({skills.hello(draw).answer for _ in range(500)}) >= 10
