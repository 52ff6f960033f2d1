"""What the tests of the runtime share."""

import pytest

from tests.web.toy_site import ToySite, write_toy_site


@pytest.fixture(scope="session")
def toy_site(node: str, tmp_path_factory: pytest.TempPathFactory) -> ToySite:
    """The scripts and the toy bundle in a folder; a test that changes something takes a copy."""
    return write_toy_site(node, tmp_path_factory.mktemp("browser"))
