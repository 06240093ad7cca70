"""Parameters as arrays by row, rebuilt only when a tenant, a queue, a source or the settings are new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import agent_drivers as ad
from services.scoring.core import agent_table as at
from services.scoring.core import queue_drivers as qd
from services.scoring.core import queue_table as qt
from services.scoring.core.intake import Registers
from services.scoring.core.parameters import Parameters, Scope, Table


class Tuning:
    """Not part of a checkpoint. `of_agents` is by tenant [driver][name], `queue_teams` by queue."""

    agents: at.AgentParameters
    queues: qt.QueueParameters

    def __init__(self) -> None:
        self._parameters: Parameters | None = None
        self._for: tuple[int, int, int] | None = None
        self.of_agents: list[Table] = []
        self.queue_teams: list[str | None] = []

    def take(self, parameters: Parameters) -> None:
        """Parameters in force from now on."""
        self._parameters = parameters
        self._for = None

    def forget(self) -> None:
        """The names have changed altogether (a restore)."""
        self._for = None

    def renew(self, registers: Registers, sources: list[int]) -> bool:
        """Rebuild if anything is new. A driver without its source in a tenant weighs nothing."""
        assert self._parameters is not None, "take parameters first"
        tenants, queues = registers.tenants, registers.queues
        now = (len(tenants.text), len(queues.text), hash(tuple(sources)))
        if now == self._for:
            return False
        self._for = now
        scopes = [self._parameters.scope(t) for t in tenants.text]
        weight = [
            [s.agent[d.name]["weight"] if bits & d.source else 0.0 for d in ad.AGENT_DRIVERS]
            for s, bits in zip(scopes, sources, strict=True)
        ]
        weights = np.array(weight).reshape(len(scopes), at.D)
        self.of_agents = [s.agent for s in scopes]
        per_contact = np.ones((len(scopes), at.D))
        for d, key in ad.COUNTED.items():
            per_contact[:, d] = [max(s.agent[ad.AGENT_DRIVERS[d].name][key], 1e-9) for s in scopes]
        self.agents = at.AgentParameters(
            weight=weights,
            scale=at.scale_of(weights),
            occupancy_line=np.array([s.agent["occupancy"]["line"] for s in scopes]) / 100.0,
            break_line_s=np.array([s.agent["since_break"]["line_min"] for s in scopes]) * 60.0,
            support_line_s=np.array([s.agent["unsupported"]["line_h"] for s in scopes]) * 3600.0,
            per_contact=per_contact,
        )
        named = zip(queues.tenant, queues.text, strict=True)
        self._renew_queues(
            [self._parameters.scope(tenants.text[t], q) for t, q in named], [sources[t] for t in queues.tenant]
        )
        return True

    def _renew_queues(self, scopes: list[Scope], sources: list[int]) -> None:
        def column(driver: str, key: str) -> NDArray[np.float64]:
            return np.array([s.queue[driver][key] for s in scopes], np.float64)

        rows = [
            [s.queue[d.name]["weight"] if bits & d.source else 0.0 for d in qd.QUEUE_DRIVERS]
            for s, bits in zip(scopes, sources, strict=True)
        ]
        weight = np.array(rows).reshape(len(scopes), qt.D)
        self.queue_teams = [s.team for s in scopes]
        self.queues = qt.QueueParameters(
            weight=weight,
            scale=qt.scale_of(weight),
            target_wait_s=column("predicted_wait", "target_wait_s"),
            patience_rate=1.0 / column("predicted_wait", "patience_s"),
            recent_target_s=column("recent_waits", "target_wait_s"),
            load_line=column("offered_load", "line") / 100.0,
            goal=column("service_level", "goal") / 100.0,
            usual_abandoned=column("abandonment", "usual") / 100.0,
            full_abandoned=column("abandonment", "full") / 100.0,
            within_s=column("service_level", "within_s"),
            full_repeats=column("repeat_share", "full") / 100.0,
            full_short=column("staffing", "full") / 100.0,
            full_surge=column("arrivals_surge", "full"),
            alert_line=np.array([s.alerts["queue.strain"]["open_line"] for s in scopes], np.float64),
        )
