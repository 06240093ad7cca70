"""The audit log: what people did is written down before they get their answer, and can be read back."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

import msgspec
import structlog

from services.notify.core.scope import Scope
from services.notify.door import Actor
from services.notify.metrics import Metrics
from shared.clock import Clock
from shared.contract.audit import AuditAction, AuditRecord, AuditSubject, decode_audit, encode_audit
from shared.contract.entries import EntryId
from shared.contract.events import rfc3339
from shared.contract.keys import partition_of
from shared.log import Log, LogUnavailable

READ_COUNT = 500
"""Records read at a time, some 100 KB."""
READS_MAX = 40
"""For one page: a tenant with few records beside one with many looks through a tenth of the stream, and goes on."""
REMEMBERED_MS = 26 * 3_600_000
"""How far back it is known when somebody last did something: as long as the day's course is kept."""
FOLLOW_EVERY_S = 1.0
"""How old that knowledge may be; what this process wrote itself it knows at once."""
DONE = (200, 202)

_logger = structlog.get_logger(__name__)


class Whose(NamedTuple):
    """Of which team the subject of an action was, and what kind of subject, as far as known."""

    team: str | None
    about: str | None


NOBODYS = Whose(None, None)

Deed = tuple[str, str, str, str]
"""Tenant, action, the subject's id, who did it."""


class Trail:
    """Writes and reads the audit log."""

    def __init__(self, log: Log, clock: Clock, metrics: Metrics) -> None:
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._last_ms: dict[Deed, int] = {}
        self._followed: defaultdict[int, tuple[float, EntryId | None]] = defaultdict(lambda: (-math.inf, None))
        """Partition -> when it was last read, and up to where."""

    async def keep(
        self, actor: Actor, action: AuditAction, subject: AuditSubject, outcome: int, whose: Whose = NOBODYS
    ) -> None:
        """Write down what somebody did. The deed is done already, so an answer does not fail by this: what cannot be
        written to the log goes to the process's own, and is counted."""
        now_ms, claims = self._clock.now_ms(), actor.claims
        record = AuditRecord(
            at=rfc3339(now_ms),
            tenant=claims.tenant,
            sub=claims.sub,
            role=claims.role,
            action=action,
            subject=subject,
            outcome=outcome,
            address=actor.address,
            team=whose.team,
            about=whose.about,
        )
        try:
            await self._log.audit(partition_of(claims.tenant, self._log.partitions), encode_audit(record))
        except LogUnavailable as fault:
            self._metrics.audit_lost.inc()
            _logger.error("audit record not written", fault=str(fault), record=msgspec.to_builtins(record))
        if subject.type == "agent" and outcome in DONE:
            self.did(claims.tenant, action, subject.id, claims.sub, now_ms)

    async def page(self, scope: Scope, before: EntryId | None, limit: int) -> tuple[list[AuditRecord], EntryId | None]:
        """The last records of a scope before a position, the latest first, and where the next page goes on.

        An admin sees all; what nobody knew whose it was is else for those who see every team. Tenants of one partition
        share its stream, so a page may hold fewer than `limit`, or none, and not be the last. Raises LogUnavailable.
        """
        partition, found = partition_of(scope.tenant, self._log.partitions), list[AuditRecord]()
        for _ in range(READS_MAX):
            entries = await self._log.last_audit(partition, before, count=READ_COUNT)
            if not entries:
                return found, None
            for place, data in entries:
                record = _readable(data)
                if record is None or record.tenant != scope.tenant:
                    continue
                if scope.role != "admin" and not scope.sees(record.team, record.about or "agent"):
                    continue
                if len(found) == limit:
                    return found, before
                found.append(record)
                before = place
            before = entries[-1][0]
        return found, before

    # --- when somebody last did something

    def did(self, tenant: str, action: str, subject: str, sub: str, at_ms: int) -> None:
        """Somebody does something now, known before it is written."""
        deed = (tenant, action, subject, sub)
        self._last_ms[deed] = max(at_ms, self._last_ms.get(deed, at_ms))

    def undo(self, tenant: str, action: str, subject: str, sub: str) -> None:
        """It could not be done after all."""
        self._last_ms.pop((tenant, action, subject, sub), None)

    async def last_ms(self, tenant: str, action: str, subject: str, sub: str) -> int | None:
        """When somebody last did something to a subject, by any process; None when not within a day.

        Without an answer of the log, what is known here has to do.
        """
        try:
            await self._follow(partition_of(tenant, self._log.partitions))
        except LogUnavailable as fault:
            _logger.warning("audit log not read", fault=str(fault))
        return self._last_ms.get((tenant, action, subject, sub))

    async def _follow(self, partition: int) -> None:
        read_s, position = self._followed[partition]
        now_s, oldest_ms = self._clock.steady_s(), self._clock.now_ms() - REMEMBERED_MS
        if now_s - read_s < FOLLOW_EVERY_S:
            return
        if position is None:
            position = EntryId(oldest_ms, 0)
        while entries := await self._log.read_audit(partition, position, count=READ_COUNT):
            for position, data in entries:
                record = _readable(data)
                if record is not None and record.subject.type == "agent" and record.outcome in DONE:
                    self.did(record.tenant, record.action, record.subject.id, record.sub, position.ms)
            if len(entries) < READ_COUNT:
                break
        self._followed[partition] = (now_s, position)
        self._last_ms = {deed: at_ms for deed, at_ms in self._last_ms.items() if at_ms > oldest_ms}


def _readable(data: bytes) -> AuditRecord | None:
    try:
        return decode_audit(data)
    except (msgspec.MsgspecError, UnicodeError):
        return None  # of a newer version; the others are still told
