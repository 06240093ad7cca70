"""What all sides are fed: the events of a large centre, deterministic by seed, 258 bytes each as JSON.

A quarter each of contacts offered, answered and handled, the rest agent states and queue observations; a quarter of
all events name a caller. 20,000 agents serve 500 queues.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

AGENTS, QUEUES = 20_000, 500
WAITING = 2_000
"""Contacts that wait at the start: four a queue."""
TALKING = 8_000
"""Contacts under way at the start."""
_ISSUES = ("billing", "delivery", "login", "refund", "contract", "outage", "address", "other")
_OUTCOMES = ("resolved", "resolved", "resolved", "unresolved", "transferred")
_STATES = ("available", "reserved", "on_contact", "acw", "available", "break")


def events(seed: int, at_ms: int, *, agents: int = AGENTS, queues: int = QUEUES) -> Iterator[dict[str, Any]]:
    """Events without end, all at `at_ms`. Agent i serves queue i mod `queues`."""
    r = random.Random(seed)
    waiting = deque(_Contact(r, agents, queues) for _ in range(WAITING))
    talking = deque(_Contact(r, agents, queues) for _ in range(TALKING))
    while True:
        draw = r.random()
        if draw < 0.25 or not waiting or not talking:
            waiting.append(_Contact(r, agents, queues))
            event = waiting[-1].offered()
        elif draw < 0.5:
            talking.append(waiting.popleft())
            event = talking[-1].answered(r)
        elif draw < 0.75:
            event = talking.popleft().handled(r)
        else:
            event = _state(r, agents, queues) if draw < 0.9 else _observed(r, queues)
        yield {**event, "id": _uuid(r), "ts": at_ms, "site": "lisbon-1"}


def shift_start(at_ms: int, *, agents: int = AGENTS, queues: int = QUEUES) -> Iterator[dict[str, Any]]:
    """Every agent signs in."""
    r = random.Random(0)
    for agent in range(agents):
        yield {**_signed_in(agent, queues, "available"), "id": _uuid(r), "ts": at_ms, "site": "lisbon-1"}


class _Contact:
    """A contact on its way."""

    def __init__(self, r: random.Random, agents: int, queues: int) -> None:
        agent = r.randrange(agents)
        self.agent, self.queue = _agent(agent), _queue(agent % queues)
        self.id = _uuid(r)
        # Offered and handled, two of a contact's three events, name the caller; they are half of all events.
        self.caller = {"caller": f"+3519{r.randrange(10**8):08d}"} if r.random() < 0.5 else {}
        self.issue = r.choice(_ISSUES)

    def offered(self) -> dict[str, Any]:
        return {
            "type": "contact.offered",
            "contact": self.id,
            "queue": self.queue,
            **self.caller,
            "issue": self.issue,
            "channel": "voice",
            "direction": "inbound",
        }

    def answered(self, r: random.Random) -> dict[str, Any]:
        wait_s = round(r.expovariate(1 / 40), 1)
        return {
            "type": "contact.answered",
            "contact": self.id,
            "queue": self.queue,
            "agent": self.agent,
            "wait_s": wait_s,
            "announced_wait_s": 60.0,
        }

    def handled(self, r: random.Random) -> dict[str, Any]:
        return {
            "type": "contact.handled",
            "contact": self.id,
            "queue": self.queue,
            "agent": self.agent,
            "talk_s": round(r.lognormvariate(5.3, 0.5), 1),
            "hold_s": round(r.expovariate(1 / 20), 1),
            "acw_s": round(r.expovariate(1 / 30), 1),
            **self.caller,
            "issue": self.issue,
            "outcome": r.choice(_OUTCOMES),
            "complaint": r.random() < 0.02,
            "direction": "inbound",
        }


def _state(r: random.Random, agents: int, queues: int) -> dict[str, Any]:
    return _signed_in(r.randrange(agents), queues, r.choice(_STATES))


def _signed_in(agent: int, queues: int, state: str) -> dict[str, Any]:
    return {"type": "agent.state", "agent": _agent(agent), "state": state, "team": f"team-{agent % queues // 10:02d}"}


def _observed(r: random.Random, queues: int) -> dict[str, Any]:
    waiting = r.randrange(12)
    return {
        "type": "queue.observed",
        "queue": _queue(r.randrange(queues)),
        "waiting": waiting,
        "longest_wait_s": round(r.expovariate(1 / 60), 1) if waiting else 0.0,
        "agents_staffed": 30 + r.randrange(20),
        "agents_available": r.randrange(5),
        "agents_busy": 20 + r.randrange(20),
    }


def _agent(number: int) -> str:
    return f"agent-{number:05d}"


def _queue(number: int) -> str:
    return f"support-queue-{number:03d}"


def _uuid(r: random.Random) -> str:
    h = f"{r.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def bodies(seed: int, at_ms: int, count: int, batch: int) -> list[bytes]:
    """`count` request bodies: one event each, or with `batch` > 1 a JSON array of that many."""
    source = events(seed, at_ms)
    if batch == 1:
        return [msgspec.json.encode(next(source)) for _ in range(count)]
    return [msgspec.json.encode([next(source) for _ in range(batch)]) for _ in range(count)]
