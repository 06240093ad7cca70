"""Entries that no engine can take, entries that crash one, and engines that change while alerts are open."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from shared.contract.entries import EntryId
from tests.chaos.load import Client
from tests.chaos.processes import ROOT
from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import System, system
from tests.chaos.waiting import until

LEADS = 10
POISON: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("a block of noise", (b"b", b"UZ\x01\x00" + bytes(range(200)))),
    ("an empty block", (b"b", b"")),
    ("a tick that is no number", (b"t", b"soon")),
    ("an action that is no JSON", (b"a", b"{'acknowledge'")),
    ("an action of an unknown kind", (b"a", b'{"type":"alert.eaten","id":"1","tenant":"demo","alert":"x","by":"y"}')),
    ("settings that are no object", (b"s", b"[]")),
    ("a field that nobody knows", (b"zz", b"1")),
)
CRASH = "chaos-crash"


def tree(chaos: Chaos, name: str, file: str, before: str, after: str) -> Path:
    """A second checkout in which one line of the engine is another."""
    root = chaos.folder / name
    ignored = shutil.ignore_patterns("node_modules", "web", "*.c")  # bytecode goes along: only one file is another
    for package in ("services", "shared", "tools"):
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    path = root / file
    text = path.read_text()
    assert text.count(before) == 1, f"{file} has changed; choose another line to change"
    path.write_text(text.replace(before, after))
    return root


def name_of(root: Path) -> str:
    """How the engine of a tree calls itself."""
    code = "from services.scoring.identity import engine_name; print(engine_name())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


async def _set_aside(it: System, position: str) -> int:
    assert it.log is not None
    return (await it.log.failures(0)).get(EntryId.parse(position), 0)


@fault("poison entries written straight into the log", "each is set aside, the line goes on")
async def poison(chaos: Chaos, row: Row) -> None:
    async with system(chaos, row) as it:
        await it.owned()
        it.load()
        await it.join(LEADS)
        for what, fields in POISON:
            at_s = time.monotonic()
            position = it.store.run("XADD", "sw:{0}:events", "*", *fields)
            assert isinstance(position, bytes)
            await it.scored_from((await it.state()).events_last)
            row.recovered(time.monotonic() - at_s)
            failures = await _set_aside(it, position.decode())
            row.expect(failures == 3, f"{what} was tried {failures} times before it was set aside")
        row.figures["set aside"] = len(await it.log.failures(0)) if it.log else 0
        row.judged(await it.judged())


@fault("an event that crashes the engine every time", "a good event on which this engine always fails in the middle")
async def crashing(chaos: Chaos, row: Row) -> None:
    line = "        self._seen.forget(self._seen_from_ms)\n        agents ="
    raising = f'        if b"{CRASH}" in entry.fields.get(b"b", b""):\n            raise RuntimeError("crashed")\n'
    fragile = tree(chaos, "fragile", "services/scoring/core/engine.py", line, raising + line)
    async with system(chaos, row, scoring_root=fragile) as it:
        await it.owned()
        it.load()
        await it.join(LEADS)
        client = Client(it.lines["acd-ingest"].port, it.key)
        for number in range(chaos.share(3)):
            at_s = time.monotonic()
            event = {"type": "agent.state", "id": f"crash-{number}", "ts": time.time_ns() // 1_000_000,
                     "agent": CRASH, "state": "available"}  # fmt: skip
            answer = await client.post("/v1/events", json.dumps(event).encode())
            assert answer.status == 202
            await it.scored_from((await it.state()).events_last)
            row.recovered(time.monotonic() - at_s)
        client.close()
        aside = await it.log.failures(0) if it.log else {}
        row.figures["set aside"] = len(aside)
        row.expect(set(aside.values()) == {3}, f"failures were counted as {sorted(aside.values())}")
        name = await asyncio.to_thread(name_of, fragile)
        row.judged(await it.judged(trees={name: fragile}))


@fault("another engine takes over in the middle of open alerts", "and the first one again; the oracle runs both")
async def changed_engine(chaos: Chaos, row: Row) -> None:
    other = tree(
        chaos, "changed", "services/scoring/core/parameters.py",
        '"critical_line": Bounds(2.5, 0.25, 100)', '"critical_line": Bounds(1.5, 0.25, 100)',
    )  # fmt: skip
    name = await asyncio.to_thread(name_of, other)
    async with system(chaos, row, scorers=1) as it:
        await it.owned()
        it.load()
        await it.join(LEADS)
        changed = await it.add("scoring-z", root=other)
        changed.start()
        await changed.answers()
        for _ in range(chaos.share(5)):
            for dead in (it.services["scoring-a"], changed):
                await asyncio.sleep(it.rng.uniform(1, 3))
                at_s = time.monotonic()
                if it.rng.random() < 0.5:
                    dead.kill()
                    await dead.gone()
                else:
                    await dead.terminate()
                position = (await it.state()).events_last
                await it.scored_from(position)
                row.recovered(time.monotonic() - at_s)
                dead.start()
                await dead.answers()
                await until(lambda: it.phase(dead.name), "it answers")  # noqa: B023
        row.judged(await it.judged(trees={name: other}))
        row.figures["changes of engine"] = it.engines - 1
        row.expect(it.engines > 1, "the engine never changed")
