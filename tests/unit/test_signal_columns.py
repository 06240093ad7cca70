"""Signals in columns: what goes in as arrays comes out as the rows that clients read."""

import msgspec
import numpy as np
import pytest

from shared.contract.signal_columns import Agents, Breaks, Queues, column, driver_columns, minutes_column
from shared.contract.signals import (
    BREAK_LONGEST_MIN,
    VERSION,
    AgentColumns,
    AgentSignal,
    BadSignals,
    BreakColumns,
    BreakCost,
    BreakDue,
    DriverColumns,
    DriverShare,
    IssueColumns,
    IssueShare,
    QueueColumns,
    QueueSignal,
    TenantSignals,
    decode_signals,
    encode_signals,
    read_head,
)

NAN = float("nan")
NAMES, UNITS = ["occupancy", "of_tomorrow", "since_break"], ["%", "moons", "min"]
SHARES = np.array([[0.0, 12.5, 30.0], [0.0, 0.0, 0.0], [7.0, 7.0, 0.25]])
VALUES = np.array([[1.0, NAN, 95.0], [2.0, 3.0, 4.0], [88.0, 5.0, NAN]])


def drivers() -> DriverColumns:
    return driver_columns(NAMES, UNITS, SHARES, VALUES)


def signals() -> TenantSignals:
    return TenantSignals(
        tenant="acme",
        at_ms=1_000,
        position="",
        teams=["north", "南"],
        states=["available", "break"],
        queues=QueueColumns(
            ids=["billing", "a\nb\0c"],
            team=column([0, 2], "i4"),
            strain=column([12.5, 0.0], "f8"),
            drivers=driver_columns([], [], np.empty((2, 0)), np.empty((2, 0))),
            waiting=column([3, 0], "i4"),
            longest_wait_s=column([40.0, NAN], "f8"),
            predicted_wait_s=column([NAN, 60.0], "f8"),
            agents=column([4, -1], "i4"),
        ),
        agents=AgentColumns(
            ids=["ann", "bo", "cy"],
            team=column([2, 0, 1], "i4"),
            strain=column([42.5, 0.0, 14.25], "f8"),
            drivers=drivers(),
            state=column([2, 0, 1], "u1"),
            state_since_s=column([1.5, NAN, 60.0], "f8"),
            since_break_s=column([NAN, NAN, 0.0], "f8"),
            break_min=minutes_column(np.array([7.0, NAN, 400.0])),
        ),
        breaks=BreakColumns(
            agent=column([2, 0], "i4"),
            minutes=column([30, 7], "u1"),
            counts=column([2, 0], "u1"),
            queue=column([1, 0], "i4"),
            cost_s=column([12.5, NAN], "f8"),
        ),
    )


def through_the_log() -> TenantSignals:
    return decode_signals(encode_signals(signals()))


def test_agents_come_out_with_their_drivers_largest_share_first() -> None:
    assert Agents(through_the_log()).rows() == [
        AgentSignal(
            "ann",
            "南",
            42.5,
            [DriverShare("since_break", 30.0, 95.0, "min"), DriverShare("of_tomorrow", 12.5, None, "moons")],
            "break",
            1.5,
            None,
            7,
        ),
        AgentSignal("bo", None, 0.0, [], None, None, None),
        AgentSignal(
            "cy",
            "north",
            14.25,
            [
                DriverShare("occupancy", 7.0, 88.0, "%"),
                DriverShare("of_tomorrow", 7.0, 5.0, "moons"),
                DriverShare("since_break", 0.25, None, "min"),
            ],
            "available",
            60.0,
            0.0,
            BREAK_LONGEST_MIN,
        ),
    ]


def test_queues_come_out_with_null_for_what_is_unknown() -> None:
    assert Queues(through_the_log()).rows() == [
        QueueSignal("billing", None, 12.5, [], 3, 40.0, None, 4),
        QueueSignal("a\nb\0c", "南", 0.0, [], 0, None, 60.0, None),
    ]


def test_breaks_come_out_with_the_queues_of_each_and_null_for_what_is_unknown() -> None:
    whole = through_the_log()
    due = Breaks(whole, Agents(whole), Queues(whole))
    costs = [BreakCost("a\nb\0c", 60.0, 72.5, 12.5), BreakCost("billing", None, None, None)]
    assert due.rows(0, 2) == [
        BreakDue("cy", "north", "available", 14.25, 0.0, BREAK_LONGEST_MIN, 30, costs),
        BreakDue("ann", "南", "break", 42.5, None, 7, 7, []),
    ]
    assert due.rows(1, 2) == due.rows(0, 2)[1:]


def test_a_break_of_somebody_who_is_not_there_is_damage() -> None:
    for broken in ({"agent": column([3, 0], "i4")}, {"queue": column([-1, 0], "i4")}, {"counts": column([2, 1], "u1")}):
        whole = signals()
        whole.breaks = msgspec.structs.replace(whole.breaks, **broken)
        with pytest.raises(BadSignals):
            Breaks(whole, Agents(whole), Queues(whole))


def test_rows_are_taken_in_the_order_asked_for() -> None:
    every = Agents(signals()).rows()
    assert Agents(signals()).rows(np.array([2, 0])) == [every[2], every[0]]
    assert Agents(signals()).rows(np.array([], np.intp)) == []


def test_shares_come_out_to_the_bit_as_a_table() -> None:
    assert (Agents(through_the_log()).drivers.share_table() == SHARES).all()


def test_any_shares_are_sorted_and_none_is_lost() -> None:
    random = np.random.default_rng(7)
    shares = np.where(random.random((500, 9)) < 0.5, random.random((500, 9)) * 40, 0.0)
    names = [f"d{d}" for d in range(9)]
    made = driver_columns(names, names, shares, shares)
    n = len(shares)
    whole = msgspec.structs.replace(
        signals(),
        agents=AgentColumns(
            [str(row) for row in range(n)],
            column(np.zeros(n), "i4"),
            column(shares.sum(axis=1), "f8"),
            made,
            column(np.zeros(n), "u1"),
            column(np.zeros(n), "f8"),
            column(np.zeros(n), "f8"),
        ),
    )
    for row, agent in zip(shares.tolist(), Agents(whole).rows(), strict=True):
        there = [(driver.name, driver.share) for driver in agent.drivers]
        wanted = [(name, share) for name, share in zip(names, row, strict=True) if share > 0]
        assert sorted(there) == sorted(wanted)
        assert [share for _, share in there] == sorted((share for _, share in there), reverse=True)


def test_signals_of_a_newer_version_are_refused_with_what_to_do() -> None:
    newer = encode_signals(msgspec.structs.replace(signals(), version=VERSION + 1))
    with pytest.raises(BadSignals, match="upgrade notify"):
        read_head(newer)


@pytest.mark.parametrize("data", [b"", b"\xc1", encode_signals(signals())[:40], msgspec.msgpack.encode({"tenant": 1})])
def test_damaged_signals_are_refused(data: bytes) -> None:
    with pytest.raises(BadSignals):
        decode_signals(data)


@pytest.mark.parametrize(
    ("kind", "field", "wrong"),
    [
        ("agents", "strain", b"1234567"),
        ("agents", "team", column([2, 0, 3], "i4")),
        ("agents", "state", column([3, 0, 0], "u1")),
        ("agents", "drivers", msgspec.structs.replace(drivers(), counts=column([9, 9, 9], "u1"))),
        ("agents", "drivers", msgspec.structs.replace(drivers(), names=["occupancy"], units=["%"])),
        ("queues", "waiting", b""),
        ("queues", "team", column([-1, 0], "i4")),
    ],
)
def test_columns_that_do_not_fit_are_refused(kind: str, field: str, wrong: object) -> None:
    whole = signals()
    damaged = msgspec.structs.replace(whole, **{kind: msgspec.structs.replace(getattr(whole, kind), **{field: wrong})})
    with pytest.raises(BadSignals, match="damaged"):
        (Agents if kind == "agents" else Queues)(damaged)


def test_a_tenant_without_rows_is_a_board_without_rows() -> None:
    nothing = driver_columns([], [], np.empty((0, 0)), np.empty((0, 0)))
    empty = msgspec.structs.replace(
        signals(),
        queues=QueueColumns([], b"", b"", nothing, b"", b"", b"", b""),
        agents=AgentColumns([], b"", b"", nothing, b"", b"", b""),
    )
    assert (Queues(empty).rows(), Agents(empty).rows()) == ([], [])


def test_service_level_and_issues_of_queues_come_back_and_older_signals_have_none() -> None:
    whole = signals()
    assert [(row.service_level, row.issues) for row in Queues(whole).rows()] == [(None, []), (None, [])]
    told = msgspec.structs.replace(
        whole.queues,
        service_level=column([NAN, 81.5], "f8"),
        issues=IssueColumns(["refund", "<b>"], column([0, 2], "u1"), column([1, 0], "i4"), column([62.5, 12.5], "f4")),
    )
    rows = Queues(decode_signals(encode_signals(msgspec.structs.replace(whole, queues=told)))).rows()
    assert [row.service_level for row in rows] == [None, 81.5]
    assert [row.issues for row in rows] == [[], [IssueShare("<b>", 62.5), IssueShare("refund", 12.5)]]
    wrong = msgspec.structs.replace(told, issues=msgspec.structs.replace(told.issues, names=["refund"]))
    with pytest.raises(BadSignals, match="not there"):
        Queues(msgspec.structs.replace(whole, queues=wrong))
