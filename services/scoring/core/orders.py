"""What people order: actions, which count once, and that an agent be forgotten."""

from __future__ import annotations

import numpy as np

from services.scoring.core.alert_kinds import KINDS
from services.scoring.core.desk import Desk
from services.scoring.core.evidence import Evidence
from services.scoring.core.floor import Floor
from services.scoring.core.intake import Registers
from services.scoring.core.seen import Seen
from services.scoring.core.subjects import AGENT
from services.scoring.core.tables import Table
from shared.contract.actions import Action
from shared.contract.entries import Forget as Forget
from shared.contract.hashes import string_id


def is_new(action: Action, seen: Seen, registers: Registers, at_ms: int) -> bool:
    """Whether an action comes for the first time: a retried append may bring it twice."""
    tenant = registers.tenants.find(0, action.tenant)
    ids = np.array([string_id(f"action {action.id}")], "S16")
    return tenant is not None and bool(seen.fresh(ids, tenant, at_ms)[0])


def forget_agent(floor: Floor, desk: Desk, order: Forget, at_ms: int) -> bool:
    """Clear all that is known of an agent, who is new from here on; False for one of whom nothing is known.

    What stays is what does not tell who it was: counts of queues, teams and issues.
    """
    tenant = floor.registers.tenants.find(0, order.tenant)
    row = None if tenant is None else floor.registers.agents.find(tenant, order.agent)
    if tenant is None or row is None:
        return False
    for kind in KINDS.values():
        if kind.subject == AGENT:
            desk.forget(kind.name, row, order.tenant, at_ms)
    floor.agents.reset_row(row)
    floor.agents.tenant[row] = tenant
    contacts = floor.contacts
    contacts.agent[: contacts.n][contacts.agent[: contacts.n] == row] = -1
    for pairs in (floor.handle_times, floor.service):
        _drop(pairs, np.flatnonzero(pairs.agent[: pairs.n] != row))
    for evidence in (floor.agent_evidence, floor.rests):
        _clear(evidence, row)
    floor.agent_names.forget(row)
    return True


def _drop(table: Table, kept: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
    """Keep only these rows, in their order, and find them again under their new numbers."""
    if kept.size == table.n:
        return
    packed = table.pack()
    for name, (dtype, _, width) in table.columns.items():
        values = np.frombuffer(packed[name], dtype)
        packed[name] = (values.reshape(table.n, width) if width else values)[kept].tobytes()
    table.unpack(packed | {"n": int(kept.size)})


def _clear(evidence: Evidence, row: int) -> None:
    """Forget the events of a row, also the texts of their ids, which an ACD may make of names."""
    if row < evidence.n:
        evidence.reset_row(row)
        packed = evidence.pack()
        named = {half.tobytes() for half in evidence.ids[: evidence.n].reshape(-1, 2)}
        evidence.unpack(packed | {"texts": {id_: text for id_, text in packed["texts"].items() if id_ in named}})
