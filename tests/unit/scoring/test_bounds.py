"""New names and new pairs come for ever, but take room up to a bound only: the same in every reading of the log."""

from __future__ import annotations

from typing import Any

import pytest
from batches import batch_of
from scoring_logs import T0, TENANT, block, hash_of, numbered, play

from services.scoring.core import intake
from services.scoring.core.engine import Engine
from services.scoring.core.service import PAIRS_MIN, SERVES_FOR_MS, Service
from shared.contract.block import Row
from shared.contract.entries import Entry
from shared.contract.rows import HANDLED, STATE, STATE_CODES, STATE_SHIFT

AVAILABLE = STATE_CODES["available"] << STATE_SHIFT


def handled(number: int, agent: str, queue: str = "q", issue: str = "refund") -> Row:
    what: dict[str, Any] = {"contact": hash_of(number), "n0": 200.0}
    return Row(HANDLED, TENANT, T0 + number, f"h-{number}", agent=agent, queue=queue, issue=issue, **what)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, most in {"agents": 3, "queues": 2, "issues": 2, "teams": 1}.items():
        monkeypatch.setitem(intake.NAMES_MAX, kind, most)


def names(engine: Engine) -> dict[str, list[str]]:
    registers = engine.floor.registers
    return {kind: getattr(registers, kind).text for kind in ("agents", "queues", "issues", "teams")}


@pytest.mark.usefixtures("small")
def test_events_of_agents_and_queues_beyond_the_bound_are_set_aside_and_counted() -> None:
    rows = [handled(i, f"session-{i}") for i in range(6)]
    rows += [handled(10 + i, "session-0", f"number {i}") for i in range(3)]
    rows += [handled(20, "session-1"), handled(21, "session-9", "number 9")]
    played = play(numbered([block(T0 + 100, rows)]))
    assert names(played.engine)["agents"] == ["session-0", "session-1", "session-2"]
    assert names(played.engine)["queues"] == ["q", "number 0"]
    assert played.reports[0].counts["unnamed"] == 3 + 2 + 1
    assert played.engine.floor.contacts.n == 3 + 1 + 1


@pytest.mark.usefixtures("small")
def test_an_issue_or_a_team_beyond_the_bound_is_left_out_of_its_event() -> None:
    states = [Row(STATE, TENANT, T0 + i, f"s-{i}", agent="a", other=f"team-{i}", flags=AVAILABLE) for i in range(3)]
    rows = [*states, *(handled(10 + i, "a", issue=f"free text {i}") for i in range(5))]
    played = play(numbered([block(T0 + 100, rows)]))
    assert names(played.engine)["issues"] == ["free text 0", "free text 1"]
    assert names(played.engine)["teams"] == ["team-0"]
    assert "unnamed" not in played.reports[0].counts
    assert played.engine.floor.contacts.n == 5


@pytest.mark.usefixtures("small")
def test_one_tenants_dirt_takes_no_room_from_another() -> None:
    other = Row(HANDLED, "other", T0, "o", contact=1, n0=200.0, agent="zoe", queue="calm")
    log = numbered([block(T0 + 100, [handled(i, f"session-{i}") for i in range(9)]), block(T0 + 200, [other])])
    assert names(play(log).engine)["agents"][-1] == "zoe"


@pytest.mark.usefixtures("small")
def test_the_bound_is_the_same_however_events_are_batched_and_after_a_restart() -> None:
    rows = [handled(i, f"agent-{i % 5}", f"queue-{i % 3}", f"issue-{i % 4}") for i in range(40)]

    def log(size: int) -> list[Entry]:
        return numbered([block(T0 + 1000, rows[i : i + size]) for i in range(0, 40, size)])

    whole, single = play(log(40)).engine, play(log(1))
    assert names(whole) == names(single.engine)
    restored = Engine.restore(play(log(1)[:17]).engine.snapshot(), marks="none")
    after = play(log(1)[17:], restored)
    assert after.engine.snapshot() == single.engine.snapshot()
    assert [r.counts for r in after.reports] == [r.counts for r in single.reports[17:]]


def serve(service: Service, agents: range, at_ms: int) -> int:
    n = len(agents)
    return service.serve(batch_of(n, kind=HANDLED, agent=agents, queue=0, at_ms=at_ms))


def test_pairs_that_served_nothing_for_an_hour_make_room() -> None:
    service = Service()
    for day in range(6):
        serve(service, range(day * 20_000, day * 20_000 + 20_000), T0 + day * 24 * SERVES_FOR_MS)
        assert service.n <= PAIRS_MIN
    last = T0 + 5 * 24 * SERVES_FOR_MS
    lately = service.last_ms[: service.n] > last - SERVES_FOR_MS
    assert sorted(service.agent[: service.n][lately].tolist()) == list(range(100_000, 120_000))
    before = service.n
    assert serve(service, range(100_000, 120_000), last + 1) == -1, "none of these is new"
    assert service.n == before
    copy = Service()
    copy.unpack(service.pack())
    for one in (service, copy):
        serve(one, range(200_000, 260_000), last + 2 * SERVES_FOR_MS)
    assert {k: bytes(v) if k != "n" and k != "clear_at" else v for k, v in service.pack().items()} == {
        k: bytes(v) if k != "n" and k != "clear_at" else v for k, v in copy.pack().items()
    }
