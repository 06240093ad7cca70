"""The scorer of one partition: waits for the lease, restores, then reads, steps, publishes and checkpoints.

Whatever goes wrong - the lease lost, the log away, an entry on which the engine fails - ends the tenure, and the next
one begins at the checkpoint. So there is one way back, and it is walked at every start.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

import structlog

from services.scoring.checkpoint import foresee, restore
from services.scoring.measures import Tally
from services.scoring.place import Place
from services.scoring.recollection import Recollection
from services.scoring.tenure import PoisonFound, Tenure
from shared.clock import Clock
from shared.contract.block import NewerBlock
from shared.contract.entries import EntryId, Settings
from shared.log import Fenced, Lease, Log, LogUnavailable
from shared.log_rules import STANDBY
from shared.tracing import Tracing

_logger = structlog.get_logger(__name__)


class SettingsConflict(RuntimeError):
    """The settings file has the revision that is in force, but says something else. Give it a higher revision."""


class Phase(StrEnum):
    """Where a scorer stands; the words of `/readyz`."""

    STANDBY = "standby"
    RESTORING = "restoring"
    RUNNING = "running"
    NEWER_BLOCK = "newer block"
    LOG_AWAY = "log away"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Timing:
    """Real time; nothing of it reaches a score. The defaults are product choices with the reasons beside them."""

    lease_ms: int = 5_000  # a dead owner is replaced within seconds, a pause of a second or two loses nothing
    renew_s: float = 1.5  # two renewals may fail before the lease ends
    claim_s: float = 0.5  # how often a standby asks: with the lease, 5.5 s at most until it restores
    tick_ms: int = 1_000  # the engine thinks in whole seconds
    checkpoint_s: float = 30.0  # what is re-read after a crash; a second's work
    trim_s: float = 60.0
    wait_s: float = 2.0  # a standby's, before it first asks: those whose partitions these are start at the same time
    give_way_s: float = 30.0  # for so long a scorer has to ask a standby; one that keeps falling over gets nothing back
    backoff_s: tuple[float, float] = (0.1, 1.0)  # with that of the link back within two seconds of the store


@dataclass(frozen=True, slots=True)
class Status:
    """What a person should know of a partition. `detail` says why when it does not run."""

    partition: int
    phase: Phase
    position: EntryId | None
    lag_s: float | None
    checkpoint_age_s: float | None
    detail: str
    since_ms: int = 0
    """Since when it is in this phase."""
    event_age_s: float | None = None
    """Age of the newest entry with events; None before the first of this tenure."""
    settings_fault: str | None = None
    """Why the settings given are not those in force."""


class Scorer:
    """One partition. `run` until `stop`; several scorers may run for the same partition, one of them owns it."""

    def __init__(
        self,
        log: Log,
        partition: int,
        *,
        clock: Clock,
        tally: Tally,
        engine: str,
        settings: Settings | None = None,
        timing: Timing | None = None,
        standby: bool = False,
        tracing: Tracing | None = None,
    ) -> None:
        """A `standby` gives a partition back to a scorer that is not one."""
        self._log = log
        self._tracing = tracing
        self._partition = partition
        self._clock = clock
        self._tally = tally
        self._engine = engine
        self._settings = settings
        self._timing = timing or Timing()
        self._standby = standby
        self._token = (STANDBY if standby else "") + secrets.token_hex(8)
        self._stopping = asyncio.Event()
        self._phase = Phase.RESTORING  # until it is known whether the partition has an owner
        self._detail = ""
        self._since_ms = clock.now_ms()
        self._settings_fault: str | None = None
        self._tenure: Tenure | None = None
        self._place: Place | None = None  # where this process last stood, to notice a loss
        self._recollection = Recollection()
        self._backoff_s = self._timing.backoff_s[0]

    def stop(self) -> None:
        """Finish the entry at hand, publish, checkpoint there, give the lease back; then `run` returns."""
        self._stopping.set()

    def status(self) -> Status:
        """Where it stands now."""
        tenure = self._tenure
        position = tenure.position if tenure else None
        log_ms = self._clock.now_ms() - self._tally.clock_difference_s * 1000
        return Status(
            partition=self._partition,
            phase=self._phase,
            position=position,
            lag_s=max(0.0, (log_ms - position.ms) / 1000) if position and position.ms else None,
            checkpoint_age_s=tenure.checkpoint_age_s() if tenure else None,
            detail=self._detail,
            since_ms=self._since_ms,
            event_age_s=max(0.0, (log_ms - at_ms) / 1000) if tenure and (at_ms := self._tally.last_events_ms) else None,
            settings_fault=self._settings_fault,
        )

    async def run(self) -> None:
        """Until stopped. Raises SettingsConflict; everything else is retried."""
        try:
            if self._standby:
                await self._wait(self._timing.wait_s)
            while not self._stopping.is_set():
                await self._attempt()
        except SettingsConflict as fault:
            self._enter(Phase.FAILED, str(fault))
            raise
        self._enter(Phase.STOPPED)

    async def _attempt(self) -> None:
        try:
            generation = await self._claim()
            if generation is not None:
                await self._own(generation)
        except Fenced as fault:
            _logger.warning("lease lost", partition=self._partition, reason=str(fault))
            self._enter(Phase.STANDBY)
        except PoisonFound:
            pass  # restore and read again, at once
        except NewerBlock as fault:
            await self._release()
            self._enter(Phase.NEWER_BLOCK, str(fault))
            _logger.error("newer block", partition=self._partition, reason=str(fault))
            await self._stopping.wait()
        except LogUnavailable as fault:
            if self._phase is not Phase.LOG_AWAY:
                _logger.warning("log away", partition=self._partition, reason=str(fault))
            self._enter(Phase.LOG_AWAY, str(fault))
            await self._pause()
        except SettingsConflict:
            await self._release()
            raise
        except Exception as fault:  # ours: back to the checkpoint
            _logger.exception("scorer failed", partition=self._partition)
            self._enter(Phase.FAILED, f"{type(fault).__name__}; see the log of this process")
            await self._release()
            await self._pause()

    async def _claim(self) -> int | None:
        """The generation of our ownership, or None when stopped before."""
        looked, foreseeing = False, None
        try:
            while not self._stopping.is_set():
                generation = await self._log.claim(self._partition, self._token, ttl_ms=self._timing.lease_ms)
                if generation is not None:
                    return generation
                if self._phase is not Phase.STANDBY:
                    self._enter(Phase.STANDBY)
                if not looked and (checkpoint := await self._log.load_checkpoint(self._partition)):
                    # A standby that could not start with its settings must say so now, not when it is needed.
                    meta, looked = checkpoint.meta, True
                    self._settings_due(int(meta.get("settings_revision", 0)), meta.get("settings_digest", ""))
                foreseeing = foreseeing or asyncio.create_task(self._foresee())
                await self._wait(self._timing.claim_s)
            return None
        finally:
            if foreseeing is not None:
                foreseeing.cancel()
                await asyncio.wait([foreseeing])

    async def _foresee(self) -> None:
        """As a standby: do what can be done of the next restore, again for each newer checkpoint."""
        while True:
            try:
                await foresee(self._log, self._partition, self._recollection)
            except LogUnavailable:
                pass  # the claims tell of it
            except Exception:  # ours: then the restore does all of it
                _logger.exception("standby cannot prepare", partition=self._partition)
            await asyncio.sleep(max(self._timing.checkpoint_s, self._timing.claim_s))

    async def _own(self, generation: int) -> None:
        self._enter(Phase.RESTORING)
        lost, wanted = asyncio.Event(), asyncio.Event()
        lease = asyncio.create_task(self._keep_lease(lost, wanted))
        try:
            restored = await restore(self._log, self._partition, generation, self._place, self._recollection)
            if restored.new_epoch:
                self._tally.counts["epochs"] += 1
            self._tenure = tenure = Tenure(
                self._log,
                self._partition,
                generation,
                restored,
                clock=self._clock,
                tally=self._tally,
                engine_name=self._engine,
                checkpoint_s=self._timing.checkpoint_s,
                trim_s=self._timing.trim_s,
                tracing=self._tracing,
                halted=lambda: self._stopping.is_set() or lost.is_set() or wanted.is_set(),
            )
            try:
                await self._serve(tenure, lost)
            finally:
                self._place = tenure.place or self._place
                await tenure.abandon()
        finally:
            lease.cancel()
            await asyncio.wait([lease])
        await self._release()

    async def _serve(self, tenure: Tenure, lost: asyncio.Event) -> None:
        # Engine and settings are announced at the end of the log, where it shows whether they have been already.
        while tenure.position < tenure.caught_up_at and not tenure.halted():
            if await tenure.advance(block_ms=0):
                break
            await tenure.keep_house()
        if not tenure.halted():
            await self._announce(tenure)
            self._enter(Phase.RUNNING)
            self._backoff_s = self._timing.backoff_s[0]
            _logger.info("running", partition=self._partition, position=str(tenure.position), epoch=tenure.epoch)
        while not tenure.halted():
            if await tenure.advance(block_ms=self._timing.tick_ms) and not tenure.halted():
                await tenure.append_tick()
            await tenure.keep_house()
        if lost.is_set():
            raise Fenced("The lease ran out before it was renewed.")
        await tenure.finish()
        if not self._stopping.is_set():
            _logger.info("gave way", partition=self._partition, position=str(tenure.position))

    async def _announce(self, tenure: Tenure) -> None:
        """Name the engine and the settings in the log, each once."""
        await tenure.append_engine_mark()
        if self._settings_due(tenure.engine.settings_revision, tenure.engine.settings_digest):
            assert self._settings is not None
            await tenure.append_settings(self._settings)

    def _settings_due(self, revision: int, digest: str) -> bool:
        """Whether our settings must go into the log, where these are in force. Raises SettingsConflict."""
        given = self._settings
        if given is None or (given.revision, given.digest) == (revision, digest):
            return False
        if given.revision == revision:
            raise SettingsConflict(
                f"The settings file has revision {revision}, which is in force already with other contents. "
                f"Set `revision = {revision + 1}` or higher in the file, or go back to the file that is in force."
            )
        if given.revision < revision:
            self._settings_fault = (
                f"the file has revision {given.revision}, {revision} is in force; give it a higher one"
            )
            _logger.warning("older settings left aside", partition=self._partition, given=given.revision, used=revision)
        return given.revision > revision

    async def _keep_lease(self, lost: asyncio.Event, wanted: asyncio.Event) -> None:
        wanted_since_s: float | None = None
        try:
            while True:
                await asyncio.sleep(self._timing.renew_s)
                with contextlib.suppress(LogUnavailable):  # the tenure meets the same, or the next renewal does better
                    lease = await self._log.renew(self._partition, self._token, ttl_ms=self._timing.lease_ms)
                    if lease is Lease.LOST:
                        return
                    now_s = self._clock.steady_s()
                    if lease is Lease.OURS:
                        wanted_since_s = None
                    elif wanted_since_s is None:
                        wanted_since_s = now_s
                    elif now_s - wanted_since_s >= self._timing.give_way_s:
                        wanted.set()
        except Exception:
            _logger.exception("lease cannot be renewed", partition=self._partition)
        finally:
            lost.set()

    async def _release(self) -> None:
        with contextlib.suppress(LogUnavailable):  # then it ends by itself
            await self._log.release(self._partition, self._token)

    async def _pause(self) -> None:
        await self._wait(self._backoff_s)
        self._backoff_s = min(2 * self._backoff_s, self._timing.backoff_s[1])

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _enter(self, phase: Phase, detail: str = "") -> None:
        if phase is not self._phase:
            self._since_ms = self._clock.now_ms()
        self._phase, self._detail = phase, detail
        if phase is not Phase.RUNNING and phase is not Phase.RESTORING:
            self._tenure = None
            self._tally.stop()
