"""Ctrl-C for work on several threads: only the main one hears of it, and waits for the others."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from types import FrameType


@contextmanager
def interrupts() -> Iterator[Event]:
    """An event that Ctrl-C sets while the block runs, besides what it does anyway."""
    interrupted = Event()
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(before):
        yield interrupted
        return

    def handler(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        before(number, frame)

    signal.signal(signal.SIGINT, handler)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
