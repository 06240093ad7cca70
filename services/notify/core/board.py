"""The board of one tenant: strain now, cut to what each lead may see.

Rows are encoded team by team, once for all who see the team; a scope's board is its teams put together. A large board
takes tens of milliseconds, so it is built in slices, between which the caller lets others have their turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np

from services.notify.core.frames import Frame, mark_of, text_head
from services.notify.core.scope import EVERY_TEAM, Scope
from shared.contract.course import SubjectType
from shared.contract.entries import EntryId
from shared.contract.events import rfc3339
from shared.contract.frames import Board, BoardFrame, encode
from shared.contract.signal_columns import Agents, Breaks, Queues
from shared.contract.signals import AgentSignal, QueueSignal, decode_signals

SLICE_ROWS = 256
"""Rows encoded at a stretch: about half a millisecond, less than an alert's way through the loop."""
SCOPES_MAX = 256
"""Frames kept at a time: with more different sets of teams in one tenant, they are put together for each lead."""
_NO_ROWS = b'"queues":[],"agents":[]'
_NO_BREAKS = b'"breaks":[]'


class TenantBoard:
    """The newest signals of a tenant. Nothing is decoded before somebody looks."""

    __slots__ = ("view",)

    def __init__(self) -> None:
        self.view = View(None, b"")

    @property
    def at_ms(self) -> int | None:
        """Of when the signals are; None before the first."""
        return self.view.at_ms

    def update(self, at_ms: int, data: bytes) -> None:
        """Newer signals."""
        self.view = View(at_ms, data)


class View:
    """The board at one moment. `build` for a scope, then take its `frame` or `body`."""

    __slots__ = ("_agents", "_breaks", "_data", "_drivers_off", "_frames", "_last_event_ms", "_queues", "at_ms")

    def __init__(self, at_ms: int | None, data: bytes) -> None:
        self.at_ms = at_ms
        self._data = data
        self._queues: _Rows | None = None
        self._agents: _Rows | None = None
        self._breaks: _Breaks | None = None
        self._last_event_ms: int | None = None
        self._drivers_off: list[str] = []
        self._frames: dict[frozenset[str], tuple[EntryId, Frame]] = {}

    def build(self, scope: Scope) -> Iterator[None]:
        """Encode what the scope sees and nobody has asked for yet; yields between slices. Raises BadSignals."""
        if self.at_ms is None:
            return
        yield from self._read()
        assert self._queues is not None
        assert self._agents is not None
        assert self._breaks is not None
        yield from self._queues.build(scope)
        yield from self._agents.build(scope)
        yield from self._breaks.build()

    def _read(self) -> Iterator[None]:
        if self._agents is None:
            signals = decode_signals(self._data)
            yield
            self._last_event_ms, self._drivers_off = signals.last_event_ms, signals.drivers_off
            queues, agents = Queues(signals), Agents(signals)
            self._breaks = _Breaks(Breaks(signals, agents, queues), signals.teams)
            self._queues = _Rows(queues, signals.teams, "queue")
            self._agents = _Rows(agents, signals.teams, "agent")
            self._data = b""
            yield

    def agent(self, agent: str) -> AgentSignal | None:
        """One agent's row; None when nothing is known of such an agent. Raises BadSignals."""
        if self.at_ms is None:
            return None
        for _ in self._read():
            pass
        return None if self._agents is None else cast(AgentSignal | None, self._agents.row(agent))

    def data_age_s(self) -> float | None:
        """How old the newest event was at the moment of the view; known once something of it was read."""
        last = self._last_event_ms
        return None if last is None or self.at_ms is None else max(0, self.at_ms - last) / 1000

    def frame(self, scope: Scope, epoch: str, cursor: EntryId, now_ms: int) -> Frame:
        """The `board` frame, ready for the connections. `now_ms` is its time when there were no signals yet."""
        kept = self._frames.get(scope.teams)
        if kept is not None and kept[0] == cursor and self.at_ms is not None:
            return kept[1]
        pieces = self._pieces(BoardFrame(**self._head(epoch, cursor, now_ms)), scope)
        message = b"".join((text_head(sum(map(len, pieces))), *pieces))
        frame = Frame("board", message, mark_of(epoch, cursor))
        if len(self._frames) < SCOPES_MAX or scope.teams in self._frames:
            self._frames[scope.teams] = (cursor, frame)
        return frame

    def body(self, scope: Scope, epoch: str, cursor: EntryId, now_ms: int) -> bytes:
        """JSON for `GET /v1/board`."""
        return b"".join(self._pieces(Board(**self._head(epoch, cursor, now_ms)), scope))

    def team_of(self, type_: SubjectType, id_: str) -> tuple[bool, str | None]:
        """Whether a subject has a row, in or out of anybody's scope, and its team. Only of a view that was built."""
        rows = self._agents if type_ == "agent" else self._queues
        return (False, None) if rows is None else rows.team_of(id_)

    def _head(self, epoch: str, cursor: EntryId, now_ms: int) -> dict[str, Any]:
        at_ms = now_ms if self.at_ms is None else self.at_ms
        return {
            "epoch": epoch,
            "cursor": str(cursor),
            "at": rfc3339(at_ms),
            "queues": [],
            "agents": [],
            "data_age_s": self.data_age_s(),
            "drivers_off": self._drivers_off,
        }

    def _pieces(self, empty: Board | BoardFrame, scope: Scope) -> list[bytes]:
        before, _, after = encode(empty).partition(_NO_ROWS)
        queues = [] if self._queues is None else self._queues.cut(scope)
        agents = [] if self._agents is None else self._agents.cut(scope)
        breaks = [] if self._breaks is None else self._breaks.cut(scope)
        between, _, after = after.partition(_NO_BREAKS)
        rows = [b'"queues":[', *queues, b'],"agents":[', *agents, b"]"]
        return [before, *rows, between, b'"breaks":[', *breaks, b"]", after]


class _Rows:
    """The queues, or the agents, of a view by team; place 0 has those without one, who stand last."""

    __slots__ = ("_encoded", "_index", "_of_team", "_places", "_rows", "_subject")

    def __init__(self, rows: Queues | Agents, teams: Sequence[str], subject: str) -> None:
        self._rows = rows
        self._index: dict[str, int] | None = None
        self._subject = subject
        self._places = {team: place for place, team in enumerate(teams, 1)}
        counts = np.bincount(rows.team, minlength=len(teams) + 1)
        self._of_team = np.split(np.argsort(rows.team, kind="stable"), np.cumsum(counts)[:-1])
        self._encoded: dict[int, bytes] = dict.fromkeys(np.flatnonzero(counts == 0).tolist(), b"")

    def row(self, id: str) -> QueueSignal | AgentSignal | None:
        """One row by its id; the index is made for the first who asks."""
        place = self._place(id)
        return None if place is None else self._rows.rows(np.array([place], np.intp))[0]

    def team_of(self, id_: str) -> tuple[bool, str | None]:
        """See View."""
        place = self._place(id_)
        if place is None:
            return False, None
        of = int(self._rows.team[place])
        return True, next((team for team, at in self._places.items() if at == of), None)

    def _place(self, id_: str) -> int | None:
        if self._index is None:
            self._index = {known: place for place, known in enumerate(self._rows.ids)}
        return self._index.get(id_)

    def _seen(self, scope: Scope) -> Sequence[int]:
        if EVERY_TEAM in scope.teams:
            return [*range(1, len(self._of_team)), 0]
        own = sorted(self._places[team] for team in scope.teams if team in self._places)
        return [*own, 0] if scope.sees(None, self._subject) else own

    def build(self, scope: Scope) -> Iterator[None]:
        """See View."""
        missing = [place for place in self._seen(scope) if place not in self._encoded]
        if not missing:
            return
        order = np.concatenate([self._of_team[place] for place in missing])
        parts: dict[int, list[bytes]] = {place: [] for place in missing}
        for start in range(0, order.size, SLICE_ROWS):
            r = order[start : start + SLICE_ROWS]
            rows, team = self._rows.rows(r), self._rows.team[r]
            cuts = [0, *(np.flatnonzero(np.diff(team)) + 1).tolist(), r.size]
            for begin, end in pairwise(cuts):
                parts[int(team[begin])].append(encode(rows[begin:end])[1:-1])
            yield
        self._encoded.update({place: b",".join(of_team) for place, of_team in parts.items()})

    def cut(self, scope: Scope) -> list[bytes]:
        """What the scope sees, with the commas between."""
        pieces: list[bytes] = []
        for place in self._seen(scope):
            if encoded := self._encoded[place]:
                pieces += (b",", encoded)
        return pieces[1:]


class _Breaks:
    """Who is due for a break, in the order of need for every scope; each of them is encoded once."""

    __slots__ = ("_due", "_encoded", "_place_of", "_team")

    def __init__(self, due: Breaks, teams: Sequence[str]) -> None:
        self._due = due
        self._team: list[int] = due.team.tolist()
        self._place_of = {team: place for place, team in enumerate(teams, 1)}
        self._encoded: list[bytes] = []

    def build(self) -> Iterator[None]:
        """See View."""
        while len(self._encoded) < len(self._team):
            begin = len(self._encoded)
            rows = self._due.rows(begin, min(begin + SLICE_ROWS, len(self._team)))
            self._encoded += map(encode, rows)
            yield

    def cut(self, scope: Scope) -> list[bytes]:
        """What the scope sees, with the commas between. They are agents, and seen as those are."""
        if EVERY_TEAM in scope.teams:
            seen = self._encoded
        else:
            own = {self._place_of[team] for team in scope.teams if team in self._place_of}
            seen = [encoded for encoded, place in zip(self._encoded, self._team, strict=True) if place in own]
        return [piece for encoded in seen for piece in (b",", encoded)][1:]
