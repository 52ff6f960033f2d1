"""What is said of a runtime that ends."""

from pathlib import Path

import pytest
from windowseat.compile.errors import UserError
from windowseat.site_builder.runtimes import NodeRuntime

THROWS = 'process.stdin.once("data", () => { throw new TypeError("there is no such thing"); });'


def test_what_node_threw_is_said_and_not_its_last_line(tmp_path: Path) -> None:
    driver = tmp_path / "driver.mjs"
    driver.write_text(THROWS)
    runtime = NodeRuntime(tmp_path, driver, {})
    runtime.start()
    try:
        with pytest.raises(UserError, match=r"^Node could not run the bundle: TypeError: there is no such thing$"):
            runtime.ask("adapter")
    finally:
        runtime.close()
