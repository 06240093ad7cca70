"""What happens to a request for `/v1/events`, whatever server brought it: values of headers and bytes in, answer out.

First `check` with the headers, before any byte of the body is read; then `take` with the whole body. `take` answers at
once, or gives a `Pending` whose `commit` calls back when the log has confirmed the events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.ingest.core.admission import BODY_BYTES_MAX, Form, Unparsable, admit, admit_plain, form_of
from services.ingest.core.bucket import Bucket
from services.ingest.core.problems import ONE_ACCEPTED, Answer, accepted, problem
from services.ingest.core.refusals import reason_of
from services.ingest.measures import Measures
from services.ingest.publisher import Busy, Commit, Publisher
from services.ingest.rejects import Rejects
from shared.access import EVENTS_WRITE, KeyRing, Principal
from shared.api_keys import is_mistyped
from shared.clock import Clock
from shared.contract.entries import EntryId
from shared.contract.events import Event
from shared.contract.frames import Rejected
from shared.contract.plain_events import PlainEvents
from shared.log import LogUnavailable
from shared.tracing import Span

EVENTS_PATH = b"/v1/events"

EVENTS_PER_S_MAX = 1_000_000
"""Per API key. Some fifty times what 20,000 agents cause at their busiest, and more than one process takes: it stops a
sender in a loop only from saving up for more. What keeps one sender's events from filling the memory is the
publisher's limit on events that wait."""
BURST_S = 10
"""A key may send so many seconds' worth at once: what an ACD has saved up while we were away."""
RETRY_BUSY_S = 1
RETRY_AWAY_S = 2  # a store that restarts is back within a few seconds


class Pass(NamedTuple):
    """A request whose headers are good: who sent it, how to read its body, what it may still send."""

    sender: Principal
    form: Form
    bucket: Bucket
    span: Span | None = None
    """Of a request that is traced (`traced_door`)."""


class Pending(NamedTuple):
    """A request whose events wait for the log."""

    commit: Commit
    ts_ms: list[int]
    rejected: list[Rejected]
    span: Span | None = None


class HeadValues(NamedTuple):
    """The arguments of `Door.check`: values as sent, empty when absent."""

    authorization: bytes
    content_type: bytes
    content_length: bytes
    content_encoding: bytes
    traceparent: bytes = b""


def head_values(headers: Iterable[tuple[bytes, bytes]]) -> HeadValues:
    """Out of headers with lower-case names; of a name that comes twice, the last."""
    last = dict(headers)
    return HeadValues(*[last.get(name, b"") for name in _READ])


_READ = (b"authorization", b"content-type", b"content-length", b"content-encoding", b"traceparent")


class Door:
    """Judges requests and answers them; holds no connection and reads no socket."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        publisher: Publisher,
        rejects: Rejects,
        clock: Clock,
        measures: Measures,
        lateness_s: int,
        events_per_s_max: float = EVENTS_PER_S_MAX,
    ) -> None:
        self._keys = keys
        self._publisher = publisher
        self._rejects = rejects
        self._clock = clock
        self._measures = measures
        self._lateness_ms = lateness_s * 1000
        self._events_per_s_max = events_per_s_max
        self._buckets: dict[str, Bucket] = {}

    def check(
        self,
        authorization: bytes,
        content_type: bytes = b"",
        content_length: bytes = b"",
        content_encoding: bytes = b"",
        traceparent: bytes = b"",
    ) -> Pass | Answer:
        """Judge the headers; each is its value as sent, empty when absent. `traceparent` is for a door that traces."""
        sender = self._keys.principal(authorization)
        if sender is None:
            return self.counted(self._unknown(authorization))
        if EVENTS_WRITE not in sender.scopes:
            return self.counted(problem(403, f"this API key lacks the scope {EVENTS_WRITE}; create one that has it"))
        form = form_of(content_type)
        if form is None:
            return self.counted(problem(415, "send application/json, or application/x-ndjson with an event a line"))
        if content_encoding and content_encoding.lower() != b"identity":
            return self.counted(problem(415, "send the body without Content-Encoding"))
        if content_length and (not content_length.isdigit() or int(content_length[:20]) > BODY_BYTES_MAX):
            return self.too_large()
        bucket = self._buckets.get(sender.key_id)
        now_s = self._clock.steady_s()
        if bucket is None:
            rate = self._events_per_s_max
            bucket = self._buckets[sender.key_id] = Bucket(rate, rate * BURST_S, now_s)
        wait_s = bucket.wait_s(now_s)
        if wait_s:
            detail = f"this API key sends more than {self._events_per_s_max:,.0f} events a second; slow down"
            return self.counted(problem(429, detail, retry_after_s=1 + int(wait_s)))
        return Pass(sender, form, bucket)

    def too_large(self) -> Answer:
        """For a body that grows over the limit while it is read."""
        detail = f"send at most {BODY_BYTES_MAX:,} bytes in one request; a few hundred events are best"
        return self.counted(problem(413, detail))

    def take(self, request: Pass, body: bytes) -> Answer | Pending:
        """Judge the body and hand its good events to the log."""
        now_ms = self._clock.now_ms()
        tenant = request.sender.tenant
        plain = admit_plain(body, request.form, now_ms)
        if plain is not None:
            request.bucket.take(len(plain))
            return self._submit(tenant, plain, plain.ts_ms, [])
        verdict = admit(body, request.form, now_ms)
        if isinstance(verdict, Unparsable):
            request.bucket.take(1)
            self._rejects.body(tenant, now_ms, verdict.detail, body)
            return self.counted(problem(verdict.status, verdict.detail))
        events, ts_ms, rejected, items = verdict
        request.bucket.take(max(1, len(events) + len(rejected)))
        if rejected:
            self._measures.rejected += len(rejected)
            self._measures.refused.update(map(reason_of, rejected))
            self._rejects.events(tenant, now_ms, rejected, items)
        if not events:
            if rejected:
                detail = rejected[0].detail if len(rejected) == 1 else f"all {len(rejected)} events were refused"
                return self.counted(problem(422, detail, rejected=rejected))
            return self.counted(accepted(0, 0))
        return self._submit(tenant, events, ts_ms, rejected)

    def _submit(
        self, tenant: str, events: list[Event] | PlainEvents, ts_ms: list[int], rejected: list[Rejected]
    ) -> Answer | Pending:
        try:
            return Pending(self._publisher.submit(tenant, events, ts_ms), ts_ms, rejected)
        except Busy:
            detail = "too many events wait for the log; send them again"
            return self.counted(problem(503, detail, retry_after_s=RETRY_BUSY_S))

    def answer(self, pending: Pending) -> Answer:
        """The answer to a request whose commit is done."""
        committed = pending.commit.outcome
        if isinstance(committed, LogUnavailable):
            detail = "the log cannot take events now, nothing was confirmed; send them again (twice is harmless)"
            return self.counted(problem(503, detail, retry_after_s=RETRY_AWAY_S))
        if not isinstance(committed, EntryId):
            return self.counted(problem(500, "the events could not be stored; this fault is ours and was logged"))
        on_time_ms = committed.ms - self._lateness_ms
        late = 0
        if min(pending.ts_ms) < on_time_ms:
            late = sum(1 for ts in pending.ts_ms if ts < on_time_ms)
        count = len(pending.ts_ms)
        self._measures.accepted += count
        self._measures.late += late
        if count == 1 and not late and not pending.rejected:
            return self.counted(ONE_ACCEPTED)
        return self.counted(accepted(count, late, pending.rejected))

    def _unknown(self, authorization: bytes) -> Answer:
        if not self._keys.loaded:
            return problem(503, "the API keys could not be read yet; try again", retry_after_s=RETRY_AWAY_S)
        if not authorization:
            return problem(401, "send the API key as `Authorization: Bearer sk_...`")
        if is_mistyped(authorization.decode("latin-1").partition(" ")[2].strip()):
            return problem(401, "this API key was cut or mistyped: its check digits do not fit")
        return problem(401, "this API key is unknown or revoked; a new one is good after 5 s")

    def counted(self, answer: Answer) -> Answer:
        """The same answer, counted."""
        self._measures.answers[answer.status] += 1
        return answer
