"""Whose pages may frame the chat: what a person writes, as browsers say it."""

import pytest
from windowseat.compile.errors import UserError
from windowseat.site_builder.widget import read_origins


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("https://Shop.Example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://[0:0::1]", "https://[::1]"),
        ("https://büro.example", "https://xn--bro-hoa.example"),
        ("https://模型.example", "https://xn--xgs754b.example"),
        ("https://my_shop.example", "https://my_shop.example"),
        ("*", "*"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(stated: str, read: str) -> None:
    assert read_origins([stated]) == (read,)


@pytest.mark.parametrize(
    "stated",
    [
        "shop.example",
        "https://",
        "https://shop.example/chat",
        "https://shop.example?a",
        "https://me@shop.example",
        "ftp://shop.example",
        "https://shop.example:port",
        "https://[::1",
        "https://[shop]",
        "https://a;script-src *",
        "https://a,b",
        "https://a b",
        "https://'none'",
        "https://*.shop.example",
        "https://straße.example",
        "https://a..example",
        "https://shop.example\r\n/*",
        f"https://{'a' * 64}.example",
        "",
    ],
)
def test_what_is_none_is_named(stated: str) -> None:
    with pytest.raises(UserError, match="is no origin; write it like https"):
        read_origins([stated])
