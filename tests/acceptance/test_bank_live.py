"""Calls of a bank, sent live while the scorer is killed: replay and a lead's client tell what the alerts log holds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running import ROOT, STRAINWATCH, WAIT_S, eventually, free_port, ready, started, strainwatch
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from shared.contract.entries import EntryId, cause_of
from shared.settings import Environment
from tools.bank_calls import BankCalls
from tools.http_post import HttpPoster
from tools.log_lines import AlertLine, EventsLine, read_line
from tools.open_log import open_log

SMALL = ROOT / "tests" / "data" / "bank_calls_small.tsv"
REAL = ROOT.parent / "shared" / "data" / "bank-calls" / "1999-02-01_to_14.tsv"

STRETCH_BEGINS = (10, 10)  # hour and minute; both days are busy here
STRETCH_MS = 24 * 60_000
SPEED = int(os.environ.get("STRAINWATCH_BANK_SPEED", "60"))  # 24 minutes of calls pass in 24 s; 1 is their own pace
BATCH_S = 0.2
KILL_AT_SHARE = 0.35  # of the run, and not before an alert came; a new scorer waits up to 6 s for the lease

# Low lines and short holds: within half a minute alerts open and escalate.
SETTINGS = """
revision = 1

[alerts."queue.strain"]
open_line = 12
open_hold_s = 1
close_line = 10
close_hold_s = 1
critical_line = 40
escalate_after_s = 5

[alerts."agent.strain"]
open_line = 4
open_hold_s = 0
close_line = 3
close_hold_s = 2
critical_line = 15
escalate_after_s = 5
"""


@pytest.mark.parametrize(
    ("records", "day"),
    [
        pytest.param(SMALL, datetime(2001, 3, 5, tzinfo=UTC), id="an invented day"),
        pytest.param(
            REAL,
            datetime(1999, 2, 10, tzinfo=UTC),
            id="a real day",
            marks=pytest.mark.skipif(not REAL.exists(), reason="the real calls are not there"),
        ),
    ],
)
def test_alerts_are_those_of_a_replay_and_reach_a_lead_once_though_the_scorer_is_killed(
    tmp_path: Path, records: Path, day: datetime
) -> None:
    stretch = busy_stretch(records, day)
    settings = tmp_path / "strainwatch.toml"
    settings.write_text(SETTINGS)
    ports = {name: free_port() for name in ("ingest", "scoring", "notify")}

    def service(name: str) -> list[str]:
        return [STRAINWATCH, "serve", name, "--port", str(ports[name]), "--settings", str(settings)]

    # The log server belongs to ingest, which starts first: whoever else is killed, the log stays.
    with started(service("ingest"), tmp_path):
        eventually(ready(ports["ingest"]), "ingest to be ready")
        with started(service("scoring"), tmp_path) as first, started(service("notify"), tmp_path) as notify:
            eventually(ready(ports["scoring"]), "scoring to be ready")
            eventually(ready(ports["notify"]), "notify to be ready")
            poster = bank_poster(tmp_path, ports["ingest"])
            with lead_client(tmp_path, ports["notify"]) as client:
                rest = post_live(poster, stretch, until=lambda share: share > KILL_AT_SHARE and bool(client.alerts))
                assert rest
                first.kill()
                first.wait(WAIT_S)
                killed_ms, got_before = time.time_ns() // 1_000_000, len(client.alerts)
                with started(service("scoring"), tmp_path) as second:
                    assert not post_live(poster, rest)
                    poster.close()
                    eventually(ready(ports["scoring"]), "the second scorer to be ready")

                    exported = tmp_path / "events.ndjson"
                    exported.write_text(log_export(tmp_path, "events"))
                    ends = ends_of(exported)
                    wait_until_judged(tmp_path, ends)
                    stop(second)
                changes = alert_changes(tmp_path)
                eventually(lambda: len(client.alerts) >= len(changes), "the lead to get every change")
                stop(notify)  # its goodbye ends the client, with nothing left on the way
            got = client.alerts
        replayed = strainwatch(tmp_path, "replay", str(exported), "--json")

    # The scorer went on with ticks of its own after the events were exported: replay knows nothing of these.
    judged_by_replay = [change for change in changes if cause_of(change.id) <= ends[change.partition]]
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout.splitlines() == [change.data.decode() for change in judged_by_replay]
    assert got == [json.loads(change.data) for change in changes]
    assert 0 < got_before < len(judged_by_replay)
    assert any(change.id.ms < killed_ms for change in judged_by_replay)
    assert any(change.id.ms > killed_ms for change in judged_by_replay)


Stretch = list[dict[str, Any]]


def busy_stretch(records: Path, day: datetime) -> Stretch:
    """Events in the busy minutes of a day, in the order of time, as the conversion makes them."""
    head, *rows = records.read_text(errors="replace").splitlines(keepends=True)
    date = head.rstrip().split("\t").index("date")
    of_day = [row for row in rows if row.split("\t")[date : date + 1] == [f"{day:%y%m%d}"]]
    hour, minute = STRETCH_BEGINS
    begins_ms = int(day.replace(hour=hour, minute=minute).timestamp()) * 1000
    events = BankCalls([head, *of_day]).events()
    stretch = [event for event in events if begins_ms <= event["ts"] < begins_ms + STRETCH_MS]
    assert len(stretch) > 150
    # The moment of each on the clock of the run, in ms since its beginning.
    return [{**event, "ts": (event["ts"] - begins_ms) // SPEED} for event in stretch]


def post_live(poster: HttpPoster, stretch: Stretch, until: Callable[[float], bool] = lambda share: False) -> Stretch:
    """Post each event when its moment has come, the first one now; what is left once `until` says so.

    `until` is given the share of the run that is over. What is left has its moments as they were.
    """
    offset_ms = time.time_ns() // 1_000_000 - stretch[0]["ts"]
    left = list(stretch)
    while left:
        run_ms = time.time_ns() // 1_000_000 - offset_ms
        due = [{**event, "ts": event["ts"] + offset_ms} for event in left if event["ts"] <= run_ms]
        left = left[len(due) :]
        if due:
            answer = poster.post(json.dumps(due).encode())
            assert answer.status == 202, answer
            assert json.loads(answer.body) == {"accepted": len(due), "late": 0, "rejected": []}
        if until(run_ms * SPEED / STRETCH_MS):
            break
        time.sleep(BATCH_S)
    return left


def bank_poster(data_dir: Path, port: int) -> HttpPoster:
    """Posts events with a key of the bank that the ingest service knows."""
    key = strainwatch(data_dir, "keys", "create", "--tenant", "bank").stdout.strip()
    poster = HttpPoster(f"http://127.0.0.1:{port}/v1/events", key)
    # An empty batch puts nothing into the log, whatever the answer to it is.
    eventually(lambda: poster.post(b"[]").status != 401, "the key to be good")
    return poster


class LeadClient:
    """Keeps the alerts of a feed, in the order in which they came."""

    def __init__(self, feed: ClientConnection) -> None:
        self.alerts: list[dict[str, Any]] = []
        self._feed = feed

    def listen(self) -> None:
        """Until the feed ends."""
        try:
            for frame in map(json.loads, self._feed):
                if frame["kind"] == "alert":
                    self.alerts.append(frame["alert"])
        except ConnectionClosed:
            pass  # a goodbye may say that one should come back


@contextmanager
def lead_client(data_dir: Path, port: int) -> Iterator[LeadClient]:
    """A lead of the whole bank, connected and listening. At the end the feed must have ended."""
    command = ["token", "--tenant", "bank", "--teams", "*", "--role", "lead", "--sub", "t"]
    token = strainwatch(data_dir, *command).stdout.strip()
    with connect(
        f"ws://127.0.0.1:{port}/v1/feed",
        subprotocols=["strainwatch.v1"],  # type: ignore[list-item]
        additional_headers={"Authorization": f"Bearer {token}"},
    ) as feed:
        assert json.loads(feed.recv(timeout=WAIT_S))["kind"] == "hello"
        client = LeadClient(feed)
        listener = threading.Thread(target=client.listen, daemon=True)
        listener.start()
        yield client
        listener.join(WAIT_S)
        assert not listener.is_alive()


def stop(process: subprocess.Popen[str]) -> None:
    """Let it drain and end."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0


def log_export(data_dir: Path, stream: str) -> str:
    """The lines of a stream, of all partitions."""
    done = strainwatch(data_dir, "log", "export", "--stream", stream)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ends_of(exported: Path) -> dict[int, EntryId]:
    """The last entry of each partition."""
    ends: dict[int, EntryId] = {}
    for line in map(read_line, exported.read_bytes().splitlines()):
        assert isinstance(line, EventsLine)  # nothing was set aside
        ends[line.partition] = line.entry.id
    assert ends
    return ends


def wait_until_judged(data_dir: Path, ends: dict[int, EntryId]) -> None:
    """Until all up to these entries is published. What a scorer published again was, byte for byte, there already."""

    async def wait() -> None:
        async with open_log(Environment(data_dir=data_dir)) as log:
            assert log is not None
            for partition, end in ends.items():
                async with asyncio.timeout(WAIT_S):
                    while True:
                        state = await log.state(partition)
                        if state.published >= end:
                            break
                        await asyncio.sleep(0.1)
                assert state.differing == 0

    asyncio.run(wait())


def alert_changes(data_dir: Path) -> list[AlertLine]:
    """All that the alerts stream holds."""
    lines = map(read_line, log_export(data_dir, "alerts").encode().splitlines())
    changes = [line for line in lines if isinstance(line, AlertLine)]
    assert len({change.partition for change in changes}) == 1  # of one tenant
    return changes
