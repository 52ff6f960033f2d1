"""Builds the site again whenever what it is made from changes, and tells the pages that are open."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route
from watchfiles import awatch

from ..compile.errors import UserError
from .node import find_node

PACKAGE = Path(__file__).parent
WEB = PACKAGE.parent / "web"
SOURCES = (PACKAGE / "templates", PACKAGE / "static", WEB / "src", WEB / "examples", WEB / "texts", WEB / "build.mjs")
GENERATED = "format.ts"  # written by the build itself


class Watch:
    """Rebuilds a site on change; `say` hears one line about each build."""

    def __init__(self, rebuild: Callable[[], object], besides: Iterable[Path], say: Callable[[str], None]) -> None:
        self._rebuild = rebuild
        self._say = say
        self._paths = [path for path in (*SOURCES, *besides) if path.exists()]
        self._built = asyncio.Condition()

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Where pages hear of builds."""
        return [Route("/live_reload", self._tell)]

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Watches as long as the server runs."""
        watching = asyncio.create_task(self._run())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _run(self) -> None:
        async for changes in awatch(*self._paths, watch_filter=lambda _, path: not path.endswith(GENERATED)):
            paths = [Path(path) for _, path in changes]
            try:
                await asyncio.to_thread(self._build, paths)
            except UserError as error:
                self._say(f"Not built: {error}")
                continue
            names = sorted({path.name for path in paths})
            self._say(f"Built again, because of {', '.join(names[:3])}{' and others' if len(names) > 3 else ''}.")
            async with self._built:
                self._built.notify_all()

    def _build(self, paths: Iterable[Path]) -> None:
        if any(path.is_relative_to(WEB) for path in paths):
            built = subprocess.run([find_node(), "build.mjs"], cwd=WEB, capture_output=True, text=True)
            if built.returncode:
                raise UserError(f"the TypeScript has a mistake; see what esbuild says:\n{built.stderr.strip()}")
        self._rebuild()

    async def _tell(self, _request: Request) -> StreamingResponse:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        yield "retry: 500\n\n"
        while True:
            async with self._built:
                await self._built.wait()
            yield "event: built\ndata:\n\n"
