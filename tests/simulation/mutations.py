"""Guarantees broken on purpose, one at a time: a simulation that does not notice is worth nothing. Run by hand:

python -m tests.simulation.mutations [--seeds 20]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from services.ingest.publisher import Publisher
from services.notify.core import scope
from services.notify.partition import Partition
from services.notify.subscriber import Subscriber
from services.scoring.core.desk import Desk
from services.scoring.tenure import Tenure
from shared.contract.entries import EntryId
from shared.log import Publication
from shared.log_memory import MemoryLog
from shared.outbox import Change
from shared.outbox_memory import MemoryOutbox
from tests.simulation.world import simulate


def no_generation_check() -> AbstractContextManager[Any]:
    """The store takes what an owner of the past writes."""
    return patch.object(MemoryLog, "_current", lambda self, partition, generation: self._parts[partition])


@contextmanager
def publish_without_compare() -> Iterator[None]:
    """A publication goes out as if nothing could be there already."""
    publish = MemoryLog.publish

    async def blind(self: MemoryLog, partition: int, generation: int, publication: Publication) -> Any:
        part = self._parts[partition]
        again = [
            (EntryId(part.alerts.last.ms, part.alerts.last.seq + 1 + i), data)
            for i, (at, data) in enumerate(publication.alerts)
            if at <= part.alerts.last
        ]
        fresh = [(at, data) for at, data in publication.alerts if at > part.alerts.last]
        whole = Publication(publication.position, again + fresh, publication.signals, publication.history)
        return await publish(self, partition, generation, whole)

    with patch.object(MemoryLog, "publish", blind):
        yield


@contextmanager
def cursor_off_by_one() -> Iterator[None]:
    """A lead who comes back gets the changes after the one that follows the cursor."""
    proceed = Subscriber._continue

    def skip(self: Subscriber, position: EntryId) -> None:
        partition = self._hub.partition(self.scope.tenant)
        after = partition.tenant(self.scope.tenant).backlog.after(position) or []
        proceed(self, after[0].cursor if after else position)

    with patch.object(Subscriber, "_continue", skip):
        yield


@contextmanager
def answer_before_append() -> Iterator[None]:
    """An event that could not be appended is acknowledged all the same."""
    failed = Publisher._failed

    def lie(self: Publisher, fault: Any) -> Any:
        failed(self, fault)
        return EntryId(self._clock.now_ms(), 0)

    with patch.object(Publisher, "_failed", lie):
        yield


def everybody_sees_everything() -> AbstractContextManager[Any]:
    """The scope is not asked."""
    return patch.object(scope.Scope, "sees", lambda *_: True)


@contextmanager
def checkpoint_without_publishing() -> Iterator[None]:
    """Alerts are dropped when the process has much to do."""
    collect = Tenure._collect

    def drop(self: Tenure, report: Any, before_ms: int) -> None:
        if report.position.ms % 7 == 0:
            report.alerts = []
        collect(self, report, before_ms)

    with patch.object(Tenure, "_collect", drop):
        yield


def trim_what_is_live() -> AbstractContextManager[Any]:
    """Live alerts are not told again, and trimming does not stop at them."""

    @contextmanager
    def both() -> Iterator[None]:
        trim = MemoryLog.trim

        async def deaf(self: MemoryLog, *args: Any, keep_alerts_from: Any = None, **given: Any) -> None:
            await trim(self, *args, **given)

        publish_all: Callable[..., None] = Desk.publish_all

        def only_marks(self: Desk, at_ms: int, told_until_ms: int | None = None) -> None:
            if told_until_ms is None:
                publish_all(self, at_ms)

        with patch.object(MemoryLog, "trim", deaf), patch.object(Desk, "publish_all", only_marks):
            yield

    return both()


def no_look_after_a_break() -> AbstractContextManager[Any]:
    """Notify does not look whether anything was trimmed while it was away."""

    async def no(self: Partition) -> bool:
        return False

    return patch.object(Partition, "_check_pause", no)


def forgotten_when_taken() -> AbstractContextManager[Any]:
    """What a channel took and did not send is forgotten with its process."""

    async def nothing(*_: Any) -> list[Change]:
        return []

    return patch.object(MemoryOutbox, "pending", nothing)


def no_hold() -> AbstractContextManager[Any]:
    """Two processes send by one channel."""

    async def held(*_: Any, **__: Any) -> bool:
        return True

    return patch.object(MemoryOutbox, "hold", held)


MUTATIONS = (
    no_generation_check, publish_without_compare, cursor_off_by_one, answer_before_append, everybody_sees_everything,
    checkpoint_without_publishing, trim_what_is_live, no_look_after_a_break, forgotten_when_taken, no_hold,
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutations", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--work", type=float, default=60.0)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    missed = 0
    for mutation in MUTATIONS:
        if given.only not in mutation.__name__:
            continue
        for seed in range(given.seeds):
            with mutation():
                outcome = simulate(seed, work_s=given.work)
            if outcome.faults:
                print(f"{mutation.__name__}: caught by seed {seed}: {outcome.faults[0].splitlines()[0][:110]}")
                break
        else:
            missed += 1
            print(f"{mutation.__name__}: not caught by {given.seeds} seeds")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
