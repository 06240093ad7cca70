"""The board of a tenant: cut by team, encoded once for all who see a team, built in slices."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from services.notify.core.board import SLICE_ROWS, TenantBoard, View
from services.notify.core.scope import Scope
from shared.contract.entries import EntryId
from shared.contract.signal_columns import Agents, Breaks, Queues, column, driver_columns
from shared.contract.signals import (
    AgentColumns,
    BadSignals,
    BreakColumns,
    QueueColumns,
    TenantSignals,
    encode_signals,
)

AT_MS = 1_769_846_400_250
TEAMS = ["north", "south", "east"]
DRIVERS, UNITS = ["occupancy", "since_break"], ["%", "min"]


def signals(agents: int, queues: int = 3) -> TenantSignals:
    """Agents in teams at random, some in none."""
    random = np.random.default_rng(agents)
    shares = random.random((agents, 2)) * (random.random((agents, 2)) < 0.5)
    return TenantSignals(
        tenant="acme",
        at_ms=AT_MS,
        position="1-0",
        teams=TEAMS,
        states=["available"],
        queues=QueueColumns(
            ids=[f"q{q}" for q in range(queues)],
            team=column(np.arange(queues) % 2, "i4"),
            strain=column(np.zeros(queues), "f8"),
            drivers=driver_columns(DRIVERS, UNITS, np.zeros((queues, 2)), np.zeros((queues, 2))),
            waiting=column(np.arange(queues), "i4"),
            longest_wait_s=column(np.full(queues, np.nan), "f8"),
            predicted_wait_s=column(np.ones(queues), "f8"),
            agents=column(np.full(queues, 4), "i4"),
        ),
        agents=AgentColumns(
            ids=[f"agent {a}" for a in range(agents)],
            team=column(random.integers(0, len(TEAMS) + 1, agents), "i4"),
            strain=column(shares.sum(axis=1), "f8"),
            drivers=driver_columns(DRIVERS, UNITS, shares, shares),
            state=column(np.ones(agents), "u1"),
            state_since_s=column(random.random(agents), "f8"),
            since_break_s=column(np.full(agents, np.nan), "f8"),
        ),
        breaks=breaks(random, agents, queues),
    )


def breaks(random: np.random.Generator, agents: int, queues: int) -> BreakColumns:
    """Half of the agents are due, in any order, with up to three queues each."""
    due = random.permutation(agents)[: agents // 2]
    counts = random.integers(0, 4, due.size) if queues else np.zeros(due.size, np.intp)
    return BreakColumns(
        agent=column(due, "i4"),
        minutes=column(random.integers(5, 31, due.size), "u1"),
        counts=column(counts, "u1"),
        queue=column(random.integers(0, max(queues, 1), counts.sum()), "i4"),
        cost_s=column(random.choice([np.nan, 0.0, 12.5], counts.sum()), "f8"),
    )


def scope(*teams: str) -> Scope:
    return Scope.of("acme", teams, "lead")


def built(view: View, *scopes: Scope) -> int:
    """Build for each; how many slices it took."""
    return sum(1 for seen_by in scopes for _ in view.build(seen_by))


def body(view: View, seen_by: Scope) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(view.body(seen_by, "e", EntryId(5, 0), 0))
    return decoded


def by_id(rows: Any) -> dict[str, Any]:
    return {row["id"]: row for row in rows}


@pytest.mark.parametrize("agents", [0, 1, 7, SLICE_ROWS, 3 * SLICE_ROWS + 1])
@pytest.mark.parametrize("teams", [("*",), ("north",), ("south", "east", "unheard-of"), ()])
def test_each_scope_sees_its_rows_and_each_of_them_once(agents: int, teams: tuple[str, ...]) -> None:
    whole = signals(agents)
    view = View(AT_MS, encode_signals(whole))
    built(view, scope("north"), scope(*teams))

    seen = body(view, scope(*teams))

    rows = msgspec.to_builtins((Agents(whole).rows(), Queues(whole).rows()))
    agents_of, queues_of = (
        [row for row in rows_of if scope(*teams).sees(row["team"], subject)]
        for rows_of, subject in zip(rows, ("agent", "queue"), strict=True)
    )
    assert (len(seen["agents"]), len(seen["queues"])) == (len(agents_of), len(queues_of))
    assert by_id(seen["agents"]) == by_id(agents_of)
    assert by_id(seen["queues"]) == by_id(queues_of)


@pytest.mark.parametrize("agents", [0, 1, 7, 2 * SLICE_ROWS, 3 * SLICE_ROWS + 1])
@pytest.mark.parametrize("teams", [("*",), ("north",), ("south", "east", "unheard-of"), ()])
def test_each_scope_sees_the_breaks_of_its_agents_in_the_order_of_need(agents: int, teams: tuple[str, ...]) -> None:
    whole = signals(agents)
    view = View(AT_MS, encode_signals(whole))
    built(view, scope("north"), scope(*teams))

    seen = body(view, scope(*teams))["breaks"]

    due = msgspec.to_builtins(Breaks(whole, Agents(whole), Queues(whole)).rows(0, agents // 2))
    assert seen == [row for row in due if scope(*teams).sees(row["team"], "agent")]


def test_a_large_board_is_built_in_slices_and_never_twice() -> None:
    view = View(AT_MS, encode_signals(signals(10 * SLICE_ROWS)))
    assert built(view, scope("*")) >= 10
    assert built(view, scope("*"), scope("north"), scope("south", "east")) == 0


def test_a_team_seen_in_two_scopes_is_encoded_once() -> None:
    view = View(AT_MS, encode_signals(signals(2 * SLICE_ROWS, queues=0)))
    built(view, scope("north", "south"))
    assert built(view, scope("south")) == 0
    assert built(view, scope("south", "east")) > 0


def test_newer_signals_are_a_new_view_and_leave_the_one_under_way_alone() -> None:
    board = TenantBoard()
    assert (board.at_ms, body(board.view, scope("*"))["agents"]) == (None, [])
    board.update(AT_MS, encode_signals(signals(2 * SLICE_ROWS)))
    old = board.view
    slices = old.build(scope("*"))
    next(slices)
    board.update(AT_MS + 1000, encode_signals(signals(1)))
    for _ in slices:
        pass
    assert len(body(old, scope("*"))["agents"]) == 2 * SLICE_ROWS
    assert board.at_ms == AT_MS + 1000


def test_a_frame_is_made_anew_when_the_cursor_has_moved() -> None:
    view = View(AT_MS, encode_signals(signals(5)))
    built(view, scope("*"))
    first = view.frame(scope("*"), "e", EntryId(5, 0), 0)
    assert view.frame(scope("*"), "e", EntryId(5, 0), 0) is first
    assert b'"cursor":"6-0"' in view.frame(scope("*"), "e", EntryId(6, 0), 0).message


def test_names_that_look_like_json_change_nothing() -> None:
    whole = signals(1)
    trick = '"queues":[],"agents":[],"breaks":[]'
    whole.agents.ids[0] = trick
    whole.drivers_off = [trick]
    view = View(AT_MS, encode_signals(whole))
    built(view, scope("*"))
    seen = body(view, scope("*"))
    assert (seen["agents"][0]["id"], seen["drivers_off"], len(seen["queues"])) == (trick, [trick], 3)


def test_damaged_signals_are_noticed_when_they_are_built() -> None:
    view = View(AT_MS, b"\xc1")
    with pytest.raises(BadSignals):
        built(view, scope("*"))
