"""What a lead is told of a queue is measured, or said not to be known: nothing assumed looks like a figure."""

from __future__ import annotations

from typing import Any

from scoring_logs import T0, block, hash_of, tick

from services.scoring.core.engine import Engine
from shared.contract import rows as k
from shared.contract.block import Row
from shared.contract.signal_columns import Queues
from shared.contract.signals import QueueSignal

MINUTE_MS = 60_000


class Feed:
    """An engine and what it is told, by minutes after `T0`."""

    def __init__(self) -> None:
        self.engine = Engine()
        self._told = 0

    def tell(self, minute: float, kind: int, **said: Any) -> None:
        self._told += 1
        ms = T0 + round(minute * MINUTE_MS)
        row = Row(kind, "acme", ms, f"e{self._told}", queue="billing", **said)
        self.engine.step(block(ms, [row], seq=self._told))

    def contact(self, minute: float, wait_s: float) -> None:
        contact = hash_of(self._told)
        self.tell(minute, k.OFFERED, contact=contact)
        self.tell(minute + wait_s / 60, k.ANSWERED, contact=contact, agent="ana", n0=wait_s)
        self.tell(minute + wait_s / 60 + 2, k.HANDLED, contact=contact, agent="ana", n0=120.0)

    def queue(self, minute: float) -> QueueSignal:
        [signals] = self.engine.step(tick(T0 + round(minute * MINUTE_MS) + 1)).signals[-1:]
        [row] = Queues(signals).rows()
        return row


def values(queue: QueueSignal) -> dict[str, float | None]:
    return {driver.name: driver.value for driver in queue.drivers}


def test_a_queue_of_counters_has_no_service_level_no_agents_and_no_waits_of_which_nobody_told() -> None:
    feed = Feed()
    feed.tell(0, k.OBSERVED, n0=12.0, n1=95.0)
    queue = feed.queue(1)
    assert (queue.waiting, queue.longest_wait_s) == (12, 155.0)
    assert (queue.service_level, queue.agents) == (None, None)
    assert queue.predicted_wait_s == 155.0  # somebody does wait so long
    told = [driver for driver in queue.drivers if driver.value is not None]
    assert {driver.name for driver in told} == {"predicted_wait"}


def test_nobody_waiting_and_nobody_known_to_serve_is_no_wait_of_zero() -> None:
    feed = Feed()
    feed.tell(0, k.OBSERVED, n0=0.0)
    assert feed.queue(1).predicted_wait_s is None


def test_counters_that_tell_of_agents_are_believed_also_when_there_are_none() -> None:
    feed = Feed()
    feed.tell(0, k.OBSERVED, n0=3.0, n2=0.0)
    assert feed.queue(1).agents == 0


def test_agents_who_have_gone_are_none_and_not_unknown() -> None:
    feed = Feed()
    feed.contact(0, 40.0)
    there = feed.queue(4)
    assert (there.agents, values(there)["recent_waits"] is None) == (1, False)
    assert there.service_level is not None
    assert there.predicted_wait_s is not None
    assert feed.queue(45).agents == 0


def test_what_was_measured_is_told_until_it_has_faded() -> None:
    feed = Feed()
    feed.contact(0, 40.0)
    assert feed.queue(20).service_level is not None
    later = feed.queue(300)
    assert later.service_level is None
    assert values(later)["recent_waits"] is None
