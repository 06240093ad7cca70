"""The engine and what comes in: batches, order, copies, strange times and names, tenants, settings, silent feeds.

Random logs come from one seed each; `pytest -k name --hypothesis-seed=n` repeats a run, and a failing seed is printed.
"""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scoring_logs import (
    KIND_OF_NAME,
    SHORT_HOLDS,
    T0,
    TENANT,
    Fuzz,
    Played,
    action,
    block,
    every,
    hard,
    hash_of,
    mark,
    nameless,
    numbered,
    only,
    opened,
    play,
    seconds_of,
    tick,
    with_lines,
)
from scoring_logs import settings as settings_entry

from services.scoring.core.agent_drivers import QUALITY_CHECKS, QUEUE_PRESSURE, RECOVERY_GAP, SAME_ISSUE
from services.scoring.core.engine import Engine
from services.scoring.core.seen import Seen
from shared.contract.actions import Acknowledged
from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.rows import COMPLAINT
from shared.contract.signal_columns import Agents, Queues

SECOND, MINUTE = 1000, 60_000
OBSERVED, OFFERED, ANSWERED, ABANDONED, HANDLED, REPEATED, STATE = range(7)
few = settings(max_examples=2, deadline=None, phases=[Phase.generate])  # a seed has nothing to shrink
seeds = st.integers(0, 10**6)


# --- batches, order, duplicates


def one_event_blocks(rows: list[Row], ms: int) -> list[Entry]:
    return numbered([block(ms, [row]) for row in rows])


def burst(seed: int, count: int = 60) -> list[Row]:
    """Valid events of one moment, all told within five minutes, in an order that an ACD may send."""
    fuzz = Fuzz(seed, late=False)
    return [fuzz._row(T0 + 1000 * i) for i in range(count)]


def measures(engine: Engine) -> dict[str, Any]:
    """State of contacts, agents and queues by name.

    Left out is what depends on what came before it: a queue's strain, a pause, a run of hard contacts, the strain at a
    quality check.
    """
    floor, names = engine._floor, engine._floor.registers
    agents, queues = floor.agents, floor.queues
    told_by_order = (QUEUE_PRESSURE, RECOVERY_GAP, SAME_ISSUE, QUALITY_CHECKS)
    keep = [d for d in range(agents.fast.shape[1]) if d not in told_by_order]
    contacts = floor.contacts
    return {
        "agents": {
            name: np.concatenate(
                [
                    agents.fast[i, keep],
                    agents.slow[i, keep],
                    [agents.busy[i], agents.staffed[i], agents.work_s[i], agents.state[i], agents.state_ms[i]],
                    [agents.unsupported_s[i], agents.hard[i], agents.well[i], agents.hard_ms[i], agents.ended_ms[i]],
                ]
            )
            for i, name in enumerate(names.agents.text)
        },
        "queues": {
            name: np.concatenate([queues.sums[i], [queues.waiting[i], queues.oldest_ms[i], queues.observed_waiting[i]]])
            for i, name in enumerate(names.queues.text)
        },
        "contacts": {
            int(contacts.key[row]): np.array([contacts.known[row], contacts.offered_ms[row], contacts.answered_ms[row]])
            for row in np.flatnonzero(contacts.key[: contacts.n])
        },
        "teams": {name: agents.team[i] > 0 for i, name in enumerate(names.agents.text)},
    }


def assert_same_measures(one: Engine, other: Engine) -> None:
    a, b = measures(one), measures(other)
    for part, of_one in a.items():
        assert of_one.keys() == b[part].keys()
        for name, values in of_one.items():
            np.testing.assert_allclose(b[part][name], values, rtol=1e-9, atol=1e-9, err_msg=f"{part} {name}")


@few
@given(seed=seeds)
def test_one_block_of_n_events_is_n_blocks_of_one(seed: int) -> None:
    rows, now = burst(seed), T0 + MINUTE
    together = play([block(now, rows)])
    apart = play(one_event_blocks(rows, now))
    assert_same_measures(together.engine, apart.engine)


def of_contact(row: Row) -> Any:
    return row.contact if row.contact else row.agent or row.queue


@few
@given(seed=seeds)
def test_order_between_contacts_and_agents_changes_no_measure(seed: int) -> None:
    """Facts of one contact keep their order; everything else comes as it comes, within the lateness bound."""
    rng = random.Random(seed)
    rows = []
    for i in range(40):
        at_ms = T0 + rng.randrange(300_000)
        who: dict[str, Any] = {"tenant": TENANT, "queue": rng.choice("pq"), "contact": hash_of(i)}
        agent = rng.choice(("ann", "bo"))
        rows.append(
            [
                Row(OFFERED, ts_ms=at_ms, id=f"o{i}", **who),
                Row(ANSWERED, ts_ms=at_ms + 9_000, id=f"a{i}", agent=agent, n0=9.0 + 10 * (i % 9), **who),
                Row(
                    HANDLED, ts_ms=at_ms + 99_000, id=f"h{i}", agent=agent, n0=90, flags=COMPLAINT * (i % 3 == 0), **who
                ),
            ]
        )
    # Agents with a state of their own: what is inferred from contacts depends on which contact came last.
    states = [Row(STATE, TENANT, T0 - 1, f"s-{agent}", agent=agent, flags=3 << 3) for agent in ("ann", "bo")]

    def shuffled() -> list[Row]:
        left = [list(contact) for contact in rows]
        out = list(states)
        while any(left):
            out.append(rng.choice([contact for contact in left if contact]).pop(0))
        return out

    now = T0 + 450_000
    in_time = sorted((row for contact in rows for row in contact), key=lambda row: row.ts_ms)
    one = play(one_event_blocks([*states, *in_time], now)).engine
    for other in (shuffled(), shuffled()):
        assert_same_measures(one, play(one_event_blocks(other, now)).engine)
        assert_same_measures(one, play([block(now, other)]).engine)


@few
@given(seed=seeds)
def test_sending_everything_three_times_changes_no_alert(seed: int) -> None:
    log = hard(seed, actions=False)
    thrice = numbered([copy for entry in log for copy in ([entry] * 3 if b"b" in entry.fields else [entry])])
    assert nameless(play(thrice).bytes) == nameless(play(log).bytes)


# --- strange times and names


def test_events_of_1970_are_late_and_change_nothing_but_the_word_on_the_feed() -> None:
    log = [
        settings_entry(T0 - 1, SHORT_HOLDS),
        block(T0, [Row(OBSERVED, TENANT, T0, "e-1", queue="q", n0=9, n1=300.0)]),
    ]
    log += every(2, 60)
    old = [Row(OFFERED, TENANT, 1000 + i, f"old-{i}", queue="q2", agent="zed", contact=i + 1) for i in range(5)]
    one, other = play(numbered(log)), play(numbered([*log, block(T0 + 3300, old)]))
    assert sum(report.counts.get("late", 0) for report in other.reports) == 5
    of_queues = [[a for a in nameless(p.bytes) if a["kind"] == "queue.strain"] for p in (one, other)]
    assert of_queues[0] == of_queues[1] != []
    assert one.engine._floor.registers.queues.text == other.engine._floor.registers.queues.text == ["q"]


def test_an_event_five_minutes_ahead_takes_effect_now_and_is_counted() -> None:
    def log(ahead_ms: int) -> list[Entry]:
        rows = [Row(OBSERVED, TENANT, T0 + ahead_ms, "e-1", queue="q", n0=9, n1=300.0)]
        return [settings_entry(T0 - 1, SHORT_HOLDS), block(T0, rows), *every(2, 60)]

    now, ahead = play(numbered(log(0))), play(numbered(log(5 * MINUTE)))
    assert ahead.bytes == now.bytes
    assert now.bytes
    assert ahead.reports[1].counts == {"events": 1, "ahead": 1}
    assert play(numbered(log(59_000))).reports[1].counts == {"events": 1}


NAUGHTY = ["{subject}", "{0}%s", "__proto__", "\u202etest", "𝒯𝒽ℯ", "<script>alert(1)</script>", "a\nb\0c", "队列", " "]


@pytest.mark.parametrize("name", NAUGHTY)
def test_naughty_names_come_out_as_they_went_in(name: str) -> None:
    rows = [
        Row(OBSERVED, name, T0, name, queue=name, n0=9, n1=900.0),
        Row(STATE, name, T0, name + "2", agent=name, other=name, flags=1 << 3),
    ]
    log = [settings_entry(T0 - 1, with_lines(queue_line=30)), block(T0, rows), tick(T0 + 1500)]
    played = play(log, Engine())
    alert = json.loads(played.bytes[0])
    assert (alert["tenant"], alert["subject"]["id"]) == (name, name)
    assert alert["evidence"] == [name]
    assert name in alert["title"]
    assert name in alert["title_zh"]
    [signals] = played.reports[-1].signals
    agent, queue = Agents(signals).rows()[0], Queues(signals).rows()[0]
    assert (signals.tenant, queue.id, agent.id, agent.team) == (name,) * 4
    assert Engine.restore(played.engine.snapshot()).snapshot() == played.engine.snapshot()


# --- tenants


@few
@given(seed=seeds)
def test_tenants_in_one_block_do_not_influence_one_another(seed: int) -> None:
    """The same events of a tenant alone and among another's give the same strains, at every whole minute."""
    log = Fuzz(seed, tenants=("left", "right"), gaps=False, actions=False, changes=False).log()
    alone = [only(entry, "left") for entry in log]
    both = play(log, Engine(clock_gaps=False, marks="minutes"))
    one = play(alone, Engine(clock_gaps=False, marks="minutes"))
    assert strains(both, "left") == strains(one, "left") != {}
    kept = nameless(a for a in both.bytes if json.loads(a)["tenant"] == "left")
    assert kept == nameless(one.bytes)


def strains(played: Played, tenant: str) -> dict[tuple[int, str], float]:
    return {
        (signals.at_ms, subject.id): subject.strain
        for report in played.reports
        for signals in report.signals
        if signals.tenant == tenant
        for subject in (*Queues(signals).rows(), *Agents(signals).rows())
    }


# --- settings and engine entries


def test_settings_take_effect_from_their_entry_on_for_a_tenant_and_for_a_queue() -> None:
    rows = [Row(OBSERVED, TENANT, T0, f"e-{q}", queue=q, n0=2, n1=50.0) for q in ("q1", "q2")]
    rows += [Row(OBSERVED, "other", T0, "e-3", queue="q1", n0=2, n1=50.0)]
    document = with_lines(queue_line=99)
    changed = json.loads(json.dumps(document)) | {"revision": 2}
    line = {"alerts": {"queue.strain": {"open_line": 20, "close_line": 10}}}
    changed["tenants"] = {TENANT: {"queues": {"q2": {**line, "team": "team-x"}}}}
    tenant_wide = json.loads(json.dumps(changed)) | {"revision": 3}
    tenant_wide["tenants"]["other"] = line
    log = [
        settings_entry(T0 - 1, document),
        block(T0, rows),
        tick(T0 + 5000),
        settings_entry(T0 + 5500, changed),
        tick(T0 + 9000),
        settings_entry(T0 + 9500, tenant_wide),
        tick(T0 + 12_000),
    ]
    played = play(log)
    first = list(opened(played.bytes))
    assert [(a["tenant"], a["subject"]["id"], a["team"], seconds_of(a)) for a in first] == [
        (TENANT, "q2", "team-x", 6.0),
        ("other", "q1", None, 10.0),
    ]
    assert played.engine.settings_revision == 3


def test_an_engine_entry_publishes_every_live_alert_and_nothing_else(
    centre: list[Entry], centre_played: Played
) -> None:
    phases = {alert["id"]: alert["phase"] for alert in map(json.loads, centre_played.bytes)}
    live = [name for name, phase in phases.items() if phase != "resolved"]
    assert live
    engine = Engine.restore(centre_played.engine.snapshot())
    report = engine.step(mark(centre[-1].id.ms + 1, "engine-3"))
    assert [json.loads(data)["id"] for _, data in report.alerts] == live
    assert engine.engine_name == "engine-3"
    last = {alert["id"]: alert for alert in map(json.loads, centre_played.bytes)}
    for _, data in report.alerts:
        alert = json.loads(data)
        assert alert["history"] == last[alert["id"]]["history"]


# --- the feed


def test_a_silent_feed_is_told_and_the_next_event_ends_it() -> None:
    event = Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=1)
    again = Row(OFFERED, TENANT, T0 + 400 * SECOND, "e-2", queue="q", contact=2)
    played = play(numbered([block(T0 + 250, [event]), *every(5, 400), block(T0 + 400 * SECOND, [again])]))
    of_feed = [alert for alert in map(json.loads, played.bytes) if alert["kind"] == "feed.silent"]
    assert [alert["phase"] for alert in of_feed] == ["open", "resolved"]
    assert seconds_of(of_feed[0]) == 301.0
    assert of_feed[0]["title"].startswith("No events for 5 min")
    assert of_feed[1]["updated_at"].endswith("T08:40:40.000Z")
    assert (of_feed[0]["subject"], of_feed[0]["strain"]) == ({"type": "tenant", "id": TENANT}, 0.0)


def test_a_feed_with_only_old_events_is_told_how_old_they_are() -> None:
    def old(s: int) -> Entry:
        ts_ms = T0 + (s - 3600) * SECOND
        return block(T0 + s * SECOND, [Row(OFFERED, TENANT, ts_ms, f"e-{s}", queue="q", contact=s + 1)])

    played = play(numbered([old(s) for s in range(0, 400, 10)]))
    [alert] = list(opened(played.bytes))
    assert alert["kind"] == "feed.silent"
    assert alert["title"].startswith("Events arrive 60 min old")
    assert "60 分钟" in alert["title_zh"]


def test_a_tenant_that_never_sent_anything_is_not_silent() -> None:
    assert not play(numbered([settings_entry(T0 - 1, SHORT_HOLDS), *every(5, 700)])).alerts


def test_an_action_from_another_tenant_does_nothing() -> None:
    log = [
        settings_entry(T0 - 1, with_lines(queue_line=30)),
        block(T0 + 300, [Row(OBSERVED, TENANT, T0, "e-1", queue="q", n0=2, n1=400.0)]),
    ]
    alert = json.loads(play(log).bytes[0])["id"]
    stranger = Acknowledged(id="a", tenant="other", alert=alert, by="eve")
    assert not play([*log, action(T0 + 900, stranger)]).reports[-1].alerts


def test_shares_of_every_board_add_up_to_the_strain(centre_played: Played) -> None:
    engine = Engine.restore(centre_played.engine.snapshot())
    [signals] = engine.step(tick(engine.position.ms + 2 * SECOND)).signals
    boards: list[Any] = [*Queues(signals).rows(), *Agents(signals).rows()]
    assert any(subject.strain > 0 for subject in boards)
    for subject in boards:
        assert sum(d.share for d in subject.drivers) == pytest.approx(subject.strain, abs=1e-9)
        assert bool(subject.drivers) == (subject.strain > 0)


def test_the_kinds_of_the_log_are_the_kinds_of_this_test() -> None:
    assert [KIND_OF_NAME[name] for name in ("queue.observed", "contact.repeated", "agent.state")] == [0, 5, 6]


@pytest.mark.parametrize("shift", [0, 8, 24, 48, 56])
def test_ids_that_count_in_both_halves_are_told_apart(shift: int) -> None:
    ids = np.array([(i << shift, j << shift) for i in range(64) for j in range(64)], "<u8")
    assert Seen().fresh(ids.view("S16").reshape(-1), 1, 5).all()
