"""The books of a benchmark: what the tokens of a call see."""

import pytest
from windowseat.site_builder.bench.work import Call


@pytest.mark.parametrize(("position", "tokens"), [(0, 1), (0, 16), (7, 5), (4000, 64)])
@pytest.mark.parametrize("past", [0, 3, 10, 4010, 9000])
def test_a_token_sees_itself_and_what_is_before_it(position: int, tokens: int, past: int) -> None:
    seen = sum(max(0, position + t + 1 - past) for t in range(tokens))
    assert Call(position, tokens).seen(past) == seen
