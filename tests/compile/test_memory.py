"""Scratch values share buffers when their lifetimes allow it, and only then."""

from windowseat.compile.memory import place


def test_values_of_one_launch_never_share() -> None:
    placed, buffers = place({"p": [["a", "b"], ["b", "c"]]}, {("p", "a"): 4, ("p", "b"): 4, ("p", "c"): 4})
    assert len({placed["p", "a"], placed["p", "b"]}) == 2
    assert len({placed["p", "b"], placed["p", "c"]}) == 2
    assert buffers == [4, 4]


def test_a_value_is_kept_until_its_last_use() -> None:
    uses = [["a"], ["b"], ["a", "c"]]
    placed, buffers = place({"p": uses}, {("p", "a"): 4, ("p", "b"): 4, ("p", "c"): 4})
    assert placed == {("p", "a"): 0, ("p", "b"): 1, ("p", "c"): 1}
    assert buffers == [4, 4]


def test_a_buffer_grows_to_its_largest_value() -> None:
    placed, buffers = place({"p": [["a"], ["b"], ["c"]]}, {("p", "a"): 4, ("p", "b"): 100, ("p", "c"): 8})
    assert set(placed.values()) == {0}
    assert buffers == [100]


def test_the_smallest_buffer_that_fits_is_taken() -> None:
    sizes = {("p", "large"): 100, ("p", "small"): 10, ("p", "next"): 8}
    placed, buffers = place({"p": [["large", "small"], ["next"]]}, sizes)
    assert placed["p", "next"] == placed["p", "small"]
    assert buffers == [100, 10]


def test_programs_share_everything() -> None:
    uses = {"prefill": [["a", "b"]], "decode": [["a"], ["c"]]}
    sizes = {("prefill", "a"): 64, ("prefill", "b"): 32, ("decode", "a"): 4, ("decode", "c"): 4}
    placed, buffers = place(uses, sizes)
    assert buffers == [64, 32]
    assert {placed["decode", "a"], placed["decode", "c"]} <= {0, 1}


def test_a_name_may_have_another_size_in_another_program() -> None:
    placed, buffers = place({"decode": [["a"]], "prefill": [["a"]]}, {("decode", "a"): 4, ("prefill", "a"): 64})
    assert placed == {("decode", "a"): 0, ("prefill", "a"): 0}
    assert buffers == [64]


def test_no_launches_need_no_buffers() -> None:
    assert place({"p": []}, {}) == ({}, [])
