"""Opens the site in the person's browser."""

import os
import socket
import sys
import webbrowser


def url_of(listening: socket.socket) -> str:
    """The address under which a browser on this machine reaches the server."""
    address, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(address, address)
    return f"http://{name}:{port}/"


def open_when_there_is_a_display(url: str) -> None:
    """Opens the address, unless this is a machine without a screen: a text browser would take the terminal."""
    has_display = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_display:
        webbrowser.open(url)
