import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from windowseat.compile.errors import UserError
from windowseat.site_builder import server
from windowseat.site_builder.compression import compress


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of one file of each kind."""
    for name in (
        "index.html",
        "a.js",
        "a.json",
        "a.wasm",
        "a.css",
        "a.svg",
        "a.mjs",
        "a.webmanifest",
        "chat_template.jinja",
    ):
        (tmp_path / name).write_text(f"this is {name}")
    (tmp_path / "weights-0000.bin").write_bytes(bytes(range(100)))
    (tmp_path / "404.html").write_text("nothing here")
    return tmp_path


@pytest.fixture
def client(site: Path) -> Iterator[TestClient]:
    """A client of the server."""
    with TestClient(server.application(site)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/a.js", "text/javascript; charset=utf-8"),
        ("/a.css", "text/css; charset=utf-8"),
        ("/a.json", "application/json"),
        ("/a.wasm", "application/wasm"),
        ("/a.svg", "image/svg+xml"),
        ("/a.mjs", "text/javascript; charset=utf-8"),
        ("/a.webmanifest", "application/manifest+json"),
        ("/chat_template.jinja", "text/plain; charset=utf-8"),
        ("/weights-0000.bin", "application/octet-stream"),
    ],
)
def test_every_kind_of_file_has_its_content_type(client: TestClient, path: str, expected: str) -> None:
    assert client.get(path).headers["content-type"] == expected


def test_a_part_of_a_file_is_sent_alone(client: TestClient) -> None:
    response = client.get("/weights-0000.bin", headers={"range": "bytes=10-19"})
    assert response.status_code == 206
    assert response.content == bytes(range(10, 20))
    assert response.headers["content-range"] == "bytes 10-19/100"


def test_a_part_past_the_end_is_refused(client: TestClient) -> None:
    assert client.get("/weights-0000.bin", headers={"range": "bytes=200-300"}).status_code == 416


def test_an_unchanged_file_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/a.js").headers["etag"]
    again = client.get("/a.js", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_changed_file_is_sent_again(client: TestClient, site: Path) -> None:
    tag = client.get("/a.js").headers["etag"]
    (site / "a.js").write_text("something else")
    assert client.get("/a.js", headers={"if-none-match": tag}).text == "something else"


@pytest.mark.parametrize("path", ["/", "/a.js", "/missing"])
def test_every_answer_isolates_the_page_and_is_checked_on_reload(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("br, gzip", "br"), ("gzip", "gzip"), ("gzip, br;q=0", "gzip"), ("identity", None)]
)
def test_a_compressed_file_is_sent_to_whoever_takes_it(
    client: TestClient, site: Path, accepted: str, encoding: str | None
) -> None:
    text = "this is long " * 100
    (site / "long.js").write_text(text)
    compress(site, lambda _: None)
    response = client.get("/long.js", headers={"accept-encoding": accepted})
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    sent = int(response.headers["content-length"])
    assert sent == len(text) if encoding is None else sent < 100
    same = client.get("/long.js", headers={"accept-encoding": accepted, "if-none-match": response.headers["etag"]})
    assert same.status_code == 304


def test_a_part_of_a_file_is_never_compressed(client: TestClient, site: Path) -> None:
    (site / "long.js").write_text("this is long " * 100)
    compress(site, lambda _: None)
    response = client.get("/long.js", headers={"accept-encoding": "br, gzip", "range": "bytes=0-3"})
    assert (response.status_code, response.text) == (206, "this")
    assert "content-encoding" not in response.headers


def test_headers_are_those_of_the_sites_own_file(client: TestClient, site: Path) -> None:
    (site / "_headers").write_text("/*\n  X-Seat: window\n\n/a.js\n  X-Row: 1\n\n/deep/*\n  X-Row: 2\n")
    assert client.get("/a.js").headers["x-row"] == "1"
    assert client.get("/deep/er").headers["x-row"] == "2"
    assert "x-row" not in client.get("/a.css").headers
    assert client.get("/a.css").headers["x-seat"] == "window"


def test_an_address_without_a_file_gets_the_page_for_that(client: TestClient) -> None:
    response = client.get("/missing/deep")
    assert (response.status_code, response.text) == (404, "nothing here")


def test_files_outside_of_the_site_are_not_served(site: Path) -> None:
    (site / "inner").mkdir()
    with TestClient(server.application(site / "inner")) as client:
        assert client.get("/../a.js").status_code == 404
        assert client.get("/%2e%2e/a.js").status_code == 404


def test_only_reading_is_allowed(client: TestClient) -> None:
    assert client.post("/a.js").status_code == 405


def test_the_server_takes_the_next_port_when_one_is_taken() -> None:
    with server.listen("127.0.0.1", None) as first, server.listen("127.0.0.1", None) as second:
        assert 8000 <= first.getsockname()[1] < second.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_is_said_so() -> None:
    with server.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} on 127.0.0.1 is taken"):
            server.listen("127.0.0.1", port)


def test_an_unknown_host_is_said_so() -> None:
    with pytest.raises(UserError, match="is no address of this machine"):
        server.listen("no.such.host.invalid", None)


def test_the_default_port_is_on_this_machine_only() -> None:
    with server.listen("127.0.0.1", None) as listening:
        assert listening.family == socket.AF_INET
        assert listening.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("192.168.1.7", False)],
)
def test_loopback_addresses_are_told_from_others(host: str, expected: bool) -> None:
    assert server.is_loopback(host) is expected
