"""One system under test: log server, ingest, two scorers (owner and standby), notify, and a fault proxy in every line.

`judged` ends it in good order, exports its log, and has the oracle compare that with what clients were told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from shared.access import EVENTS_WRITE, encode_api_key, mint, new_api_key
from shared.contract.entries import EntryId
from shared.log import LogState, LogUnavailable
from shared.log_redis import RedisLog, open_redis_log
from tests.chaos.judgement import Judgement
from tests.chaos.leads import Lead, Seen, check_leads
from tests.chaos.load import Answer, Client, Ledger, Load
from tests.chaos.nursery import Nursery
from tests.chaos.oracle import Accepted, alerts_of, differences, judge
from tests.chaos.processes import ROOT, WAIT_S, Service, Store, clean_environment, server_binaries, start_command
from tests.chaos.proxy import FaultProxy
from tests.chaos.rows import Chaos, Row
from tests.chaos.waiting import until

Fill = Callable[[Store], None]
TENANT = "demo"
SETTLE_S = 180.0
SETTINGS = """
revision = 1
[alerts."queue.strain"]
open_line = 30
open_hold_s = 0
close_line = 25
close_hold_s = 2
[alerts."agent.strain"]
open_line = 20
open_hold_s = 2
close_line = 15
close_hold_s = 5
[alerts."agent.hard_streak"]
open_line = 1.0
close_line = 0.5
"""
"""Lines so low that alerts open and close all the time: a change that is lost or told twice would show."""


class System:
    """See the module. Made by `system()`."""

    def __init__(self, folder: Path, rng: random.Random, store: Store, nursery: Nursery | None) -> None:
        self.folder = folder
        self.nursery = nursery
        self.rng = rng
        self.store = store
        self.secret = secrets.token_hex(32)
        self.key = ""
        self.token = mint(
            self.secret.encode(), tenant=TENANT, teams=["*"], role="supervisor", sub="lead",
            exp_s=int(time.time()) + 86_400,
        )  # fmt: skip
        self.lines: dict[str, FaultProxy] = {}
        """Proxies by name: `ingest-store`, `scoring-a-store`, ..., `acd-ingest`, `leads-notify`."""
        self.services: dict[str, Service] = {}
        self.log: RedisLog | None = None
        self.loads: list[Load] = []
        self.leads: list[Lead] = []
        self.engines = 0
        """How many stretches of engines the log has."""
        self.copies = 1.0
        """How often the log holds an event, on average."""
        self.seen = Seen()

    # --- parts

    async def line(self, name: str, target: str | tuple[str, int]) -> FaultProxy:
        """A new proxy under a name."""
        self.lines[name] = proxy = FaultProxy(target)
        await proxy.start()
        return proxy

    async def add(
        self, name: str, *, root: Path = ROOT, before: tuple[str, ...] = (), settings: str = SETTINGS, **variables: str
    ) -> Service:
        """A service with a line of its own to the store; not started. `name` begins with the service."""
        which = name.split("-")[0]
        proxy = await self.line(f"{name}-store", self.store.socket)
        path = self.folder / f"{name}.toml"
        path.write_text(settings)
        given = {
            "STRAINWATCH_REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0",
            "STRAINWATCH_PARTITIONS": "1",
            "STRAINWATCH_JWT_SECRET": self.secret,
            "STRAINWATCH_CALLER_SECRET": self.secret,
            "STRAINWATCH_SETTINGS": str(path),
            "STRAINWATCH_DATA_DIR": str(self.folder / "data"),
            "PYTHONPATH": str(root),
        }
        self.services[name] = service = Service(which, given | variables, self.folder, root, before, name)
        service.nursery = self.nursery if root == ROOT else None
        return service

    async def start(self, scorers: int = 2, scoring_root: Path = ROOT, fill: Fill | None = None) -> None:
        """All of it, up to the first answers. `fill` puts a past into the store before anybody reads it."""
        self.store.start()
        await self.store.answers()
        if fill is not None:
            await asyncio.to_thread(fill, self.store)
        self.log = await open_redis_log(self.store.url, partitions=1)
        await self.put_key()
        names = ["ingest", "notify", *(f"scoring-{letter}" for letter in "abcd"[:scorers])]
        for name in names:
            (await self.add(name, root=scoring_root if name.startswith("scoring") else ROOT)).start()
        await self.line("acd-ingest", ("127.0.0.1", self.services["ingest"].port))
        await self.line("leads-notify", ("127.0.0.1", self.services["notify"].port))
        await asyncio.gather(*(self.services[name].answers() for name in names))

    async def put_key(self) -> None:
        """Create the API key of the senders, or the same one again after the store lost it."""
        assert self.log is not None
        if not self.key:
            self.key, self._record = new_api_key(
                TENANT, [EVENTS_WRITE], random_bytes=secrets.token_bytes, now_ms=time.time_ns() // 1_000_000
            )
        await self.log.put_api_key(self._record.id, encode_api_key(self._record))

    async def command(self, out: str, *arguments: str) -> Path:
        """A `strainwatch` command against the store, without any proxy; the file that got its standard output."""
        path, log = self.folder / out, self.folder / f"{out}.log"
        path.unlink(missing_ok=True)
        variables = clean_environment(STRAINWATCH_REDIS_URL=self.store.url, PYTHONPATH=str(ROOT))
        process = start_command(arguments, variables, path, log, self.nursery)
        await until(lambda: process.poll() is not None, f"`strainwatch {' '.join(arguments)}` ends")
        assert process.returncode == 0, log.read_text()
        return path

    def load(self, *, ports: list[int] | None = None, start: bool = True, **options: object) -> Load:
        """Senders, by the proxy before ingest when nothing else is said."""
        given = ports or [self.lines["acd-ingest"].port]
        load = Load(given, self.key, random.Random(self.rng.random()), name=f"l{len(self.loads)}-", **options)  # type: ignore[arg-type]
        self.loads.append(load)
        if start:
            load.start()
        return load

    async def join(self, count: int, *, port: int | None = None, wait_s: float = WAIT_S) -> list[Lead]:
        """So many leads more, connected."""
        port = port or self.lines["leads-notify"].port
        fresh = [Lead(port, self.token, self.seen, random.Random(self.rng.random())) for _ in range(count)]
        self.leads += fresh
        for lead in fresh:
            lead.start()
        async with asyncio.timeout(wait_s):
            await asyncio.gather(*(lead.live.wait() for lead in fresh))
        return fresh

    # --- questions

    async def ask(self, name: str, path: str) -> Answer:
        """GET of a service, beside the proxies."""
        client = Client(self.services[name].port, self.key)
        answer = await client.ask("GET", path, wait_s=10)
        client.close()
        return answer

    async def state(self) -> LogState:
        """Of the partition, read beside all proxies. Raises LogUnavailable."""
        assert self.log is not None
        return await self.log.state(0)

    async def until(self, holds: Callable[[LogState], bool], what: str, wait_s: float = SETTLE_S) -> float:
        """Wait until something holds of the log's state; how long it took (s)."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < wait_s:
            with contextlib.suppress(LogUnavailable):
                if holds(await self.state()):
                    return time.monotonic() - began_s
            self._look_for_faults()
            await asyncio.sleep(0.05)
        raise TimeoutError(f"waited {wait_s:g} s in vain until {what}")

    async def scored_from(self, position: EntryId, wait_s: float = SETTLE_S) -> float:
        """Wait until something after a position was judged; how long it took (s)."""
        return await self.until(
            lambda state: state.published > position, f"entries after {position} are judged", wait_s
        )

    async def owner(self) -> Service:
        """The scorer that owns the partition now."""
        for name in sorted(self.services):
            service = self.services[name]
            if service.which == "scoring" and service.alive and await self.phase(name) == "running":
                return service
        raise LookupError("no scorer runs")

    async def phase(self, name: str) -> str:
        """What a scorer says of its partition."""
        answer = await self.ask(name, "/readyz")
        return str(json.loads(answer.body)["partitions"][0]["phase"]) if answer.status in (200, 503) else "no answer"

    async def owned(self, wait_s: float = WAIT_S) -> Service:
        """Wait for an owner."""
        until_s = time.monotonic() + wait_s
        while True:
            with contextlib.suppress(LookupError):
                return await self.owner()
            if time.monotonic() > until_s:
                raise TimeoutError("no scorer took over")
            await asyncio.sleep(0.1)

    def _look_for_faults(self) -> None:
        for load in self.loads:
            if (fault := load.fault()) is not None:
                raise fault

    # --- the end

    async def settle(self, wait_s: float = SETTLE_S) -> LogState:
        """Everything sent is acknowledged and judged, everything told has been heard; the state then."""
        for proxy in self.lines.values():
            proxy.heal()
        for load in self.loads:
            await load.stop(wait_s)
        last = (await self.state()).events_last
        await self.until(lambda state: state.published >= last, "all events are judged", wait_s)
        for name, service in self.services.items():
            if service.which == "scoring" and service.alive:
                with contextlib.suppress(AssertionError):
                    await service.terminate()
                assert service.process is not None
                assert service.process.poll() == 0, f"{name} did not end in good order"
        state = await self.state()
        staying = [lead for lead in self.leads if not lead.stay_away]
        until_s = time.monotonic() + wait_s
        while any(lead.last is None or lead.last < state.alerts_last for lead in staying):
            if time.monotonic() > until_s:
                break  # the checker says who lacks what
            await asyncio.sleep(0.05)
        return state

    async def judged(
        self,
        *,
        trees: dict[str, Path] | None = None,
        lists_max: int = 1,
        loss: bool = False,
        late: int = 0,
        strict_effect: bool = True,
    ) -> Judgement:
        """Settle, export, replay, compare.

        `loss`: the store lost what it had confirmed, so what leads saw before they were told so is not in the log any
        more; their last list is compared. `late`: so many events were sent too late to take effect. Not
        `strict_effect`: clocks jumped, so that good events may have become late ones; only doubles are faults then.
        """
        state = await self.settle()
        for lead in self.leads:
            await lead.stop()
        events = await self.command("events.ndjson", "log", "export")
        alerts = await self.command("alerts.ndjson", "log", "export", "--stream", "alerts")
        found = Judgement()
        with events.open("rb") as lines:
            accepted = Accepted.of(lines)
        for load in self.loads:
            self._count(load.ledger, accepted, found, told=loss)
        verdict = await asyncio.to_thread(judge, events, until=state.published, trees=trees)
        self.engines = len(verdict.engines)
        told = alerts_of(alerts.read_bytes().splitlines())
        found.alerts = len(told)
        found.differs += differences(verdict.alerts, told)
        if not trees:
            found.doubled += max(0, verdict.took_effect - len(accepted.events) + late)
            if strict_effect and verdict.took_effect < len(accepted.events) - late:
                found.differs.append(
                    f"{len(accepted.events) - late - verdict.took_effect} events of the log took no effect"
                )
        await self._compare_signals(verdict.signals, found)
        if state.differing:
            found.differs.append(f"the store counted {state.differing} changes with other bytes")
        self.copies = round(accepted.events.total() / max(1, len(accepted.events)), 3)
        if loss:
            told_at = {at for at, _ in told}
            self.seen.alerts = {at: data for at, data in self.seen.alerts.items() if at in told_at}
            self.seen.conflicts.clear()
            for lead in self.leads:
                lead.stretches = lead.stretches[-1:]
        found.watched = check_leads(self.leads, self.seen, told, stretches_max=lists_max)
        for lead in self.leads:
            if not lead.stay_away and lead.last is not None and lead.last < state.alerts_last:
                found.watched.gaps += 1
                found.watched.told.append(f"a lead ended at {lead.last}, the log at {state.alerts_last}")
        return found

    def _count(self, ledger: Ledger, accepted: Accepted, found: Judgement, *, told: bool) -> None:
        lost = accepted.lost((TENANT, name) for name in ledger.acknowledged)
        found.acknowledged += len(ledger.acknowledged)
        found.lost += len(lost)
        found.answers += ledger.answers
        found.wrong += ledger.wrong
        if lost and not told:
            found.differs.append(f"lost, for example, {lost[:3]}")

    async def _compare_signals(self, expected: dict[tuple[int, str], bytes], found: Judgement) -> None:
        from shared.contract.entries import START
        from shared.contract.signals import read_head

        assert self.log is not None
        for _, data in await self.log.read_signals(0, START):
            head = read_head(data)
            found.signals += 1
            if expected.get((head.at_ms, head.tenant)) != data:
                found.differs.append(f"signals of second {head.at_ms} differ from the replay's")


@asynccontextmanager
async def system(
    chaos: Chaos,
    row: Row,
    *,
    scorers: int = 2,
    appendfsync: str = "always",
    store_folder: Path | None = None,
    scoring_root: Path = ROOT,
    fill: Fill | None = None,
) -> AsyncIterator[System]:
    """A system that runs; nothing of it is left afterwards."""
    folder = chaos.life(row)
    folder.mkdir(parents=True)
    store = Store(store_folder or folder / "store", server_binaries()[chaos.store], appendfsync)
    made = System(folder, random.Random(chaos.seed(row)), store, chaos.nursery)
    try:
        await made.start(scorers, scoring_root, fill)
        yield made
    finally:
        for lead in made.leads:
            await lead.stop()
        for load in made.loads:
            for task in load._tasks:
                task.cancel()
        for service in made.services.values():
            service.signal(signal.SIGKILL)
            if service.process is not None:
                service.process.wait()
        if made.log is not None:
            await made.log.close()
        store.stop()
        for proxy in made.lines.values():
            await proxy.stop()
