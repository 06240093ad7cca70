"""The engine as a state machine over the log: restarts, ticks, marks, duplicates and batches change nothing.

Random logs come from one seed each; `pytest -k name --hypothesis-seed=n` repeats a run, and a failing seed is printed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

import msgspec
import numpy as np
import pytest
from care_days import care_log
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scoring_logs import (
    T0,
    TENANT,
    Played,
    action,
    block,
    every,
    hard,
    hash_of,
    nameless,
    numbered,
    opened,
    play,
    seconds_of,
    tick,
    with_lines,
)
from scoring_logs import settings as settings_entry

from services.scoring.core.engine import SNAPSHOT_VERSIONS, Engine
from shared.contract.actions import Noted
from shared.contract.block import Row
from shared.contract.entries import Entry, EntryId, tick_fields

SECOND, MINUTE = 1000, 60_000
OBSERVED, OFFERED, ANSWERED, ABANDONED, HANDLED, REPEATED, STATE = range(7)
few = settings(max_examples=2, deadline=None, phases=[Phase.generate])  # a seed has nothing to shrink
seeds = st.integers(0, 10**6)


@pytest.fixture(scope="module")
def care() -> list[Entry]:
    """Forty minutes in which every kind of alert beside strain comes and goes."""
    return care_log()


# --- restarts


def restarted(log: list[Entry], cuts: Iterable[int], lateness_check: Played) -> None:
    """Run with a restart after each cut; all later alerts and the last snapshot must be those of one run."""
    cuts = set(cuts)
    engine = Engine(marks="none")
    for i, entry in enumerate(log):
        assert engine.step(entry).alerts == lateness_check.reports[i].alerts, f"after entry {i} of a restarted run"
        if i in cuts:
            engine = Engine.restore(engine.snapshot(), marks="none")
            for earlier in log[: i + 1]:
                if earlier.id.ms >= engine.recall_from_ms:
                    engine.recall(earlier)
    assert engine.snapshot() == lateness_check.engine.snapshot()


@few
@given(seed=seeds)
def test_a_restart_at_any_entry_of_a_hard_log_changes_no_output(seed: int) -> None:
    log = hard(seed)
    restarted(log, range(len(log)) if seed % 4 == 0 else random.Random(seed).sample(range(len(log)), 20), play(log))


def test_a_restart_in_the_simulated_centre_changes_no_output(centre: list[Entry], centre_played: Played) -> None:
    assert centre_played.alerts
    restarted(centre, random.Random(1).sample(range(len(centre)), 12), centre_played)


def test_a_restart_at_any_entry_changes_no_alert_beside_strain(care: list[Entry]) -> None:
    played = play(care)
    kinds = {json.loads(data)["kind"] for data in played.bytes}
    assert kinds >= {
        "agent.hard_streak", "agent.break_due", "agent.recognition", "team.strain", "campaign.over_contact"
    }  # fmt: skip
    restarted(care, range(len(care)), played)


def test_a_restored_engine_is_the_same_bytes_again(centre: list[Entry], centre_played: Played) -> None:
    snapshot = centre_played.engine.snapshot()
    assert Engine.restore(snapshot).snapshot() == snapshot


def test_a_snapshot_of_the_version_before_is_read(centre_played: Played) -> None:
    """Version 5 had no beginning of a rest."""
    state = msgspec.msgpack.decode(centre_played.engine.snapshot(), strict=False)
    state["version"] = SNAPSHOT_VERSIONS[0]
    del state["floor"]["tables"]["agents"]["rest_ms"]
    older = Engine.restore(msgspec.msgpack.encode(state))
    assert older.position == centre_played.engine.position
    at = EntryId(older.position.ms + SECOND, 0)
    assert older.step(Entry(at, tick_fields(at.ms))).position == at
    state["version"] -= 1
    with pytest.raises(ValueError, match="this engine reads"):
        Engine.restore(msgspec.msgpack.encode(state))


def test_what_was_late_stays_late_when_the_bound_is_raised() -> None:
    """Else a restored engine, which re-reads ids by the new bound, would count other events than one that went on."""
    old = Row(OFFERED, TENANT, T0 - 1000 * SECOND, "e-old", queue="q", contact=9)
    log = [
        block(T0, [Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=1), old]),
        settings_entry(T0 + SECOND, {"revision": 1, "lateness_s": 3600}),
        block(T0 + 2 * SECOND, [old]),
    ]
    played = play(log)
    assert played.reports[2].counts["late"] == 1
    restarted(log, {0, 1}, played)


def test_a_bound_that_stands_before_the_first_event_holds_at_once() -> None:
    old = Row(OFFERED, TENANT, T0 - 1000 * SECOND, "e-old", queue="q", contact=9)
    log = [
        tick(T0),
        settings_entry(T0 + SECOND, {"revision": 1, "lateness_s": 3600}),
        block(T0 + 2 * SECOND, [old]),
        block(T0 + 3 * SECOND, [old]),
    ]
    played = play(log)
    assert "late" not in played.reports[2].counts
    assert played.reports[3].counts["repeated"] == 1
    restarted(log, {0, 1, 2}, played)


def test_an_id_is_still_known_after_the_bound_was_raised() -> None:
    event = Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=1)
    ticks = [tick(T0 + s * SECOND) for s in range(20, 1700, 20)]
    log = [
        settings_entry(T0 - 1, {"revision": 1, "lateness_s": 60}),
        block(T0, [event]),
        *ticks,
        settings_entry(T0 + 1700 * SECOND, {"revision": 2, "lateness_s": 3600}),
        block(T0 + 1701 * SECOND, [event]),
    ]
    played = play(log)
    assert played.reports[-1].counts.get("late", 0) + played.reports[-1].counts.get("repeated", 0) == 1
    restarted(log, {len(log) - 2}, played)


def test_a_lead_who_is_told_twice_to_have_noted_has_noted_once() -> None:
    """Our own retry of an append may bring an action twice."""
    log = [
        settings_entry(T0 - 1, with_lines(queue_line=30)),
        block(T0 + 300, [Row(OBSERVED, TENANT, T0, "e-1", queue="q", n0=2, n1=400.0)]),
    ]
    alert = json.loads(play(log).bytes[0])["id"]
    note = Noted(id="act-1", tenant=TENANT, alert=alert, by="lea", text="called in two more")
    log += [action(T0 + 900, note), action(T0 + 900, note, seq=1), action(T0 + 901, note)]
    played = play(log)
    assert len(played.alerts) == 2
    restarted(log, range(len(log)), played)


# --- time: ticks, marks, gaps


def with_other_ticks(log: list[Entry], rng: random.Random) -> list[Entry]:
    kept = [entry for entry in log if b"t" not in entry.fields]
    more = [tick(rng.randrange(log[0].id.ms + 1, log[-1].id.ms)) for _ in range(120)]
    return numbered([*kept, *more, *more[:20]])


@few
@given(seed=seeds)
def test_missing_more_and_double_ticks_change_no_alert(seed: int) -> None:
    log = hard(seed, gaps=False, actions=False)  # actions name alerts by the entry that opened them
    one = play(log, Engine(marks="none", clock_gaps=False))
    other = play(with_other_ticks(log, random.Random(seed)), Engine(marks="none", clock_gaps=False))
    assert nameless(other.bytes) == nameless(one.bytes)


def test_ticks_change_no_alert_of_the_simulated_centre(centre: list[Entry], centre_played: Played) -> None:
    assert nameless(play(with_other_ticks(centre, random.Random(2))).bytes) == nameless(centre_played.bytes)


def test_ticks_change_no_alert_beside_strain(care: list[Entry]) -> None:
    played = nameless(play(care, Engine(marks="none", clock_gaps=False)).bytes)
    for seed in range(3):
        other = with_other_ticks(care, random.Random(seed))
        assert nameless(play(other, Engine(marks="none", clock_gaps=False)).bytes) == played
    without = [entry for entry in care if b"t" not in entry.fields] + care[-1:]
    assert nameless(play(without, Engine(marks="none", clock_gaps=False)).bytes) == played


@few
@given(seed=seeds)
def test_which_marks_are_shown_changes_no_alert(seed: int) -> None:
    log = hard(seed)
    shown = play(log, Engine(marks="seconds"))
    assert shown.alerts == play(log).alerts == play(log, Engine(marks="minutes")).alerts


def test_marks_stand_at_the_last_whole_second_and_at_every_whole_minute() -> None:
    log = [block(T0 + 500, [Row(OBSERVED, TENANT, T0, "e-1", queue="q", n0=3)]), tick(T0 + 29_100), tick(T0 + 150_400)]
    by_second = play(log, Engine(marks="seconds", clock_gaps=False))
    assert [[s.at_ms - T0 for s in report.signals] for report in by_second.reports] == [[], [29_000], [150_000]]
    by_minute = play(log, Engine(marks="minutes", clock_gaps=False))
    assert [[s.at_ms - T0 for s in report.signals] for report in by_minute.reports] == [[], [], [MINUTE, 2 * MINUTE]]


class AllHot(Engine):
    """Judges every row at every second: what leaving seconds out must not differ from."""

    def _pass_seconds(self, first: int, last: int) -> None:
        self._hot_agents[: self._floor.agents.n] = True
        self._hot_queues[: self._floor.queues.n] = True
        self._care.hot_agents[: self._floor.agents.n] = 1
        self._care.hot_queues[: self._floor.queues.n] = 1
        super()._pass_seconds(first, last)


def assert_leaving_out_is_sound(log: list[Entry]) -> Played:
    real, whole = play(log), play(log, AllHot(marks="none"))
    assert [json.loads(b) for b in real.bytes] == [json.loads(b) for b in whole.bytes]
    assert real.alerts == whole.alerts
    return real


@few
@given(seed=seeds)
def test_leaving_quiet_seconds_out_changes_no_alert(seed: int) -> None:
    assert_leaving_out_is_sound(hard(seed))


def test_leaving_quiet_seconds_out_changes_no_alert_of_the_simulated_centre(centre: list[Entry]) -> None:
    assert assert_leaving_out_is_sound(centre).alerts


def test_leaving_quiet_seconds_out_changes_no_alert_beside_strain(care: list[Entry]) -> None:
    assert assert_leaving_out_is_sound(care).alerts


def test_an_observation_that_goes_out_of_date_is_noticed_at_its_second() -> None:
    """The oldest contact waits far longer than the observation said: after 5 min the contacts are counted again."""
    document = with_lines(queue_line=60, drivers={"queue": {"predicted_wait": {"target_wait_s": 1000}}})
    log = [
        settings_entry(T0 - 1, document),
        block(T0 + 300, [Row(OFFERED, TENANT, T0 - 800 * SECOND, "e-1", queue="q", contact=1)]),
        block(T0 + 400, [Row(OBSERVED, TENANT, T0 + 400, "e-2", queue="q", n0=1, n1=5.0)]),
        *every(5, 400, 1),
    ]
    *_, alert = opened(assert_leaving_out_is_sound(numbered(log)).bytes)
    assert seconds_of(alert) == 301.0


def test_an_observation_of_a_queue_that_shares_agents_is_noticed_too() -> None:
    """Waiting is pooled: what goes out of date in one queue may raise another.

    The line comes down later: at first the arrivals themselves are load enough for one agent.
    """
    rows = [Row(STATE, TENANT, T0, "e-s", agent="ann", flags=1 << 3)]
    rows += [
        Row(ANSWERED, TENANT, T0, f"e-a{i}", queue=q, agent="ann", contact=hash_of(100 + i), n0=1)
        for i, q in enumerate("pq")
    ]
    rows += [Row(OFFERED, TENANT, T0, f"e-o{i}", queue="p", contact=hash_of(200 + i)) for i in range(8)]
    off = ("offered_load", "recent_waits", "service_level", "abandonment", "staffing")
    drivers: dict[str, dict[str, float]] = {name: {"weight": 0} for name in off}
    drivers["predicted_wait"] = {"target_wait_s": 300}
    drivers |= {"repeat_share": {"weight": 0.5}, "arrivals_surge": {"weight": 0.5}}
    high, low = (with_lines(queue_line=line, drivers={"queue": drivers}) for line in (100, 65))
    observed = [
        block(T0 + s * SECOND, [Row(OBSERVED, TENANT, T0 + s * SECOND, f"e-{q}{s}", queue=q, n0=0) for q in "pq"])
        for s in range(1, 1300, 250)
    ]
    changed = settings_entry(T0 + 1300 * SECOND, {**low, "revision": 2})
    log = [settings_entry(T0 - 1, high), block(T0 + 300, rows), *observed, changed, *every(5, 1600, 1)]
    first = opened(assert_leaving_out_is_sound(numbered(log)).bytes)
    assert [(alert["subject"]["id"], seconds_of(alert)) for alert in first] == [("p", 1552.0), ("q", 1552.0)]


def test_a_driver_whose_source_appears_is_noticed_in_every_agent_at_once() -> None:
    """The first agent.state of a tenant switches the driver of breaks on for all its agents."""
    weights = {name: {"weight": 0} for name in ("occupancy", "handle_time", "excess_wait", "queue_pressure")}
    log = [
        settings_entry(T0 - 1, with_lines(agent_line=40, drivers={"agent": weights})),
        block(T0, [Row(ANSWERED, TENANT, T0, "e-1", queue="q", agent="ann", contact=1, n0=1)]),
        *every(20, 7220),
        block(T0 + 7_223_400, [Row(STATE, TENANT, T0 + 7_223_400, "e-2", agent="bo", flags=1 << 3)]),
        *every(5, 7300, 7225),
    ]
    assert assert_leaving_out_is_sound(numbered(log)).alerts


def test_rows_stay_watched_after_settings_that_come_late_in_a_quiet_time() -> None:
    """What is hot is decided from the time of the settings, not from the entry before."""
    rows = [Row(STATE, TENANT, T0 - 62 * MINUTE // 3, "e-0", agent="ann", flags=3 << 3)]
    weights = {name: {"weight": 0} for name in ("occupancy",)}
    for line in (30, 36, 42):
        log = [
            settings_entry(T0 - 1, with_lines(agent_line=99, lateness_s=21_600, drivers={"agent": weights})),
            block(T0 + 49_000, rows),
            *every(20, 4000, 60),
            settings_entry(T0 + 4_029_000, with_lines(agent_line=line, lateness_s=21_600, drivers={"agent": weights})),
            *every(20, 4300, 4050),
        ]
        assert_leaving_out_is_sound(numbered(log))


def test_holds_and_silence_do_not_run_through_a_gap() -> None:
    document = with_lines(queue_line=30)
    document["alerts"]["queue.strain"]["open_hold_s"] = 60
    document["alerts"]["feed.silent"] = {"open_line": 100, "critical_line": 900}
    quiet = [
        settings_entry(T0 - 1, document),
        block(T0 + 300, [Row(OBSERVED, TENANT, T0, "e-1", queue="q", n0=2, n1=400.0)]),
    ]
    after_s = 200  # a jump of 170 s: a gap
    log = [*quiet, *every(5, 30), *every(5, 400, after_s)]
    played = play(numbered(log))
    assert [report.gap_ms for report in played.reports if report.gap_ms] == [(after_s - 25) * SECOND]
    first = {alert["kind"]: alert for alert in opened(played.bytes)}
    hold_began_s = 0.3
    assert seconds_of(first["queue.strain"]) == pytest.approx(hold_began_s + 60 + after_s - 25, abs=1.1)
    assert seconds_of(first["feed.silent"]) == pytest.approx(hold_began_s + 100 + after_s - 25, abs=1.1)


def test_no_gap_is_found_where_the_rule_is_off() -> None:
    log = [block(T0, [Row(OFFERED, TENANT, T0, "e-1", queue="q", contact=1)]), tick(T0 + 3_000_000)]
    assert play(log, Engine(clock_gaps=False)).reports[1].gap_ms == 0
    assert play(log).reports[1].gap_ms == 3_000_000


def test_rows_judged_together_are_the_bits_of_rows_judged_alone(centre_played: Played) -> None:
    engine = centre_played.engine
    floor = engine._floor
    queues, agents = np.arange(floor.queues.n), np.arange(floor.agents.n)
    for at_ms in range(engine.position.ms, engine.position.ms + 60 * SECOND, 7 * SECOND):
        of_queues, of_agents = floor.judge_queues(queues, at_ms)[1], floor.judge_agents(agents, at_ms)[2]
        assert floor.judge_queues(queues[1:2], at_ms)[1].tobytes() == of_queues[1:2].tobytes()
        assert floor.judge_agents(agents[1::3].copy(), at_ms)[2].tobytes() == of_agents[1::3].tobytes()
