"""Orders that an agent be forgotten, and says what goes when."""

from __future__ import annotations

import asyncio

from shared.contract.entries import EntryId, Forget, forget_fields
from shared.contract.events import rfc3339
from shared.contract.keys import partition_of
from shared.log import Log, Retention
from tools.agent_data import UnknownAgent, engine_now

LOOK_S = 0.1


async def forget_agent(log: Log, tenant: str, agent: str, *, wait_s: float, kept: Retention | None = None) -> list[str]:
    """Append the order, wait a while until it was applied; what was done and what goes when, for a person.

    Raises UnknownAgent, LogUnavailable.
    """
    partition = partition_of(tenant, log.partitions)
    floor = (await engine_now(log, partition)).floor
    number = floor.registers.tenants.find(0, tenant)
    if number is None or floor.registers.agents.find(number, agent) is None:
        raise UnknownAgent(tenant, agent)
    entry = await log.append(partition, forget_fields(Forget(tenant, agent)))
    applied = await _applied(log, partition, entry, wait_s)
    return [
        f"The order stands in the log: partition {partition}, entry {entry}.",
        "Applied: the agent's row, baselines and queues are cleared, and live alerts have ended without the name."
        if applied
        else "No scorer has applied it yet. It takes effect when one runs, before anything that came later.",
        *_what_goes_when(entry, kept or Retention()),
    ]


async def _applied(log: Log, partition: int, entry: EntryId, wait_s: float) -> bool:
    for _ in range(round(wait_s / LOOK_S)):
        if (await log.state(partition)).published >= entry:
            return True
        await asyncio.sleep(LOOK_S)
    return False


def _what_goes_when(entry: EntryId, kept: Retention) -> list[str]:
    def at(after_ms: int) -> str:
        return rfc3339(entry.ms + after_ms)

    return [
        "What still names the agent, and until when:",
        "  the checkpoint                            the next one, 30 s after the order, is without the name",
        f"  refused events                            {at(kept.rejects_ms)}",
        f"  events of the phone system, this order    {at(kept.events_ms)}",
        f"  strain of each minute                     {at(kept.history_ms)}",
        f"  alerts that were told before, with notes  {at(kept.alerts_ms)}",
        f"  that somebody supported the agent, that the agent checked in (who and when)  {at(kept.audit_ms)}",
        "Not ours to clear: messages that went out to chat, mail or pagers, exports, files of `strainwatch baseline`, "
        "and backups of the store.",
    ]
