"""An agent is forgotten: nothing in the state tells of the agent any more, and the log still replays byte for byte."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import scoring_logs
from scoring_logs import TENANT, Fuzz, at, play, tick

from services.scoring.core.agent_names import AgentNames
from services.scoring.core.engine import Engine
from shared.contract.entries import Entry, EntryId, Forget, cause_of, forget_fields
from shared.contract.signals import encode_signals

NAME = "Ann.Example-77"
SEEDS = range(5)


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_logs, "AGENTS", (NAME, "bo", "cy", "dee", "eve", "flo"))


def order(ms: int, agent: str = NAME, tenant: str = TENANT) -> Entry:
    return at(ms, forget_fields(Forget(tenant, agent)))


def forgotten(log: list[Entry]) -> list[Entry]:
    """A log, at whose end the agent is forgotten; then two minutes pass."""
    end_ms = log[-1].id.ms
    return [*log, order(end_ms + 500), *(tick(end_ms + 1000 * s) for s in range(1, 121))]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_of_a_forgotten_agent_is_left_in_the_state_or_said_any_more(seed: int) -> None:
    log = Fuzz(seed).log()
    before = play(log, Engine(marks="seconds"))
    assert NAME.encode() in before.engine.snapshot()
    engine = before.engine
    after = play(forgotten(log)[len(log) :], engine)
    assert NAME.encode() not in engine.snapshot()
    assert not [data for data in after.bytes if NAME.encode() in data]
    signals = [s for report in after.reports[1:] for s in report.signals]  # not of the second before
    assert signals
    assert not [s for s in signals if NAME.encode() in encode_signals(s)]
    assert not [s for s in signals if "" in s.agents.ids], "a row of nobody is shown"


@pytest.mark.parametrize("seed", SEEDS)
def test_alerts_about_a_forgotten_agent_end_and_say_nothing(seed: int) -> None:
    log = Fuzz(seed, entries=120).log()
    live: dict[str, dict[str, Any]] = {}
    for data in play([*log, tick(log[-1].id.ms + 500)]).bytes:
        alert = json.loads(data)
        live[alert["id"]] = alert
    about = {id_ for id_, a in live.items() if a["phase"] != "resolved" and a["subject"]["id"] == NAME}
    told = [json.loads(data) for data in play(forgotten(log)).bytes]
    ends = {a["id"]: a for a in told if a["subject"] == {"type": "agent", "id": ""}}
    assert ends.keys() == about
    for end in ends.values():
        assert (end["phase"], end["strain"], end["drivers"], end["evidence"]) == ("resolved", 0.0, [], [])
        assert [step["reason"] for step in end["history"]] == ["forgotten"]
        assert end["team"] == live[end["id"]]["team"], "who saw it must see its end"


def test_the_logs_have_alerts_to_end() -> None:
    ends = [
        data for seed in SEEDS for data in play(forgotten(Fuzz(seed, entries=120).log())).bytes if b"forgotten" in data
    ]
    assert len(ends) >= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_with_a_forgotten_agent_replays_byte_for_byte_from_any_checkpoint(seed: int) -> None:
    first = Fuzz(seed).log()
    later = [replace_ms(entry, first[-1].id.ms + 2000 - first[0].id.ms) for entry in Fuzz(seed + 100).log()]
    log = [*first, order(first[-1].id.ms + 500), *later]
    whole = play(log)
    for cut in (len(first) - 3, len(first), len(first) + 1, len(first) + 20):
        engine = play(log[:cut]).engine
        again = Engine.restore(engine.snapshot(), marks="none")
        for entry in log[:cut]:
            again.recall(entry)
        rest = play(log[cut:], again)
        assert rest.alerts == [alert for alert in whole.alerts if cause_of(alert[0]) > log[cut - 1].id]
        assert again.snapshot() == whole.engine.snapshot()


def replace_ms(entry: Entry, by_ms: int) -> Entry:
    """The same entry later; its events are late then, or not, as they are."""
    return Entry(EntryId(entry.id.ms + by_ms, entry.id.seq), entry.fields)


def test_who_comes_back_is_new() -> None:
    log = Fuzz(3).log()
    engine = play(forgotten(log)).engine
    row_before = engine.floor.agent_names.free(0)
    assert row_before.size == 1
    row = engine.floor.agent_names.row(0, "somebody else")
    assert row == row_before[0], "the row is used again"
    assert engine.floor.agents.fast[row].sum() == engine.floor.agents.slow[row].sum() == 0.0
    assert np.isnan(engine.floor.agents.last[row]).all()
    assert not engine.floor.agent_evidence.of(row)
    assert not engine.floor.rests.of(row)
    assert not (engine.floor.handle_times.agent[: engine.floor.handle_times.n] == row).any()
    assert not (engine.floor.service.agent[: engine.floor.service.n] == row).any()
    assert not (engine.floor.contacts.agent[: engine.floor.contacts.n] == row).any()
    assert engine.floor.agent_names.free(0).size == 0


def test_to_forget_twice_or_somebody_unknown_changes_nothing() -> None:
    log = Fuzz(5).log()
    end_ms = log[-1].id.ms
    once = play([*log, order(end_ms + 500), tick(end_ms + 700)])
    twice = play([*log, order(end_ms + 500), order(end_ms + 600), order(end_ms + 650, "nobody"), tick(end_ms + 700)])
    assert [data for _, data in once.alerts] == [data for _, data in twice.alerts]
    assert once.engine.snapshot() == twice.engine.snapshot()
    other = play([*log, order(end_ms + 500, tenant="another"), tick(end_ms + 700)])
    assert NAME.encode() in other.engine.snapshot(), "another tenant's order forgets nobody here"


def test_only_the_own_row_is_forgotten() -> None:
    log = Fuzz(7).log()
    plain, one = play([*log, tick(log[-1].id.ms + 500)]).engine.floor, play(forgotten(log)[: len(log) + 1]).engine.floor
    gone = plain.registers.agents.find(0, NAME)
    others = [row for row in range(plain.agents.n) if row != gone]
    for column in plain.agents.columns:
        assert np.array_equal(
            getattr(plain.agents, column)[others], getattr(one.agents, column)[others], equal_nan=True
        )
    kept = plain.handle_times.agent[: plain.handle_times.n] != gone
    assert np.array_equal(plain.handle_times.logs[: plain.handle_times.n][kept], one.handle_times.logs[: kept.sum()])


class TestNames:
    def test_a_forgotten_name_leaves_room_for_another_and_is_found_no_more(self) -> None:
        names = AgentNames()
        rows = [names.row(0, f"agent {i}") for i in range(500)]
        names.forget(rows[7])
        names.forget(rows[3])
        assert names.find(0, "agent 7") is None
        assert names.of_tenant[0] == 498
        assert names.row(1, "elsewhere") == 500, "a row stays with its tenant"
        assert names.row(0, "new") == 3
        assert names.row(0, "newer") == 7
        assert names.row(0, "newest") == 501
        assert [names.find(0, f"agent {i}") for i in range(500) if i not in (3, 7)] == [
            row for row in rows if row not in (3, 7)
        ]

    def test_it_comes_back_from_a_snapshot_as_it_was(self) -> None:
        names, again = AgentNames(), AgentNames()
        for i in range(20):
            names.row(i % 2, f"agent {i}")
        names.forget(4)
        again.unpack(json.loads(json.dumps(names.pack())))
        assert again.pack() == names.pack()
        assert (again.of_tenant, again.free(0).tolist()) == (names.of_tenant, [4])
        assert again.row(0, "x") == names.row(0, "x") == 4
