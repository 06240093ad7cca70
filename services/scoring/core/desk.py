"""The desk: live alerts, what happens to them, and the changes to publish.

Within a moment queue alerts go first, then agents, then the feed, each in the order of its rows, so that a queue alert
that opens speaks for its agents at once, and one that resolves frees them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scoring.core import wording
from services.scoring.core.alert_kinds import AGENT, FEED, KINDS, QUEUE
from services.scoring.core.alert_phases import WORDS, P, T
from services.scoring.core.alerting import BORNE_SHARE, CRITICAL, NOTICE, SEVERITY_WORDS, WARNING, Lines, Watch, Watcher
from services.scoring.core.floor import Floor
from services.scoring.core.live import Live, step, tombstone
from services.scoring.core.parameters import ALERT_RULES, Parameters
from services.scoring.core.silence import Silence
from services.scoring.core.subjects import Subjects
from services.scoring.core.wording_say import suggested
from shared.contract.actions import Acknowledged, Action, Assigned, Closed, Noted, Snoozed
from shared.contract.alerts import Alert, encode_alert
from shared.contract.events import rfc3339

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

HISTORY_MAX = 50
"""Changes kept on an alert; enough for a shift, and a loop of actions cannot grow it for ever."""

_TRIGGERS: dict[type[Action], T] = {
    Acknowledged: T.ACKNOWLEDGED,
    Assigned: T.ASSIGNED,
    Snoozed: T.SNOOZED,
    Closed: T.CLOSED,
    Noted: T.NOTED,
}


class Desk:
    """Live alerts of one partition."""

    def __init__(self, floor: Floor, silence: Silence) -> None:
        self._floor = floor
        self._silence = silence
        self._subjects = Subjects(floor)
        self._names = {kind: self._subjects.names(of.subject) for kind, of in KINDS.items()}
        self.watches = {kind: Watch() for kind in KINDS}
        self.live: dict[str, Live] = {}
        self._of_row: dict[tuple[str, int], str] = {}
        self._forget_lines()
        self._parameters: Parameters | None = None
        self._changes: list[bytes] = []
        self._new_id: Callable[[], str] = str

    # --- rules

    def tune(self, parameters: Parameters) -> None:
        """Take parameters into force."""
        self._parameters = parameters
        self._forget_lines()

    def _forget_lines(self) -> None:
        self._lines = {kind: _grown(None, 0) for kind in KINDS}
        self._known = dict.fromkeys(KINDS, 0)  # rows of each that have their rules

    def lines(self, kind: str) -> Lines:
        """Rules of a kind, for all its rows."""
        size = len(self._names[kind].text)
        if size > self._known[kind]:
            self._cover(kind, size)
        return self._lines[kind]

    def _cover(self, kind: str, size: int) -> None:
        """Rules of the new rows; the old ones stand as they are until the parameters change."""
        assert self._parameters is not None, "tune before use"
        of, known = KINDS[kind].subject, self._known[kind]
        if size > self._lines[kind].open_line.size:
            self._lines[kind] = _grown(self._lines[kind], 2 * size)
        for scope, first, last in self._subjects.scopes(of, known, size, self._parameters):
            for key, value in scope.alerts[kind].items():
                getattr(self._lines[kind], key)[first:last] = value
        if (
            kind == FEED
        ):  # silence out of the ordinary is told sooner, if it is over the line at which it is told to end
            of_feed = self._lines[kind]
            sooner_s = np.maximum(self._silence.lines_s(size), of_feed.close_line[:size])
            of_feed.open_line[:size] = np.minimum(of_feed.open_line[:size], sooner_s)
        self._known[kind] = size
        self.watches[kind].cover(size)

    def draw_anew(self, kind: str) -> None:
        """What is usual has moved: the lines of a kind are drawn anew when they are next asked for."""
        self._known[kind] = 0

    # --- moments

    def begin(self, new_id: Callable[[], str]) -> None:
        """A new entry: `new_id` names alerts that open in it."""
        self._changes = []
        self._new_id = new_id

    def take_changes(self) -> list[bytes]:
        """Changes since `begin`, in order."""
        return self._changes

    def watcher(self, kind: str, running_ms: int) -> Watcher:
        """See Watch.watcher."""
        return self.watches[kind].watcher(self.lines(kind), running_ms)

    def hot(self, kind: str, r: Rows, lowest: Floats, highest: Floats, running_ms: int) -> NDArray[np.uint8]:
        """See Watch.hot."""
        lines = self.lines(kind)
        return self.watches[kind].hot(r, lowest, highest, running_ms, lines)

    def moment(
        self, kind: str, r: Rows, value: Floats, at_ms: int, running_ms: int, borne: Floats | None = None
    ) -> list[tuple[int, T]]:
        """Let happen what is due for these rows at one moment, and say what; `value` is [rows]. See Watch.scan."""
        if r.size == 0:
            return []
        watch, lines = self.watches[kind], self.lines(kind)
        if borne is None:
            borne = np.zeros(r.size)
        happens = watch.scan(r, value, running_ms, lines, borne)
        for i, trigger in happens:
            row, strain = int(r[i]), float(value[i])
            critical = strain >= float(lines.critical_line[row])
            if trigger is T.HELD:
                speaker = self._speaker(row) if kind == AGENT and not critical else None
                covered = speaker is not None and bool(borne[i] >= BORNE_SHARE)
                self._open(kind, row, T.COVERED if covered else T.HELD, strain, critical, at_ms, running_ms, speaker)
            elif trigger is T.CALMED:
                self._resolve(kind, row, trigger, strain, at_ms, running_ms)
            else:
                if trigger is T.WORSENED:
                    watch.severity[row] = CRITICAL
                self._change(kind, row, trigger, strain, at_ms, running_ms)
        return happens

    def _open(
        self,
        kind: str,
        row: int,
        trigger: T,
        strain: float,
        critical: bool,
        at_ms: int,
        running_ms: int,
        speaker: Live | None,
    ) -> None:
        watch = self.watches[kind]
        if watch.go(row, trigger, running_ms) is None:
            return
        watch.severity[row] = NOTICE if KINDS[kind].notice else CRITICAL if critical else WARNING
        live = Live(
            id=self._new_id(),
            kind=kind,
            row=row,
            opened_ms=at_ms,
            owner=None,
            history=[],
            evidence=self._evidence(kind, row),
            suppresses=[],
            covered_by=speaker.id if trigger is T.COVERED and speaker else None,
            strain=strain,
            team=self._subjects.team(KINDS[kind].subject, row),
        )
        self.live[live.id] = live
        self._of_row[kind, row] = live.id
        self._publish(live, trigger, at_ms)
        if live.covered_by and speaker:
            speaker.suppresses.append(live.id)
            self._tell_speaker(speaker, at_ms)

    def _change(
        self, kind: str, row: int, trigger: T, strain: float, at_ms: int, running_ms: int, action: Action | None = None
    ) -> bool:
        watch = self.watches[kind]
        new = watch.go(row, trigger, running_ms)
        if new is None:
            return False
        live = self.live[self._of_row[kind, row]]
        live.strain = strain
        speaker = None if new is P.SUPPRESSED else self._uncovered(live)
        if action is not None:
            live.owner = action.to if isinstance(action, Assigned) else live.owner
            if isinstance(action, Acknowledged):
                live.owner = action.by
            if isinstance(action, Snoozed):
                watch.snoozed_until[row] = running_ms + action.for_s * 1000
        elif new is P.OPEN:
            live.owner = None  # it came back by itself: whoever takes it on now is first again
        live.evidence = self._evidence(kind, row) or live.evidence
        self._publish(live, trigger, at_ms, action=action)
        self._tell_speaker(speaker, at_ms)
        return True

    def gap(self, gap_ms: int) -> None:
        """Nobody watched for so long, and holds stood still. A lead was told by the clock when a snooze is over."""
        for watch in self.watches.values():
            watch.snoozed_until[watch.phase == P.SNOOZED] -= gap_ms

    def _resolve(
        self, kind: str, row: int, trigger: T, strain: float, at_ms: int, running_ms: int, action: Action | None = None
    ) -> bool:
        watch = self.watches[kind]
        severity = int(watch.severity[row])
        if watch.go(row, trigger, running_ms) is None:
            return False
        live = self.live.pop(self._of_row.pop((kind, row)))
        live.strain = strain
        self._publish(live, trigger, at_ms, severity=severity, phase=P.NONE, action=action)
        self._tell_speaker(self._uncovered(live), at_ms)
        if kind == QUEUE:
            self._free_those_under(live, at_ms, running_ms)
        return True

    def _free_those_under(self, speaker: Live, at_ms: int, running_ms: int) -> None:
        """The queue alert is over: agents who are still over their line are told now, the others are done."""
        for alert_id in speaker.suppresses:
            covered = self.live.get(alert_id)
            if covered is None or covered.covered_by != speaker.id:
                continue
            row = covered.row
            strain = float(self._floor.judge_agents(np.array([row]), at_ms)[2][0])
            if strain >= float(self.lines(AGENT).open_line[row]):
                self._change(AGENT, row, T.UNCOVERED, strain, at_ms, running_ms)
            else:
                self._resolve(AGENT, row, T.CALMED, strain, at_ms, running_ms)

    def _uncovered(self, live: Live) -> Live | None:
        """No queue alert speaks for it any more; the one that did and goes on, with its list put right."""
        speaker = self.live.get(live.covered_by or "")
        live.covered_by = None
        if speaker is not None:
            speaker.suppresses.remove(live.id)
        return speaker

    def _tell_speaker(self, speaker: Live | None, at_ms: int) -> None:
        """Its list of suppressed alerts is another now."""
        if speaker is not None:
            self._publish(speaker, T.NOTED, at_ms, history=False)

    def _evidence(self, kind: str, row: int) -> list[str]:
        own = KINDS[kind].evidence
        return own(self._floor, row) if own else self._subjects.evidence(KINDS[kind].subject, row)

    def _speaker(self, agent: int) -> Live | None:
        queue = int(self._floor.agents.queue[agent])
        found = self._of_row.get((QUEUE, queue)) if queue >= 0 else None
        return self.live[found] if found else None

    # --- actions of leads

    def act(self, action: Action, at_ms: int, running_ms: int) -> bool:
        """Apply a lead's action; False when the table knows no such step, or somebody else was first, or it is over."""
        live = self.live.get(action.alert)
        if live is None or self._subjects.tenant_name(KINDS[live.kind].subject, live.row) != action.tenant:
            return False
        if action.seen_owner is not None and action.seen_owner != (live.owner or ""):
            return False
        trigger = _TRIGGERS[type(action)]
        if trigger is T.CLOSED:
            return self._resolve(live.kind, live.row, trigger, live.strain, at_ms, running_ms, action)
        return self._change(live.kind, live.row, trigger, live.strain, at_ms, running_ms, action)

    def publish_all(self, at_ms: int, told_until_ms: int | None = None) -> None:
        """The present form of every live alert, after a change of engine; or of those told last up to a moment."""
        for live in list(self.live.values()):
            if told_until_ms is None or live.told_ms <= told_until_ms:
                self._publish(live, T.NOTED, at_ms, history=False)

    def follow_teams(self, at_ms: int) -> None:
        """Hand live alerts whose subject is in another team now to that team's leads; those before are told it is over.

        Who sees an alert is decided by the team that a change names: the last change that a lead sees must end it.
        """
        for live in list(self.live.values()):
            team = self._subjects.team(KINDS[live.kind].subject, live.row)
            if team == live.team:
                continue
            before = list(live.history)
            self._publish(live, T.MOVED, at_ms, phase=P.NONE)
            live.team, live.history = team, before
            self._publish(live, T.MOVED, at_ms)

    def forget(self, kind: str, row: int, tenant: str, at_ms: int) -> None:
        """Of a kind, nothing is known of a row any more: its live alert ends without a word about it."""
        if row < self.watches[kind].n:
            self.watches[kind].reset_row(row)
        found = self._of_row.pop((kind, row), None)
        if found is not None:
            live = self.live.pop(found)
            self._changes.append(encode_alert(tombstone(live, tenant, at_ms)))
            self._tell_speaker(self._uncovered(live), at_ms)

    # --- what is published

    def tell(self, alert: Alert) -> None:
        """Publish an alert that has no life of its own; it gets its id here."""
        alert.id = self._new_id()
        self._changes.append(encode_alert(alert))

    def _publish(
        self,
        live: Live,
        trigger: T,
        at_ms: int,
        *,
        history: bool = True,
        severity: int | None = None,
        phase: P | None = None,
        action: Action | None = None,
    ) -> None:
        watch = self.watches[live.kind]
        now = P(int(watch.phase[live.row])) if phase is None else phase
        word: Any = WORDS[now]
        grade: Any = SEVERITY_WORDS[int(watch.severity[live.row]) if severity is None else severity]
        at, live.told_ms = rfc3339(at_ms), at_ms
        if history:
            live.history.append(step(at, word, grade, trigger, action, at_ms))
            del live.history[: -HISTORY_MAX or None]
        of = KINDS[live.kind].subject
        subject = self._subjects.subject(of, live.row)
        said = KINDS[live.kind].say(self._floor, self._silence, live.row, at_ms)
        live.evidence = said.evidence or live.evidence
        title, title_zh = wording.title(said.title, subject.id, said.silence_s, said.count)
        alert = Alert(
            id=live.id,
            kind=live.kind,  # type: ignore[arg-type]
            severity=grade,
            phase=word,
            tenant=self._subjects.tenant_name(of, live.row),
            team=live.team,
            subject=subject,
            strain=said.strain,
            title=title,
            title_zh=title_zh,
            drivers=said.drivers,
            evidence=live.evidence,
            action=suggested(said.action),
            opened_at=rfc3339(live.opened_ms),
            updated_at=at,
            owner=live.owner,
            history=live.history,
            suppresses=live.suppresses,
        )
        self._changes.append(encode_alert(alert))

    # --- checkpoints

    def pack(self) -> dict[str, Any]:
        """All state of the desk."""
        return {
            "watches": {kind: watch.pack() for kind, watch in self.watches.items()},
            "live": [msgspec.to_builtins(live) for live in self.live.values()],
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        for kind, watch in packed["watches"].items():
            self.watches[kind].unpack(watch)
        self.live = {live.id: live for live in msgspec.convert(packed["live"], list[Live])}
        self._of_row = {(live.kind, live.row): live.id for live in self.live.values()}
        self._forget_lines()


def _grown(lines: Lines | None, size: int) -> Lines:
    """The same rules, with room for so many rows. A kind without a critical line is never critical."""
    room = [np.full(size, np.inf if key == "critical_line" else 0.0) for key in ALERT_RULES[QUEUE]]
    if lines is not None:
        for column, key in zip(room, ALERT_RULES[QUEUE], strict=True):
            column[: getattr(lines, key).size] = getattr(lines, key)
    return Lines(*room)
