"""What an agent costs in memory: under 2 KB with ten issues, all tables and indexes counted."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from typing import Any

from scoring_logs import T0, TENANT, block, hash_of

from services.scoring.core.alert_kinds import AGENT
from services.scoring.core.engine import Engine
from services.scoring.core.tables import Table
from shared.contract.block import Row
from shared.contract.rows import HANDLED, STATE, STATE_CODES, STATE_SHIFT

AGENTS, ISSUES, QUEUES = 1_000, 10, 2
BYTES_MAX = 2_048
SLOT_BYTES, SLOTS_A_KEY = 16, 2
"""Of a `HashIndex`: at least half of it is empty; AGENTS just fits."""


def an_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def contacts_and_breaks() -> Iterator[list[Row]]:
    """Every agent takes a contact about each issue, on two queues, and then a break."""
    number = 0
    for issue in range(ISSUES):
        rows: list[Row] = []
        for agent in range(AGENTS):
            number += 1
            what: dict[str, Any] = {"queue": f"queue-{agent % 50 + issue % QUEUES}", "issue": f"issue-{issue}"}
            named: dict[str, Any] = {"contact": hash_of(number), "agent": f"agent-{agent:06}"}
            rows.append(Row(HANDLED, TENANT, T0 + issue, an_id(number), n0=200.0, **what, **named))
        yield rows
    flags = STATE_CODES["break"] << STATE_SHIFT
    yield [Row(STATE, TENANT, T0 + 99, an_id(-1 - a), agent=f"agent-{a:06}", flags=flags) for a in range(AGENTS)]


def test_an_agent_with_ten_issues_takes_less_than_two_kilobytes() -> None:
    """Rows in use, and indexes as they are; not the room that tables keep for more rows (at most as much again)."""
    engine = Engine(marks="none")
    for i, rows in enumerate(contacts_and_breaks()):
        engine.step(block(T0 + 100 + i, rows))
    floor, desk = engine.floor, engine._desk
    tables: dict[str, Table] = {
        name: getattr(floor, name) for name in ("agents", "agent_evidence", "rests", "service", "handle_times")
    }
    tables |= {kind: watch for kind, watch in desk.watches.items() if kind.startswith("agent.")}
    assert AGENT in tables
    used = {name: table.n for name, table in tables.items()}
    assert (used["agents"], used["rests"]) == (AGENTS, AGENTS)
    assert (used["service"], used["handle_times"]) == (QUEUES * AGENTS, (ISSUES + 1) * AGENTS)
    names = floor.registers.agents
    spent = {name: table.n * table._layout().itemsize for name, table in tables.items()}
    spent["names"] = sum(sys.getsizeof(text) + 3 * 8 + len(text) for text in names.text)
    spent["index of handle times"] = floor.handle_times._slots.nbytes
    spent["other indexes"] = SLOT_BYTES * SLOTS_A_KEY * (AGENTS + QUEUES * AGENTS)
    assert sum(spent.values()) < BYTES_MAX * AGENTS, {name: size / AGENTS for name, size in spent.items()}
