"""Traces: the port. One trace goes from an ACD's post to the frame that a lead gets; the adapter is `tracing_otel`.

Services are handed a `Tracing`, or None: then nothing is asked, made or written. A trace crosses the log as the field
`p` of an entry, the `traceparent` (W3C) of the append; no engine reads it, so it changes no bit of a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Attribute = str | int | float | bool


class Span(Protocol):
    """Something that takes time. Made by `Tracing.begin`; told when it is over."""

    @property
    def traceparent(self) -> bytes:
        """What names it to others."""

    def end(self, fault: str = "", *, ended_ms: float | None = None, **attributes: Attribute) -> None:
        """It is over, now or since a moment. `fault` says what went wrong."""


class Tracing(Protocol):
    """Makes spans."""

    def begin(
        self,
        name: str,
        parent: Span | bytes = b"",
        *,
        links: Sequence[Span] = (),
        began_ms: float | None = None,
        **attributes: Attribute,
    ) -> Span | None:
        """A span that has begun, now or at a moment; None when it is not among the sampled ones.

        `parent` is a span, or a `traceparent` as somebody sent it: what is none begins a trace of its own.
        """

    def close(self) -> None:
        """Send what has ended."""
