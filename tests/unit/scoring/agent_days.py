"""A day of one agent, told to an engine event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from scoring_logs import T0, TENANT, block, hash_of
from scoring_logs import settings as settings_entry

from services.scoring.core.engine import Engine
from shared.contract import rows as k
from shared.contract.block import Row
from shared.contract.entries import Entry

ANN = np.zeros(1, np.intp)
"""The row of the only agent."""


class Day:
    """An engine, and events of agent ann told to it one by one; `s` is seconds after T0."""

    def __init__(self, **agent_drivers: dict[str, float]) -> None:
        self.engine = Engine(marks="none")
        self.log: list[Entry] = []
        document = {"revision": 1, "tenants": {TENANT: {"drivers": {"agent": agent_drivers}}}}
        self._step(settings_entry(T0 - 60_000, document))
        self._contact = 0

    def _step(self, entry: Entry) -> None:
        self.log.append(entry)
        self.engine.step(entry)

    @property
    def agents(self) -> Any:
        return self.engine._floor.agents

    def tell(self, kind: int, s: float, *, now_s: float | None = None, **columns: Any) -> None:
        ms = T0 + round(s * 1000)
        name = f"e-{len(self.log)}"
        given = {"agent": "ann", **columns}
        now_ms = ms if now_s is None else T0 + round(now_s * 1000)
        self._step(block(now_ms, [Row(kind, TENANT, ms, name, **given)], seq=len(self.log)))

    def state(self, s: float, state: str) -> None:
        self.tell(k.STATE, s, flags=k.STATE_CODES[state] << k.STATE_SHIFT)

    def answered(self, s: float, **columns: Any) -> None:
        self._contact += 1
        self.tell(k.ANSWERED, s, queue="q", contact=hash_of(self._contact), n0=1.0, **columns)

    def handled(self, s: float, handle_s: float = 200.0, issue: str | None = None, flags: int = 0, **more: Any) -> None:
        self.tell(
            k.HANDLED, s, queue="q", contact=hash_of(self._contact), n0=handle_s, issue=issue, flags=flags, **more
        )

    def contact(self, s: float, handle_s: float = 200.0, issue: str | None = None, flags: int = 0, **more: Any) -> None:
        """Answered at `s` and handled after its handle time."""
        self.answered(s)
        self.handled(s + handle_s, handle_s, issue, flags, **more)

    def at(self, s: float) -> Any:
        return self.engine._floor.judge_agents(ANN, T0 + round(s * 1000))[0]

    def level(self, driver: int, s: float) -> tuple[float, float]:
        judged = self.at(s)
        return float(judged.fast[0, driver]), float(judged.slow[0, driver])

    def value(self, driver: int, s: float) -> float:
        return float(self.at(s).value[0, driver])
