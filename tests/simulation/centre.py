"""A small contact centre: what its ACD sends, and what becomes of it on the way: doubles, shuffles, delays, dirt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

TENANTS = ("demo", "acme")
QUEUES = ("billing", "tech")
TEAMS: dict[str, tuple[str, ...]] = {"team-a": ("ann", "bo", "cy"), "team-b": ("di", "ed"), "": ("fay",)}
AGENTS = tuple(agent for agents in TEAMS.values() for agent in agents)
OLD_S = 1_500
"""Older than the lateness bound."""


class Centre:
    """The events of one tenant, in time. `posts` gives what the ACD sends in a moment, as bodies."""

    def __init__(self, tenant: str, rng: Random) -> None:
        self.tenant = tenant
        self._rng = rng
        self._numbers = 0
        self._sent: list[dict[str, Any]] = []
        self._talking: dict[str, tuple[str, str, int]] = {}
        self._waiting: dict[str, list[tuple[str, int]]] = {queue: [] for queue in QUEUES}
        self.busy = False

    def _event(self, type_: str, ts: int, **fields: Any) -> dict[str, Any]:
        self._numbers += 1
        event = {"type": type_, "id": f"{self.tenant}-{self._numbers}", "ts": ts, **fields}
        self._sent.append(event)
        del self._sent[:-200]
        return event

    def log_in(self, now_ms: int) -> list[dict[str, Any]]:
        """Everybody comes to work."""
        return [
            self._event("agent.state", now_ms, agent=agent, state="available", **({"team": team} if team else {}))
            for team, agents in TEAMS.items()
            for agent in agents
        ]

    def moment(self, now_ms: int) -> list[dict[str, Any]]:
        """What happened in the last second."""
        rng, out = self._rng, list[dict[str, Any]]()
        for _ in range(rng.choice((0, 1, 4) if self.busy else (0, 0, 1))):
            queue = rng.choice(QUEUES)
            contact = f"c{self._numbers}"
            self._waiting[queue].append((contact, now_ms))
            issue = rng.choice(("refund", "login"))
            caller = f"+4930{rng.randrange(12):04d}"
            out.append(self._event("contact.offered", now_ms, contact=contact, queue=queue, caller=caller, issue=issue))
        for queue in QUEUES:
            free = [agent for agent in AGENTS if agent not in self._talking]
            if free and self._waiting[queue] and rng.random() < 0.6:
                contact, since_ms = self._waiting[queue].pop(0)
                agent = rng.choice(free)
                self._talking[agent] = (contact, queue, now_ms)
                wait_s = (now_ms - since_ms) / 1000
                out.append(
                    self._event("contact.answered", now_ms, contact=contact, queue=queue, agent=agent, wait_s=wait_s)
                )
            if rng.random() < (0.3 if self.busy else 0.1):
                waiting = len(self._waiting[queue]) + (30 if self.busy else 0)
                longest_s = 400 if self.busy else 0
                out.append(
                    self._event("queue.observed", now_ms, queue=queue, waiting=waiting, longest_wait_s=longest_s)
                )
        for agent, (contact, queue, since_ms) in sorted(self._talking.items()):
            if rng.random() < 0.08:
                del self._talking[agent]
                hard = self.busy and rng.random() < 0.7
                out.append(
                    self._event(
                        "contact.handled", now_ms, contact=contact, queue=queue, agent=agent,
                        handle_time_s=(now_ms - since_ms) / 1000, issue="refund",
                        outcome="escalated" if hard else "resolved", complaint=hard, abusive=hard,
                    )
                )  # fmt: skip
        if rng.random() < 0.02:
            agent = rng.choice(AGENTS)
            state = rng.choice(("available", "break", "on_contact", "acw"))
            team = rng.choice(("team-a", "team-b"))
            out.append(self._event("agent.state", now_ms, agent=agent, state=state, team=team))
        return out

    def on_the_way(self, events: list[dict[str, Any]], now_ms: int) -> Iterator[tuple[float, bytes]]:
        """(Seconds from now, body) of what arrives: in pieces, some of it twice, late, out of order or spoilt."""
        rng = self._rng
        events = list(events)
        if self._sent and rng.random() < 0.15:
            events += [rng.choice(self._sent) for _ in range(rng.randrange(1, 6))]
        if rng.random() < 0.05:
            events.append(self._event("agent.check_in", now_ms - OLD_S * 1000, agent="ann", load=5))
        if rng.random() < 0.05:
            events.append(self._event("queue.observed", now_ms - 40_000, queue="tech", waiting=9))
        if rng.random() < 0.05:
            events.append({"type": "contact.offered", "id": "", "ts": now_ms})
        if rng.random() < 0.3:
            rng.shuffle(events)
        while events:
            size = rng.choice((1, 1, 3, 50))
            piece, events = events[:size], events[size:]
            delay_s = rng.choice((0.0, 0.0, rng.uniform(0, 1), rng.uniform(0, 20)))
            yield delay_s, json.dumps(piece).encode()
        if rng.random() < 0.02:
            yield 0.0, rng.choice((b"[{]", b"\xff", b"{}", b"[[[[]]]]"))
