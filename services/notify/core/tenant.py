"""All that is known of one tenant: its alerts, their last changes, its board."""

from __future__ import annotations

from services.notify.core.alerts import Alerts, Change
from services.notify.core.backlog import Backlog
from services.notify.core.board import TenantBoard
from services.notify.core.rules import RuleLog
from shared.contract.entries import EntryId


class Tenant:
    """Built from the alerts and signals logs alone; a lost one is read again."""

    __slots__ = ("alerts", "backlog", "board", "rules")

    def __init__(self, floor: EntryId) -> None:
        self.alerts = Alerts()
        self.backlog = Backlog(floor)
        self.board = TenantBoard()
        self.rules = RuleLog()

    def apply(self, change: Change) -> None:
        """The next change."""
        self.alerts.apply(change)
        self.backlog.add(change)
        self.rules.apply(change)
