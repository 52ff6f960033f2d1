from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.compile.errors import UserError
from windowseat.site_builder import headers
from windowseat.site_builder.offers import Offer, offers

LIST = """
[[model]]
name = "second"
label = "Quick"
prompts = ["What is a harbour?"]
address = "https://models.example/second"

[[model]]
name = "first"
"""


@pytest.fixture
def models(make_bundle: Callable[[str], Path]) -> Path:
    """A folder of three models."""
    for name in ("first", "second"):
        make_bundle(name)
    return make_bundle("third").parent


@pytest.fixture
def make_list(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a list of models."""

    def write(text: str) -> Path:
        path = tmp_path / "models.toml"
        path.write_text(text)
        return path

    return write


def names(offered: list[Offer]) -> list[str]:
    """The models' names, in order."""
    return [offer.bundle.name for offer in offered]


def test_all_models_are_offered_unless_some_are_named(models: Path) -> None:
    assert names(offers(models)) == ["first", "second", "third"]
    assert names(offers(models, ["third", "first"])) == ["third", "first"]


def test_a_model_that_is_not_named_may_be_broken(models: Path) -> None:
    (models / "second" / "bundle.json").write_text("{")
    assert names(offers(models, ["third"])) == ["third"]


@pytest.mark.parametrize("name", ["fourth", "first/", "../models/first"])
def test_a_name_that_no_model_has_is_told_with_the_names_that_there_are(models: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"no compiled model '{name}' in .*, which has first, second, third"):
        offers(models, [name])


def test_a_list_decides_order_label_prompts_and_address(models: Path, make_list: Callable[[str], Path]) -> None:
    second, first = offers(models, listed=make_list(LIST))
    assert (second.label, second.prompts) == ("Quick", ("What is a harbour?",))
    assert (second.address, second.origin) == ("https://models.example/second/", "https://models.example")
    assert (first.label, first.address, first.origin) == ("first", "models/first/", None)


def test_names_choose_from_a_list(models: Path, make_list: Callable[[str], Path]) -> None:
    (second,) = offers(models, ["second"], make_list(LIST))
    assert second.label == "Quick"


def test_a_page_may_connect_to_the_hosts_of_its_models_and_to_no_other(
    models: Path, make_list: Callable[[str], Path]
) -> None:
    origins = [offer.origin for offer in offers(models, listed=make_list(LIST)) if offer.origin]
    assert "connect-src 'self' https://models.example;" in headers.policy(origins)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[model]", "is not TOML"),
        ("", "must be a list of models"),
        ("model = []", "must be a list of models"),
        ("model = [3]", "model 1 of .* is 3; it must begin with a line"),
        ('[[model]]\nname = "first"\n[[model]]\nname = "first"', "has 'first' twice; list each model once"),
        ('[[model]]\nlabel = "x"', "model 1 of .* has no name"),
        ('[[model]]\nname = "first"\nsize = 3', "has 'size'; a model has name, label, prompts, address"),
        ('[[model]]\nname = "first"\nprompts = "hi"', "must be a list of texts"),
        ('[[model]]\nname = "first"\nlabel = 3', "has 3 as its label; it must be a text"),
        ('[[model]]\nname = "first"\naddress = "models/first"', "must begin with https://"),
        ('[[model]]\nname = "first"\naddress = "https://[bad"', "must begin with https://"),
        ('[[model]]\nname = "first"\naddress = "https://a;script-src *"', "must begin with https://"),
        ('[[model]]\nname = "fourth"', "no compiled model 'fourth' in .*, which has first, second, third"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(
    models: Path, make_list: Callable[[str], Path], text: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        offers(models, listed=make_list(text))
