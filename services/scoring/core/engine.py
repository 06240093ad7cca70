"""The engine: a deterministic state machine over the events log.

`step(entry)` first lets every whole second pass since the entry before, then applies the entry, then judges what it
touched. It reads no clock, no network, no environment. Same log, same output, bit for bit, however entries are read.

Seconds at which no output can change are left out: a row is *hot* while it has an alert or could reach its line before
the next whole minute; only hot rows are judged each second. Hotness is state, so leaving out is deterministic too.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scoring.core import handle_alerts, holds, learnt
from services.scoring.core.alert_kinds import AGENT, FEED, QUEUE
from services.scoring.core.breaks import Rule
from services.scoring.core.care import Care
from services.scoring.core.desk import Desk
from services.scoring.core.floor import Floor
from services.scoring.core.intake import by_tenant, screen
from services.scoring.core.orders import Forget, forget_agent, is_new
from services.scoring.core.parameters import LATENESS_S, Parameters, default_parameters, load_parameters
from services.scoring.core.report import Report, board
from services.scoring.core.seconds import first_due, touch_agents, touch_queues
from services.scoring.core.seen import MARGIN_MS, Seen
from services.scoring.core.silence import Silence
from services.scoring.core.subjects import Subjects
from services.scoring.core.surge_alerts import SurgeAlerts
from services.scoring.core.tables import joined, longer
from services.scoring.core.tally_minutes import minute_tallies
from shared.contract.actions import Action
from shared.contract.baseline import Baseline
from shared.contract.block import event_ids
from shared.contract.entries import START, EngineMark, Entry, EntryId, Events, Settings, alert_id_of, parse_entry
from shared.contract.signals import TenantSignals

Rows = NDArray[np.intp]
Marks = Literal["none", "seconds", "minutes"]

GAP_MS = 30_000
"""A longer jump between entries is a gap: nobody watched, so holds and silence do not run through it."""
MINUTE_MS = 60_000
SNAPSHOT_VERSIONS = (5, 6)  # that are read; the last is written. 5 had no beginning of a rest
_NO_ROWS: Rows = np.empty(0, np.intp)
# Tables are packed as the encoder comes to them: memory for one at a time, used again, is several times as fast.
_encoder = msgspec.msgpack.Encoder(enc_hook=lambda table: table.pack())


class Engine:
    """One partition's engine. After any exception from `step` it must be restored before further use."""

    def __init__(self, *, clock_gaps: bool = True, marks: Marks = "seconds") -> None:
        self._clock_gaps = clock_gaps
        self._marks = marks
        self.position: EntryId = START
        self.settings_revision = 0
        self.settings_digest = ""
        self.engine_name = ""
        self._document: Mapping[str, Any] = {"revision": 0}
        self._utc_offsets: dict[str, list[tuple[int, int]]] = {}
        self._bounds: list[tuple[EntryId, int, int]] = []  # (from, lateness ms, late before ms), oldest first
        self._seen_from_ms = 0
        self._seen = Seen()
        self._floor = Floor()
        self._silence = Silence()
        self._desk = Desk(self._floor, self._silence)
        self._care = Care(self._floor, self._desk)
        self._surges = SurgeAlerts(self._floor.surges, self._desk, Subjects(self._floor))
        self._hot_agents, self._hot_queues = np.zeros(0, np.uint8), np.zeros(0, np.uint8)
        self._ordinal = 0
        self._tune(default_parameters())

    def _tune(self, parameters: Parameters) -> None:
        self.lateness_ms = round(parameters.lateness_s * 1000)
        """How old an event may be."""
        self._floor.tune(parameters)
        self._desk.tune(parameters)

    # --- restart

    @property
    def floor(self) -> Floor:
        """All that is known, to read."""
        return self._floor

    @property
    def recall_from_ms(self) -> int:
        """After a restore, entries from here up to `position` must be shown to `recall`."""
        return self._seen_from_ms

    @property
    def live_told_ms(self) -> int | None:
        """When the live alert of which nothing was told for longest was last told; None when none is live."""
        return min((live.told_ms for live in self._desk.live.values()), default=None)

    def _late_before_ms(self, entry: EntryId) -> int:
        """Events older than this are late at an entry, by the bound that was in force there.

        What was late when the bound was raised stays late: its id was not kept, so a repeat of it would count as new.
        """
        for since, lateness_ms, floor_ms in reversed(self._bounds):
            if since <= entry:
                return max(entry.ms - lateness_ms, floor_ms)
        return entry.ms - round(LATENESS_S.default * 1000)

    def snapshot(self) -> bytes:
        """All state but the event ids seen (they are in the log)."""
        return _encoder.encode(
            {
                "version": SNAPSHOT_VERSIONS[-1],
                "position": list(self.position),
                "settings": [self.settings_revision, self.settings_digest, self._document],
                "utc_offsets": self._utc_offsets,
                "engine": self.engine_name,
                "bounds": [[str(since), lateness_ms, floor_ms] for since, lateness_ms, floor_ms in self._bounds],
                "seen_from_ms": self._seen_from_ms,
                "floor": self._floor.pack(),
                "desk": self._desk.pack(),
                "silence": self._silence.pack(),
                "care": self._care.pack(),
                "hot_agents": self._hot_agents.tobytes(),
                "hot_queues": self._hot_queues.tobytes(),
            }
        )

    @classmethod
    def restore(cls, snapshot: bytes | None, *, clock_gaps: bool = True, marks: Marks = "seconds") -> Engine:
        """An engine as it was, or a new one. Raises ValueError for a snapshot of another version."""
        engine = cls(clock_gaps=clock_gaps, marks=marks)
        if snapshot is None:
            return engine
        state = msgspec.msgpack.decode(snapshot, strict=False)
        if state["version"] not in SNAPSHOT_VERSIONS:
            raise ValueError(f"snapshot version {state['version']}, this engine reads {SNAPSHOT_VERSIONS}")
        engine.position = EntryId(*state["position"])
        engine.settings_revision, engine.settings_digest, engine._document = state["settings"]
        engine._utc_offsets = {
            zone: [(from_ms, offset_s) for from_ms, offset_s in changes]
            for zone, changes in state["utc_offsets"].items()
        }
        engine.engine_name = state["engine"]
        engine._bounds = [(EntryId.parse(since), lateness, floor) for since, lateness, floor in state["bounds"]]
        engine._seen_from_ms = state["seen_from_ms"]
        engine._seen.forget(engine._seen_from_ms)
        engine._floor.unpack(state["floor"])
        engine._desk.unpack(state["desk"])
        engine._silence.unpack(state["silence"])
        engine._care.unpack(state["care"])
        engine._hot_agents = np.frombuffer(state["hot_agents"], np.uint8).copy()
        engine._hot_queues = np.frombuffer(state["hot_queues"], np.uint8).copy()
        engine._tune(load_parameters(engine._document, engine._utc_offsets))
        return engine

    def share_seen(self, seen: Seen) -> None:
        """Right after a restore: know the ids that were recalled before, which `recall` adds to."""
        self._seen = seen
        seen.forget(self._seen_from_ms)

    def recall(self, entry: Entry) -> None:
        """Remember the event ids of an entry at or before `position`. Never raises for poison: it was skipped."""
        with suppress(ValueError, msgspec.MsgspecError):
            if (data := entry.fields.get(b"b")) is not None:
                for tenant, ids in event_ids(data, self._late_before_ms(entry.id)):
                    if ids.size and (code := self._floor.registers.tenants.find(0, tenant)) is not None:
                        self._seen.fresh(ids, code, entry.id.ms)
            elif b"a" in entry.fields and isinstance(action := parse_entry(entry.fields), Action):
                is_new(action, self._seen, self._floor.registers, entry.id.ms)

    # --- the step

    def step(self, entry: Entry) -> Report:
        """Apply one entry.

        Raises what `parse_entry` raises: NewerBlock must stop the reader, everything else is poison.
        """
        body = parse_entry(entry.fields)
        now_ms = entry.id.ms
        report = Report(position=entry.id)
        self._ordinal = 0
        self._desk.begin(lambda: self._alert_id(entry.id))
        self._pass_time(now_ms, report)
        self._seen_from_ms = max(self._seen_from_ms, now_ms - self.lateness_ms - MARGIN_MS)
        self._seen.forget(self._seen_from_ms)
        agents = queues = _NO_ROWS
        tenants: list[int] = []
        if isinstance(body, Events):
            agents, queues, tenants = self._events(body, now_ms, report)
        elif isinstance(body, Action):
            if is_new(body, self._seen, self._floor.registers, now_ms):
                self._desk.act(body, now_ms, now_ms - self._silence.gap_total_ms)
                self._heat(now_ms)  # an action moves timers
        elif isinstance(body, Settings):
            self._settings(body, entry.id)
        elif isinstance(body, Baseline):
            number = learnt.take_new(self._floor, body, now_ms, report.counts)
            self._silence.cover(number, now_ms - self._silence.gap_total_ms)
            if "learnt" in report.counts:
                self._heat(now_ms)
        elif isinstance(body, Forget):
            if forget_agent(self._floor, self._desk, body, now_ms):
                self._heat(now_ms)
        elif isinstance(body, EngineMark):
            self.engine_name = body.engine
            self._desk.publish_all(now_ms)
        self._judge_touched(agents, queues, tenants, now_ms)
        self.position = entry.id
        changes = self._desk.take_changes()
        report.alerts = [(alert_id_of(entry.id, i), data) for i, data in enumerate(changes)]
        return report

    def _alert_id(self, cause: EntryId) -> str:
        self._ordinal += 1
        return f"{cause.ms:x}-{cause.seq:x}-{self._ordinal:x}"

    def _settings(self, settings: Settings, entry: EntryId) -> None:
        before = self.lateness_ms
        # A log without an event yet has no id that was not kept.
        floor_ms = self._late_before_ms(entry) if self._floor.registers.tenants.text else 0
        self._document, self._utc_offsets = settings.document, settings.utc_offsets
        self.settings_revision, self.settings_digest = settings.revision, settings.digest
        self._tune(load_parameters(settings.document, settings.utc_offsets))
        if self.lateness_ms != before:
            needed = [i for i, bound in enumerate(self._bounds) if bound[0].ms < self._seen_from_ms]
            self._bounds = self._bounds[needed[-1] if needed else 0 :]
            self._bounds.append((entry, self.lateness_ms, floor_ms))
        self._heat(entry.ms)
        self._desk.follow_teams(entry.ms)  # of queues

    # --- time

    def _pass_time(self, now_ms: int, report: Report) -> None:
        """Let whole seconds pass, from after the previous entry up to `now_ms`; in a gap only the last one."""
        before_ms = self.position.ms
        if self.position == START:
            return
        first, last = (before_ms // 1000 + 1) * 1000, now_ms // 1000 * 1000
        if self._clock_gaps and now_ms - before_ms > GAP_MS:
            report.gap_ms = now_ms - before_ms
            self._silence.gap_total_ms += report.gap_ms
            self._floor.surges.gap(before_ms, now_ms)
            self._desk.gap(report.gap_ms)
            first = last
        at = first
        while at <= last:
            self._hold(last)
            if at >= self._floor.pools_due_ms:
                self._floor.refresh(at)
                report.tallies.extend(minute_tallies(self._floor, at))
                handle_alerts.announce(self._floor, self._desk, at)
                self._surges.announce(at)
                self._heat(at)
                if self._silence.learn(at - self._silence.gap_total_ms):
                    self._desk.draw_anew(FEED)
                    self._hold(last)
            next_minute = (at // MINUTE_MS + 1) * MINUTE_MS
            due = min(next_minute, max(self._floor.pools_due_ms, at + 1000))
            end = min(last, (due - 1) // 1000 * 1000)
            if at % MINUTE_MS == 0:
                report.signals.extend(self._board(at) if self._marks == "minutes" else ())
                self._care.minute(at, at - self._silence.gap_total_ms)
            self._pass_seconds(at, end)
            at = end + 1000
        if self._marks == "seconds" and first <= last:
            report.signals = self._board(last)
        for signals in report.signals:
            signals.position = str(report.position)

    def _hold(self, last_ms: int) -> None:
        """Let the queues of a feed stand still from the moment at which its silence is told."""
        holds.hold(self._floor.queues, self._silence, self._desk.lines(FEED).open_line, last_ms)

    def _board(self, at_ms: int) -> list[TenantSignals]:
        n, lines = self._floor.agents.n, self._desk.lines(AGENT)
        rule = Rule(lines.open_line[:n], lines.close_line[:n], self._desk.watches[AGENT].phase[:n] != 0)
        return board(self._floor, at_ms, self._silence.event_ms, rule)

    def _pass_seconds(self, first: int, last: int) -> None:
        """Judge hot rows at each whole second from `first` to `last`."""
        queues, agents = np.flatnonzero(self._hot_queues), np.flatnonzero(self._hot_agents)
        lines, phase = self._desk.lines(FEED).open_line, self._desk.watches[FEED].phase
        tenants = self._silence.watched(last - self._silence.gap_total_ms, lines, phase)
        surges = self._surges.watched()
        while first <= last:
            now = self._first_due(first, last, queues, agents, tenants)
            now = self._surges.first_due(first, last, self._silence.gap_total_ms, surges, now)
            if now < 0:
                return
            run = now - self._silence.gap_total_ms
            # All of a moment is judged before anything happens in it.
            of_queues = self._floor.judge_queues(queues, now, drivers=False)[1]
            of_agents = self._floor.judge_agents(agents, now, drivers=False)[0]
            self._desk.moment(QUEUE, queues, of_queues, now, run)
            self._desk.moment(AGENT, agents, of_agents.strain, now, run, of_agents.borne)
            self._surges.moment(surges, now, run)
            self._desk.moment(FEED, tenants, self._silence.table(tenants, np.array([run]))[0], now, run)
            self._care.second(now, run)
            first = now + 1000

    def _first_due(self, first: int, last: int, queues: Rows, agents: Rows, tenants: Rows) -> int:
        run = first - self._silence.gap_total_ms
        cared = self._care.first_due(first, last, self._silence.gap_total_ms)
        if not (queues.size or agents.size or tenants.size):
            return cared
        due = first_due(
            first,
            last if cared < 0 else cared,
            self._silence.gap_total_ms,
            (queues, self._floor.queue_rows(), self._desk.watcher(QUEUE, run)),
            (agents, self._floor.agent_rows(), self._desk.watcher(AGENT, run)),
            (tenants, self._silence.since(tenants), self._desk.watcher(FEED, run)),
        )
        return cared if due < 0 else due

    # --- events

    def _events(self, events: Events, now_ms: int, report: Report) -> tuple[Rows, Rows, list[int]]:
        """Apply events; the rows of agents and of queues, and the tenants, that they touched."""
        agents, queues = list[Rows](), list[Rows]()
        tenants: list[int] = []
        released = False
        sources = list(self._floor.sources)
        running_ms = now_ms - self._silence.gap_total_ms
        report.counts["events"] = events.block.n
        for name, rows in by_tenant(events.block):
            tenant = self._floor.registers.tenants.row(0, name)
            self._silence.cover(tenant + 1, running_ms)
            self._floor.cover_tenants()
            late_before_ms = self._late_before_ms(report.position)
            screened = screen(events, rows, tenant, now_ms, late_before_ms, self._seen, self._floor.registers)
            if screened.late or screened.repeated or screened.ahead or screened.unnamed:
                report.count(
                    late=screened.late, repeated=screened.repeated, ahead=screened.ahead, unnamed=screened.unnamed
                )
            if screened.oldest_late_ms and not screened.repeated:  # what is sent again says nothing of the clock
                self._silence.heard_late(tenant, screened.oldest_late_ms, now_ms)
            if screened.batch is None:
                continue
            touched_agents, touched_queues = self._floor.apply(screened.batch, now_ms)
            self._care.hear(screened.batch)
            agents.append(touched_agents)
            queues.append(touched_queues)
            tenants.append(tenant)
            self._silence.heard(tenant, now_ms, running_ms)
            released |= holds.release(self._floor.queues, tenant, now_ms)
        report.counts |= self._floor.take_contradictions()
        if self._floor.take_team_changes():
            self._desk.follow_teams(now_ms)
        if released or self._floor.sources != sources:
            self._heat(now_ms)  # a driver came on, or queues move again: it counts for rows, too, that no event touched
        return joined(agents), joined(queues), tenants

    def _judge_touched(self, agents: Rows, queues: Rows, tenants: list[int], now_ms: int) -> None:
        """Judge at the entry what the entry touched, and decide which rows stay hot."""
        run = now_ms - self._silence.gap_total_ms
        if agents.size or queues.size:
            self._cover()
        if queues.size:
            # Queues share agents: where a contact waits, all queues that share its agents are watched.
            near, hot, strain = self._floor.near(queues), self._hot_queues, self._floor.queues.strain
            watch = self._desk.watcher(QUEUE, run)
            due, (value, low, high) = touch_queues(near, queues, now_ms, self._floor.queue_rows(), watch, hot, strain)
            if due.size:
                self._desk.moment(QUEUE, due, value, now_ms, run)
                hot[due] = self._desk.hot(QUEUE, due, low, high, run)
        if agents.size:
            hot, watch = self._hot_agents, self._desk.watcher(AGENT, run)
            due, (value, low, high, borne) = touch_agents(agents, now_ms, self._floor.agent_rows(), watch, hot)
            if due.size:
                self._desk.moment(AGENT, due, value, now_ms, run, borne)
                hot[due] = self._desk.hot(AGENT, due, low, high, run)
        self._care.touched(agents, now_ms, run)
        # Only the feeds that just spoke: a tick, or another tenant's event, must not be the moment of a change.
        if spoke := [t for t in tenants if self._desk.watches[FEED].phase[t]]:
            feeds = np.array(spoke, np.intp)
            self._desk.moment(FEED, feeds, self._silence.table(feeds, np.array([run]))[0], now_ms, run)

    # --- which rows must be judged each second

    def _heat(self, at_ms: int) -> None:
        """Decide anew for all rows, until the next whole minute."""
        self._cover()
        agents, queues = np.arange(self._floor.agents.n), np.arange(self._floor.queues.n)
        run = at_ms - self._silence.gap_total_ms
        if agents.size:
            of_agents = self._floor.judge_agents(agents, at_ms, drivers=False)[0]
            self._hot_agents[agents] = self._desk.hot(AGENT, agents, of_agents.lowest, of_agents.highest, run)
        if queues.size:
            of_queues = self._floor.judge_queues(queues, at_ms, drivers=False)[0]
            self._hot_queues[queues] = self._desk.hot(QUEUE, queues, of_queues.lowest, of_queues.highest, run)
        self._care.heat(at_ms, run)

    def _cover(self) -> None:
        self._hot_agents = longer(self._hot_agents, self._floor.agents.n)
        self._hot_queues = longer(self._hot_queues, self._floor.queues.n)
