"""What alerts are about: queues, agents, issues, teams and tenants, each a row of its register."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from services.scoring.core.floor import Floor
from services.scoring.core.names import Names
from services.scoring.core.parameters import Parameters, Scope
from services.scoring.core.report import team_name
from shared.contract.alerts import Subject

QUEUE, AGENT, ISSUE, TEAM, TENANT = "queue", "agent", "issue", "team", "tenant"
_REGISTERS = {QUEUE: "queues", AGENT: "agents", ISSUE: "issues", TEAM: "teams", TENANT: "tenants"}


class Subjects:
    """Names, teams and rules of the subjects of one partition."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def tenant(self, of: str, row: int) -> int:
        """Number of the tenant that a subject belongs to."""
        return row if of == TENANT else self.names(of).tenant[row]

    def tenant_name(self, of: str, row: int) -> str:
        """Name of the tenant that a subject belongs to."""
        return self._floor.registers.tenants.text[self.tenant(of, row)]

    def scopes(self, of: str, first: int, last: int, parameters: Parameters) -> Iterator[tuple[Scope, int, int]]:
        """Parameters of rows from `first` to `last`, by runs: a queue has its own, others have their tenant's."""
        names = self.names(of)
        if of == QUEUE:
            for row in range(first, last):
                yield parameters.scope(self.tenant_name(of, row), names.text[row]), row, row + 1
            return
        tenants = range(first, last) if of == TENANT else names.tenant[first:last]
        for tenant, run in groupby(tenants):
            end = first + sum(1 for _ in run)
            yield parameters.scope(self._floor.registers.tenants.text[tenant]), first, end
            first = end

    def subject(self, of: str, row: int) -> Subject:
        """As an alert names it."""
        return Subject(of, self.names(of).text[row])  # type: ignore[arg-type]

    def team(self, of: str, row: int) -> str | None:
        """The team that an alert is for; None for all leads of the tenant."""
        if of == TEAM:
            return self.names(of).text[row]
        codes = {QUEUE: self._floor.queues.team, AGENT: self._floor.agents.team}.get(of)
        return None if codes is None else team_name(self._floor, int(codes[row]))

    def evidence(self, of: str, row: int) -> list[str]:
        """Ids of the events behind it, oldest first."""
        kept = {QUEUE: self._floor.queue_evidence, AGENT: self._floor.agent_evidence}.get(of)
        return [] if kept is None else kept.of(row)

    def names(self, of: str) -> Names:
        """The register of a type of subjects."""
        names: Names = getattr(self._floor.registers, _REGISTERS[of])
        return names
