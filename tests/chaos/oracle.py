"""The oracle: what must be so, found from the accepted log alone.

It takes the lines of `strainwatch log export`, replays them offline through the engine, uninterrupted, and says what
differs from what clients were told. It knows nothing of how the log came about.

- `Accepted`: which event ids the log holds, and how often.
- `judge`: the alerts (bytes, in order), the last signals, and how many events took effect, each stretch of the log by
  the engine that its `engine` entry names.
- `differences`: where two lists of alerts part.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from services.scoring.identity import engine_name
from shared.contract.actions import Action
from shared.contract.entries import START, EngineMark, Entry, EntryId, Events, cause_of, parse_entry
from tests.chaos.stretch import Answer, Position, Request, play
from tools.log_lines import AlertLine, EventsLine, Skipped, read_line

STRETCH = Path(__file__).with_name("stretch.py")
PLAY_WAIT_S = 300.0


@dataclass
class Accepted:
    """The event ids of an exported log, with how often each is there, and the ids of actions."""

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(tenant, event id)."""
    actions: Counter[str] = field(default_factory=Counter)
    entries: int = 0
    unreadable: int = 0
    last: EntryId = START

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Accepted:
        """Read exported lines of the events stream."""
        found = cls()
        for line in lines:
            said = read_line(line)
            if isinstance(said, EventsLine):
                found.add(said.entry)
        return found

    def add(self, entry: Entry) -> None:
        """One entry."""
        self.entries += 1
        self.last = max(self.last, entry.id)
        try:
            body = parse_entry(entry.fields)
        except (ValueError, msgspec.MsgspecError):
            self.unreadable += 1  # poison, which is set aside
            return
        if isinstance(body, Events):
            block = body.block
            names = [block.strings[code] for code in block.tenant.tolist()]
            self.events.update((name, block.event_id(row)) for row, name in enumerate(names))
        elif isinstance(body, Action):
            self.actions[body.id] += 1

    def lost(self, acknowledged: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Acknowledged events that the log does not hold."""
        return [event for event in acknowledged if event not in self.events]


@dataclass
class Verdict:
    """What one uninterrupted replay of a partition says."""

    alerts: list[tuple[EntryId, bytes]] = field(default_factory=list)
    signals: dict[tuple[int, str], bytes] = field(default_factory=dict)
    """(second in ms, tenant) -> the bytes of the signals log, for the last seconds."""
    counts: Counter[str] = field(default_factory=Counter)
    engines: list[str] = field(default_factory=list)

    @property
    def took_effect(self) -> int:
        """Events that the engine counted: neither late nor seen before."""
        return self.counts["events"] - self.counts["late"] - self.counts["repeated"] - self.counts["unnamed"]


@dataclass(frozen=True)
class _Stretch:
    """What one engine judges: it restored at `restored` and speaks for what was caused after `told_from`."""

    engine: str
    restored: EntryId
    told_from: EntryId
    until: EntryId
    named_at: EntryId
    """Of its mark. Checkpoints from there to the next mark are this engine's."""


def judge(
    export: Path, *, until: EntryId | None = None, trees: Mapping[str, Path] | None = None, partition: int = 0
) -> Verdict:
    """Replay the exported events of a partition, up to `until` (the published position; without: to the end).

    `trees` says where the code of other engines is, by their names. Raises LookupError for an engine without a tree.
    """
    with tempfile.TemporaryDirectory(prefix="strainwatch-oracle-") as folder:
        lines, entries = _entries_of(export, partition)
        path = Path(folder) / "partition.ndjson"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        end = min(until, entries[-1].id) if until is not None and entries else entries[-1].id if entries else START
        stretches = _stretches(entries, end)
        verdict, snapshots = Verdict(), dict[str, bytes]()
        for number, stretch in enumerate(stretches):
            later = [s.restored for s in stretches[number + 1 :] if stretch.named_at <= s.restored < stretch.until]
            request = Request(
                entries=str(path),
                until=_pair(stretch.until),
                told_from=_pair(stretch.told_from),
                snapshot=snapshots.get(str(stretch.restored)),
                snapshots_at=[_pair(at) for at in later],
            )
            answer = _played(request, stretch.engine, trees or {})
            snapshots |= answer.snapshots
            told_until = stretches[number + 1].told_from if number + 1 < len(stretches) else end
            verdict.alerts += [
                (EntryId(ms, seq), data) for ms, seq, data in answer.alerts if _cause(ms, seq) <= told_until
            ]
            verdict.signals |= {(at_ms, tenant): data for at_ms, tenant, data in answer.signals}
            verdict.engines.append(answer.engine)
            if stretch.restored == START:
                verdict.counts = Counter(answer.counts)
            else:
                verdict.counts.update(answer.counts)  # counts more than once what two engines read
        return verdict


def _entries_of(export: Path, partition: int) -> tuple[list[bytes], list[Entry]]:
    lines, entries = [], []
    with export.open("rb") as file:
        for line in file:
            said = read_line(line.strip())
            if isinstance(said, AlertLine) or said.partition != partition:
                continue
            lines.append(line.strip())
            if not isinstance(said, Skipped):
                entries.append(said.entry)
    return lines, entries


def _stretches(entries: list[Entry], end: EntryId) -> list[_Stretch]:
    """One for each engine that the log names. What comes before the first name is the first engine's."""
    marks: list[tuple[EntryId, EngineMark]] = []
    for entry in entries:
        if b"e" in entry.fields and entry.id <= end:
            body = parse_entry(entry.fields)
            assert isinstance(body, EngineMark)
            marks.append((entry.id, body))
    if not marks:
        return [_Stretch(engine_name(), START, START, end, START)]
    out = []
    for number, (at, mark) in enumerate(marks):
        restored = EntryId.parse(mark.restored) if number else START
        # An engine speaks from the position on that was published when it took over.
        told_from = EntryId.parse(mark.published) if number and mark.published else at if number else START
        until = marks[number + 1][0] if number + 1 < len(marks) else end
        out.append(_Stretch(mark.engine, restored, told_from, until, at))
    return out


def _pair(at: EntryId) -> Position:
    return at.ms, at.seq


def _cause(ms: int, seq: int) -> EntryId:
    return cause_of(EntryId(ms, seq))


def _played(request: Request, engine: str, trees: Mapping[str, Path]) -> Answer:
    if engine == engine_name():
        return play(request)
    if engine not in trees:
        raise LookupError(f"the log names the engine {engine!r}, whose code is not here; give its tree")
    done = subprocess.run(
        [sys.executable, str(STRETCH)],
        input=msgspec.msgpack.encode(request),
        env={"PYTHONPATH": str(trees[engine]), "PATH": "/usr/bin:/bin"},
        cwd=trees[engine],
        capture_output=True,
        timeout=PLAY_WAIT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the engine {engine!r} failed:\n{done.stderr.decode()}")
    answer: Answer = msgspec.msgpack.decode(done.stdout, type=Answer)
    assert answer.engine == engine
    return answer


def alerts_of(lines: Iterable[bytes], partition: int = 0) -> list[tuple[EntryId, bytes]]:
    """Exported lines of the alerts stream, as (id, bytes)."""
    found = (read_line(line) for line in lines)
    return [(said.id, said.data) for said in found if isinstance(said, AlertLine) and said.partition == partition]


def differences(expected: list[tuple[EntryId, bytes]], found: list[tuple[EntryId, bytes]], show: int = 3) -> list[str]:
    """What differs, for a person; empty when the two are the same, byte for byte and in the same order."""
    if expected == found:
        return []
    wanted, there = dict(expected), dict(found)
    told = [f"alert change {at} is missing" for at in wanted if at not in there][:show]
    told += [f"alert change {at} should not be there" for at in there if at not in wanted][:show]
    other = [at for at in wanted if at in there and wanted[at] != there[at]]
    told += [f"alert change {at} differs:\n  {wanted[at]!r}\n  {there[at]!r}" for at in other[:show]]
    missing, more = len(wanted.keys() - there.keys()), len(there.keys() - wanted.keys())
    return [f"{missing} missing, {more} too many, {len(other)} other of {len(wanted)}", *(told or ["another order"])]
