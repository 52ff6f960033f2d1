"""A Hugging Face hub on loopback: as much of its API as huggingface_hub's snapshot_download uses, and ways to fail.

    with HubServer() as hub:
        commit = hub.add("owner/name", {"config.json": b"{}"})
        subprocess.run(..., env=hub.environment(tmp_path))

huggingface_hub reads its environment when it is imported, so what is tested runs in a process of its own.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self
from urllib.parse import unquote, urlsplit

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request that arrived."""

    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass(slots=True)
class Repository:
    """One model: its files by commit, and which commit each branch or tag names."""

    commits: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    token: str | None = None  # without it the repository does not exist
    gated: bool = False  # its files answer 403, its listing does not


class HubServer:
    """The server; what it has and how it fails can be changed while it runs."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.breaks: dict[str, list[int]] = {}  # by file: each number breaks one download of it after that many bytes
        self.status: int | None = None  # what every request is answered with instead
        self.page: bytes | None = None  # or with this, as the login page of a network
        self.pause = 0.0  # seconds before each MiB of a file
        self.sent = 0  # bytes, in whole MiB
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def add(self, repo: str, files: Mapping[str, bytes], ref: str = "main") -> str:
        """The commit that now holds these files and that `ref` names."""
        repository = self.repositories.setdefault(repo, Repository())
        commit = hashlib.sha1(repr((repo, sorted(files.items()))).encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.refs[ref] = commit
        return commit

    def add_folder(self, repo: str, folder: Path, ref: str = "main") -> str:
        """The commit that now holds the files of this folder."""
        return self.add(repo, {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}, ref)

    def downloads(self, name: str) -> list[Request]:
        """The requests for the bytes of this file."""
        return [each for each in self.requests if each.method == "GET" and each.path.endswith(f"/{name}")]

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """The environment of a process that uses this hub and keeps its cache in `home`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        return inherited | {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            **more,
        }

    def close(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is nobody's error here."""


class _Handler(BaseHTTPRequestHandler):
    server_hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._respond()

    def do_GET(self) -> None:
        self._respond()

    def _respond(self) -> None:
        hub = self.server_hub
        path = unquote(urlsplit(self.path).path)
        authorization = self.headers["Authorization"]
        hub.requests.append(Request(self.command, path, self.headers["Range"], authorization))
        if hub.status is not None:
            return self._refuse(hub.status, "")
        if hub.page is not None:
            return self._send(200, hub.page, {"Content-Type": "text/html"})
        match = re.fullmatch(
            r"/api/models/(?P<api>[^/]+/[^/]+)(?:/(?P<what>revision|tree)/(?P<listed>.+))?"
            r"|/(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<file>.+)",
            path,
        )
        repository = hub.repositories.get((match["api"] or match["repo"]) if match else "")
        if not match or not repository or repository.token not in (None, (authorization or "").removeprefix("Bearer ")):
            return self._refuse(404 if authorization else 401, "RepoNotFound")
        revision = match["listed"] or match["rev"] or "main"
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            return self._refuse(404, "RevisionNotFound")
        files = repository.commits[commit]
        if match["file"]:
            return self._file(files, match["file"], commit, repository.gated)
        if match["what"] == "tree":
            return self._json([{"type": "file", "path": name, "size": len(files[name]), "oid": "0"} for name in files])
        self._json({"id": match["api"], "sha": commit, "siblings": [{"rfilename": name} for name in files]})

    def _file(self, files: Mapping[str, bytes], name: str, commit: str, gated: bool) -> None:
        if gated:
            return self._refuse(403, "GatedRepo")
        if name not in files:
            return self._refuse(404, "EntryNotFound")
        content, status = files[name], 200
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": commit,
            "Accept-Ranges": "bytes",
        }
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or ""):
            start = int(asked[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content, status = content[start:], 206
        whole = True
        if self.command == "GET" and (breaks := self.server_hub.breaks.get(name)):
            headers["Content-Length"] = str(len(content))
            content, whole = content[: breaks.pop(0)], False
        self._send(status, content, headers)
        self.close_connection = not whole

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"", {"X-Error-Code": code} if code else {})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | dict(headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            for start in range(0, len(content), MIB):
                time.sleep(self.server_hub.pause)
                self.wfile.write(content[start : start + MIB])
                self.server_hub.sent += MIB

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: `HubServer.requests` has it all."""
