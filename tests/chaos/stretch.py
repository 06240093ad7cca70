"""One engine over one stretch of an exported log. Runs in this process, or as a program over the tree of another
engine: the alerts of a log are those of the engines that its `engine` entries name, each over its own stretch.

As a program: `python stretch.py < request.msgpack > answer.msgpack`, with the tree of the engine as `PYTHONPATH`.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct

Position = tuple[int, int]


class Request(Struct):
    """`entries` is an exported log of one partition. Entries after `after` (or after the snapshot) up to `until` are
    applied; alerts caused after `told_from` come back, and the snapshot at each position asked for."""

    entries: str
    until: Position
    told_from: Position = (0, 0)
    snapshot: bytes | None = None
    snapshots_at: list[Position] = []


class Answer(Struct):
    """Alerts as (ms, seq, bytes); encoded signals as (ms of the second, tenant, bytes), those of the last seconds."""

    engine: str
    alerts: list[tuple[int, int, bytes]]
    signals: list[tuple[int, str, bytes]]
    counts: dict[str, int]
    snapshots: dict[str, bytes]


SIGNALS_KEPT = 64
"""Seconds before the end whose signals come back; the log keeps fewer."""


def play(request: Request) -> Answer:
    """Apply the stretch."""
    from services.scoring.core.engine import Engine
    from services.scoring.identity import engine_name
    from shared.contract.entries import EntryId, cause_of
    from shared.contract.signals import encode_signals
    from tools.replay_input import exported_entries

    engine = Engine.restore(request.snapshot, marks="seconds")
    begin, until, told_from = engine.position, EntryId(*request.until), EntryId(*request.told_from)
    wanted = {EntryId(*at) for at in request.snapshots_at}
    answer = Answer(engine_name(), [], [], {}, {})
    if begin in wanted:
        answer.snapshots[str(begin)] = engine.snapshot()
    counts: Counter[str] = Counter()
    signals: list[object] = []
    for _, entry in exported_entries([Path(request.entries)]):
        if entry.id > until:
            break
        if entry.id <= begin:
            if entry.id.ms >= engine.recall_from_ms:
                engine.recall(entry)
            continue
        report = engine.step(entry)
        counts.update(report.counts)
        for at, data in report.alerts:
            if cause_of(at) > told_from:
                answer.alerts.append((at.ms, at.seq, data))
        if report.signals:
            signals = [*signals, *report.signals][-SIGNALS_KEPT:]
        if entry.id in wanted:
            answer.snapshots[str(entry.id)] = engine.snapshot()
    answer.signals = [(s.at_ms, s.tenant, encode_signals(s)) for s in signals]  # type: ignore[attr-defined,arg-type]
    answer.counts = dict(counts)
    return answer


if __name__ == "__main__":
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    sys.stdout.buffer.write(msgspec.msgpack.encode(play(request)))
