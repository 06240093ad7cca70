"""Send a simulated contact centre to an ingest server over HTTP, at its own pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tools.centre import Centre, Scenario, Truth
from tools.centre.floor import Event
from tools.http_post import Answer, HttpPoster, Poster
from tools.truth_file import write_truth

BATCH_S = 0.25  # a person sees no difference to "at once", and a batch has several events
BATCH_EVENTS_MAX = 3000
"""Below what the ingest takes in one request (10,000, and 1 MiB, at 250 bytes an event). A history in one request is
one entry of the log: nobody is told of what was so in the middle of it."""
PROGRESS_S = 10.0
RETRY_S_MIN, RETRY_S_MAX = 0.25, 5.0
RETRY_AFTER_S_MAX = 60.0  # a server that asks for more is asked again after this
GIVE_UP_S = 120.0  # a restart or a failover takes seconds; a server away for two minutes needs a person
AGAIN = frozenset({0, 408, 429, 500, 502, 503, 504})  # 0: no answer at all


class SimulateError(RuntimeError):
    """The server cannot or will not take the events; the message says what to do."""


@dataclass(slots=True)
class Summary:
    """What was sent and what the server said of it. `truth` is what really happened in the centre."""

    truth: Truth
    sent: int = 0
    accepted: int = 0
    late: int = 0
    rejected: int = 0
    batches: int = 0
    retries: int = 0
    reasons: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"{self.sent} events sent in {self.batches} requests ({self.retries} repeated): "
            f"{self.accepted} accepted, {self.late} of them late, {self.rejected} rejected"
        )


class _Accepted(msgspec.Struct):
    accepted: int = 0
    late: int = 0
    rejected: list[dict[str, object]] = []


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    rejected: list[dict[str, object]] = []


async def simulate(
    url: str,
    key: str,
    *,
    seed: int,
    agents: int = 24,
    duration_s: float | None = None,
    speed: float = 1.0,
    scenario: Scenario | None = None,
    clock_h: float = 10.0,
    client: Poster | None = None,
    say: Callable[[str], None] = lambda _: None,
    truth: Path | None = None,
) -> Summary:
    """Post the events of a centre that starts now to `{url}/v1/events` for `duration_s` real seconds (None: for ever).

    `speed` is simulated seconds per real second. Each event's `ts` is the real time at which it is due, so a server
    never sees the future; durations inside the events stay those of the simulation. A batch that had no good answer
    is sent again as it is, which is harmless: its events keep their ids. What was made to go wrong is written to
    `truth` at the end, however it comes.

    Raises SimulateError: refused key or request, or no answer for GIVE_UP_S. ValueError: bad url, speed or agents.
    """
    if not speed > 0:
        raise ValueError("speed is the number of simulated seconds per real second, more than 0")
    poster = client or HttpPoster(f"{url.rstrip('/')}/v1/events", key)
    start_ms = time.time_ns() // 1_000_000
    started_s = time.monotonic()
    centre = Centre(seed=seed, start_ms=start_ms, agents=agents, clock_h=clock_h, scenario=scenario)
    summary = Summary(centre.truth)
    said_s = 0.0
    try:
        # In an entry of its own, so that the queues of a history are known to be that old, not new ones in a rush.
        for batch in _batches(centre.events(centre.begin_s), start_ms, speed):
            await _deliver(poster, batch, summary, say)
        while True:
            elapsed_s = time.monotonic() - started_s
            if duration_s is not None:
                elapsed_s = min(elapsed_s, duration_s)
            for batch in _batches(centre.events(elapsed_s * speed), start_ms, speed):
                await _deliver(poster, batch, summary, say)
            if elapsed_s - said_s >= PROGRESS_S:
                said_s = elapsed_s
                say(f"{elapsed_s:.0f} s: {summary.line()}; {_floor(centre.truth)}")
            if duration_s is not None and elapsed_s >= duration_s:
                return summary
            await asyncio.sleep(BATCH_S)
    finally:
        say(summary.line())
        if truth is not None:
            write_truth(truth, centre.truth.causes, start_ms=start_ms, speed=speed)
        if client is None:
            poster.close()


def _batches(events: Iterator[Event], start_ms: int, speed: float) -> Iterator[list[Event]]:
    batch: list[Event] = []
    for event in events:
        event["ts"] = start_ms + round((event["ts"] - start_ms) / speed)
        batch.append(event)
        if len(batch) == BATCH_EVENTS_MAX:
            yield batch
            batch = []
    if batch:
        yield batch


async def _deliver(poster: Poster, batch: list[Event], summary: Summary, say: Callable[[str], None]) -> None:
    body = msgspec.json.encode(batch)
    first_s = time.monotonic()
    pause_s = RETRY_S_MIN
    while True:
        answer = await asyncio.to_thread(poster.post, body)
        if answer.status not in AGAIN:
            break
        wait_s = pause_s if answer.retry_after_s is None else min(answer.retry_after_s, RETRY_AFTER_S_MAX)
        pause_s = min(2 * pause_s, RETRY_S_MAX)
        if time.monotonic() + wait_s - first_s > GIVE_UP_S:
            raise SimulateError(f"{_said(answer)}, for {GIVE_UP_S:.0f} s: is the server running at that address?")
        if not summary.retries or wait_s >= 1:
            say(f"{_said(answer)}; trying again in {wait_s:.1f} s")
        summary.retries += 1
        await asyncio.sleep(wait_s)
    summary.batches += 1
    summary.sent += len(batch)
    _count(answer, len(batch), summary, say)


def _count(answer: Answer, sent: int, summary: Summary, say: Callable[[str], None]) -> None:
    if answer.status in (401, 403):
        raise SimulateError(f"{_said(answer)}: give a key that may send events (strainwatch keys create)")
    rejected: list[dict[str, object]]
    try:
        if answer.status == 202:
            taken = msgspec.json.decode(answer.body, type=_Accepted)
            summary.accepted += taken.accepted
            summary.late += taken.late
            rejected = taken.rejected
            summary.rejected += len(rejected)
        elif answer.status == 422:
            rejected = msgspec.json.decode(answer.body, type=_Problem).rejected
            summary.rejected += sent
        else:
            raise SimulateError(f"{_said(answer)}: is the address that of an ingest server?")
    except msgspec.MsgspecError:
        raise SimulateError(f"{_said(answer)}, but not as an ingest server answers; check the address") from None
    for fault in rejected:
        reason = f"{fault.get('pointer', '')}: {fault.get('detail', '')}"
        if reason not in summary.reasons and len(summary.reasons) < 10:  # enough to see what is wrong
            summary.reasons.append(reason)
            say(f"rejected {reason}")


def _said(answer: Answer) -> str:
    if answer.status == 0:
        return f"no answer ({answer.body.decode('utf-8', 'replace')})"
    detail = ""
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
        detail = f": {problem.detail or problem.title}" if problem.detail or problem.title else ""
    except msgspec.MsgspecError:
        pass
    return f"the server answered {answer.status}{detail}"


def _floor(truth: Truth) -> str:
    """The queues with somebody waiting at the last full minute."""
    last_ms = truth.minutes[-1].ts_ms if truth.minutes else None
    waits = [
        f"{minute.queue} {minute.waiting} waiting up to {minute.longest_wait_s:.0f} s"
        for minute in truth.minutes[-len(truth.queues) :]
        if minute.ts_ms == last_ms and minute.waiting
    ]
    return ", ".join(waits) or "nobody waiting"
