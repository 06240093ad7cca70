"""What events bring to the streams and to the root causes, against a plain list of contacts; and what is not seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest
from scoring_logs import NAN, TENANT, Fuzz, block, hash_of, settings, tick
from surge_logs import DAY_MS, HOUR_MS, MINUTE_MS, MONDAY_MS, Centre

from services.scoring.core import arrivals
from services.scoring.core.arrival_rows import HOURS
from services.scoring.core.engine import GAP_MS, Engine
from services.scoring.core.issue_rows import BIN_MS
from services.scoring.core.surge_feed import BEHIND_MS
from services.scoring.core.surge_watch import SILENT_CONTACTS
from shared.contract.block import Row
from shared.contract.entries import Entry, Events, Settings, parse_entry, settings_fields
from shared.contract.rows import HANDLED, OBSERVED, OFFERED, REPEATED, STATE


class Oracle:
    """Contacts one after the other, in plain Python. Knows neither late nor repeated events."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.arrived: set[int] = set()
        self.issue: dict[int, str] = {}
        self.since: dict[int, int] = {}
        self.again: set[int] = set()
        self.handled: set[int] = set()
        self.minute = -1
        self.by_minute: Counter[tuple[str, str]] = Counter()  # of the open minute: ("queue" or "issue", name)
        self.closed: Counter[tuple[str, str, int]] = Counter()
        self.by_bin: Counter[tuple[str, int]] = Counter()
        self.repeats: Counter[tuple[str, int]] = Counter()
        self.handle_s: defaultdict[str, float] = defaultdict(float)

    def step(self, entry: Entry) -> None:
        if self.minute >= 0:
            for minute in range(self.minute, entry.id.ms // MINUTE_MS):
                for (of, name), number in self.by_minute.items():
                    self.closed[of, name, minute] += number
                self.by_minute.clear()
                self.minute = minute + 1
        body = parse_entry(entry.fields)
        if not isinstance(body, Events):
            return
        if self.minute < 0:
            self.minute = entry.id.ms // MINUTE_MS
        b = body.block
        for i in range(b.n):
            contact = int(b.contact[i])
            if contact and body.since_previous_ms[i] >= 0:
                self.since.setdefault(contact, int(body.since_previous_ms[i]))
            if int(b.kind[i]) == REPEATED:
                self.since[contact] = int(1000 * b.n0[i]) if b.n0[i] == b.n0[i] else 0
        for i in range(b.n):
            if int(b.contact[i]):
                self.one(b, i)

    def one(self, b: Any, i: int) -> None:
        kind, contact, at_ms = int(b.kind[i]), int(b.contact[i]), int(b.ts_ms[i])
        if self.minute * MINUTE_MS - BEHIND_MS <= at_ms < self.minute * MINUTE_MS:
            at_ms = self.minute * MINUTE_MS
        if contact not in self.arrived and kind != REPEATED:
            self.arrived.add(contact)
            if at_ms >= self.minute * MINUTE_MS:
                self.by_minute["queue", b.strings[b.queue[i]]] += 1
        if contact not in self.issue and b.issue[i]:
            self.issue[contact] = b.strings[b.issue[i]]
            if at_ms >= self.minute * MINUTE_MS:
                self.by_minute["issue", self.issue[contact]] += 1
            self.by_bin[self.issue[contact], at_ms // BIN_MS] += 1
        if contact in self.issue:
            issue = self.issue[contact]
            if contact in self.since and contact not in self.again:
                self.again.add(contact)
                self.repeats[issue, at_ms // BIN_MS] += 1
            if kind == HANDLED and contact not in self.handled:
                self.handle_s[issue] += float(b.n0[i])
        if kind == HANDLED:
            self.handled.add(contact)


def compare(engine: Engine, oracle: Oracle, minute: int) -> int:
    """Streams of a minute that was just closed; how many contacts there were."""
    surges, names = engine._floor.surges, engine._floor.registers
    total = 0
    for of, watched, register in (("queue", surges.queues, names.queues), ("issue", surges.issues, names.issues)):
        for subject, name in enumerate(register.text):
            stream = int(watched.row[subject])
            if stream >= 0 and watched.streams.closed[stream] >= 0:
                assert watched.streams.closed[stream] == oracle.closed[of, name, minute], (of, name, minute)
                total += int(watched.streams.closed[stream])
    return total


def play_both(log: list[Entry]) -> tuple[Engine, Oracle, int]:
    engine, oracle = Engine(marks="none", clock_gaps=False), Oracle()
    total, before = 0, -1
    for entry in log:
        engine.step(entry)
        oracle.step(entry)
        minute = engine._floor.surges.queues.streams.minute
        if minute > before >= 0:
            total += compare(engine, oracle, minute - 1)
        before = minute
    return engine, oracle, total


def compare_causes(engine: Engine, oracle: Oracle) -> None:
    surges, names = engine._floor.surges, engine._floor.registers
    for issue, name in enumerate(names.issues.text):
        row = int(surges.issues.row[issue])
        for slot, number in enumerate(surges.causes.bin[row].tolist()):
            if number >= 0:
                assert surges.causes.observed[row, slot] == oracle.by_bin[name, number]
                assert surges.causes.again[row, slot] == oracle.repeats[name, number]


def test_arrivals_and_mentions_are_those_of_a_plain_list_of_contacts() -> None:
    engine, oracle, total = play_both(Centre(seed=2).days([0]))
    assert total > 1500
    compare_causes(engine, oracle)


@pytest.mark.parametrize("seed", range(4))
def test_so_they_are_in_hard_logs(seed: int) -> None:
    """Any order of events, contacts that change queues and issues, repeats told before and after the issue."""
    fuzz = Fuzz(seed, entries=150, gaps=False, actions=False, changes=False, late=False)
    log = []
    for number, entry in enumerate(fuzz.log()):
        if b"b" not in entry.fields:
            log.append(entry)
            continue
        rows = [fuzz._row(entry.id.ms) for _ in range(4)]
        rows = [row for row in rows if row.ts_ms > log[0].id.ms]
        named = [row._replace(id=f"n-{number}-{i}") for i, row in enumerate(rows)]
        log.append(block(entry.id.ms, named, entry.id.seq) if named else tick(entry.id.ms, entry.id.seq))
    engine, oracle, total = play_both(log)
    assert total > 100
    compare_causes(engine, oracle)


def offered(at_ms: int, number: int, **more: Any) -> Row:
    what: dict[str, Any] = {"queue": "q", "contact": hash_of(number), **more}
    return Row(OFFERED, TENANT, at_ms, f"e-{number}", **what)


def test_what_comes_a_little_late_is_judged_with_the_open_minute_and_the_rest_only_learnt() -> None:
    at_ms = MONDAY_MS + 10 * MINUTE_MS
    log = [
        block(MONDAY_MS, [offered(MONDAY_MS, 1)]),
        *(tick(MONDAY_MS + s) for s in range(10_000, 10 * MINUTE_MS, 10_000)),
        block(at_ms + 1000, [offered(at_ms - 200, 2), offered(at_ms - BEHIND_MS, 3), offered(at_ms - 60_000, 4)]),
    ]
    engine = Engine(marks="none")
    for entry in log:
        engine.step(entry)
    streams = engine._floor.surges.queues.streams
    assert streams.minute == at_ms // MINUTE_MS
    minutes_of(engine, [tick(at_ms + s) for s in range(10_000, MINUTE_MS + 1, 10_000)])
    assert streams.closed[0] == 2
    assert streams.hour_count[0] == 4
    assert streams.too_late == 0


def test_a_gap_is_unseen_also_where_it_fills_only_parts_of_minutes() -> None:
    log = [block(MONDAY_MS + s, [offered(MONDAY_MS + s, s)]) for s in range(0, 10 * MINUTE_MS, 10_000)]
    cut = [e for e in log if not 2.5 * MINUTE_MS < e.id.ms - MONDAY_MS < 6.25 * MINUTE_MS]
    assert max(b.id.ms - a.id.ms for a, b in pairwise(cut)) > GAP_MS
    engine, closed = Engine(marks="none"), {}
    for entry in cut:
        engine.step(entry)
        streams = engine._floor.surges.queues.streams
        closed[streams.minute - 1 - MONDAY_MS // MINUTE_MS] = int(streams.closed[0])
    assert [closed[minute] for minute in (1, 5, 7, 8)] == [6, -1, 6, 6]


def primed(engine: Engine, rate: float) -> None:
    """A usual rate at all hours for the first queue, from history."""
    streams = engine._floor.surges.queues.streams
    for _ in range(8):
        for hour in range(HOURS):
            streams.learn(0, hour, 60 * rate)


def minutes_of(engine: Engine, log: list[Entry]) -> list[int]:
    """What each minute that ended within a log brought to the first queue, -1 for unseen."""
    out, before = [], engine._floor.surges.queues.streams.minute
    for entry in log:
        engine.step(entry)
        streams = engine._floor.surges.queues.streams
        if streams.minute > before:
            out.append(int(streams.closed[0]))
        before = streams.minute
    return out


def test_a_tenant_that_says_nothing_while_contacts_are_due_was_not_heard() -> None:
    engine = Engine(marks="none")
    engine.step(block(MONDAY_MS, [offered(MONDAY_MS, 1)]))
    primed(engine, rate=2.0)
    ticks = [tick(MONDAY_MS + s) for s in range(10_000, 8 * MINUTE_MS + 1, 10_000)]
    found = minutes_of(engine, ticks)
    quiet = int(SILENT_CONTACTS / 2.0)
    assert found[: quiet + 1] == [1] + [0] * quiet
    assert set(found[quiet + 2 :]) == {-1}
    again_ms = MONDAY_MS + 8 * MINUTE_MS + 1
    state = Row(STATE, TENANT, again_ms, "e-s", agent="ann", flags=1 << 3)
    after = [block(again_ms, [state]), *(tick(again_ms + s) for s in range(10_000, MINUTE_MS + 1, 10_000))]
    assert minutes_of(engine, after) == [0]  # it speaks: so nobody came


def test_a_quiet_night_is_seen() -> None:
    engine = Engine(marks="none")
    engine.step(block(MONDAY_MS, [offered(MONDAY_MS, 1)]))
    primed(engine, rate=0.01)
    assert minutes_of(engine, [tick(MONDAY_MS + s) for s in range(10_000, HOUR_MS, 10_000)]) == [1] + [0] * 58


def test_hours_are_those_of_the_tenants_zone() -> None:
    zone, other = {"timezone": "Asia/Shanghai"}, {"timezone": "Europe/Madrid"}
    document: dict[str, Any] = {"revision": 1, **zone, "tenants": {"madrid": other}}
    offsets = {"Asia/Shanghai": [(0, 28_800)], "Europe/Madrid": [(0, 3600), (MONDAY_MS + 30 * MINUTE_MS, 7200)]}
    rows = [offered(MONDAY_MS, 1), Row(OFFERED, "madrid", MONDAY_MS, "e-m", queue="q", contact=7)]
    engine = Engine(marks="none")
    engine.step(zoned(settings(MONDAY_MS - 1, document), offsets))
    engine.step(block(MONDAY_MS, rows))
    minutes_of(engine, [tick(MONDAY_MS + s) for s in range(10_000, 29 * MINUTE_MS, 10_000)])
    assert engine._floor.surges.queues.streams.offset_ms[:2].tolist() == [28_800_000, 3_600_000]
    engine = Engine.restore(engine.snapshot(), marks="none")
    minutes_of(engine, [tick(MONDAY_MS + s) for s in range(29 * MINUTE_MS, 32 * MINUTE_MS, 10_000)])
    streams = engine._floor.surges.queues.streams
    assert streams.offset_ms[:2].tolist() == [28_800_000, 7_200_000]
    assert streams.hour[:2].tolist() == [MONDAY_MS // HOUR_MS + 8, (MONDAY_MS + 30 * MINUTE_MS) // HOUR_MS + 2]


def zoned(entry: Entry, offsets: dict[str, list[tuple[int, int]]]) -> Entry:
    body = parse_entry(entry.fields)
    assert isinstance(body, Settings)
    return entry._replace(fields=settings_fields(Settings(body.revision, body.digest, body.document, offsets)))


def test_a_lasting_change_is_announced_once_and_learnt() -> None:
    """Twice the usual on three working days: on the fourth it is the usual."""
    engine = Engine(marks="none", clock_gaps=False)
    engine.step(settings(MONDAY_MS - 2, {"revision": 1, "alerts": {"feed.silent": {"open_line": 86_400}}}))
    engine.step(block(MONDAY_MS - 1, [offered(MONDAY_MS - 1, 1)]))
    primed(engine, rate=2.0)
    told: list[bytes] = []
    number = 10
    for minute in range(4 * 1440):
        at_ms = MONDAY_MS + minute * MINUTE_MS
        rows = [offered(at_ms, number + i) for i in range(4)]
        number += 4
        for _, data in engine.step(block(at_ms, rows)).alerts:
            if b'"settled"' in data:
                told.append(data)
    assert len(told) == 1
    assert b"at 200 % of its usual" in told[0]
    assert b'"notice"' in told[0]
    assert engine._floor.surges.queues.streams.usual[0] == pytest.approx(4.0, rel=0.05)


def test_an_issue_never_heard_of_is_known_to_be_rare_where_its_tenant_is_known() -> None:
    engine = Engine(marks="none")
    engine.step(block(MONDAY_MS, [offered(MONDAY_MS, 1, issue="refund")]))
    streams = engine._floor.surges.issues.streams
    for hour in range(HOURS):
        for _ in range(4):
            streams.learn(0, hour, 120.0)
    engine.step(block(MONDAY_MS + 10, [offered(MONDAY_MS + 10, 2, issue="app down")]))
    engine.step(block(MONDAY_MS + 20, [Row(OBSERVED, "new", MONDAY_MS, "e-9", queue="q", n0=1.0, n1=NAN)]))
    engine.step(block(MONDAY_MS + 30, [Row(OFFERED, "new", MONDAY_MS, "e-8", queue="q", contact=9, issue="x")]))
    minutes_of(engine, [tick(MONDAY_MS + s) for s in range(10_000, 2 * MINUTE_MS, 10_000)])
    assert streams.ready[:3].tolist() == [1, 1, 0]
    assert streams.expected[1] == pytest.approx(0.02)


def test_days_apart_close_as_fast_as_minutes() -> None:
    """A gap is one step, however long; nothing of it is learnt."""
    engine = Engine(marks="none")
    engine.step(block(MONDAY_MS, [offered(MONDAY_MS, 1)]))
    engine.step(tick(MONDAY_MS + 400 * DAY_MS))
    streams = engine._floor.surges.queues.streams
    assert streams.minute == MONDAY_MS // MINUTE_MS + 400 * 1440
    assert float(streams.worth[0].sum()) == 0.0


def test_streams_are_bounded_and_one_that_went_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "STREAMS_MAX", 16)
    engine = Engine(marks="none")
    for number in range(40):
        at_ms = MONDAY_MS + number * 10_000
        engine.step(block(at_ms, [offered(at_ms, number, queue=f"q-{number}", issue=f"issue-{number % 18}")]))
    surges = engine._floor.surges
    for watched, subjects in ((surges.queues, 40), (surges.issues, 18)):
        assert watched.streams.n == 16
        live = watched.live()
        assert watched.row[watched.subjects(live)].tolist() == live.tolist()
        assert int((watched.row[:subjects] >= 0).sum()) == live.size
    assert surges.queues.row[39] >= 0
    assert surges.queues.row[0] == -1
    for issue in range(18):
        row = int(surges.issues.row[issue])
        assert row < 0 or 1 <= surges.causes.observed[row].sum() <= 3
    at_ms = MONDAY_MS + 400_000
    many = [offered(at_ms, 100 + i, queue=f"new-{i}", issue=f"new-{i}") for i in range(50)]
    engine.step(block(at_ms, many))  # more at once than there may be
    snapshot = engine.snapshot()
    assert Engine.restore(snapshot).snapshot() == snapshot
