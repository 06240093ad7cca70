"""The life of an alert: the table of phases, holds and lines second by second, leads' actions, and suppression."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scoring_logs import T0, TENANT, action, block, numbered, play, settings, tick

from services.scoring.core.alert_phases import TRANSITIONS, WORDS, P, T
from services.scoring.core.alerting import CRITICAL, Lines, Watch
from services.scoring.core.engine import Engine
from shared.contract.actions import Acknowledged, Action, Assigned, Closed, Noted, Snoozed
from shared.contract.alerts import LIVE_PHASES, PHASES
from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.rows import ABUSIVE, ANSWERED, HANDLED, OBSERVED, STATE, STATE_CODES, STATE_SHIFT
from tools import alert_life

SECOND = 1000
NONE, PENDING, OPEN, ACKNOWLEDGED, SNOOZED, ASSIGNED, ESCALATED, SUPPRESSED = P

LIFE: list[tuple[P, T, P]] = [
    # Over the line; nobody is told before it is held.
    (NONE, T.ROSE, PENDING),
    (PENDING, T.DIPPED, NONE),
    (PENDING, T.HELD, OPEN),
    # Held, but a queue alert speaks for it.
    (PENDING, T.COVERED, SUPPRESSED),
    (SUPPRESSED, T.UNCOVERED, OPEN),
    # Critical is never hidden.
    (SUPPRESSED, T.WORSENED, OPEN),
    (SUPPRESSED, T.CALMED, NONE),
    # Whoever looks for suppressed ones may take one on, close it, or add a note.
    (SUPPRESSED, T.ACKNOWLEDGED, ACKNOWLEDGED),
    (SUPPRESSED, T.CLOSED, NONE),
    (SUPPRESSED, T.NOTED, SUPPRESSED),
    # The first acknowledgement wins: it needs an alert that nobody owns.
    (OPEN, T.ACKNOWLEDGED, ACKNOWLEDGED),
    (SNOOZED, T.ACKNOWLEDGED, ACKNOWLEDGED),
    (ESCALATED, T.ACKNOWLEDGED, ACKNOWLEDGED),
    # Handing on and setting aside work in every told phase, also for what somebody owns.
    *((phase, T.ASSIGNED, ASSIGNED) for phase in (OPEN, ACKNOWLEDGED, SNOOZED, ASSIGNED, ESCALATED)),
    *((phase, T.SNOOZED, SNOOZED) for phase in (OPEN, ACKNOWLEDGED, SNOOZED, ASSIGNED, ESCALATED)),
    *((phase, T.CLOSED, NONE) for phase in (OPEN, ACKNOWLEDGED, SNOOZED, ASSIGNED, ESCALATED)),
    *((phase, T.CALMED, NONE) for phase in (OPEN, ACKNOWLEDGED, SNOOZED, ASSIGNED, ESCALATED)),
    # A note changes no phase.
    *((phase, T.NOTED, phase) for phase in (OPEN, ACKNOWLEDGED, SNOOZED, ASSIGNED, ESCALATED)),
    # Nor does a move to another team.
    *((phase, T.MOVED, phase) for phase in (OPEN, ACKNOWLEDGED, SNOOZED, ASSIGNED, ESCALATED, SUPPRESSED)),
    # Worse than when it was taken on: told again, the owner stays; it ends a snooze.
    *((phase, T.WORSENED, phase) for phase in (OPEN, ACKNOWLEDGED, ASSIGNED, ESCALATED)),
    (SNOOZED, T.WORSENED, OPEN),
    (SNOOZED, T.WOKE, OPEN),
    # Only what nobody took on escalates.
    (OPEN, T.OVERDUE, ESCALATED),
]


def test_the_table_holds_these_steps_and_no_others() -> None:
    assert {(phase, trigger): new for phase, trigger, new in LIFE} == TRANSITIONS


@pytest.mark.parametrize(("phase", "trigger"), [(p, t) for p in P for t in T])
def test_a_step_outside_the_table_is_refused_and_changes_nothing(phase: P, trigger: T) -> None:
    watch = Watch()
    watch.cover(1)
    watch.phase[0], watch.since[0] = phase, 17
    new = watch.go(0, trigger, 4000)
    assert new == TRANSITIONS.get((phase, trigger))
    assert watch.phase[0] == (phase if new is None else new)
    assert watch.since[0] == (17 if new in (None, phase) else 4000)


def test_every_told_phase_has_its_word_in_the_contract() -> None:
    assert set(WORDS.values()) == set(PHASES)
    assert {WORDS[p] for p in P if p not in (P.NONE, P.PENDING)} == LIVE_PHASES


def test_the_diagram_in_the_docs_shows_every_step() -> None:
    """That the file is this text is checked with all other generated files."""
    page = alert_life.page()
    for (phase, trigger), new in TRANSITIONS.items():
        told = [line for line in page.splitlines() if trigger.value in line]
        name = WORDS.get(phase, "pending") if phase is not NONE else "[*]"
        assert any(line.lstrip(" |").startswith(name) for line in told), (phase, trigger, new)


# --- holds and lines, second by second


def lines(**rules: float) -> Lines:
    given = {
        "open_line": 60.0, "open_hold_s": 3.0, "close_line": 45.0, "close_hold_s": 4.0, "critical_line": 80.0,
        "escalate_after_s": 0.0, **rules,
    }  # fmt: skip
    return Lines(**{name: np.array([float(value)]) for name, value in given.items()})


def seconds(values: Sequence[float], rule: Lines, watch: Watch | None = None) -> list[tuple[int, str]]:
    """What happens when one row has these values at seconds 0, 1, ..."""
    watch = watch or Watch()
    watch.cover(1)
    out = []
    for k, value in enumerate(values):
        for _, trigger in watch.scan(np.array([0]), np.array([float(value)]), k * SECOND, rule, np.zeros(1)):
            assert watch.go(0, trigger, k * SECOND) is not None
            if trigger is T.WORSENED or (trigger is T.HELD and value >= rule.critical_line[0]):
                watch.severity[0] = CRITICAL
            out.append((k, trigger.name))
    return out


def test_the_line_must_be_held() -> None:
    assert seconds([70, 70, 70, 70], lines()) == [(3, "HELD")]
    assert seconds([60, 60, 60, 60], lines()) == [(3, "HELD")]  # at the line is over it
    assert seconds([70, 70, 70, 59.9, 70, 70, 70], lines()) == []


def test_with_hold_0_it_opens_in_the_same_moment() -> None:
    assert seconds([10, 60], lines(open_hold_s=0)) == [(1, "HELD")]


def test_it_closes_when_the_lower_line_was_lost_for_a_time_and_not_between_the_lines() -> None:
    assert seconds([70] * 4 + [50] * 20, lines()) == [(3, "HELD")]
    assert seconds([70] * 4 + [44.9] * 5, lines()) == [(3, "HELD"), (8, "CALMED")]
    assert seconds([70] * 4 + [44, 44, 44, 45, 44, 44, 44, 44, 44], lines()) == [(3, "HELD"), (12, "CALMED")]


def test_after_it_closed_it_may_open_again() -> None:
    held_again = seconds([70] * 4 + [10] * 5 + [70] * 4, lines())
    assert held_again == [(3, "HELD"), (8, "CALMED"), (12, "HELD")]


def test_becoming_critical_is_told_once() -> None:
    assert seconds([70] * 4 + [79, 80, 70, 90], lines()) == [(3, "HELD"), (5, "WORSENED")]
    assert seconds([90] * 6, lines()) == [(3, "HELD")]  # it opened critical


def test_it_escalates_when_nobody_took_it_on_in_time() -> None:
    assert seconds([70] * 12, lines(escalate_after_s=5)) == [(3, "HELD"), (8, "OVERDUE")]
    assert seconds([70] * 12, lines(escalate_after_s=0)) == [(3, "HELD")]


@pytest.mark.parametrize("phase", [P.ACKNOWLEDGED, P.ASSIGNED, P.SNOOZED])
def test_what_was_taken_on_does_not_escalate(phase: P) -> None:
    watch = Watch()
    watch.cover(1)
    watch.phase[0], watch.snoozed_until[0] = phase, 10**9
    assert seconds([70] * 12, lines(escalate_after_s=5), watch) == []


def test_what_a_lead_closed_stays_closed_until_it_calmed_or_turns_critical() -> None:
    def closed(values: Sequence[float]) -> list[tuple[int, str]]:
        watch = Watch()
        watch.cover(1)
        watch.phase[0], watch.severity[0] = P.OPEN, 1
        assert watch.go(0, T.CLOSED, 0) is P.NONE
        return seconds(values, lines(open_hold_s=0), watch)

    assert closed([70] * 20) == []
    assert closed([70, 50, 70, 70]) == []
    assert closed([70, 44, 70]) == [(2, "HELD")]
    assert closed([70, 70, 80]) == [(2, "HELD")]


def test_what_was_closed_while_critical_needs_to_calm_first() -> None:
    watch = Watch()
    watch.cover(1)
    watch.phase[0], watch.severity[0] = P.OPEN, CRITICAL
    watch.go(0, T.CLOSED, 0)
    assert seconds([90, 90, 70, 90, 44, 90], lines(open_hold_s=0), watch) == [(5, "HELD")]


def test_a_row_that_a_lead_closed_is_left_out_only_while_nothing_can_happen() -> None:
    watch, rule = Watch(), lines()
    watch.cover(1)
    watch.phase[0] = P.OPEN
    watch.go(0, T.CLOSED, 0)
    bounds = [(50, 79), (44, 79), (50, 80)]
    hot = [watch.hot(np.array([0]), np.array([float(a)]), np.array([float(b)]), 0, rule)[0] for a, b in bounds]
    assert hot == [0, 1, 1]


def test_a_snooze_ends_by_itself() -> None:
    watch = Watch()
    watch.cover(1)
    watch.phase[0], watch.snoozed_until[0] = P.SNOOZED, 6 * SECOND
    assert seconds([70] * 12, lines(), watch) == [(6, "WOKE")]


def test_rows_are_judged_by_their_own_rules() -> None:
    watch = Watch()
    watch.cover(2)
    rule = Lines(*(np.array([float(a), float(b)]) for a, b in ((60, 20), (0, 0), (45, 10), (0, 0), (80, 80), (0, 0))))
    assert watch.scan(np.array([0, 1]), np.array([50.0, 50.0]), 0, rule, np.zeros(2)) == [(1, T.HELD)]


# --- through the engine


def document(**kinds: dict[str, float]) -> dict[str, Any]:
    """Lines without holds; a queue's strain is that of its wait alone, so that it comes and goes at once."""
    alerts: dict[str, dict[str, float]] = {
        "queue.strain": {"open_line": 70, "close_line": 68, "open_hold_s": 0, "close_hold_s": 0, "critical_line": 100},
        "agent.strain": {"open_line": 20, "close_line": 15, "open_hold_s": 0, "close_hold_s": 0, "critical_line": 100},
        "feed.silent": {"open_line": 80_000, "critical_line": 86_000},
    }
    for kind, rules in kinds.items():
        alerts[kind.replace("_", ".")].update(rules)
    only_waits = {name: {"weight": 0.0} for name in ("offered_load", "recent_waits", "service_level", "abandonment")}
    only_waits |= {name: {"weight": 0.5} for name in ("repeat_share", "arrivals_surge")}
    return {
        "revision": 1,
        "alerts": alerts,
        "drivers": {"queue": {**only_waits, "predicted_wait": {"target_wait_s": 240}}},
    }


def waits(s: float, waiting: int, longest_s: float, queue: str = "q") -> Entry:
    ms = T0 + round(s * SECOND)
    return block(ms, [Row(OBSERVED, TENANT, ms, f"w-{s}-{queue}", queue=queue, n0=waiting, n1=longest_s)])


def changes(log: list[Entry]) -> list[dict[str, Any]]:
    return [json.loads(data) for data in play(numbered(log)).bytes]


def phases(log: list[Entry], kind: str = "queue.strain") -> list[str]:
    return [alert["phase"] for alert in changes(log) if alert["kind"] == kind]


OPENED = [settings(T0 - 1, document()), waits(0.3, 9, 400)]


def first_id(log: list[Entry], kind: str = "queue.strain") -> str:
    return next(str(alert["id"]) for alert in changes(log) if alert["kind"] == kind)


def acts(s: float, what: type[Action], by: str = "lea", **more: Any) -> Entry:
    return action(T0 + round(s * SECOND), what(id=f"a-{s}-{by}", tenant=TENANT, alert=first_id(OPENED), by=by, **more))


def test_hold_0_opens_at_the_entry_itself() -> None:
    [alert] = changes(OPENED)
    assert alert["opened_at"] == alert["updated_at"] == "2026-03-02T08:34:00.300Z"
    assert (alert["phase"], alert["evidence"]) == ("open", ["w-0.3-q"])


def test_the_first_acknowledgement_wins() -> None:
    log = [*OPENED, acts(1.1, Acknowledged, "lea", note="on it"), acts(1.2, Acknowledged, "max")]
    told = changes(log)
    assert [(alert["phase"], alert["owner"]) for alert in told] == [("open", None), ("acknowledged", "lea")]
    assert told[1]["history"][1] == {
        "at": "2026-03-02T08:34:01.100Z", "phase": "acknowledged", "severity": "warning", "by": "lea",
        "reason": "acknowledged", "note": "on it",
    }  # fmt: skip


def test_what_leads_do_is_seen_in_phase_and_owner() -> None:
    log = [
        *OPENED,
        acts(1, Noted, text="called in two more"),
        acts(2, Assigned, to="max"),
        acts(3, Snoozed, for_s=60),
        acts(4, Closed, by="max", note="solved"),
        acts(5, Noted, text="too late"),
    ]
    told = [(alert["phase"], alert["owner"]) for alert in changes(log) if alert["id"] == first_id(OPENED)]
    assert told == [("open", None), ("open", None), ("assigned", "max"), ("snoozed", "max"), ("resolved", "max")]


def test_a_snoozed_alert_comes_back_after_its_time() -> None:
    log = [*OPENED, acts(1.5, Snoozed, for_s=60)]
    log += [waits(s, 9, 400) for s in range(5, 80, 5)]
    told = changes(log)
    assert [alert["phase"] for alert in told] == ["open", "snoozed", "open"]
    assert told[-1]["updated_at"] == "2026-03-02T08:35:02.000Z"


def test_a_snooze_runs_through_a_gap_so_that_it_ends_when_the_lead_was_told() -> None:
    log = [*OPENED, acts(1.5, Snoozed, for_s=600), waits(5, 9, 400)]
    log += [waits(s, 9, 400) for s in range(305, 620, 5)]  # five minutes without an entry
    told = [alert for alert in changes(log) if alert["kind"] == "queue.strain"]
    assert [alert["phase"] for alert in told] == ["open", "snoozed", "open"]
    assert told[-2]["history"][-1]["until"] == "2026-03-02T08:44:01.500Z"
    assert told[-1]["updated_at"] == "2026-03-02T08:44:02.000Z"


def test_a_step_says_to_whom_an_alert_was_handed_and_when_it_comes_back() -> None:
    told = changes([*OPENED, acts(1, Assigned, to="max"), acts(1.5, Snoozed, for_s=60)])
    assigned, snoozed = told[-1]["history"][-2:]
    assert (assigned["to"], assigned["by"]) == ("max", "lea")
    assert (snoozed["until"], snoozed["phase"]) == ("2026-03-02T08:35:01.500Z", "snoozed")
    assert "until" not in assigned
    assert "to" not in snoozed


def test_an_owned_alert_that_becomes_critical_is_told_again_and_keeps_its_owner() -> None:
    log = [settings(T0 - 1, document(queue_strain={"critical_line": 90})), waits(0.3, 1, 200)]
    owned = action(T0 + 1000, Acknowledged(id="a", tenant=TENANT, alert=first_id(log), by="lea"))
    told = changes([*log, owned, waits(2, 9, 900)])
    assert [(alert["phase"], alert["severity"], alert["owner"]) for alert in told] == [
        ("open", "warning", None),
        ("acknowledged", "warning", "lea"),
        ("acknowledged", "critical", "lea"),
    ]


def test_the_history_of_an_alert_is_bounded() -> None:
    log = [*OPENED, *(acts(1 + i / 100, Noted, by=f"lead-{i}", text="x") for i in range(70))]
    told = changes(log)
    assert len(told) == 71
    assert len(told[-1]["history"]) == 50
    assert told[-1]["history"][-1]["by"] == "lead-69"


def test_an_alert_that_closed_opens_anew_under_another_id() -> None:
    told = changes([*OPENED, waits(5, 0, 0), tick(T0 + 6100), waits(8, 9, 400)])
    assert [alert["phase"] for alert in told] == ["open", "resolved", "open"]
    assert told[0]["id"] == told[1]["id"] != told[2]["id"]


# --- suppression by a queue alert


def served(s: float, wait_s: float, contact: int, flags: int = 0, agent: str = "ann") -> list[Entry]:
    """A contact that waited long reaches an agent, and is over a second later."""
    ms = T0 + round(s * SECOND)
    who: dict[str, Any] = {"tenant": TENANT, "queue": "q", "agent": agent, "contact": contact << 20 | 1}
    return [
        block(ms, [Row(ANSWERED, ts_ms=ms, id=f"s-{contact}", n0=wait_s, **who)]),
        block(ms + 900, [Row(HANDLED, ts_ms=ms + 900, id=f"h-{contact}", n0=1.0, flags=flags, **who)]),
    ]


def state(s: float, name: str, agent: str = "ann") -> Entry:
    ms = T0 + round(s * SECOND)
    flags = STATE_CODES[name] << STATE_SHIFT
    return block(ms, [Row(STATE, TENANT, ms, f"st-{s}-{agent}", agent=agent, flags=flags)])


STRAINED_BY_THE_QUEUE = [
    settings(T0 - 1, document()),
    waits(0.3, 9, 400),
    state(0.4, "available"),
    *served(1, 500, 1),
    *served(3, 500, 2),
]


def test_a_queue_alert_speaks_for_an_agent_whose_strain_comes_from_the_queue() -> None:
    told = changes(STRAINED_BY_THE_QUEUE)
    [suppressed] = [alert for alert in told if alert["phase"] == "suppressed"]
    assert suppressed["history"][0]["reason"] == T.COVERED.value
    borne = sum(d["share"] for d in suppressed["drivers"] if d["name"] in ("excess_wait", "queue_pressure"))
    assert borne >= 0.6 * suppressed["strain"]
    speaker = [alert for alert in told if alert["kind"] == "queue.strain"][-1]
    assert speaker["suppresses"] == [suppressed["id"]]


def test_when_the_queue_alert_is_over_those_still_over_the_line_are_told() -> None:
    for ends in (waits(6, 0, 0), action(T0 + 6000, Closed(id="c", tenant=TENANT, alert=first_id(OPENED), by="lea"))):
        told = [a for a in changes([*STRAINED_BY_THE_QUEUE, ends, tick(T0 + 9000)]) if a["kind"] == "agent.strain"]
        assert [alert["phase"] for alert in told] == ["suppressed", "open"]
        assert told[1]["id"] == told[0]["id"]
        assert told[1]["history"][1]["reason"] == T.UNCOVERED.value


def test_when_the_queue_alert_is_over_those_under_their_line_are_done() -> None:
    healed = [state(5, "break"), *(tick(T0 + s * SECOND) for s in range(10, 600, 10))]
    log = [*STRAINED_BY_THE_QUEUE, *healed, waits(300, 9, 400), waits(600, 0, 0)]
    rules = document(agent_strain={"open_line": 40, "close_line": 0})
    log[0] = settings(T0 - 1, rules)
    told = [a for a in changes(log) if a["kind"] == "agent.strain"]
    assert [alert["phase"] for alert in told] == ["suppressed", "resolved"]


def test_a_critical_agent_alert_is_never_suppressed() -> None:
    log = [settings(T0 - 1, document(agent_strain={"critical_line": 21})), *STRAINED_BY_THE_QUEUE[1:]]
    assert "suppressed" not in phases(log, "agent.strain")
    assert phases(log, "agent.strain")[0] == "open"


def test_a_suppressed_alert_that_becomes_critical_is_told() -> None:
    log = [settings(T0 - 1, document(agent_strain={"critical_line": 85})), *STRAINED_BY_THE_QUEUE[1:]]
    log += [entry for i in range(8) for entry in served(5 + 2 * i, 900, 10 + i)]
    told = [(a["phase"], a["severity"]) for a in changes(log) if a["kind"] == "agent.strain"]
    assert told[:2] == [("suppressed", "warning"), ("open", "critical")]


def test_a_queue_alert_no_longer_lists_what_is_told_by_itself() -> None:
    log = [settings(T0 - 1, document(agent_strain={"critical_line": 85})), *STRAINED_BY_THE_QUEUE[1:]]
    covered = next(a for a in changes(log) if a["phase"] == "suppressed")
    worse = [entry for i in range(8) for entry in served(5 + 2 * i, 900, 10 + i)]
    taken = action(T0 + 5 * SECOND, Acknowledged(id="a", tenant=TENANT, alert=covered["id"], by="lea"))
    for ends in (worse, [taken]):
        lists = [a["suppresses"] for a in changes([*log, *ends]) if a["kind"] == "queue.strain"]
        assert lists[:3] == [[], [covered["id"]], []]


def test_a_queue_alert_no_longer_lists_what_is_over() -> None:
    rules = document(agent_strain={"open_line": 40, "close_line": 38})
    log = [settings(T0 - 1, rules), *STRAINED_BY_THE_QUEUE[1:], state(5, "break")]
    log += [waits(s, 9, 400) for s in range(10, 600, 10)]
    told = changes(log)
    assert [a["phase"] for a in told if a["kind"] == "agent.strain"] == ["suppressed", "resolved"]
    assert [len(a["suppresses"]) for a in told if a["kind"] == "queue.strain"] == [0, 1, 0]


def test_strain_of_the_agents_own_contacts_is_not_suppressed() -> None:
    rules = document(agent_strain={"open_line": 40})
    log = [settings(T0 - 1, rules), waits(0.3, 9, 400), state(0.4, "available"), *served(1, 1, 1, flags=ABUSIVE)]
    assert phases(log, "agent.strain") == ["open"]


def test_an_alert_that_is_open_is_not_suppressed_afterwards() -> None:
    log = [settings(T0 - 1, document()), state(0.1, "available"), *served(0.2, 500, 1), waits(4, 9, 400)]
    log += served(5, 500, 2)
    assert phases(log, "agent.strain") == ["open"]


# --- what leads do, at the same time and after one another


def told(log: list[Entry]) -> list[tuple[str, str, str | None]]:
    """(phase, severity, owner) at each change of the first alert."""
    return [(a["phase"], a["severity"], a["owner"]) for a in changes(log) if a["id"] == first_id(log[:2])]


def test_who_looks_after_it_hands_it_on_and_the_history_says_to_whom() -> None:
    log = [*OPENED, acts(1, Acknowledged, "lea"), acts(2, Assigned, "lea", seen_owner="lea", to="max")]
    last = changes(log)[-1]
    assert (last["phase"], last["owner"]) == ("assigned", "max")
    assert last["history"][-1] == {
        "at": "2026-03-02T08:34:02.000Z", "phase": "assigned", "severity": "warning", "by": "lea",
        "reason": "assigned", "to": "max",
    }  # fmt: skip


@pytest.mark.parametrize("late", [(Assigned, {"to": "tom"}), (Snoozed, {"for_s": 600}), (Closed, {})])
def test_who_decided_before_somebody_else_was_first_changes_nothing(late: tuple[type[Action], dict[str, Any]]) -> None:
    what, more = late
    first = [*OPENED, acts(1, Acknowledged, "lea")]
    assert told([*first, acts(1.1, what, "max", seen_owner="", **more)]) == told(first)
    assert len(told([*first, acts(1.1, what, "max", seen_owner="lea", **more)])) == 3
    assert len(told([*first, acts(1.1, what, "max", **more)])) == 3  # entries of before this was said


def test_a_note_keeps_phase_owner_and_timers_and_stands_in_the_history() -> None:
    rules = document(queue_strain={"escalate_after_s": 30})
    log = [settings(T0 - 1, rules), *OPENED[1:], acts(20, Noted, "max", text="called in two more")]
    log += [waits(s, 9, 400) for s in range(25, 60, 5)]
    changed = [a for a in changes(log) if a["id"] == first_id(OPENED)]
    assert [(a["phase"], a["owner"]) for a in changed] == [("open", None), ("open", None), ("escalated", None)]
    assert changed[1]["history"][-1]["note"] == "called in two more"
    assert changed[2]["updated_at"] == "2026-03-02T08:34:31.000Z"  # as if nothing had been noted


def test_the_history_of_a_snooze_says_until_when() -> None:
    [_, snoozed] = changes([*OPENED, acts(1.5, Snoozed, for_s=900)])
    assert snoozed["history"][-1]["until"] == "2026-03-02T08:49:01.500Z"


def test_what_comes_back_from_a_snooze_waits_for_whoever_is_first_again() -> None:
    log = [*OPENED, acts(1, Acknowledged, "lea"), acts(2, Snoozed, "lea", seen_owner="lea", for_s=60)]
    log += [waits(s, 9, 400) for s in range(5, 70, 5)]
    log += [acts(71, Acknowledged, "max")]
    assert [(phase, owner) for phase, _, owner in told(log)] == [
        ("open", None),
        ("acknowledged", "lea"),
        ("snoozed", "lea"),
        ("open", None),
        ("acknowledged", "max"),
    ]


def test_an_escalated_alert_that_was_snoozed_comes_back_open_and_escalates_anew() -> None:
    rules = document(queue_strain={"escalate_after_s": 30})
    log = [settings(T0 - 1, rules), *OPENED[1:], *(waits(s, 9, 400) for s in (10, 20, 30, 35))]
    log += [acts(40, Snoozed, for_s=60), *(waits(s, 9, 400) for s in range(45, 150, 5))]
    changed = [(a["phase"], a["updated_at"][14:19]) for a in changes(log) if a["id"] == first_id(OPENED)]
    assert changed == [
        ("open", "34:00"),
        ("escalated", "34:31"),
        ("snoozed", "34:40"),
        ("open", "35:40"),
        ("escalated", "36:10"),
    ]


def test_a_snoozed_alert_that_turns_critical_comes_back_at_once() -> None:
    log = [settings(T0 - 1, document(queue_strain={"critical_line": 90})), waits(0.3, 1, 200)]
    snoozed = action(T0 + 1000, Snoozed(id="a", tenant=TENANT, alert=first_id(log), by="lea", for_s=3600))
    assert told([*log, snoozed, waits(2, 9, 900)]) == [
        ("open", "warning", None),
        ("snoozed", "warning", None),
        ("open", "critical", None),
    ]


def test_one_that_was_critical_when_it_was_snoozed_stays_set_aside() -> None:
    log = [settings(T0 - 1, document(queue_strain={"critical_line": 75})), waits(0.3, 9, 900)]
    snoozed = action(T0 + 1000, Snoozed(id="a", tenant=TENANT, alert=first_id(log), by="lea", for_s=60))
    log = [*log, snoozed, *(waits(s, 9, 900) for s in range(5, 70, 5))]
    assert [phase for phase, _, _ in told(log)] == ["open", "snoozed", "open"]


def test_what_calms_while_it_is_snoozed_is_over_and_does_not_come_back() -> None:
    log = [*OPENED, acts(1, Snoozed, for_s=60), waits(5, 0, 0), *(tick(T0 + s * SECOND) for s in range(6, 90, 5))]
    assert [phase for phase, _, _ in told(log)] == ["open", "snoozed", "resolved"]


@pytest.mark.parametrize("cut", range(2, 14))
def test_a_snooze_survives_a_restart_wherever_it_comes(cut: int) -> None:
    log = numbered([*OPENED, acts(1.5, Snoozed, for_s=60), *(waits(s, 9, 400) for s in range(5, 80, 7))])
    whole = play(log)
    first = play(log[:cut])
    assert [*first.bytes, *play(log[cut:], Engine.restore(first.engine.snapshot(), marks="none")).bytes] == whole.bytes
