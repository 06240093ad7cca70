"""The log for people and for files: `strainwatch log tail` and `strainwatch log export`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Literal

import msgspec

from shared.contract.baseline import Baseline
from shared.contract.entries import START, Entry, EntryId, parse_entry
from shared.contract.entries import Events as Block
from shared.contract.rows import describe
from shared.log import Log
from tools.log_lines import alert_line, events_line, skip_line

FAILURES_MAX = 3
"""An entry that failed so often is on the skip list; see the guarantees of the log."""
READ_ENTRIES = 256
TAIL_BLOCK_MS = 1_000
TAIL_BACK_MS = 10_000
"""How far back a tail begins: enough to see that something flows."""

Stream = Literal["events", "alerts"]


async def export_log(log: Log, *, stream: Stream = "events", partition: int | None = None) -> AsyncIterator[bytes]:
    """Lines (without the line break) of one partition, or of all one after the other, up to the end at the start.

    Raises LogUnavailable; ValueError for a partition that is not there.
    """
    for number in partitions_of(log, partition):
        state = await log.state(number)
        if stream == "alerts":
            async for line in _alerts(log, number, state.alerts_last):
                yield line
            continue
        for position, failures in sorted((await log.failures(number)).items()):
            if failures >= FAILURES_MAX:
                yield skip_line(number, position)
        after = START
        while after < state.events_last and (entries := await log.read(number, after, count=READ_ENTRIES)):
            for entry in entries:
                if entry.id <= state.events_last:
                    yield events_line(number, entry)
            after = entries[-1].id


async def _alerts(log: Log, partition: int, last: EntryId) -> AsyncIterator[bytes]:
    after = START
    while after < last and (changes := await log.read_alerts(partition, after)):
        for position, data in changes:
            if position <= last:
                yield alert_line(partition, position, data)
        after = changes[-1][0]


async def tail_log(log: Log, say: Callable[[bytes], None], *, partition: int | None = None, now_ms: int) -> None:
    """Say each event and other entry as a line of JSON, from seconds before `now_ms` on, until cancelled.

    Raises LogUnavailable; ValueError for a partition that is not there.
    """
    start = EntryId(max(0, now_ms - TAIL_BACK_MS), 0)
    tasks = [asyncio.create_task(_follow(log, number, start, say)) for number in partitions_of(log, partition)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _follow(log: Log, partition: int, after: EntryId, say: Callable[[bytes], None]) -> None:
    while True:
        for entry in await log.read(partition, after, count=READ_ENTRIES, block_ms=TAIL_BLOCK_MS):
            after = entry.id
            for line in readable(partition, entry):
                say(line)


def readable(partition: int, entry: Entry) -> Iterator[bytes]:
    """An entry as a person would read it: a line for each event of a block, one for anything else."""
    head: dict[str, Any] = {"partition": partition, "entry": str(entry.id)}
    try:
        body = parse_entry(entry.fields)
    except (ValueError, msgspec.MsgspecError) as fault:
        yield msgspec.json.encode({**head, "unreadable": str(fault)})
        return
    if isinstance(body, Baseline):
        document = body.document
        told: dict[str, Any] = {"tenant": body.tenant, "digest": body.digest}
        told |= {"from_ms": document.from_ms, "until_ms": document.until_ms}
        told |= {what: len(getattr(document, what)) for what in ("agents", "queues", "issues")}
        yield msgspec.json.encode({**head, "baseline": told})
        return
    if not isinstance(body, Block):
        said = body._asdict() if isinstance(body, tuple) else msgspec.to_builtins(body)
        yield msgspec.json.encode({**head, type(body).__name__.lower(): said})
        return
    for row in range(body.block.n):
        event = describe(body.block, row)
        since_ms = int(body.since_previous_ms[row])
        if since_ms >= 0:
            event["since_previous_s"] = since_ms / 1000
        yield msgspec.json.encode({**head, **event})


def partitions_of(log: Log, partition: int | None) -> Iterable[int]:
    """The partition asked for, or all. Raises ValueError."""
    if partition is None:
        return range(log.partitions)
    if not 0 <= partition < log.partitions:
        raise ValueError(f"there is no partition {partition}: the log has {log.partitions}, from 0")
    return (partition,)
