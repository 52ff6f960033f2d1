from pathlib import Path

import pytest
from windowseat.compile.errors import UserError
from windowseat.site_builder.icons import icons
from windowseat.site_builder.theme import default_theme, read_theme


def theme_file(folder: Path, text: str) -> Path:
    """A theme with this text."""
    path = folder / "theme.toml"
    path.write_text(text)
    return path


def test_a_theme_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    theme = read_theme(theme_file(tmp_path, 'name = "Harbour"\n[look]\naccent = ["navy", "skyblue"]\ncolumn = "50rem"'))
    assert (theme.name, theme.description) == ("Harbour", default_theme().description)
    assert theme.css() == ":root {\n  --accent: light-dark(navy, skyblue);\n  --column: 50rem;\n}\n"
    assert theme.colours("accent") == ("navy", "skyblue")
    assert theme.colours("paper") == default_theme().colours("paper") == ("#fbf8f2", "#141821")


def test_an_icon_lies_beside_its_theme(tmp_path: Path) -> None:
    (tmp_path / "harbour.svg").write_text("<svg/>")
    assert read_theme(theme_file(tmp_path, 'icon = "harbour.svg"')).icon == "<svg/>"


def test_an_icon_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "harbour.svg").write_bytes(b"\x89PNG\xff")
    with pytest.raises(UserError, match=r"harbour\.svg is not UTF-8"):
        read_theme(theme_file(tmp_path, 'icon = "harbour.svg"'))


def test_an_icon_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(UserError, match="the theme's icon cannot be drawn as SVG"):
        icons("a harbour", "white")


@pytest.mark.parametrize(
    ("paper", "drawn"),
    [("oklch(0.9 0.1 200)", "white"), ('"/><', "white"), ("rgb(250 240 230)", "linen"), ("#fff", "white")],
)
def test_icons_lie_on_paper_that_can_be_drawn(paper: str, drawn: str) -> None:
    assert icons(default_theme().icon, paper) == icons(default_theme().icon, drawn)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "is not TOML"),
        ('colour = "red"', "has 'colour'; a theme has name, description, icon, look, texts"),
        ('name = ""', "has '' as its name; it must be a text"),
        ('icon = "none.svg"', "it must be an SVG file beside the theme"),
        ('[texts.tlh]\ntagline = "nuqneH"', "has texts for 'tlh'; the site speaks ar, de, en"),
        ('[texts.en]\nslogan = "x"', "the text 'slogan', which is none of en.json"),
        ("[texts.en]\ntagline = 3", "has 3 as its tagline; it must be a text"),
        ('look = "dark"', "begin it with a line"),
        ('[look]\nsea = "blue"', "sets 'sea', which look.css does not have; it has paper, glow"),
        ('[look]\naccent = "red; } body { display: none"', "must be one value of CSS, or two"),
        ('[look]\naccent = ["red", "blue", "green"]', "must be one value of CSS, or two"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_theme(theme_file(tmp_path, text))


def test_a_missing_theme_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no theme file .*none\.toml"):
        read_theme(tmp_path / "none.toml")
