"""A log in which every kind of alert beside strain comes and goes: a team of six at work, and a campaign."""

from __future__ import annotations

from typing import Any

from scoring_logs import T0, TENANT, block, hash_of, numbered, settings, tick

from shared.contract import rows as k
from shared.contract.block import Row
from shared.contract.entries import Entry

TEAM = ("ann", "bo", "cy", "dee", "eve", "flo")
QUIET: dict[str, Any] = {
    "queue.strain": {"open_line": 100},
    "agent.strain": {"open_line": 100},
    "feed.silent": {"open_line": 80_000, "critical_line": 86_000},
}
RULES: dict[str, Any] = {
    **QUIET,
    "agent.hard_streak": {"open_line": 1.75, "close_line": 1.5, "critical_line": 2.5, "escalate_after_s": 120},
    "agent.break_due": {"open_line": 15, "close_line": 5, "critical_line": 20, "escalate_after_s": 200},
    "agent.recognition": {"close_hold_s": 300},
    "team.strain": {"open_line": 12, "open_hold_s": 60, "close_line": 8, "close_hold_s": 60, "critical_line": 90},
    "campaign.over_contact": {"close_hold_s": 120},
}
OUT = k.OUTBOUND << k.DIRECTION_SHIFT
RESOLVED, UNRESOLVED = 1, 2


class Care:
    """Events as entries; `s` is seconds after T0."""

    def __init__(self, rules: dict[str, Any] = RULES, **more: Any) -> None:
        self.entries = [settings(T0 - 1, {"revision": 1, "alerts": rules, **more})]
        self._n = 0

    def tell(self, kind: int, s: float, *, counts: list[int] | None = None, **columns: Any) -> None:
        """One event as an entry; `counts` as the append script gives them."""
        self._n += 1
        ms = T0 + round(s * 1000)
        entry = block(ms, [Row(kind, TENANT, ms, f"e-{self._n}", **columns)])
        if counts is not None:
            fields = {**entry.fields, b"o": b"".join(n.to_bytes(2, "little") for n in counts)}
            entry = Entry(entry.id, fields)
        self.entries.append(entry)

    def state(self, s: float, state: str, agent: str = "ann", team: str | None = "team-a") -> None:
        self.tell(k.STATE, s, agent=agent, other=team, flags=k.STATE_CODES[state] << k.STATE_SHIFT)

    def handled(self, s: float, flags: int = k.ABUSIVE | RESOLVED, agent: str = "ann", **more: Any) -> None:
        contact = hash_of(self._n)
        self.tell(k.HANDLED, s, queue="q", agent=agent, contact=contact, n0=100.0, flags=flags, **more)

    def called(self, s: float, count: int, queue: str = "spring-offer") -> None:
        """The campaign's contact goes out to somebody for the `count`-th time."""
        self.tell(k.OFFERED, s, queue=queue, contact=hash_of(self._n), caller=7, flags=OUT, counts=[count])

    def ticks(self, until_s: int, every_s: int = 20) -> None:
        self.entries += [tick(T0 + s * 1000 + 700) for s in range(0, until_s, every_s)]

    @property
    def log(self) -> list[Entry]:
        return numbered(self.entries)


def care_log() -> list[Entry]:
    """Forty minutes: hard contacts of ann that end well, breaks, strain of all, a campaign."""
    day = Care()
    for i, agent in enumerate(TEAM):
        day.state(i / 10, "available", agent)
    for i in range(3):
        day.handled(60.3 + 100 * i)
        day.handled(70.4 + 100 * i, agent="bo", flags=k.ABUSIVE | UNRESOLVED)
    for i, agent in enumerate(TEAM * 2):
        day.state(400 + 5.1 * i, "on_contact", agent)
    for i, agent in enumerate(TEAM):
        day.state(1100 + i / 7, "break" if i % 2 else "available", agent)
        day.state(1300 + i / 7, "available" if i % 2 else "break", agent)
        day.state(1500 + i / 7, "available" if i else "offline", agent)
    for i, count in enumerate((1, 3, 4, 2, 9, 1)):
        day.called(800.9 + 40 * i, count)
    day.ticks(2600)
    return day.log
