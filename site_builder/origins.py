"""Origins as browsers write them: scheme, host and port. They stand in policies, so nothing else may come with them."""

import ipaddress
import re
from urllib.parse import urlsplit

# Names and numbers between dots. In a policy any other character could begin a directive.
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
PORTS = {"https": 443, "http": 80}  # that go without saying


def origin_of(address: str) -> str:
    """The origin of an address; ValueError if browsers would fetch nothing there, or send a name and password along."""
    parts = urlsplit(address)
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError(address)
    port = "" if parts.port in (None, PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{_host(parts.hostname)}{port}"


def _host(name: str) -> str:
    if ":" in name:
        return f"[{ipaddress.IPv6Address(name).compressed}]"
    ascii_name = name.encode("idna").decode()
    # Python's names are of 2003, when some letters became others: what does not come back is another host today.
    if not HOST.fullmatch(ascii_name) or (name != ascii_name and ascii_name.encode().decode("idna") != name):
        raise ValueError(name)
    return ascii_name
