"""Answers of ingest, as bytes: RFC 9457 problem details and the 202. Each says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.contract.frames import Accepted, ProblemDetails, Rejected, encode

Header = tuple[bytes, bytes]


class Answer(NamedTuple):
    """A whole HTTP answer."""

    status: int
    body: bytes
    headers: tuple[Header, ...]


_TITLES = {
    400: ("unparsable-body", "The body is not JSON"),
    401: ("unknown-key", "No valid API key"),
    403: ("missing-scope", "The API key may not do this"),
    405: ("wrong-method", "Events are sent with POST"),
    408: ("too-slow", "The request did not come to its end"),
    413: ("too-large", "The request is too large"),
    415: ("wrong-media-type", "The media type is not supported"),
    422: ("events-refused", "No event was accepted"),
    429: ("too-fast", "The API key sends too much"),
    500: ("our-fault", "Strainwatch failed"),
    503: ("log-unavailable", "The log cannot take events now"),
}
_EXTRA: dict[int, Header] = {
    401: (b"www-authenticate", b'Bearer realm="strainwatch"'),
    405: (b"allow", b"POST"),
    415: (b"accept-post", b"application/json, application/x-ndjson"),
}


def problem(
    status: int, detail: str, *, rejected: Sequence[Rejected] | None = None, retry_after_s: int | None = None
) -> Answer:
    """A problem. 429 and 503 say after how many seconds to come back."""
    assert (retry_after_s is not None) == (status in (429, 503))
    code, title = _TITLES[status]
    details = ProblemDetails(
        type=f"urn:strainwatch:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        rejected=None if rejected is None else list(rejected),
    )
    body = encode(details)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    if status in _EXTRA:
        headers.append(_EXTRA[status])
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    return Answer(status, body, tuple(headers))


def accepted(count: int, late: int, rejected: Sequence[Rejected] = ()) -> Answer:
    """202: accepted + rejected = events sent; `late` is part of accepted."""
    if rejected:
        body = encode(Accepted(count, late, list(rejected)))
    else:
        body = b'{"accepted":%d,"late":%d,"rejected":[]}' % (count, late)
    return Answer(202, body, ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))))


ONE_ACCEPTED = accepted(1, 0)
"""The answer to a single good event, ready made."""
