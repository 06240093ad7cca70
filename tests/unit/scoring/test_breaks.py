"""Breaks: the minutes that one takes against exact decay in plain Python, and who is on the list, and at what cost."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from typing import Any

import msgspec
import numpy as np
import pytest
from scoring_logs import SHORT_HOLDS, T0, block, centre_log, hash_of, tick
from scoring_logs import settings as settings_entry

from services.scoring.core import agent_table as at
from services.scoring.core import breaks
from services.scoring.core.agent_drivers import OCCUPANCY, RATED
from services.scoring.core.breaks import Rule, break_minutes
from services.scoring.core.engine import Engine
from shared.contract import rows as k
from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.signal_columns import Agents, Breaks, Queues
from shared.contract.signals import BREAK_LONGEST_MIN, BreakDue, TenantSignals, decode_signals, encode_signals

OPEN, CLOSE, MINUTE_S, HOUR_S = 65.0, 50.0, 60, 3600
NAN = math.nan


def strain_after(minutes: int, fast: list[float], slow: list[float], weight: list[float], scale: float) -> float:
    """Three times the decay of work, driver by driver."""
    whole = 0.0
    for d in range(at.D):
        quick = fast[d] * math.exp(-minutes * 180.0 / 600.0)
        lasting = slow[d] * math.exp(-minutes * 180.0 / 4500.0)
        if d == OCCUPANCY:
            quick, lasting = max(quick, 0.0), max(lasting, 0.0)
        whole += weight[d] * 0.5 * (quick + lasting * (1.0 if d in RATED else 600.0 / 4500.0))
    return 100.0 * (1.0 - math.exp(-whole / scale))


def some_agents(seed: int, n: int = 60) -> tuple[at.JudgedAgents, at.AgentParameters, Any]:
    """Agents of two tenants with any load, as judged."""
    rng = np.random.default_rng(seed)
    judged = at.JudgedAgents(n)
    judged.fast[:] = rng.exponential(1.0, (n, at.D)) * rng.choice([0.1, 1.0, 12.0], (n, 1))
    judged.slow[:] = rng.exponential(2.0, (n, at.D)) * rng.choice([0.1, 1.0, 12.0], (n, 1))
    judged.fast[:, OCCUPANCY] -= 0.6
    weight = rng.choice([0.0, 1.0, 2.0], (2, at.D))
    p = at.AgentParameters(
        weight, at.scale_of(weight), np.full(2, 0.85), np.full(2, 3600.0), np.full(2, 14_400.0), np.ones((2, at.D))
    )
    tenant = rng.integers(0, 2, n).astype(np.int32)
    for row, t in enumerate(tenant.tolist()):
        judged.strain[row] = strain_after(0, *row_of(judged, row), weight[t].tolist(), float(p.scale[t]))
    return judged, p, tenant


def row_of(judged: at.JudgedAgents, row: int) -> tuple[list[float], list[float]]:
    return judged.fast[row].tolist(), judged.slow[row].tolist()


def rule(n: int, alerted: bool = False) -> Rule:
    return Rule(np.full(n, OPEN), np.full(n, CLOSE), np.full(n, alerted))


@pytest.mark.parametrize("seed", range(12))
def test_minutes_of_break_are_those_of_plain_python(seed: int) -> None:
    judged, p, tenant = some_agents(seed)
    told = break_minutes(judged, tenant, p, rule(tenant.size))
    for row, minutes in enumerate(told.tolist()):
        if judged.strain[row] < OPEN:
            assert math.isnan(minutes)
            continue
        t = tenant[row]
        load = (*row_of(judged, row), p.weight[t].tolist(), float(p.scale[t]))
        wanted = 0
        while wanted < BREAK_LONGEST_MIN and strain_after(wanted, *load) >= CLOSE:
            wanted += 1
        assert minutes == wanted


def test_the_minutes_of_an_open_alert_count_down_to_its_end() -> None:
    judged, p, tenant = some_agents(0, 400)
    between = (judged.strain >= CLOSE) & (judged.strain < OPEN)
    assert between.any()
    assert np.isnan(break_minutes(judged, tenant, p, rule(400))[between]).all()
    assert (break_minutes(judged, tenant, p, rule(400, alerted=True))[between] >= 1).all()
    assert np.isnan(break_minutes(judged, tenant, p, rule(400, alerted=True))[judged.strain < CLOSE]).all()


# --- the list


class Floor:
    """An engine with agents who work from `T0` on; `s` is seconds after it."""

    def __init__(self, line_min: float = 60.0) -> None:
        self.engine = Engine()
        document = {"revision": 1, "drivers": {"agent": {"since_break": {"line_min": line_min}}}}
        self.engine.step(settings_entry(T0 - 60_000, document))
        self._told: list[Entry] = []
        self._contacts = 0

    def tell(self, s: float, rows: list[tuple[int, str, dict[str, Any]]]) -> None:
        ms, seq = T0 + round(s * 1000), len(self._told)
        made = [Row(kind, tenant, ms, f"e{seq}-{i}", **row) for i, (kind, tenant, row) in enumerate(rows)]
        self._told.append(block(ms, made, seq=seq))

    def state(self, s: float, state: str, *agents: str, team: str | None = None, tenant: str = "acme") -> None:
        flags = k.STATE_CODES[state] << k.STATE_SHIFT
        self.tell(s, [(k.STATE, tenant, {"agent": a, "flags": flags, "other": team}) for a in agents])

    def contact(self, s: float, queue: str, *agents: str, tenant: str = "acme", handle_s: float = 200.0) -> None:
        rows: list[tuple[int, str, dict[str, Any]]] = []
        for agent in agents:
            self._contacts += 1
            given = {"queue": queue, "contact": hash_of(self._contacts)}
            rows += [
                (k.OFFERED, tenant, given),
                (k.ANSWERED, tenant, {**given, "agent": agent, "n0": 5.0}),
                (k.HANDLED, tenant, {**given, "agent": agent, "n0": handle_s}),
            ]
        self.tell(s, rows)

    def board(self, s: float) -> dict[str, TenantSignals]:
        """After what was told up to then; later calls are of later moments."""
        end = tick(T0 + round(s * 1000) + 1)
        for entry in sorted(
            (each for each in self._told if self.engine.position < each.id < end.id), key=lambda e: e.id
        ):
            self.engine.step(entry)
        signals = self.engine.step(end).signals
        return {each.tenant: decode_signals(encode_signals(each)) for each in signals}

    def breaks(self, s: float, tenant: str = "acme") -> list[BreakDue]:
        return due_of(self.board(s)[tenant])


def due_of(signals: TenantSignals) -> list[BreakDue]:
    return Breaks(signals, Agents(signals), Queues(signals)).rows(0, len(signals.breaks.minutes))


def worked(floor: Floor, until_s: int, *agents: str, queue: str = "billing") -> None:
    """Contacts now and then, so that the pool and the feed stay alive."""
    for s in range(20, until_s, 600):
        floor.contact(s, queue, *agents)


def test_who_has_worked_beyond_the_line_is_due_and_who_rests_is_not() -> None:
    floor = Floor()
    floor.state(0, "available", "ann", "bo", "cy", "di", team="north")
    worked(floor, 3700, "ann", "bo", "cy", "di")
    floor.state(1900, "break", "bo")
    floor.state(2500, "available", "bo")
    floor.state(3650, "meeting", "cy")
    floor.state(3650, "break", "di")
    assert floor.breaks(3590) == []
    [due] = floor.breaks(3700)
    assert (due.agent, due.team, due.state) == ("ann", "north", "available")
    assert due.since_break_s == pytest.approx(3700, abs=2)
    assert (due.break_min, due.suggested_min) == (None, 6)  # twelve minutes of work for one of break


def test_the_cost_of_a_break_is_told_for_each_queue_the_agent_serves() -> None:
    floor = Floor()
    floor.state(0, "available", "ann", "bo", "cy")
    for s in range(20, 3700, 240):
        floor.contact(s, "billing", "ann", "bo", "cy", handle_s=220.0)
        floor.contact(s + 1, "cards", "ann", handle_s=10.0)
    floor.state(2000, "break", "bo", "cy")
    floor.state(2400, "available", "bo", "cy")
    signals = floor.board(3720)["acme"]
    [due] = due_of(signals)
    queues = {queue.id: queue for queue in Queues(signals).rows()}
    assert due.agent == "ann"
    assert sorted(cost.id for cost in due.queues) == ["billing", "cards"]
    assert [cost.cost_s for cost in due.queues] == sorted((cost.cost_s or 0 for cost in due.queues), reverse=True)
    for cost in due.queues:
        assert cost.predicted_wait_s == queues[cost.id].predicted_wait_s
        assert cost.with_one_less_s == pytest.approx((cost.predicted_wait_s or NAN) + (cost.cost_s or NAN))
    of_cards = next(cost for cost in due.queues if cost.id == "cards")
    assert (of_cards.cost_s or 0.0) > 100  # nobody else serves it


def test_strained_agents_are_due_before_their_line_with_the_minutes_they_need() -> None:
    floor = Floor()
    floor.state(0, "on_contact", "ann", "bo")
    for s in range(20, 1500, 20):
        floor.contact(s, "billing", "ann")
        floor.tell(s + 1, [(k.CHECK_IN, "acme", {"agent": "ann", "n0": 5.0})])
    signals = floor.board(1500)["acme"]
    [due] = due_of(signals)
    [ann] = [agent for agent in Agents(signals).rows() if agent.id == "ann"]
    assert due.agent == "ann"
    assert due.strain == ann.strain >= OPEN
    assert due.break_min is not None
    assert due.break_min == ann.break_min
    assert due.suggested_min == min(max(due.break_min, breaks.SUGGESTED_MIN), breaks.SUGGESTED_MAX)


def test_no_team_fills_the_list_and_those_who_need_it_most_come_first() -> None:
    rng = random.Random(3)
    floor, began_s, team_of = Floor(line_min=10.0), {}, {}
    for n in range(700):
        name, team = f"a{n:03}", rng.choice(["north", "south", "east", None, *[f"t{i}" for i in range(80)]])
        began_s[name], team_of[name] = rng.randrange(0, 2000), team
    for name, s in sorted(began_s.items(), key=lambda item: item[1]):
        floor.state(s, "available", name, team=team_of[name])
    floor.state(2001, "available", "other", tenant="zen")
    told = floor.board(2700)
    assert due_of(told["zen"])[0].agent == "other"
    due = due_of(told["acme"])
    assert len(due) == breaks.OF_TENANT_MAX

    need = {name: 2700 - s for name, s in began_s.items()}
    teams = defaultdict(list)
    for name in sorted(need, key=lambda name: (-need[name], Agents(told["acme"]).ids.index(name))):
        teams[team_of[name]].append(name)
    placed = [(place, -need[name]) for names in teams.values() for place, name in enumerate(names) if place < 10]
    last_place = sorted(placed)[breaks.OF_TENANT_MAX - 1][0]
    seen = defaultdict(list)
    for row in due:
        seen[row.team].append(row.agent)
    for team, names in teams.items():
        assert seen[team] == names[: len(seen[team])]
        assert min(last_place, len(names)) <= len(seen[team]) <= last_place + 1
    waited = [row.since_break_s or 0 for row in due]
    assert waited == sorted(waited, reverse=True)


def test_signals_of_before_breaks_were_told_are_read_without() -> None:
    floor = Floor()
    floor.state(0, "available", "ann")
    document = msgspec.msgpack.decode(encode_signals(floor.board(5)["acme"]))
    del document["breaks"], document["agents"]["break_min"]
    old = decode_signals(msgspec.msgpack.encode(document))
    assert [agent.break_min for agent in Agents(old).rows()] == [None]
    assert due_of(old) == []


def test_a_restart_changes_no_byte_of_the_signals() -> None:
    lines = {**SHORT_HOLDS["alerts"], "agent.strain": {"open_line": 12, "close_line": 8, "critical_line": 60}}
    document = {"revision": 1, "alerts": lines, "drivers": {"agent": {"since_break": {"line_min": 10}}}}
    log = centre_log(780, document=document)
    whole, restarted = Engine(), Engine()
    due = minutes = 0
    for number, entry in enumerate(log):
        signals = whole.step(entry).signals
        if number % 97 == 0:
            restarted = Engine.restore(restarted.snapshot())
        assert list(map(encode_signals, restarted.step(entry).signals)) == list(map(encode_signals, signals))
        due += sum(len(each.breaks.minutes) for each in signals)
        minutes += sum(agent.break_min is not None for each in signals for agent in Agents(each).rows())
    assert due > 0
    assert minutes > 0
