"""Bodies of requests and answers, as all routes read and write them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Request, Response

from services.notify.problems import Refusal
from shared.contract.entries import EntryId
from shared.contract.events import ts_to_ms
from shared.contract.frames import encode

BODY_BYTES_MAX = 16 * 1024  # a note of 280 characters, however it is escaped, and room to spare


async def read_body(request: Request) -> bytes:
    """The whole body. Raises Refusal when it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise Refusal(413, f"The body may have {BODY_BYTES_MAX} bytes.")
    return body


def read_place(after: str | None) -> EntryId | None:
    """Where a page ended. Raises Refusal."""
    try:
        return None if after is None else EntryId.parse(after)
    except ValueError:
        raise Refusal(422, "after: give `next` of the page before.") from None


def read_moment(name: str, given: str) -> int:
    """A moment in ms from RFC 3339 or ms. Raises Refusal."""
    plain = given.replace(" ", "+")  # a plus sign that was not escaped arrives as a blank
    try:
        return ts_to_ms(int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 16 else plain)
    except (ValueError, OverflowError):
        raise Refusal(
            422, f"{name}: give a time with its offset, such as 2026-03-02T09:14:00Z, or ms since 1970."
        ) from None


def answer(value: Any, status: int = HTTPStatus.OK) -> Response:
    """JSON of a contract type."""
    return answer_bytes(encode(value), status)


def answer_bytes(data: bytes, status: int = HTTPStatus.OK) -> Response:
    """JSON that is written already."""
    return Response(data, status, {"Cache-Control": "no-store"}, "application/json")
