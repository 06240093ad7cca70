"""Parameters as arrays by row, rebuilt only when a tenant, a queue, a source or the settings are new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import agent_drivers as ad
from services.scoring.core import agent_strain as ags
from services.scoring.core import queue_drivers as qd
from services.scoring.core import queue_strain as qs
from services.scoring.core.intake import Registers
from services.scoring.core.parameters import Parameters, Scope

Rows = NDArray[np.intp]


class Tuning:
    """`agent[driver, parameter]` is by tenant, `within_s` and `queue_teams` by queue; not part of a checkpoint."""

    def __init__(self) -> None:
        self._parameters: Parameters | None = None
        self._for: tuple[int, int, int] | None = None
        self.agent: dict[tuple[str, str], NDArray[np.float64]] = {}
        self.within_s: NDArray[np.float64] = np.empty(0)
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
        self._agent_weight = np.array(weight).reshape(len(scopes), ags.D)
        self._agent_scale = ags.scale_of(self._agent_weight)
        self.agent = {
            (d.name, key): np.array([s.agent[d.name][key] for s in scopes])
            for d in ad.AGENT_DRIVERS
            for key in d.parameters
        }
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
        weight = np.array(rows).reshape(len(scopes), qs.D)
        self.queue_teams = [s.team for s in scopes]
        self.within_s = column("service_level", "within_s")
        self._queue = qs.QueueParameters(
            weight=weight,
            scale=qs.scale_of(weight),
            target_wait_s=column("predicted_wait", "target_wait_s"),
            recent_target_s=column("recent_waits", "target_wait_s"),
            load_line=column("offered_load", "line") / 100.0,
            goal=column("service_level", "goal") / 100.0,
            usual_abandoned=column("abandonment", "usual") / 100.0,
            full_abandoned=column("abandonment", "full") / 100.0,
        )

    def agent_weights(self, tenant: NDArray[np.int32]) -> ags.Weights:
        """Parameters of agents, by their tenants: an element an agent, or one for all when the tenant is one."""
        if tenant.size > 1 and (tenant == tenant[0]).all():
            tenant = tenant[:1]
        return ags.Weights(
            weight=self._agent_weight[tenant],
            scale=self._agent_scale[tenant],
            occupancy_line=self.agent["occupancy", "line"][tenant] / 100.0,
            break_line_s=self.agent["since_break", "line_min"][tenant] * 60.0,
        )

    def queue_parameters(self, r: Rows) -> qs.QueueParameters:
        """Parameters of queue rows, which must be ascending."""
        p = self._queue
        if r.size == p.scale.size:
            return p  # ascending rows, as many as there are: these are all of them
        return qs.QueueParameters(*(getattr(p, name)[r] for name in p.__dataclass_fields__))
