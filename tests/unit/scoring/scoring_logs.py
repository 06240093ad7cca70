"""Logs for the engine's tests: events of the simulated centre, or random hard ones, as entries; and readers of outputs.

A log is a list of `Entry`. `play` runs it through an engine and keeps what an observer of the alerts log would see.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from services.scoring.core.engine import Engine
from services.scoring.core.report import Report
from shared.contract.actions import Acknowledged, Action, Assigned, Closed, Noted, Snoozed
from shared.contract.block import CODES, Row, decode_block, encode_block
from shared.contract.entries import (
    EngineMark,
    Entry,
    EntryId,
    Events,
    Settings,
    action_fields,
    block_fields,
    engine_fields,
    parse_entry,
    settings_fields,
    tick_fields,
)
from shared.contract.events import event_decoder
from shared.contract.hashes import TenantHashes
from shared.contract.rows import DIRECTION_SHIFT, HANDLED, KIND_OF, OFFERED, OUTBOUND, row_of
from shared.log_callers import CallerIndex, lookups_of
from tools.centre import Centre, Scenario

T0 = 1_772_440_440_000
"""A whole minute."""
TENANT = "acme"
NAN = float("nan")

SHORT_HOLDS: dict[str, Any] = {
    "revision": 1,
    "alerts": {
        "queue.strain": {"open_line": 45, "open_hold_s": 15, "close_line": 35, "close_hold_s": 20, "critical_line": 70},
        "agent.strain": {"open_line": 40, "open_hold_s": 10, "close_line": 30, "close_hold_s": 20, "critical_line": 60},
        "feed.silent": {"open_line": 12, "close_line": 5, "critical_line": 25, "escalate_after_s": 8},
        "agent.hard_streak": {"open_line": 0.96, "close_line": 0.95, "critical_line": 2, "escalate_after_s": 30},
        "agent.break_due": {"open_line": 1, "close_line": 0.5, "critical_line": 2, "escalate_after_s": 30},
        "agent.recognition": {"open_line": 0.1, "close_hold_s": 60},
        "team.strain": {"open_line": 5, "open_hold_s": 0, "close_line": 4, "close_hold_s": 60, "critical_line": 30},
        "campaign.over_contact": {"open_line": 2, "close_hold_s": 60, "critical_line": 4},
    },
}
"""Settings under which half an hour is enough for every kind of alert to come and go."""


def at(ms: int, fields: dict[bytes, bytes], seq: int = 0) -> Entry:
    """An entry at a time."""
    return Entry(EntryId(ms, seq), fields)


def tick(ms: int, seq: int = 0) -> Entry:
    return at(ms, tick_fields(ms), seq)


def settings(ms: int, document: dict[str, Any], seq: int = 0) -> Entry:
    revision = document.get("revision", 1)
    return at(ms, settings_fields(Settings(revision, f"digest-{revision}", document)), seq)


def mark(ms: int, name: str = "engine-2", seq: int = 0) -> Entry:
    return at(ms, engine_fields(EngineMark(name, "0-0")), seq)


def action(ms: int, what: Action, seq: int = 0) -> Entry:
    return at(ms, action_fields(what), seq)


def block(ms: int, rows: Sequence[Row], seq: int = 0, since_previous_ms: Sequence[int] | None = None) -> Entry:
    fields = block_fields(encode_block(rows))
    if since_previous_ms is not None:
        fields[b"r"] = b"".join(ms.to_bytes(8, "little", signed=True) for ms in since_previous_ms)
    return at(ms, fields, seq)


def hash_of(number: int) -> int:
    """A contact's hash: like those of ingest, spread over 64 bits."""
    return (2 * number + 1) * 0x9E3779B97F4A7C15 % 2**64


def numbered(entries: Iterable[Entry]) -> list[Entry]:
    """Entries in order of time with their sequence numbers set, as the log gives them."""
    out: list[Entry] = []
    for entry in sorted(entries, key=lambda e: (e.id.ms, e.id.seq)):
        seq = out[-1].id.seq + 1 if out and out[-1].id.ms == entry.id.ms else 0
        out.append(Entry(EntryId(entry.id.ms, seq), entry.fields))
    return out


def every(seconds: int, until_s: int, start_s: int = 0) -> list[Entry]:
    return [tick(T0 + s * 1000 + 500) for s in range(start_s, until_s, seconds)]


def with_lines(queue_line: float = 60, agent_line: float = 65, **more: Any) -> dict[str, Any]:
    rules = {
        "queue.strain": {"open_line": queue_line, "close_line": queue_line - 1, "open_hold_s": 0},
        "agent.strain": {"open_line": agent_line, "close_line": agent_line - 1, "open_hold_s": 0},
        "feed.silent": {"open_line": 80_000, "critical_line": 86_000},
    }
    return {"revision": 1, "alerts": rules, **more}


def only(entry: Entry, tenant: str) -> Entry:
    """The entry with another tenant's events left out; a tick when nothing is left."""
    if b"b" not in entry.fields:
        return entry
    whole = decode_block(entry.fields[b"b"])
    parsed = parse_entry(entry.fields)
    assert isinstance(parsed, Events)
    since, outbound = parsed.since_previous_ms, parsed.outbound
    rows, answers, counts = [], [], b""
    for i in range(whole.n):
        if whole.strings[whole.tenant[i]] != tenant:
            continue
        values: dict[str, Any] = {}
        for column in CODES:
            value = getattr(whole, column)[i].item()
            if column in ("tenant", "queue", "agent", "issue", "other", "reason"):
                value = whole.strings[value] if value else None
            values[column] = value
        values["id"] = whole.event_id(i)
        row = Row(**values)
        rows.append(row)
        if row.caller and row.kind in (OFFERED, HANDLED):
            answers.append(int(since[i]))
        if outbound is not None and outbound[i]:
            counts += int(outbound[i]).to_bytes(2, "little")
    if not rows:
        return tick(entry.id.ms, entry.id.seq)
    found = block(entry.id.ms, rows, entry.id.seq, answers if answers else None)
    return Entry(found.id, {**found.fields, b"o": counts}) if counts else found


# --- the simulated centre


def centre_events(seconds: float, *, seed: int = 5, agents: int = 9, **scenario: Any) -> list[dict[str, Any]]:
    """Events of a small centre with a surge, in order of time."""
    given = Scenario(**{"surge_at_min": 2.0, "surge_for_min": 6.0, "surge_factor": 6.0, **scenario})
    return list(Centre(seed=seed, start_ms=T0, agents=agents, scenario=given).events(seconds))


class Encoder:
    """ACD events to block entries, with the answers of a repeat-caller index, as ingest and the log make them."""

    def __init__(self, tenant: str = TENANT) -> None:
        self.tenant = tenant
        self._hashes = TenantHashes(tenant, b"secret")
        self._index = CallerIndex()
        self._decode = event_decoder().decode

    def entry(self, ms: int, events: Sequence[dict[str, Any]]) -> Entry:
        rows = [row_of(self._decode(msgspec.json.encode(e)), self.tenant, e["ts"], self._hashes) for e in events]
        return at(ms, block_fields(encode_block(rows)) | self._index.fields(lookups_of(rows), ms))


def centre_log(
    seconds: float, *, batch_ms: int = 400, ticks: bool = True, document: dict[str, Any] | None = None, **how: Any
) -> list[Entry]:
    """A log of the simulated centre: what came within `batch_ms` is one entry; ticks between."""
    encoder = Encoder()
    waiting: list[dict[str, Any]] = []
    entries = [settings(T0 - 1, document or SHORT_HOLDS)]
    due = T0
    for event in centre_events(seconds, **how):
        while event["ts"] >= due + batch_ms:
            if waiting:
                entries.append(encoder.entry(due + batch_ms + 137, waiting))
                waiting = []
            due += batch_ms
        waiting.append(event)
    if ticks:
        entries += [tick(T0 + s * 1000 + 613) for s in range(int(seconds))]
    return numbered(entries)


# --- hard random logs

QUEUES, AGENTS = ("q-billing", "q-cards"), ("ann", "bo", "cy", "dee", "eve", "flo")
TEAMS = ("team-a", "team-a", "team-a", "team-b")


@dataclass
class Fuzz:
    """A random log from one seed: all kinds of events in any order and lateness, ticks, gaps, settings, actions."""

    seed: int
    entries: int = 60
    tenants: tuple[str, ...] = (TENANT,)
    gaps: bool = True
    actions: bool = True
    changes: bool = True  # of settings
    late: bool = True
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        # One bound in a log: ids here come again with another time, and those are judged by the bound of their entry.
        self.lateness_s = self.rng.choice((60, 300, 900, 1800))
        self._event = 0
        self._contact = 0
        self._open: list[tuple[str, int, str, str | None, int]] = []

    def log(self) -> list[Entry]:
        rng, ms = self.rng, T0 + self.rng.randrange(2000)
        out = [settings(ms, {**SHORT_HOLDS, "lateness_s": self.lateness_s})]
        revision = 1
        alerts: list[tuple[str, str]] = []
        engine = Engine(marks="none")
        engine.step(out[0])
        for _ in range(self.entries):
            ms += rng.choice((0, 1, 40, 300, 900, 1000, 1700, 4000, 9000))
            if rng.random() < 0.05:
                ms += rng.choice((14_000, 29_000, 45_000, 130_000)) if self.gaps else 14_000
            roll = rng.random()
            if roll < 0.12:
                entry = tick(ms)
            elif roll < 0.16 and self.actions and alerts:
                entry = action(ms, self._action(*rng.choice(alerts[-6:])))
            elif roll < 0.18 and self.changes:
                revision += 1
                entry = settings(ms, self._settings(revision))
            elif roll < 0.19:
                entry = mark(ms, f"engine-{revision}")
            else:
                entry = self._block(ms)
            last = out[-1].id
            out.append(Entry(EntryId(ms, last.seq + 1 if last.ms == ms else 0), entry.fields))
            for _, data in engine.step(out[-1]).alerts:
                alert = json.loads(data)
                alerts.append((alert["id"], alert["tenant"]))
        return out

    def _settings(self, revision: int) -> dict[str, Any]:
        rng = self.rng
        document: dict[str, Any] = json.loads(json.dumps(SHORT_HOLDS))
        document["revision"] = revision
        document["lateness_s"] = self.rng.choice((60, 300, 900, 1800))
        rules = document["alerts"]["agent.strain"]
        rules["open_line"] = rng.choice((30, 40, 60))
        document["drivers"] = {"queue": {"predicted_wait": {"target_wait_s": rng.choice((20, 60, 600))}}}
        document["tenants"] = {TENANT: {"queues": {QUEUES[0]: {"team": rng.choice(TEAMS)}}}}
        return document

    def _action(self, alert: str, tenant: str) -> Action:
        rng = self.rng
        self._event += 1
        who: dict[str, Any] = {
            "id": f"act-{self._event}",
            "tenant": tenant,
            "alert": alert,
            "by": rng.choice(("lea", "max")),
        }
        return rng.choice(
            (
                Acknowledged(**who),
                Assigned(**who, to="max"),
                Snoozed(**who, for_s=60),
                Closed(**who),
                Noted(**who, text="said hello"),
            )
        )

    def _block(self, ms: int) -> Entry:
        rng = self.rng
        rows = [self._row(ms) for _ in range(rng.choice((1, 1, 2, 3, 8)))]
        asked = [
            rng.choice((-1, -1, 60_000))
            for kind in (KIND_OF_NAME["contact.offered"], KIND_OF_NAME["contact.handled"])
            for row in rows
            if row.kind == kind and row.caller
        ]
        entry = block(ms, rows, since_previous_ms=asked if asked else None)
        counts = [
            rng.choice((1, 1, 2, 5)).to_bytes(2, "little")
            for kind in (KIND_OF_NAME["contact.offered"], KIND_OF_NAME["contact.handled"])
            for row in rows
            if row.kind == kind and row.caller and row.flags >> DIRECTION_SHIFT & 3 == OUTBOUND
        ]
        return Entry(entry.id, {**entry.fields, b"o": b"".join(counts)}) if counts else entry

    def _row(self, ms: int) -> Row:
        rng = self.rng
        self._event += 1
        tenant = rng.choice(self.tenants)
        ts_ms = ms - rng.choice((0, 0, 5, 800, 5000))
        if self.late and rng.random() < 0.1:
            ts_ms = ms - rng.choice((30_000, 200_000, 880_000, 1_000_000, -30_000, -300_000))
        event_id = f"ev-{self._event - rng.choice((0, 0, 0, 0, 1, 7))}"
        say: dict[str, Any] = {"tenant": tenant, "ts_ms": ts_ms, "id": event_id}
        kind = rng.choice(
            ("contact.offered",) * 5
            + ("contact.answered", "contact.handled") * 4
            + ("contact.abandoned", "contact.repeated", "agent.supported", "agent.check_in", "agent.quality_check")
            + ("queue.observed", "agent.state") * 2
        )
        code = KIND_OF_NAME[kind]
        agent = rng.choice(AGENTS)
        if kind == "queue.observed":
            waiting = rng.choice((0, 0, 1, 6))
            numbers: dict[str, Any] = {
                "n0": float(waiting),
                "n1": rng.choice((NAN, 5.0, 70.0)),
                "n2": rng.choice((NAN, 2.0)),
            }
            return Row(code, queue=rng.choice(QUEUES), **say, **numbers)
        if kind == "agent.state":
            return Row(code, agent=agent, other=rng.choice((None, *TEAMS)), flags=rng.randrange(1, 8) << 3, **say)
        if kind.startswith("agent."):
            return Row(code, agent=agent, **say)
        if kind == "contact.offered":
            self._contact += 1
        contact = max(1, self._contact - rng.choice((0, 0, 0, 1, 2, 5)))
        what: dict[str, Any] = {
            "contact": hash_of(contact),
            "queue": QUEUES[contact % 2] if rng.random() < 0.95 else rng.choice(QUEUES),
        }
        if kind == "contact.offered":
            way = rng.choice((0, 0, OUTBOUND << DIRECTION_SHIFT))
            return Row(code, caller=rng.choice((0, 7)), issue=rng.choice((None, "refund")), flags=way, **what, **say)
        if kind == "contact.answered":
            return Row(code, agent=agent, n0=rng.choice((3.0, 90.0, 400.0)), n1=rng.choice((NAN, 60.0)), **what, **say)
        if kind == "contact.abandoned":
            return Row(code, n0=rng.choice((3.0, 200.0)), **what, **say)
        if kind == "contact.repeated":
            return Row(code, agent=rng.choice((None, agent)), n0=rng.choice((NAN, 300.0)), **what, **say)
        flags = rng.choice((0, 0, 0, 1 << 8, 1 << 9, 1 << 10)) | rng.choice((0, 1))
        handle_s, wait_s = rng.choice((30.0, 240.0, 280.0, 900.0)), rng.choice((NAN, NAN, 50.0))
        issue = rng.choice((None, "refund"))
        return Row(code, agent=agent, issue=issue, n0=handle_s, n1=wait_s, flags=flags, **what, **say)


KIND_OF_NAME: dict[str, int] = {str(t.__struct_config__.tag): kind for t, kind in KIND_OF.items()}


# --- outputs


@dataclass
class Played:
    """What came out of a log: (alert entry id, bytes) in order, and the engine as it ended."""

    engine: Engine
    alerts: list[tuple[EntryId, bytes]]
    reports: list[Report]

    @property
    def bytes(self) -> list[bytes]:
        return [data for _, data in self.alerts]


def play(log: Iterable[Entry], engine: Engine | None = None) -> Played:
    """A log through an engine, by default a new one that shows no signals."""
    engine = engine or Engine(marks="none")
    reports = [engine.step(entry) for entry in log]
    return Played(engine, [alert for report in reports for alert in report.alerts], reports)


def nameless(alerts: Iterable[bytes]) -> list[dict[str, Any]]:
    """Alerts with their ids replaced by the order in which they opened: ids name the entry that opened them."""
    known: dict[str, str] = {}
    out = []
    for data in alerts:
        alert = json.loads(data)
        alert["id"] = known.setdefault(alert["id"], f"alert {len(known)}")
        alert["suppresses"] = [known.setdefault(i, f"alert {len(known)}") for i in alert["suppresses"]]
        out.append(alert)
    return out


def opened(alerts: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The first change of each alert."""
    known = set()
    for data in alerts:
        alert = json.loads(data)
        if alert["id"] not in known:
            known.add(alert["id"])
            yield alert


def seconds_of(alert: dict[str, Any]) -> float:
    """When it opened, s after T0."""
    return (datetime.fromisoformat(alert["opened_at"]).timestamp() * 1000 - T0) / 1000


@lru_cache(maxsize=64)
def hard(seed: int, gaps: bool = True, actions: bool = True) -> list[Entry]:
    """A random hard log, kept for who asks for the same one."""
    return Fuzz(seed, gaps=gaps, actions=actions).log()
