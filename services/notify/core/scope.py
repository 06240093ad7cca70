"""Who may see what. Decided here, on the server's side, for alerts and board rows alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

EVERY_TEAM = "*"

_SEEN_BY_EVERY_LEAD = frozenset({"queue", "issue", "tenant"})
"""Subjects that concern the whole floor when no team is named. An agent without a team concerns nobody but those who
see every team: until the ACD says the team, no lead can be known to be that agent's."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one signed-in person may see: one tenant, some teams of it (`*`: all), by role."""

    tenant: str
    teams: frozenset[str]
    role: str

    @classmethod
    def of(cls, tenant: str, teams: Iterable[str], role: str) -> Scope:
        """From the claims of a token."""
        return _shared(tenant, frozenset(teams), role)

    @property
    def may_lead(self) -> bool:
        """Agents see their own strain elsewhere, never the board or anybody's alerts."""
        return self.role != "agent"

    @property
    def team_list(self) -> list[str]:
        """As `hello.teams` tells it."""
        return sorted(self.teams)

    def sees(self, team: str | None, subject: str) -> bool:
        """Whether something about a subject (`queue`, `agent`, `issue`, `team`, `tenant`) of a team is visible.

        Tenants are kept apart before this is asked.
        """
        if EVERY_TEAM in self.teams:
            return True
        if team is None:
            return subject in _SEEN_BY_EVERY_LEAD
        return team in self.teams


@lru_cache(maxsize=4096)
def _shared(tenant: str, teams: frozenset[str], role: str) -> Scope:
    """One object for all who see the same: thousands of leads connect with a handful of different scopes."""
    return Scope(tenant, teams, role)
