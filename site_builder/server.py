"""Serves a built site on this machine, as a careful static host would."""

import errno
import ipaddress
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..compile.errors import UserError
from . import headers
from .headers import ENCODINGS, EVERYWHERE, Rule

if TYPE_CHECKING:
    from .watch import Watch

FIRST_PORT = 8000
PORTS_TRIED = 100

# Systems differ in what they know of these, and a worker's script of the wrong type does not start.
CONTENT_TYPES = {
    ".bin": "application/octet-stream",
    ".css": "text/css",
    ".html": "text/html",
    ".jinja": "text/plain",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".wgsl": "text/plain",
}

# For folders that no build gave its own: a changed file shows at the next reload, an unchanged one answers 304.
HEADERS = (Rule("/*", {**EVERYWHERE, "Cache-Control": "no-cache"}),)


class SiteFiles(StaticFiles):
    """Static files with content types that do not depend on the system, compressed where the site has them so."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 when the browser has it already."""
        path = Path(full_path)
        encoding = _encoding(path, Headers(scope=scope))
        if encoding is not None:
            full_path = f"{path}{ENCODINGS[encoding]}"
            stat_result = os.stat(full_path)
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["vary"] = "Accept-Encoding"
        if not isinstance(response, FileResponse):
            return response
        if encoding is not None:
            response.headers["content-encoding"] = encoding
        if (known := CONTENT_TYPES.get(path.suffix)) is not None:
            response.headers["content-type"] = f"{known}; charset=utf-8" if known.startswith("text/") else known
        return response


def _encoding(path: Path, asked: Headers) -> str | None:
    """The best encoding that the browser takes and the site has; a part of a file is a part of the file as it is."""
    if "range" in asked:
        return None
    offered = [part.strip().lower().replace(" ", "") for part in asked.get("accept-encoding", "").split(",")]
    taken = {part.partition(";")[0] for part in offered if not part.endswith((";q=0", ";q=0.0"))}
    return next(
        (name for name, suffix in ENCODINGS.items() if name in taken and Path(f"{path}{suffix}").is_file()), None
    )


class SiteHeaders:
    """Adds to every response what the site's own `_headers` says, as a static host does that reads it."""

    def __init__(self, app: ASGIApp, site: Path) -> None:
        self.app = app
        self.site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and completes the start of its response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers.headers_of(scope["path"], self._rules()))
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _rules(self) -> Sequence[Rule]:
        file = self.site / headers.FILE
        return headers.parse(file.read_text("utf-8")) if file.is_file() else HEADERS


async def not_found(_request: Request, error: Exception) -> Response:
    """Errors outside of the files, a wrong method for example, as one line of text."""
    assert isinstance(error, HTTPException)
    return Response(error.detail, error.status_code, media_type="text/plain")


def application(site: Path, watch: "Watch | None" = None) -> Starlette:
    """The ASGI application that serves this folder, which a watch may build again."""
    return Starlette(
        routes=[*(watch.routes if watch else ()), Mount("/", SiteFiles(directory=site, html=True))],
        middleware=[Middleware(SiteHeaders, site=site)],
        exception_handlers={HTTPException: not_found},
        lifespan=watch.lifespan if watch else None,
    )


def listen(host: str, port: int | None) -> socket.socket:
    """A listening socket on this port, or on the first free one from 8000 up."""
    ports = [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    for candidate in ports:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            return socket.create_server(address[:2], family=family)
        except socket.gaierror as error:
            raise UserError(
                f"{host!r} is no address of this machine ({error.strerror}); try --host 127.0.0.1"
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise UserError(f"cannot listen on {host} port {candidate}: {error.strerror}; choose another") from error
    if port is not None:
        raise UserError(f"port {port} on {host} is taken; choose another, or leave --port away")
    raise UserError(
        f"no free port on {host} from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1}; choose one with --port"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_site(site: Path) -> None:
    """Refuses a folder without a built site."""
    if not (site / "index.html").is_file():
        raise UserError(f"no site in {site}; build it first: windowseat site")


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serves until it is interrupted."""
    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])
