"""What one would write without arrays: a loop over events with dictionaries of floats, for the same drivers.

It gets events that are decoded already, and judges after each block the agents and queues that it touched. It leaves
out what the engine does besides: reading and decoding the log, ids seen before, alerts, whole seconds, evidence,
surges, what is usual by hour and day, queues that share agents, agents whose ACD sends no states, repeats that the ACD
tells itself, and the end of contacts whose last event was lost. What it computes is the engine's model as it is: a wait
that somebody has counts with its square, what only a model foresees by its logarithm, and facts when they happened.
"""

from __future__ import annotations

import math
from typing import Any

from bench.peers import plain_agents as pa
from bench.peers import plain_queues as pq
from services.scoring.core import agent_drivers as ad
from shared.contract.entries import Events
from shared.contract.events import EVENT_TYPES, OUTCOMES
from shared.contract.rows import ABUSIVE, COMPLAINT, OUTCOME_MASK, STATE_MASK, STATE_SHIFT

Event = dict[str, Any]
SERVES_FOR_MS = 3_600_000
_NAMES = [event_type.__struct_config__.tag for event_type in EVENT_TYPES]


def _ms(span_s: float | None) -> int:
    """A span that an event tells, up to a day; 0 where it tells none."""
    return 0 if span_s is None else int(min(max(span_s, 0.0), 86_400.0) * 1000.0)


def plain_events(entry: Events) -> list[Event]:
    """The events of an entry as dictionaries."""
    b, out = entry.block, []
    for i in range(b.n):
        n0, n1, n2, n3, n4 = (
            None if math.isnan(x) else float(x) for x in (b.n0[i], b.n1[i], b.n2[i], b.n3[i], b.n4[i])
        )
        flags = int(b.flags[i])
        event: Event = {"type": _NAMES[int(b.kind[i])], "ts_ms": int(b.ts_ms[i])}
        for name, codes in (("queue", b.queue), ("agent", b.agent), ("issue", b.issue)):
            event[name] = b.strings[int(codes[i])] if codes[i] else None
        if b.contact[i]:
            since_ms = int(entry.since_previous_ms[i])
            event |= {"contact": int(b.contact[i]), "since_ms": since_ms if since_ms >= 0 else None}
        match event["type"]:
            case "queue.observed":
                busy = None if n3 is None or n4 is None else n3 + n4
                event |= {"observed": (n0, n1, busy if n2 is None else n2)}
            case "contact.answered":
                event |= {"wait_s": n0, "announced_s": n1}
            case "contact.abandoned":
                event |= {"wait_s": n0}
            case "contact.handled":
                outcome = flags & OUTCOME_MASK
                event |= {
                    "handle_s": n0,
                    "wait_s": n1,
                    "outcome": OUTCOMES[outcome - 1] if outcome else None,
                    "complaint": bool(flags & COMPLAINT),
                    "abusive": bool(flags & ABUSIVE),
                }
            case "agent.state":
                event |= {"state": flags >> STATE_SHIFT & STATE_MASK}
        out.append(event)
    return out


class PlainScorer:
    """Agents, queues and contacts of one tenant, by name."""

    def __init__(self) -> None:
        self.agents: dict[str, pa.Agent] = {}
        self.queues: dict[str, pq.Queue] = {}
        self.contacts: dict[int, dict[str, Any]] = {}
        self.served_ms: dict[tuple[str, str], int] = {}

    def step(self, events: list[Event], now_ms: int) -> None:
        """Apply a block, then judge what it touched."""
        agents: dict[str, pa.Agent] = {}
        queues: dict[str, pq.Queue] = {}
        for event in events:
            name = event["queue"]
            if name is not None:
                q = self.queues.get(name)
                if q is None:
                    q = self.queues[name] = pq.new_queue(event["ts_ms"])
                queues[name] = q
            name = event["agent"]
            if name is not None:
                a = self.agents.get(name)
                if a is None:
                    a = self.agents[name] = pa.new_agent(event["ts_ms"])
                agents[name] = a
            self._apply(event, event["ts_ms"])
        for q in queues.values():
            q["strain"] = pq.strain_at(q, now_ms)
        for a in agents.values():
            a["strain"] = pa.strain_at(a, now_ms)

    def _apply(self, event: Event, at_ms: int) -> None:
        a = self.agents.get(event["agent"])
        q = self.queues.get(event["queue"])
        if a is not None:
            pa.touch(a, at_ms)
        if q is not None:
            pq.touch(q, at_ms)
        if event["type"] == "agent.state":
            pa.say(a, at_ms, event["state"])  # type: ignore[arg-type]
        elif event["type"] == "queue.observed":
            if q is not None:
                pq.observe(q, event["observed"], at_ms)
        elif "contact" in event:
            self._contact(event, at_ms, a, q)

    def _contact(self, event: Event, at_ms: int, a: pa.Agent | None, q: pq.Queue | None) -> None:
        kind = event["type"]
        c = self.contacts.setdefault(event["contact"], {"since_ms": None, "queue": None, "last_ms": 0})
        pq.place(c, event["contact"], kind, q, at_ms)
        # Facts count when they happened, whichever event is the first to tell them.
        taken_ms = at_ms - _ms(event["handle_s"]) if kind == "contact.handled" else at_ms
        if q is not None and "arrived" not in c:
            joined_ms = at_ms if kind == "contact.offered" else taken_ms - _ms(event["wait_s"])
            pq.add(q, "arrivals", 1.0, joined_ms)
        c["arrived"] = True
        if kind == "contact.offered":
            c["since_ms"] = event["since_ms"] if c["since_ms"] is None else c["since_ms"]
            return
        gone = kind == "contact.abandoned" and "ended" not in c and "agent" not in c
        wait_s = event["wait_s"] if "waited" not in c else None
        if wait_s is not None:
            c["waited"] = True
        if q is not None:
            self._ended_wait(q, wait_s, gone, taken_ms)
        if a is not None:
            c["agent"] = True
            self.served_ms[event["agent"], event["queue"]] = at_ms
            self._of_agent(event, at_ms, a, c, wait_s)
        if kind == "contact.handled" and "handle" not in c:
            c["handle"] = True
            if q is not None and event["handle_s"] is not None:
                pq.add(q, "handle_s", event["handle_s"], at_ms)
                pq.add(q, "handled", 1.0, at_ms)
        if kind != "contact.answered":
            c["ended"] = True

    def _ended_wait(self, q: pq.Queue, wait_s: float | None, gone: bool, at_ms: int) -> None:
        if wait_s is not None:
            pq.add(q, "wait_s", wait_s, at_ms)
            pq.add(q, "waits", 1.0, at_ms)
            pq.feel(q, wait_s, at_ms)
        if wait_s is not None or gone:
            pq.add(q, "ended", 1.0, at_ms)
            if wait_s is not None and not gone and wait_s <= pq.P["service_level"]["within_s"]:
                pq.add(q, "within", 1.0, at_ms)
        if gone:
            pq.add(q, "abandoned", 1.0, at_ms)

    def _of_agent(self, event: Event, at_ms: int, a: pa.Agent, c: dict[str, Any], wait_s: float | None) -> None:
        if c["since_ms"] is None:
            c["since_ms"] = event["since_ms"]
        repeat = c["since_ms"] is not None
        if repeat and "repeat" not in c:
            c["repeat"] = True
            pa.add(a, ad.REPEAT_CALLERS, pa.P["repeat_callers"]["per_contact"], at_ms)
        if event["type"] == "contact.answered":
            pa.take(a, at_ms)
        if wait_s is not None:
            strain = self.queues[event["queue"]]["strain"] if event["queue"] is not None else 0.0
            pa.served(a, wait_s, event.get("announced_s"), strain, at_ms)
        if event["type"] == "contact.handled" and "handle" not in c:
            pa.handled(a, event, at_ms, repeat)
            a["ended_ms"] = max(a["ended_ms"], at_ms)

    def count_agents(self, at_ms: int) -> None:
        """Once a minute: who is there and served a queue within the hour, and how many a queue needs."""
        for q in self.queues.values():
            q["agents"] = 0
        for (agent, queue), served_ms in self.served_ms.items():
            if served_ms > at_ms - SERVES_FOR_MS and self.agents[agent]["state"] in pa.STAFFED:
                self.queues[queue]["agents"] += 1
        for q in self.queues.values():
            pq.count_need(q, at_ms)
