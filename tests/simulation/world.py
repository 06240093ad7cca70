"""One stretch of work from one seed: centres, leads, services, faults; then calm, an orderly end, and checks."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

from structlog.testing import capture_logs

from services.scoring.scorer import Phase
from tests.simulation import truth
from tests.simulation.centre import TENANTS, Centre
from tests.simulation.faults import FAULTS, Faults
from tests.simulation.house import (
    RETENTION,
    Host,
    IngestHost,
    NotifyHost,
    ScoringHost,
    as_json,
    ask,
    key_of,
    token_of,
)
from tests.simulation.lead import Lead, wish
from tests.simulation.loop import BEGIN_MS, Machine, SimLoop, bury
from tests.simulation.receiver import Receiver, not_yet_told
from tests.simulation.store import SimLog

SETTLE_S = 240.0
"""In calm, everything is right again within so long; most of it within seconds."""
LEADS = (
    ("lee", "demo", ("team-a",)),
    ("max", "demo", ("team-b",)),
    ("sam", "demo", ("*",)),
    ("kim", "acme", ("team-a", "team-b")),
    ("pat", "acme", ("*",)),
)


@dataclass
class Outcome:
    """What a run came to. `faults` is empty when every promise held."""

    seed: int
    faults: list[str]
    trace: str
    figures: dict[str, int]
    told: list[str] = field(default_factory=list)


class World:
    """Everything of one run."""

    def __init__(self, seed: int, *, work_s: float, names: frozenset[str]) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.loop = SimLoop(self._rng())
        self.work_s = work_s
        self.names = names
        self.store = Machine(self.loop, "store", self._rng())
        self.log = SimLog(clock=self.store.clock, partitions=1 + seed % 2, retention=RETENTION, rng=self._rng())
        make: Callable[[type[Host], str], Host] = lambda kind, name: kind(self.loop, self.log, name, self._rng())  # noqa: E731
        self.ingest = [make(IngestHost, f"ingest-{i}") for i in (1, 2)]
        self.scoring = [make(ScoringHost, f"scoring-{i}") for i in (1, 2)]
        self.notify = [make(NotifyHost, f"notify-{i}") for i in (1, 2)]
        self.receiver = Receiver(self._rng())
        for host in self.notify:
            host.receiver = self.receiver  # type: ignore[attr-defined]
        self.hosts: list[Host] = [*self.ingest, *self.scoring, *self.notify]
        self.leads = [
            Lead(name, tenant, teams, token_of(tenant, teams, name), self._rng()) for name, tenant, teams in LEADS
        ]
        self.centres = [Centre(tenant, self._rng()) for tenant in TENANTS]
        self.acked: set[tuple[str, str]] = set()
        self.answers: dict[str, int] = {}
        self.over = asyncio.Event()
        """Set when all trouble is over."""
        self.told: list[str] = []
        self.set_by_ms = 0
        """By how much everybody's clock was set, the world's too."""
        self._keys: dict[str, str] = {}

    def _rng(self) -> Random:
        return Random(self.rng.getrandbits(64))

    @property
    def calm(self) -> bool:
        """Whether all trouble is over."""
        return self.over.is_set()

    def now_ms(self) -> int:
        """True time."""
        return BEGIN_MS + self.set_by_ms + int(self.loop.time() * 1000)

    def tell(self, text: str) -> None:
        """One line of the trace."""
        self.told.append(f"{self.loop.time():9.3f} {self.loop.turns:7d} {text}")

    # --- the stretch of work

    async def run(self) -> list[str]:
        """All of it; what went wrong."""
        for tenant in TENANTS:
            text, key_id, record = key_of(tenant, self._rng())
            self._keys[tenant] = text
            await self.log.put_api_key(key_id, record)
        for host in self.hosts:
            host.boot()
        faults = Faults(self, self._rng())
        people = [self.loop.create_task(self._lead(lead)) for lead in self.leads]
        centres = [self.loop.create_task(self._centre(centre)) for centre in self.centres]
        trouble = self.loop.create_task(faults.run())
        await asyncio.sleep(self.work_s)
        trouble.cancel()
        await asyncio.wait([trouble])
        if not trouble.cancelled():
            trouble.result()
        self.over.set()
        self.tell("calm")
        faults.heal()
        await asyncio.wait(centres, timeout=120)
        found = [f"the centre is stuck: {task!r}" for task in centres if not task.done()]
        found += await self._settled()
        for task in (*people, *centres):
            task.cancel()
        await asyncio.wait([*people, *centres])
        for task in (*people, *centres):
            if not task.cancelled():
                task.result()
        found += truth.after_the_run(self)
        for host in reversed(self.hosts):
            await self._end(host, found)
        found += truth.after_the_end(self)
        await asyncio.sleep(30)  # calls that are still under way to the store end
        return found

    async def _end(self, host: Host, found: list[str]) -> None:
        machine = host.machine
        assert machine is not None
        await host.drain()
        left = [task for task in machine.tasks if not task.done()]
        found += [f"{host.name} left a task behind: {task!r}" for task in left]

    async def _settled(self) -> list[str]:
        """Wait until everybody has everything; what is still missing after long enough."""
        missing = ["nothing was looked at"]
        for _ in range(int(SETTLE_S)):
            await asyncio.sleep(1.0)
            missing = self._missing()
            if not missing:
                return []
        return missing

    def _missing(self) -> list[str]:
        out = []
        for host in self.scoring:
            if not host.up:
                out.append(f"{host.name} is down")
        for partition in range(self.log.partitions):
            part = self.log._parts[partition]
            phases = [host.service.status()[partition].phase for host in self.scoring if host.up]  # type: ignore[attr-defined]
            if phases.count(Phase.RUNNING) != 1:
                out.append(f"partition {partition}: scorers are {phases}")
            last_cause = max((p for p, e in self.log.ledgers[partition].entries.items() if b"t" not in e), default=None)
            if last_cause is not None and part.published < last_cause:
                out.append(f"partition {partition}: published up to {part.published}, the log goes to {last_cause}")
        for lead in self.leads:
            out += truth.not_yet_shown(self, lead)
        return out or not_yet_told(self.log, self.receiver)

    # --- the centres

    async def _centre(self, centre: Centre) -> None:
        posts: list[asyncio.Task[None]] = []
        first = True
        while not self.calm:
            now_ms = self.now_ms()
            centre.busy = self.loop.time() % 90 < 50
            events = centre.log_in(now_ms) if first else centre.moment(now_ms)
            first = False
            for delay_s, body in centre.on_the_way(events, now_ms):
                posts.append(self.loop.create_task(self._post(centre, delay_s, body)))
            posts = [post for post in posts if not _over(post)]
            await asyncio.sleep(1.0)
        if posts:
            await asyncio.wait(posts)
            for post in posts:
                post.result()

    async def _post(self, centre: Centre, delay_s: float, body: bytes) -> None:
        """Send until somebody says that it is there; after that, sometimes once more."""
        rng = self.rng
        headers = {"Authorization": f"Bearer {self._keys[centre.tenant]}", "Content-Type": "application/json"}
        if delay_s:  # in calm, all that was held up comes at once
            await asyncio.wait([self.loop.create_task(self.over.wait())], timeout=delay_s)
        for _ in range(60):
            host = rng.choice(self.ingest)
            status, answer = await ask(host, getattr(getattr(host, "service", None), "endpoint", None), "POST",
                                       "/v1/events", headers, body)  # fmt: skip
            self.answers[f"ingest {status}"] = self.answers.get(f"ingest {status}", 0) + 1
            if status == 202:
                refused = {item["index"] for item in as_json(answer)["rejected"]}
                for index, event in enumerate(as_json(body)):
                    if index not in refused:
                        self.acked.add((centre.tenant, event["id"]))
            if status in (0, 503, 429):
                await asyncio.sleep(rng.uniform(0.5, 3.0))
            elif rng.random() < 0.1:
                await asyncio.sleep(rng.uniform(0.0, 10.0))
            else:
                assert status in (202, 400, 422), f"{status} {answer!r}"
                return

    # --- the leads

    async def _lead(self, lead: Lead) -> None:
        rng = lead.rng
        lead.gone.set()
        while True:
            if lead.gone.is_set():
                await asyncio.sleep(rng.uniform(0.05, 1.0 if self.calm else 4.0))
                rng.choice(self.notify).accept(lead)  # type: ignore[attr-defined]
            await asyncio.sleep(rng.uniform(0.1, 3.0))
            if self.calm:
                lead.go_on()
                continue
            drawn = rng.random()
            if drawn < 0.04:
                lead.hang_up()
            elif drawn < 0.08 and "stall" in self.names:
                lead.stalled = True
                await asyncio.sleep(rng.uniform(0.5, 25.0))
                lead.go_on()
            elif drawn < 0.25 and lead.connected:
                await self._act(lead)

    async def _act(self, lead: Lead) -> None:
        found = wish(lead, lambda _: lead.rng.choice([name for name, *_ in LEADS]))
        if found is None:
            return
        verb, frame = found
        if lead.rng.random() < 0.5:
            lead.say({"kind": verb, **frame})
            return
        host = lead.rng.choice(self.notify)
        headers = {"Authorization": f"Bearer {lead.token}", "Content-Type": "application/json"}
        fields = {name: value for name, value in frame.items() if name != "alert"}

        status, answer = await ask(
            host, getattr(host, "app", None), "POST", f"/v1/alerts/{frame['alert']}/{verb}", headers,
            json.dumps(fields).encode(),
        )  # fmt: skip
        self.answers[f"action {status}"] = self.answers.get(f"action {status}", 0) + 1
        if status not in (0, 200, 202, 404, 409, 429, 503):
            lead.faults.append(f"{verb} was answered {status} {answer!r}")


def _over(task: asyncio.Task[None]) -> bool:
    if task.done():
        task.result()
    return task.done()


def simulate(seed: int, *, work_s: float = 150.0, names: frozenset[str] = FAULTS) -> Outcome:
    """Run one seed. The same seed gives the same trace, whatever ran before in this process."""
    world = World(seed, work_s=work_s, names=names)
    loop = world.loop
    ids = Random(seed)
    found: list[str] = []
    with ExitStack() as stack:
        logs: list[Any] = stack.enter_context(capture_logs())
        stack.enter_context(patch.object(uuid, "uuid4", lambda: uuid.UUID(int=ids.getrandbits(128))))
        try:
            asyncio.set_event_loop(loop)
            found += loop.run_until_complete(world.run())
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt):
                raise
            import traceback

            found.append("".join(traceback.format_exception(fault)))
        finally:
            found += loop.faults
            found += truth.unexpected(logs, world.names)
            for host in world.hosts:
                host.kill()
                for machine in host.dead:
                    bury(machine)
            asyncio.set_event_loop(None)
            loop.close()
    return Outcome(seed, found, truth.trace(world), truth.figures(world), world.told)
