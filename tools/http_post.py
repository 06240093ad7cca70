"""One kept-open HTTP connection that posts JSON. The standard library is enough for one request at a time."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

TIMEOUT_S = 10.0  # an append takes milliseconds; longer than this is a server that hangs
BODY_BYTES_MAX = 1 << 20  # an answer names faults of one batch; more is not from an ingest server


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: there was no answer, and `body` says why. `retry_after_s`: what the server asked for."""

    status: int
    body: bytes
    retry_after_s: float | None = None


class Poster(Protocol):
    def post(self, body: bytes) -> Answer:
        """Send one request and wait for its answer. A fault of the network is an answer of status 0."""

    def close(self) -> None:
        """Let the connection go."""


class HttpPoster:
    """Posts to `url` (http or https) with an API key. To be used by one thread at a time.

    Raises ValueError: not such a url, or a key that cannot stand in a header.
    """

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no web address: write it like http://127.0.0.1:8080")
        if not (key.isascii() and key.isprintable()):
            raise ValueError("the key has characters that no key has: was something else copied with it?")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, body: bytes) -> Answer:
        """As `Poster.post`. A connection that the server closed between requests is opened again once."""
        kept_open = self._connection.sock is not None
        try:
            try:
                return self._once(body)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self._connection.close()
                if not kept_open:
                    raise
                return self._once(body)
        except (OSError, http.client.HTTPException) as fault:
            self._connection.close()
            return Answer(0, (str(fault) or type(fault).__name__).encode())

    def _once(self, body: bytes) -> Answer:
        self._connection.request("POST", self._path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read(BODY_BYTES_MAX)
        if not response.isclosed():
            self._connection.close()
        return Answer(response.status, content, _seconds(response.getheader("Retry-After")))

    def close(self) -> None:
        self._connection.close()


def _seconds(retry_after: str | None) -> float | None:
    """Only the form in seconds; the form with a date needs two clocks that agree."""
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
