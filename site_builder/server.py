"""Serves a built site on this machine, as a careful static host would."""

import errno
import ipaddress
import os
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..compile.errors import UserError

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
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".wgsl": "text/plain",
}

HEADERS = [
    # Isolates the page, which SharedArrayBuffer and exact timers need.
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # A rebuilt site shows at the next reload; what did not change answers 304.
    (b"cache-control", b"no-cache"),
]


class SiteFiles(StaticFiles):
    """Static files with content types that do not depend on the system."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 when the browser has it already."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        known = CONTENT_TYPES.get(Path(full_path).suffix)
        if isinstance(response, FileResponse) and known is not None:
            text = known.startswith("text/")
            response.headers["content-type"] = f"{known}; charset=utf-8" if text else known
        return response


class SiteHeaders:
    """Adds the site's headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and completes the start of its response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        await self.app(scope, receive, send_with_headers)


async def not_found(_request: Request, error: Exception) -> Response:
    """Errors outside of the files, a wrong method for example, as one line of text."""
    assert isinstance(error, HTTPException)
    return Response(error.detail, error.status_code, media_type="text/plain")


def application(site: Path) -> Starlette:
    """The ASGI application that serves this folder."""
    return Starlette(
        routes=[Mount("/", SiteFiles(directory=site, html=True))],
        middleware=[Middleware(SiteHeaders)],
        exception_handlers={HTTPException: not_found},
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


def serve(site: Path, listening: socket.socket) -> None:
    """Serves until it is interrupted."""
    server = uvicorn.Server(uvicorn.Config(application(site), log_level="warning", server_header=False))
    server.run(sockets=[listening])
