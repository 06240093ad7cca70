"""Tallies of the minutes against a plain count of the same events, and what must not change them."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from scoring_logs import NAN, T0, TENANT, Fuzz, block, centre_log, hash_of, numbered, settings, tick, with_lines

from services.scoring.core.engine import Engine
from shared.contract.block import Row, decode_block, encode_block
from shared.contract.entries import Entry, Events, parse_entry
from shared.contract.events import OUTCOMES
from shared.contract.rows import (
    ABANDONED,
    ANSWERED,
    COMPLAINT,
    COMPLIMENT,
    HANDLED,
    OFFERED,
    OPPORTUNITY,
    OUTCOME_MASK,
    REPEATED,
    STATE,
    STATE_CODES,
    STATE_SHIFT,
    VISIT_AVOIDED,
)
from shared.contract.tallies import (
    COUNTERS,
    QUEUE_COUNTERS,
    Counted,
    Tallies,
    UnitValues,
    decode_tallies,
    encode_tallies,
)

SECOND, MINUTE = 1000, 60_000
Sums = dict[tuple[str, ...], Counter[str]]


def minutes_of(log: list[Entry], engine: Engine | None = None) -> list[Tallies]:
    engine = engine or Engine(marks="none")
    return [tallies for entry in log for tallies in engine.step(entry).tallies]


def summed(minutes: list[Tallies], tenant: str = TENANT) -> tuple[Sums, Sums]:
    """Counts by queue, and by (issue, department)."""
    queues: Sums = defaultdict(Counter)
    rows: Sums = defaultdict(Counter)
    for minute in minutes:
        if minute.tenant != tenant:
            continue
        counted = Counted(minute)
        for place, queue in enumerate(minute.queues.ids):
            queues[(queue,)].update(dict(zip(QUEUE_COUNTERS, counted.of_queues[:, place].tolist(), strict=True)))
        issues, departments = ["", *minute.issues.ids], ["", *minute.departments]
        for row in range(counted.issue.size):
            key = issues[counted.issue[row]], departments[counted.department[row]]
            rows[key].update(dict(zip(COUNTERS, counted.counts[:, row].tolist(), strict=True)))
    return queues, rows


def plainly(log: list[Entry]) -> tuple[Sums, Sums]:
    """The same counts, event by event; for logs without late or repeated events."""
    queues: Sums = defaultdict(Counter)
    rows: Sums = defaultdict(Counter)
    known: dict[int, dict[str, float]] = {}
    issue_of: dict[int, str] = {}
    for entry in log:
        body = parse_entry(entry.fields)
        if not isinstance(body, Events):
            continue
        b = body.block
        for i in range(b.n):
            kind, flags, name = int(b.kind[i]), int(b.flags[i]), b.strings
            if kind not in (OFFERED, ANSWERED, ABANDONED, HANDLED, REPEATED):
                continue
            contact, queue = int(b.contact[i]), name[b.queue[i]]
            before = known.setdefault(contact, {})
            new: dict[str, float] = {}
            if kind != REPEATED and "offered" not in before:
                new["offered"] = 1
            if kind in (ANSWERED, HANDLED) and "answered" not in before:
                new["answered"] = 1
            wait = {ANSWERED: b.n0[i], ABANDONED: b.n0[i], HANDLED: b.n1[i]}.get(kind, NAN)
            if wait == wait and "waits" not in before:
                new |= {"waits": 1, "wait_s": float(wait)}
                if kind != ABANDONED and wait <= 20:
                    new["in_time"] = 1
            if kind == ABANDONED and "answered" not in before and "abandoned" not in before:
                new["abandoned"] = 1
            if (body.since_previous_ms[i] >= 0 or kind == REPEATED) and "repeats" not in before:
                new["repeats"] = 1
            if b.issue[i] and contact not in issue_of:
                issue_of[contact] = name[b.issue[i]]
                rows["", ""].subtract(before)
                rows[issue_of[contact], ""].update(before)
            issue = issue_of.get(contact, "")
            before |= new
            queues[(queue,)].update(new)
            rows[issue, ""].update(new)
            if kind == HANDLED and "handled" not in before:
                before["handled"] = 0
                done = Counter(["handled", *([OUTCOMES[(flags & OUTCOME_MASK) - 1]] if flags & OUTCOME_MASK else [])])
                bits = {COMPLAINT: "complaints", COMPLIMENT: "compliments", OPPORTUNITY: "opportunities"}
                done.update({word: 1 for bit, word in {**bits, VISIT_AVOIDED: "visits_avoided"}.items() if flags & bit})
                rows[issue, name[b.other[i]] if b.other[i] else ""].update(done)
                queues[(queue,)]["handled"] += 1
    return queues, rows


def same(found: Sums, expected: Sums, *, but: frozenset[str] = frozenset({"strain_minutes", "abusive"})) -> None:
    for key in found.keys() | expected.keys():
        for name in COUNTERS:
            if name not in but:
                place = f"{name} of {key}"
                # A wait that goes along to an issue named later is in whole seconds.
                slack = 0.5 * max(expected[key]["waits"], 40) if name == "wait_s" and len(key) > 1 else 1e-3
                assert found[key][name] == pytest.approx(expected[key][name], abs=slack), place


@pytest.fixture(scope="module")
def centre() -> list[Entry]:
    log = centre_log(600)
    return [*log, tick(log[-1].id.ms + 2 * MINUTE)]


def test_the_minutes_add_up_to_a_plain_count_of_the_events(centre: list[Entry]) -> None:
    queues, rows = summed(minutes_of(centre))
    expected = plainly(centre)
    assert sum(counts["offered"] for counts in queues.values()) > 10
    same(queues, expected[0])
    same(rows, expected[1])
    assert sum(c["strain_minutes"] for c in queues.values()) == pytest.approx(
        sum(c["strain_minutes"] for c in rows.values()), rel=1e-4
    )


def split(log: list[Entry]) -> list[Entry]:
    """Each event an entry of its own, at the same time."""
    out = []
    for entry in log:
        if b"b" not in entry.fields:
            out.append(entry)
            continue
        b = decode_block(entry.fields[b"b"])
        body = parse_entry(entry.fields)
        assert isinstance(body, Events)
        text = lambda code: b.strings[code] if code else None  # noqa: B023, E731
        for i in range(b.n):
            row = Row(
                int(b.kind[i]), b.strings[b.tenant[i]], int(b.ts_ms[i]), b.event_id(i), text(b.queue[i]),
                text(b.agent[i]), text(b.issue[i]), text(b.other[i]), text(b.reason[i]), int(b.contact[i]),
                int(b.caller[i]), int(b.previous[i]), int(b.flags[i]),
                *(float(getattr(b, f"n{k}")[i]) for k in range(5)),
            )  # fmt: skip
            fields = {b"b": encode_block([row])}
            if row.caller and row.kind in (OFFERED, HANDLED):
                fields[b"r"] = int(body.since_previous_ms[i]).to_bytes(8, "little", signed=True)
            out.append(Entry(entry.id, fields))
    return numbered(out)


def without_strain(minutes: list[Tallies]) -> list[tuple[object, ...]]:
    """What is counted, to the bit. Strain is that of before the batch, so single events see a newer one."""
    kept = []
    for minute in minutes:
        counted = Counted(minute)
        strain = COUNTERS.index("strain_minutes")
        kept.append(
            (minute.tenant, minute.from_ms, minute.to_ms, minute.teams, minute.departments, minute.queues.ids,
             minute.issues, np.delete(counted.counts, strain, 0).tobytes(),
             np.delete(counted.of_queues, strain, 0).tobytes(), counted.issue.tobytes())
        )  # fmt: skip
    return kept


def test_how_events_fall_into_entries_changes_no_count(centre: list[Entry]) -> None:
    assert without_strain(minutes_of(split(centre))) == without_strain(minutes_of(centre))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_restart_changes_no_minute(seed: int) -> None:
    log = Fuzz(seed, entries=40).log()
    log.append(tick(log[-1].id.ms + 2 * MINUTE))
    whole = minutes_of(log)
    assert whole
    engine, found = Engine(marks="none"), list[Tallies]()
    for i, entry in enumerate(log):
        found += engine.step(entry).tallies
        engine = Engine.restore(engine.snapshot(), marks="none")
        for earlier in log[: i + 1]:
            if earlier.id.ms >= engine.recall_from_ms:
                engine.recall(earlier)
    assert [encode_tallies(t) for t in found] == [encode_tallies(t) for t in whole]


def test_minutes_follow_on_each_other_without_a_hole_also_over_a_gap() -> None:
    log = [block(T0 + 5 * SECOND, [Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=hash_of(1))])]
    log += [tick(T0 + s * SECOND + 100) for s in (20, 50, 61, 500, 520, 545, 570)]
    minutes = minutes_of(log)
    assert [(m.from_ms - T0, m.to_ms - T0) for m in minutes] == [
        (5 * SECOND, 60 * SECOND), (60 * SECOND, 500 * SECOND), (500 * SECOND, 540 * SECOND)
    ]  # fmt: skip


def test_a_contact_takes_its_wait_along_to_the_issue_that_is_named_at_its_end() -> None:
    contact = hash_of(1)
    log = [
        block(T0 + 1000, [Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=contact)]),
        block(T0 + 2000, [Row(ANSWERED, TENANT, T0 + 2000, "e-2", queue="q", agent="ann", contact=contact, n0=31.0)]),
        tick(T0 + MINUTE + 1),
        block(
            T0 + MINUTE + 2000,
            [
                Row(
                    HANDLED, TENANT, T0 + MINUTE + 2000, "e-3", queue="q", agent="ann", issue="refund", other="billing",
                    contact=contact, n0=60.0, flags=1 | COMPLAINT,
                )
            ],
        ),
        tick(T0 + 2 * MINUTE + 1),
    ]  # fmt: skip
    first, second = (summed([m])[1] for m in minutes_of(log))
    assert first["", ""]["wait_s"] == 31
    assert (second["", ""]["wait_s"], second["refund", ""]["wait_s"]) == (-31, 31)
    assert (second["", ""]["offered"], second["refund", ""]["offered"]) == (-1, 1)
    assert second["refund", "billing"]["complaints"] == second["refund", "billing"]["resolved"] == 1


def test_people_are_counted_from_five_on() -> None:
    said = STATE_CODES["break"] << STATE_SHIFT
    rows = [
        Row(STATE, TENANT, T0, f"s-{n}", agent=f"agent-{n}", other="big" if n < 5 else "small", flags=said)
        for n in range(9)
    ]
    (minute,) = minutes_of([block(T0 + 1000, rows), tick(T0 + MINUTE + 1)])
    assert [(p.team, p.agents, p.on_break) for p in minute.people] == [(None, 9, 9), ("big", 5, 5)]


def test_the_settings_in_force_go_along() -> None:
    document = with_lines(timezone="Asia/Shanghai", report={"value_per_visit_avoided": 45, "currency": "CNY"})
    document["tenants"] = {TENANT: {"report": {"value_per_opportunity": 3}}}
    log = [settings(T0, document), block(T0 + 1, [Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=1)])]
    (minute,) = minutes_of([*log, tick(T0 + MINUTE)])
    assert minute.zone == "Asia/Shanghai"
    assert minute.values == UnitValues(45.0, 3.0, None, "CNY")
    assert decode_tallies(encode_tallies(minute)) == minute
