"""The door of a process that traces: each sampled request is a span, from its head to its answer."""

from __future__ import annotations

from typing import Any

from services.ingest.core.problems import Answer
from services.ingest.door import Door, Pass, Pending
from shared.tracing import Tracing


class TracedDoor(Door):
    """See Door. A door of its own, so that the other pays nothing."""

    def __init__(self, *, tracing: Tracing, **given: Any) -> None:
        super().__init__(**given)
        self._tracing = tracing

    def check(
        self,
        authorization: bytes,
        content_type: bytes = b"",
        content_length: bytes = b"",
        content_encoding: bytes = b"",
        traceparent: bytes = b"",
    ) -> Pass | Answer:
        """See Door."""
        outcome = super().check(authorization, content_type, content_length, content_encoding)
        if isinstance(outcome, Answer):
            return outcome
        return outcome._replace(span=self._tracing.begin("POST /v1/events", traceparent))

    def take(self, request: Pass, body: bytes) -> Answer | Pending:
        """See Door."""
        outcome = super().take(request, body)
        span = request.span
        if span is None:
            return outcome
        if isinstance(outcome, Answer):
            _ended(span, outcome)
            return outcome
        commit = outcome.commit
        if commit.traces is None:
            commit.traces = []
        commit.traces.append(span)
        return outcome._replace(span=span)

    def answer(self, pending: Pending) -> Answer:
        """See Door."""
        answer = super().answer(pending)
        if pending.span is not None:
            _ended(pending.span, answer, events=len(pending.ts_ms))
        return answer


def _ended(span: Any, answer: Answer, **attributes: int) -> None:
    fault = f"answered {answer.status}" if answer.status >= 500 else ""
    span.end(fault, **{"http.response.status_code": answer.status}, **attributes)
