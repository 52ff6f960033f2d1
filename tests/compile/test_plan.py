"""The check of a plan refuses each way in which it can be wrong."""

import pytest
from windowseat.compile.bundle import validate
from windowseat.compile.extent import PerTokens
from windowseat.compile.plan import PROGRAMS, Plan, PlanBuffer, PlanError, PlanKernel, Step, check, to_json

BUFFERS = (
    PlanBuffer("tokens", "io", 512),
    PlanBuffer("cache", "state", 0, 256),
    PlanBuffer("scratch.0", "scratch", 64),
    PlanBuffer("scratch.1", "scratch", 64),
)
KERNEL = PlanKernel("twice", "twice_kernel", "code", (("x", "read"), ("y", "read_write")), ("tokens",))


def plan(*decode: Step, prefill: tuple[Step, ...] = ()) -> Plan:
    programs = dict.fromkeys(PROGRAMS, ()) | {"prefill": prefill, "decode": decode}
    return Plan("base", BUFFERS, (KERNEL,), programs)


def step(x: str, y: str) -> Step:
    return Step(0, (x, y), (1, 1))


def refusal(wrong: Plan) -> str:
    with pytest.raises(PlanError) as caught:
        check(wrong, {"weight"})
    return str(caught.value)


def test_weights_io_state_and_what_was_written_before_may_be_read() -> None:
    check(
        plan(
            step("weight", "scratch.0"),
            step("scratch.0", "scratch.1"),
            step("tokens", "cache"),
            step("cache", "tokens"),
        ),
        {"weight"},
    )


def test_scratch_that_no_step_wrote_is_refused() -> None:
    assert refusal(plan(step("scratch.0", "scratch.1"))) == (
        "step 0 of decode (twice) reads 'scratch.0' before any step writes it"
    )


def test_scratch_that_a_later_step_writes_is_refused() -> None:
    wrong = plan(step("weight", "scratch.0"), step("scratch.1", "tokens"), step("weight", "scratch.1"))
    assert refusal(wrong) == "step 1 of decode (twice) reads 'scratch.1' before any step writes it"


def test_scratch_that_a_step_writes_only_in_some_calls_is_refused() -> None:
    sometimes = Step(0, ("weight", "scratch.0"), (1, 1), past=100)
    assert refusal(plan(sometimes, step("scratch.0", "tokens"))) == (
        "step 1 of decode (twice) reads 'scratch.0' before any step writes it"
    )


def test_scratch_that_another_program_wrote_is_refused() -> None:
    wrong = plan(step("scratch.0", "tokens"), prefill=(step("weight", "scratch.0"),))
    assert refusal(wrong) == "step 0 of decode (twice) reads 'scratch.0' before any step writes it"


def test_a_name_that_nothing_has_is_refused() -> None:
    assert refusal(plan(step("nothing", "tokens"))) == (
        "step 0 of decode (twice) binds 'nothing', which is neither a buffer nor a weight"
    )


def test_writing_a_weight_is_refused() -> None:
    assert refusal(plan(step("tokens", "weight"))) == "step 0 of decode (twice) writes the weight 'weight'"


def test_reading_what_the_same_step_writes_is_refused() -> None:
    assert refusal(plan(step("cache", "cache"))) == (
        "step 0 of decode (twice) binds 'cache' for writing and once more: WebGPU refuses that"
    )


@pytest.mark.parametrize("bound", [("tokens",), ("tokens", "cache", "weight")])
def test_another_number_of_buffers_than_the_kernel_has_is_refused(bound: tuple[str, ...]) -> None:
    assert refusal(plan(Step(0, bound, (1, 1)))) == (
        f"step 0 of decode (twice) binds {len(bound)} buffers; the kernel has 2"
    )


def test_the_written_form_follows_its_schema() -> None:
    steps = Step(0, ("weight", "tokens"), (PerTokens(8), 3)), Step(0, ("weight", "tokens"), (1, 1), past=4096)
    written = to_json(plan(*steps))
    validate(written, "plan")
    assert written["programs"] == {
        "prefill": [],
        "decode": [
            {"kernel": 0, "buffers": ["weight", "tokens"], "grid": [{"tokens_per_group": 8}, 3]},
            {"kernel": 0, "buffers": ["weight", "tokens"], "grid": [1, 1], "past": 4096},
        ],
        **{name: [] for name in PROGRAMS if name not in ("prefill", "decode")},
    }
