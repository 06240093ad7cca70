"""The drivers of agent strain, fed through the engine, against plain Python that knows what really happened."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from agent_days import ANN, Day
from scoring_logs import T0, hash_of, tick

from services.scoring.core import agent_drivers as ad
from services.scoring.core.agent_strain import RELIEF
from services.scoring.core.agent_table import HARD_TAU_S, WELL_TAU_S
from services.scoring.core.decay import TAU_FAST_S, TAU_SLOW_S
from services.scoring.core.engine import Engine
from services.scoring.core.impulses import COMPLAINT_HARD, LESS_HARD
from services.scoring.core.report import agents_at
from shared.contract import rows as k
from shared.contract.entries import Entry
from shared.contract.events import OUTCOMES

HOUR_S = 3600.0
OUTCOME = {word: i + 1 for i, word in enumerate(OUTCOMES)}


class Plain:
    """Impulses and what heals and relieves them, in plain Python."""

    def __init__(self) -> None:
        self.fast = dict.fromkeys(range(len(ad.AGENT_DRIVERS)), 0.0)
        self.slow = dict(self.fast)
        self.s = 0.0
        self.rests = False
        self.hard: list[tuple[float, float]] = []  # when, and how hard
        self.well: list[tuple[float, float]] = []

    def move(self, s: float) -> None:
        healed_s = (s - self.s) * (3.0 if self.rests else 1.0)
        for d in self.fast:
            self.fast[d] *= math.exp(-healed_s / TAU_FAST_S)
            self.slow[d] *= math.exp(-healed_s / TAU_SLOW_S)
        self.s = s

    def add(self, driver: int, s: float, amount: float) -> None:
        self.move(s)
        self.fast[driver] += amount
        self.slow[driver] += amount

    def relieve(self, s: float, part: float) -> None:
        self.move(s)
        for d in ad.RELIEVED:
            self.fast[d] *= 1.0 - part
            self.slow[d] *= 1.0 - part


GIVEN: dict[str, dict[str, float]] = {
    "recovery_gap": {"gap_s": 30, "per_contact": 0.4},
    "same_issue": {"from_contact": 2, "per_contact": 0.7},
    "quality_checks": {"per_check": 0.25, "strained_factor": 3},
    "check_in": {"per_point": 0.6, "relief_per_point": 0.1},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("states", [False, True])
def test_levels_are_those_of_plain_python_with_the_tenant_s_own_parameters(seed: int, states: bool) -> None:
    """Of a day with contacts, pauses, breaks, checks and talks. The day itself knows how long each pause was."""
    rng = random.Random(seed)
    day, plain = Day(**GIVEN), Plain()
    s, free_since = 10.0, None
    issue_before, run = None, 0
    if states:
        day.state(1, "available")
    for kind in (k.CHECK_IN, k.SUPPORTED, k.QUALITY_CHECK):  # all drivers are on from the start
        day.tell(kind, 2)
    plain.add(ad.QUALITY_CHECKS, 2, 0.25)
    for _ in range(50):
        # The next contact is taken; which of the two events comes first is up to the ACD.
        if free_since is not None and s - free_since < GIVEN["recovery_gap"]["gap_s"]:
            plain.add(ad.RECOVERY_GAP, s, 0.4 * (1.0 - (s - free_since) / 30.0))
        told_first = rng.random() < 0.5
        if states and told_first:
            day.state(s, "on_contact")
        day.answered(s)
        if states and not told_first:
            day.state(s + 0.2, "on_contact")
        plain.move(s if told_first else s + 0.2)
        plain.rests = False
        s += 200.0
        # It ends.
        issue, outcome = rng.choice(("refund", "refund", "refund", "card", None)), rng.choice((0, 1, 2, 3, 4, 5))
        told = rng.choice((0, 0, k.COMPLAINT, k.ABUSIVE, k.COMPLIMENT))
        satisfaction = rng.choice((math.nan, 3.0, 4.0))
        hard = bool(told & (k.COMPLAINT | k.ABUSIVE)) or outcome in (OUTCOME["unresolved"], OUTCOME["escalated"])
        run = (run + 1 if issue == issue_before else 1) if hard and issue else 0
        issue_before = issue if run else None
        if run >= 2:
            plain.add(ad.SAME_ISSUE, s, 0.7)
        if hard:
            plain.hard.append((s, {k.ABUSIVE: 1.0, k.COMPLAINT: COMPLAINT_HARD}.get(told, LESS_HARD)))
            if outcome == OUTCOME["resolved"] or told == k.COMPLIMENT or satisfaction >= 4:
                plain.well.append(plain.hard[-1])
        if told == k.COMPLIMENT:
            plain.relieve(s, RELIEF)
        in_acw = states and rng.random() < 0.5
        if in_acw:
            day.state(s - 0.1, "acw")
        day.handled(s, 200.0, issue, told | outcome, n2=satisfaction)
        free_since = s
        if in_acw:
            s += rng.choice((5.0, 40.0))
            free_since = s
        if states and not (in_acw and rng.random() < 0.3):
            rest = rng.choice(("available", "available", "break"))
            day.state(s, rest)
            plain.move(s)
            plain.rests = rest == "break"
        elif states:
            continue  # from after-contact work straight to the next
        # Between contacts, now and then somebody comes by.
        what = rng.choice((None, None, k.QUALITY_CHECK, k.CHECK_IN, k.SUPPORTED))
        s += rng.choice((0.0, 3.0, 12.0, 29.0, 31.0, 300.0))
        if what == k.QUALITY_CHECK:
            plain.add(ad.QUALITY_CHECKS, s, 0.25 * (1.0 + 3.0 * float(day.at(s).strain[0]) / 100.0))
            day.tell(what, s)
        elif what == k.CHECK_IN:
            load = rng.choice((1, 2, 3, 4, 5))
            if load > 3:
                plain.add(ad.CHECK_IN, s, 0.6 * (load - 3))
            elif load < 3:
                plain.relieve(s, 0.1 * (3 - load))
            day.tell(what, s, n0=float(load))
            assert day.value(ad.CHECK_IN, s) == load
        elif what == k.SUPPORTED:
            plain.relieve(s, RELIEF)
            day.tell(what, s)
        assert day.agents.hard_run[0] == run
    plain.move(s)
    for driver in (ad.RECOVERY_GAP, ad.SAME_ISSUE, ad.QUALITY_CHECKS, ad.CHECK_IN):
        assert day.level(driver, s) == pytest.approx((plain.fast[driver], plain.slow[driver]), rel=1e-9, abs=1e-12)
    still, well = day.agents.hard_contacts(ANN, T0 + round(s * 1000))
    assert still[0] == pytest.approx(sum(n * math.exp((then - s) / HARD_TAU_S) for then, n in plain.hard))
    assert well[0] == pytest.approx(sum(n * math.exp((then - s) / WELL_TAU_S) for then, n in plain.well))


# --- contacts without a recovery gap


def gaps_counted(day: Day, s: float) -> float:
    return day.value(ad.RECOVERY_GAP, s)


def test_after_contact_work_is_no_pause() -> None:
    day = Day()
    day.state(0, "on_contact")
    day.answered(0)
    day.handled(100)
    day.state(100, "acw")
    day.state(400, "on_contact")
    assert day.level(ad.RECOVERY_GAP, 400)[0] == pytest.approx(0.2)


def test_an_acd_that_only_tells_the_end_of_contacts_shows_its_pauses_too() -> None:
    day = Day()
    for end_s in (100.0, 205.0, 400.0):  # of 100 s each: a pause of 5 s, then one of 95 s
        day._contact += 1
        day.handled(end_s, 100.0)
    assert day.level(ad.RECOVERY_GAP, 400)[0] == pytest.approx(0.2 * 0.75 * math.exp(-195 / TAU_FAST_S))


def test_a_contact_that_ends_after_the_next_was_taken_says_nothing_of_a_pause() -> None:
    """Two chats at a time: neither has a pause before it that anybody could know."""
    day = Day()
    for chat in (1, 2):
        day.tell(k.ANSWERED, 10.0 * chat, queue="q", contact=hash_of(chat), n0=1.0)
    assert day.level(ad.RECOVERY_GAP, 30) == (0.0, 0.0)


def test_a_state_and_an_answer_of_one_contact_count_once() -> None:
    day = Day()
    day.state(0, "on_contact")
    day.state(60, "available")
    day.state(70, "on_contact")
    day.answered(70.3)
    assert day.level(ad.RECOVERY_GAP, 70)[0] == pytest.approx(0.1, rel=1e-3)
    assert gaps_counted(day, 70.3) == pytest.approx(0.5, rel=0.01)


# --- a lead's support


def test_hours_since_a_lead_spoke_count_from_half_a_shift_on_and_end_when_one_does() -> None:
    day = Day(unsupported={"line_h": 1})
    day.state(0, "available")
    day.tell(k.SUPPORTED, 1)
    assert day.level(ad.UNSUPPORTED, HOUR_S) == (0.0, 0.0)
    s = 2 * HOUR_S + 1
    one_hour = tuple(1.0 - math.exp(-HOUR_S / tau_s) for tau_s in (TAU_FAST_S, TAU_SLOW_S))
    assert day.level(ad.UNSUPPORTED, s) == pytest.approx(one_hour)
    assert day.value(ad.UNSUPPORTED, s) == pytest.approx(2.0)
    named = [driver.name for driver in agents_at(day.engine._floor, ANN, T0 + round(s * 1000))[0][0].drivers]
    assert "unsupported" in named
    day.tell(k.SUPPORTED, s)
    assert day.level(ad.UNSUPPORTED, s) == (0.0, 0.0)
    assert day.value(ad.UNSUPPORTED, s) == 0.0


def test_support_told_late_was_given_when_it_was() -> None:
    day = Day(unsupported={"line_h": 1})
    day.state(0, "available")
    day.state(2 * HOUR_S, "available")
    day.tell(k.SUPPORTED, 2 * HOUR_S - 300, now_s=2 * HOUR_S)
    assert day.value(ad.UNSUPPORTED, 2 * HOUR_S) == pytest.approx(300 / HOUR_S)


def test_without_states_only_contacts_are_known_to_be_work() -> None:
    day = Day()
    day.contact(0, 600.0)
    assert day.value(ad.UNSUPPORTED, 5 * HOUR_S) == pytest.approx(600 / HOUR_S)


def test_a_driver_that_the_tenant_sends_nothing_for_is_off() -> None:
    day = Day()
    day.contact(0)
    off = {"issues": "same_issue", "support": "unsupported", "checks": "quality_checks", "check-ins": "check_in"}
    [signals] = day.engine._board(T0 + 300_000)
    assert {f"agent.{name}" for name in off.values()} <= set(signals.drivers_off)
    assert "agent.recovery_gap" not in signals.drivers_off
    day.handled(200, issue="a")
    for kind in (k.SUPPORTED, k.QUALITY_CHECK, k.CHECK_IN):
        day.tell(kind, 300)
    [signals] = day.engine._board(T0 + 300_000)
    assert not {f"agent.{name}" for name in off.values()} & set(signals.drivers_off)


# --- checks


def test_a_quality_check_weighs_more_while_strained() -> None:
    calm, strained = Day(), Day()
    for day, load in ((calm, 3.0), (strained, 5.0)):
        day.tell(k.CHECK_IN, 0, n0=load)
        day.tell(k.QUALITY_CHECK, 1)
    before = strained.value(ad.QUALITY_CHECKS, 1)
    assert before > 20
    assert calm.level(ad.QUALITY_CHECKS, 1)[0] == pytest.approx(0.3)
    assert strained.level(ad.QUALITY_CHECKS, 1)[0] == pytest.approx(0.3 * (1 + before / 100 * 2))


# --- a feed that sends the morning again


def busy_day() -> Day:
    """A day on which every driver has a share."""
    day = Day(unsupported={"line_h": 1})
    day.state(0, "available")
    day.tell(k.SUPPORTED, 1)
    for i in range(30):
        s = 300.0 * i + 10
        day._contact += 1
        contact = {"queue": "q", "contact": hash_of(day._contact)}
        day.tell(k.OBSERVED, s - 1, agent=None, queue="q", n0=50.0, n1=900.0)
        day.state(s, "on_contact")
        day.tell(k.ANSWERED, s, n0=400.0, **contact)
        day.tell(k.REPEATED, s + 1, n0=600.0, **contact)
        day.handled(s + 285, 285.0 if i < 25 else 900.0, "refund", k.COMPLAINT)
        day.state(s + 285, "available")
    day.tell(k.QUALITY_CHECK, 9100)
    day.tell(k.CHECK_IN, 9101, n0=5.0)
    return day


@pytest.mark.parametrize("after_s", [10, 86_400])
def test_a_feed_that_replays_the_morning_counts_nothing_twice(after_s: float) -> None:
    """At once the ids are known; a day later the events are too old. No driver of the agent moves by a bit."""
    day = busy_day()
    now_ms = T0 + 9_101_000 + round(after_s * 1000)
    one = Engine.restore(day.engine.snapshot(), marks="none")
    for entry in day.log:
        one.recall(entry)
    level = one._floor.judge_agents(ANN, T0 + 9_101_000)[1][0]
    assert {ad.AGENT_DRIVERS[d].name for d in np.flatnonzero(level > 0)} == {d.name for d in ad.AGENT_DRIVERS}
    one.step(tick(now_ms))
    before = one._floor.agents.pack()
    kept = one._floor.handle_times.pack(), one._floor.agent_evidence.pack()
    for i, entry in enumerate(day.log):
        if b"b" in entry.fields:
            report = one.step(Entry(type(entry.id)(now_ms + 1, i), entry.fields))
            assert report.counts.get("repeated", 0) + report.counts.get("late", 0) == report.counts["events"] == 1
    assert one._floor.agents.pack() == before
    assert (one._floor.handle_times.pack(), one._floor.agent_evidence.pack()) == kept
