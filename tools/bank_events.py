"""The events of finished calls in the order of time, with the queue lengths that follow from them."""

from __future__ import annotations

import heapq
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]

NAMESPACE = uuid.UUID(
    "4b1f6f0e-6b0c-5d1c-9a53-6c0d2f6f7a11"
)  # ours, made once: the same call has the same ids for ever

OBSERVE_MS = 60_000  # an ACD's usual reporting step; a finer one would give more events than the calls themselves

RETURNED_CALLS = "TT"
"""Service type of callers who were called back and then had to wait: no direction is claimed for them."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that joined a queue and left it (`left_ms`) for an `agent`, or abandoned it (None)."""

    contact: str
    queue: str
    caller: str | None
    agent: str | None
    offered_ms: int
    left_ms: int
    handled_ms: int
    wait_s: int
    handle_time_s: int


@dataclass(slots=True)
class _Queue:
    """What one queue holds at this moment."""

    waiting: OrderedDict[str, int] = field(default_factory=OrderedDict)  # contact -> offered_ms, in order of joining
    busy: Counter[str] = field(default_factory=Counter)  # agent -> contacts in service (records may overlap)
    told: tuple[int, int] = (0, 0)

    def observation(self, name: str, ts_ms: int) -> Event | None:
        """`queue.observed` while somebody waits or something changed since the last one, else None."""
        now = (len(self.waiting), len(self.busy))
        if now == self.told and not self.waiting:
            return None
        self.told = now
        oldest_ms = next(iter(self.waiting.values()), ts_ms)
        return {
            "type": "queue.observed",
            "id": str(uuid.uuid5(NAMESPACE, f"{name}/{ts_ms}")),
            "ts": ts_ms,
            "queue": name,
            "waiting": now[0],
            "longest_wait_s": (ts_ms - oldest_ms) // 1000,
            "agents_busy": now[1],
        }

    def apply(self, event: Event) -> None:
        kind, contact = event["type"], event["contact"]
        if kind == "contact.offered":
            self.waiting[contact] = event["ts"]
            return
        self.waiting.pop(contact, None)
        if kind == "contact.abandoned":
            return
        agent: str = event["agent"]
        if kind == "contact.answered":
            self.busy[agent] += 1
        else:
            self.busy[agent] -= 1
            if not self.busy[agent]:
                del self.busy[agent]


def events_of(calls: list[Call]) -> Iterator[Event]:
    """Events of `calls`, ordered by ts; memory beyond the calls is that of the calls in progress.

    At one instant: what ends, then who joins, then who is answered or gives up, then the queue lengths: an
    agent who ends one call and begins the next in the same second is never in two. Further ties by contact.
    """
    queues = {name: _Queue() for name in sorted({call.queue for call in calls})}
    observe_ms = 0
    for event in _contact_events(calls):
        while observe_ms < event["ts"]:
            observations = [*_observe(queues, observe_ms)]
            yield from observations
            # Nothing to tell now is nothing to tell until the next event: nights cost nothing.
            observe_ms = observe_ms + OBSERVE_MS if observations else -(-event["ts"] // OBSERVE_MS) * OBSERVE_MS
        queues[event["queue"]].apply(event)
        yield event
    yield from _observe(queues, observe_ms)


def _observe(queues: dict[str, _Queue], ts_ms: int) -> Iterator[Event]:
    for name, queue in queues.items():
        observation = queue.observation(name, ts_ms)
        if observation is not None:
            yield observation


def _contact_events(calls: list[Call]) -> Iterator[Event]:
    ahead: list[tuple[int, int, str, Call]] = []
    for call in sorted(calls, key=lambda call: (call.offered_ms, call.contact)):
        while ahead and ahead[0][:2] < (call.offered_ms, _JOINS):
            yield _event(*heapq.heappop(ahead))
        heapq.heappush(ahead, (call.offered_ms, _JOINS, call.contact, call))
        heapq.heappush(ahead, (call.left_ms, _LEAVES, call.contact, call))
        if call.agent is not None:
            rank = _ENDS if call.handled_ms > call.left_ms else _ENDS_AT_ONCE
            heapq.heappush(ahead, (call.handled_ms, rank, call.contact, call))
    while ahead:
        yield _event(*heapq.heappop(ahead))


_ENDS, _JOINS, _LEAVES, _ENDS_AT_ONCE = range(4)  # the order within one instant


def _event(ts_ms: int, rank: int, contact: str, call: Call) -> Event:
    if rank == _JOINS:
        kind, fields = "contact.offered", _offered(call)
    elif rank != _LEAVES:
        kind, fields = "contact.handled", _handled(call)
    elif call.agent is None:
        kind, fields = "contact.abandoned", {"wait_s": call.wait_s}
    else:
        kind, fields = "contact.answered", {"agent": call.agent, "wait_s": call.wait_s}
    event_id = str(uuid.uuid5(NAMESPACE, f"{contact}/{kind}"))
    return {"type": kind, "id": event_id, "ts": ts_ms, "contact": contact, "queue": call.queue, **fields}


def _offered(call: Call) -> Event:
    fields: Event = {} if call.caller is None else {"caller": call.caller}
    fields["channel"] = "voice"
    if call.queue != RETURNED_CALLS:
        fields["direction"] = "inbound"
    return fields


def _handled(call: Call) -> Event:
    fields: Event = {"agent": call.agent, "handle_time_s": call.handle_time_s, "wait_s": call.wait_s}
    if call.caller is not None:
        fields["caller"] = call.caller
    return fields
