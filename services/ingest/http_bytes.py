"""Heads of requests as they came over the wire, and answers as they go."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from services.ingest.core.problems import ONE_ACCEPTED, Answer, Header
from services.ingest.door import HeadValues

HEADS_MAX = 4096
"""Heads remembered, 1 MB; a sender needs one for each length of its bodies."""
HEAD_BYTES_MAX = 1024  # a longer one is not that of a simple sender
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINES = {status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}


class Heads:
    """Heads of `POST /v1/events` that the parser has read before, and what they say.

    A sender's heads differ in the length of the body only, so the same bytes come again and again, and say the same.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, HeadValues]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def known(self, data: bytes) -> tuple[int, HeadValues | None]:
        """Bytes of the head that `data` begins with, and what it says: if it is known, and data one whole request."""
        head_bytes = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 4
        known = self._known.get(data[:head_bytes])
        if known is None or known[0] != len(data):
            return head_bytes, None
        return head_bytes, known[1]

    def remember(self, data: bytes, head_bytes: int, values: HeadValues) -> None:
        """Keep the head of a request that was just parsed, if `data` was that request and nothing else."""
        if head_bytes + int(values.content_length) == len(data):
            if len(self._known) >= HEADS_MAX:
                self._known.clear()
            self._known[data[:head_bytes]] = (len(data), values)


class AnswerBytes:
    """Makes the bytes of answers. `headers` are uvicorn's own (the date); it gives a new list each second."""

    def __init__(self) -> None:
        self._headers: Sequence[Header] = ()
        self._lines = b""
        self._one_accepted = b""

    def of(self, answer: Answer, headers: Sequence[Header], close: bool) -> bytes:
        """The whole answer; `close` when it is the last on its connection."""
        if headers is not self._headers:
            self._headers = headers
            self._lines = _joined(headers)
            self._one_accepted = self._made(ONE_ACCEPTED, close=False)
        if answer is ONE_ACCEPTED and not close:
            return self._one_accepted
        return self._made(answer, close)

    def _made(self, answer: Answer, close: bool) -> bytes:
        end = b"connection: close\r\n\r\n" if close else b"\r\n"
        return b"".join((_LINES[answer.status], self._lines, _joined(answer.headers), end, answer.body))


def _joined(headers: Sequence[Header]) -> bytes:
    return b"".join([b"%s: %s\r\n" % header for header in headers])
