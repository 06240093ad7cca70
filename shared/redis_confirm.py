"""Confirmation by replicas: an entry counts only once so many of them have it (WAIT, WAITAOF).

It narrows what a failover can lose; it is no consensus. See docs/scaling.md for what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.log import LogUnavailable

WAIT_MS = 2_000
"""A replica that is further behind is as good as away. ACDs give up on a request after some 10 s."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`replicas` must have each promised entry: in their memory (WAIT), or in their AOF and the primary's own, synced
    to disk (`on_disk`: WAITAOF of Redis 7.2 or newer and Valkey; all of them need `appendonly yes`)."""

    replicas: int
    on_disk: bool = False
    wait_ms: int = WAIT_MS

    @property
    def command(self) -> tuple[str | int, ...]:
        """Follows the write on the same connection, and stands for all that was written there before."""
        if self.on_disk:
            return "WAITAOF", 1, self.replicas, self.wait_ms
        return "WAIT", self.replicas, self.wait_ms

    @property
    def wait_s(self) -> float:
        """How long the command blocks its connection when replicas are away."""
        return self.wait_ms / 1000

    def check(self, reply: Any) -> None:
        """Raises LogUnavailable when too few have it."""
        here, replicas = reply if self.on_disk else (1, reply)
        if here < 1:
            raise LogUnavailable(f"The log store did not sync an entry to its disk within {self.wait_s:g} s.")
        if replicas < self.replicas:
            raise LogUnavailable(
                f"Only {replicas} of {self.replicas} replicas confirmed an entry within {self.wait_s:g} s; it is in "
                "the log, but a failover may lose it. Bring replicas back, or lower STRAINWATCH_CONFIRM_REPLICAS."
            )
