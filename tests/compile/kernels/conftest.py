"""Which of a test's cases run in Chromium too."""

from collections import defaultdict

import pytest

CASES = 3


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves a few cases of each test to Chromium, spread over all of them; wgpu runs every one.

    SwiftShader takes a second to compile a kernel, and three for one whose tiles are made for GPUs: of those one case.
    """
    cases: dict[tuple[str, bool], list[pytest.Item]] = defaultdict(list)
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec and "chromium_f32" in callspec.params.values():
            tuning = callspec.params.get("tuning")
            cases[item.nodeid.partition("[")[0], tuning is not None and tuning.name == "gpu"].append(item)
    left_out: set[pytest.Item] = set()
    for (_, for_gpus), group in cases.items():
        few = 1 if for_gpus else CASES
        if len(group) > few:
            left_out |= set(group) - {group[round((i + 1) * (len(group) - 1) / few)] for i in range(few)}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))
