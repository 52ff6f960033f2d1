"""A server of a folder with the faults of real networks, each of which a test asks for."""

import asyncio
from pathlib import Path

from starlette.types import Message, Receive, Scope, Send
from windowseat.site_builder import server


class FaultyServer:
    """Serves as `windowseat serve` does; faults are set by the name of a file."""

    def __init__(self, folder: Path) -> None:
        self._site = server.application(folder)
        self.asked: list[tuple[str, str | None]] = []  # name, and the range if one was asked for
        self.cut: dict[str, int] = {}  # bytes after which the connection breaks, once
        self.flipped: set[str] = set()  # one bit of the file is wrong, once
        self.held: set[str] = set()  # the answer waits as long as the name is here
        self.at_once = 0  # answers that were waiting together, at most
        self._waiting = 0

    def names(self) -> list[str]:
        """Names of the files that were asked for since the last call, without bundle.json."""
        names = [name for name, _ in self.asked if name != "bundle.json"]
        self.asked.clear()
        return names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or does not."""
        if scope["type"] != "http":
            return
        name = scope["path"].rpartition("/")[2]
        headers = dict(scope["headers"])
        self.asked.append((name, headers[b"range"].decode() if b"range" in headers else None))
        await self._wait(name)
        cut = self.cut.pop(name, None)
        flipped = name in self.flipped
        self.flipped.discard(name)

        async def send_with_faults(message: Message) -> None:
            body = message.get("body", b"")
            if body and flipped:
                message = {**message, "body": bytes([body[0] ^ 1]) + body[1:]}
            if body and cut is not None:
                await send({**message, "body": body[:cut], "more_body": True})
                await asyncio.sleep(0.1)  # what was sent so far arrives before the connection breaks
                raise ConnectionError("cut by the test")
            await send(message)

        try:
            await self._site(scope, receive, send_with_faults)
        except ConnectionError:
            if cut is None:
                raise

    async def _wait(self, name: str) -> None:
        self._waiting += 1
        self.at_once = max(self.at_once, self._waiting)
        while name in self.held:
            await asyncio.sleep(0.01)
        self._waiting -= 1
