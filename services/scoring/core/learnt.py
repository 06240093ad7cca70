"""What an engine has learnt about a tenant, out into a document of names, and from one into another engine.

The rule for each row (an agent with a topic, a queue, an issue): the document's knowledge replaces the engine's own
where it is of more contacts, else the engine's own stays. So a new engine takes all, one that has lived for weeks
nothing, and the same document twice changes nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import baseline, usual_waits
from services.scoring.core.baseline import COUNT_MAX, HandleTimes
from services.scoring.core.floor import Floor
from services.scoring.core.handle_levels import KNOWN
from services.scoring.core.learnt_arrivals import export_streams, given_streams, import_streams
from services.scoring.core.names import Names
from services.scoring.core.surge_watch import SurgeWatch, Watched
from services.scoring.core.usual_waits import DAY_MS, Usual
from shared.contract.baseline import (
    ISSUE_STREAM,
    LEVELS,
    LOG_STEPS,
    PAIRS_MAX,
    QUEUE_STREAM,
    WINDOW,
    Baseline,
    BaselineDocument,
    HandleTimeColumns,
    StreamColumns,
    UsualColumns,
    column,
    numbers,
)

Rows = NDArray[np.intp]

assert (WINDOW, LOG_STEPS) == (baseline.WINDOW, baseline.STEPS)
assert len(KNOWN) == LEVELS
assert usual_waits.HOURS == 24


class Codes:
    """Names of one kind and tenant in a document; a name gets its code when it is first asked for."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._code: dict[int, int] = {}

    def of(self, rows: Rows) -> NDArray[np.int32]:
        """Codes of the engine's rows."""
        code = self._code
        return np.array([code.setdefault(row, len(code)) for row in rows.tolist()], np.int32)

    @property
    def rows(self) -> Rows:
        """The engine's rows by code."""
        return np.array(list(self._code), np.intp)

    @property
    def text(self) -> list[str]:
        """The names by code."""
        return [self._names.text[row] for row in self._code]


# --- out


def learnt(floor: Floor, tenant: int, from_ms: int, now_ms: int) -> BaselineDocument:
    """What is known of a tenant (by its number) from `from_ms` on, as if the day that runs at `now_ms` were over."""
    names = floor.registers
    agents, queues, issues = Codes(names.agents), Codes(names.queues), Codes(names.issues)
    queues.of(_of_tenant(names.queues, tenant))
    issues.of(_of_tenant(names.issues, tenant))
    handle_times = _handle_times(floor.handle_times, names.agents, tenant, agents, queues, issues)
    return BaselineDocument(
        from_ms=from_ms,
        until_ms=(now_ms // DAY_MS + 1) * DAY_MS,
        agents=agents.text,
        queues=queues.text,
        issues=issues.text,
        issue_since_ms=column(floor.issue_ages.since_ms[issues.rows], "i8"),
        patience=column(floor.patience.known(tenant, now_ms), "f8"),
        handle_times=handle_times,
        usual=_usual(floor, queues.rows, tenant, now_ms),
        streams=_streams(floor.surges, queues.rows, issues.rows),
    )


def _of_tenant(names: Names, tenant: int) -> Rows:
    return np.flatnonzero(np.array(names.tenant, np.int64) == tenant)


def _handle_times(
    table: HandleTimes, names: Names, tenant: int, agents: Codes, queues: Codes, issues: Codes
) -> HandleTimeColumns:
    """The rows used last, at most PAIRS_MAX, those unused for longest first."""
    n = table.n
    mine = np.array(names.tenant, np.int64)[table.agent[:n]] == tenant
    order = np.argsort(table.used[:n], kind="stable")
    rows = order[(mine & (table.count[:n] > 0))[order]][-PAIRS_MAX:]
    count, topic = table.count[rows].astype(np.int64), table.topic[rows].astype(np.int64)
    codes = np.zeros(rows.size, np.int32)
    odd, even = topic % 2 == 1, (topic > 0) & (topic % 2 == 0)
    codes[odd] = 1 + issues.of((topic[odd] - 1) // 2)
    codes[even] = -1 - queues.of((topic[even] - 2) // 2)
    known = np.minimum(count, WINDOW)
    place = np.arange(WINDOW)
    ring = (count[:, None] - known[:, None] + place) % WINDOW
    logs = np.where(place < known[:, None], np.take_along_axis(table.logs[rows], ring, axis=1), 0)
    return HandleTimeColumns(
        agent=column(agents.of(table.agent[rows]), "i4"),
        topic=column(codes, "i4"),
        count=column(count, "i4"),
        logs=column(logs, "i2"),
    )


def _usual(floor: Floor, rows: Rows, tenant: int, now_ms: int) -> UsualColumns:
    over = Usual()
    over.unpack(floor.queues.usual.pack())
    over.end_running_day()
    return UsualColumns(
        waits_s=column(over.waits_s[rows], "f8"),
        waits=column(over.waits[rows], "f8"),
        contacts=column(over.contacts[rows], "f8"),
        repeats=column(np.minimum(over.repeats, over.contacts)[rows], "f8"),
        handle_levels=column(floor.levels.known(rows, tenant, floor.queues.tenant[: floor.queues.n], now_ms), "f8"),
    )


def _streams(surges: SurgeWatch, queues: Rows, issues: Rows) -> StreamColumns:
    def of(watched: Watched, kind: int, subjects: Rows) -> dict[int, tuple[int, int]]:
        watched.cover(int(subjects.max(initial=-1)) + 1)
        rows = watched.row[subjects].tolist()
        return {row: (kind, code) for code, row in enumerate(rows) if row >= 0}

    return export_streams(
        (surges.queues.streams, of(surges.queues, QUEUE_STREAM, queues)),
        (surges.issues.streams, of(surges.issues, ISSUE_STREAM, issues)),
    )


# --- in


def take_new(floor: Floor, given: Baseline, at_ms: int, counts: dict[str, int]) -> int:
    """Take a baseline, unless it is the one that its tenant took last. Returns how many tenants there are.

    `counts["learnt"]` becomes the number of rows that took it.
    """
    tenants = floor.registers.tenants
    if floor.baselines.get(given.tenant) != given.digest:
        tenant = tenants.row(0, given.tenant)
        floor.cover_tenants()
        counts["learnt"] = sum(take(floor, tenant, given.document, at_ms).values())
        floor.baselines[given.tenant] = given.digest
    return len(tenants.text)


def take(floor: Floor, tenant: int, document: BaselineDocument, at_ms: int) -> dict[str, int]:
    """Take a document of a tenant (by its number) at a moment; how many rows of what took it.

    Every name in it is known to the engine afterwards.
    """
    names = floor.registers
    agents = _rows_of(names.agents, tenant, document.agents)
    queues = _rows_of(names.queues, tenant, document.queues)
    issues = _rows_of(names.issues, tenant, document.issues)
    floor.cover_names(at_ms)
    floor.issue_ages.learn(issues, numbers(document.issue_since_ms, "i8"))
    took = _take_handle_times(floor.handle_times, document.handle_times, agents, queues, issues)
    waits, repeats = _take_usual(floor.queues.usual, document, queues, at_ms)
    patience = floor.patience.learn(tenant, *numbers(document.patience, "f8").tolist())
    if patience:
        floor.retune()
    tenants = floor.queues.tenant[: floor.queues.n]
    floor.queues.usual.refresh(at_ms, tenants, np.zeros(tenants.size, bool))
    levels = floor.levels.learn(queues, tenant, numbers(document.usual.handle_levels, "f8", LEVELS))
    arrivals = _take_streams(floor.surges, tenant, document.streams, queues, issues, at_ms)
    return {
        "patience": int(patience),
        "levels": levels,
        "handle_times": took,
        "waits": waits,
        "repeats": repeats,
        "arrivals": arrivals,
    }


def _rows_of(names: Names, tenant: int, texts: list[str]) -> Rows:
    return np.array([names.row(tenant, text) for text in texts], np.intp)


def _take_handle_times(table: HandleTimes, given: HandleTimeColumns, agents: Rows, queues: Rows, issues: Rows) -> int:
    """Only a row that does not remember as many contacts itself; new rows count as the longest unused."""
    code = numbers(given.topic, "i4").astype(np.int64)
    count = np.minimum(numbers(given.count, "i4").astype(np.int64), COUNT_MAX - 1)
    if code.size == 0:
        return 0
    topic = np.zeros(code.size, np.int64)
    topic[code > 0] = 2 * issues[code[code > 0] - 1] + 1
    topic[code < 0] = 2 * queues[-1 - code[code < 0]] + 2
    rows = table.rows_of(agents[numbers(given.agent, "i4")], topic)
    known = np.minimum(count, WINDOW)
    more = known > np.minimum(table.count[rows], WINDOW)
    rows, known, count = rows[more], known[more], count[more]
    place = np.arange(WINDOW)
    # Where a value stands in the ring tells which is overwritten next.
    taken = (place - (count - known)[:, None]) % WINDOW
    logs = numbers(given.logs, "i2", WINDOW)[more]
    table.logs[rows] = np.where(taken < known[:, None], np.take_along_axis(logs, taken, axis=1), 0)
    table.count[rows] = count
    table.abnormal_run[rows] = 0
    return int(rows.size)


def _take_usual(table: Usual, document: BaselineDocument, rows: Rows, at_ms: int) -> tuple[int, int]:
    given, day = document.usual, document.until_ms // DAY_MS
    table.day[rows] = np.where(table.day[rows] == 0, at_ms // DAY_MS, table.day[rows])
    waits = table.learn_waits(rows, day, numbers(given.waits_s, "f8", 24), numbers(given.waits, "f8", 24))
    repeats = table.learn_repeats(rows, day, numbers(given.contacts, "f8"), numbers(given.repeats, "f8"))
    return int(np.count_nonzero(waits)), int(np.count_nonzero(repeats))


def _take_streams(surges: SurgeWatch, tenant: int, given: StreamColumns, queues: Rows, issues: Rows, at_ms: int) -> int:
    """Streams where they are missing; a tenant that only has a baseline waits, unjudged, for its first event."""
    streams = given_streams(given)
    subject = {s: int((queues if s[0] == QUEUE_STREAM else issues)[s[1]]) for s in streams}
    of = {kind: [s for s in streams if s[0] == kind] for kind in (QUEUE_STREAM, ISSUE_STREAM)}
    surges.follow(tenant, [subject[s] for s in of[QUEUE_STREAM]], [subject[s] for s in of[ISSUE_STREAM]], at_ms)
    took = 0
    for watched, kind in ((surges.queues, QUEUE_STREAM), (surges.issues, ISSUE_STREAM)):
        rows = {s: int(watched.row[subject[s]]) for s in of[kind]}
        took += import_streams(watched.streams, {s: row for s, row in rows.items() if row >= 0}, given)
    return took
