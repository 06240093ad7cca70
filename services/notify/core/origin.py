"""Which web pages may open the feed."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

_DEFAULT_PORT = {"http": 80, "https": 443}


def origin_allowed(origin: str, host: str, allowed: Iterable[str]) -> bool:
    """Whether a page of `origin` may connect to the server that it called `host`: its own page, or one on the list.

    The scheme is not compared, because a proxy may have ended TLS in front of us.
    """
    if origin in allowed:
        return True
    try:
        page = urlsplit(origin)
        port = _DEFAULT_PORT.get(page.scheme)
        if port is None or not page.hostname:
            return False
        own = urlsplit(f"//{host}")
        return page.hostname == own.hostname and (page.port or port) == (own.port or port)
    except ValueError:
        return False
