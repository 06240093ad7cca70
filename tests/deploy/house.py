"""A stack of its own for a test: its project, ports, secrets and settings; the image is built once for all."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from shared.contract.block import Block
from shared.contract.entries import EntryId, Events, cause_of, parse_entry
from shared.contract.rows import describe
from tools.log_lines import AlertLine, EventsLine, read_line

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "deploy" / "stack"
OBSERVABILITY = ROOT / "deploy" / "compose.observability.yaml"
IMAGE = "strainwatch:test"
TENANT = "acme"
SERVICES = ("ingest", "scoring-0", "scoring-1", "scoring-standby", "notify")
WAIT_S = 90.0  # a bound for a busy machine
COMMAND_S = 600.0  # a build without any cache takes minutes
T = TypeVar("T")
FIGURES: list[str] = []
"""What was measured on the way; told at the end of the run, and judged by nobody: the machine may be busy."""

# Low lines and no holds: a queue with somebody waiting rings at once.
SETTINGS = """\
revision = 1
[alerts."queue.strain"]
open_line = 12
open_hold_s = 0
close_line = 5
close_hold_s = 0
"""


def run(*command: str | Path, check: bool = True, **variables: str) -> str:
    """Standard output of a command; a failed one fails the test with what it said."""
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
    return done.stdout


def docker(*arguments: str, check: bool = True) -> str:
    return run("docker", *arguments, check=check).strip()


def eventually(ask: Callable[[], T | None], what: str, wait_s: float = WAIT_S) -> T:
    """The first answer that is not None or False. Fails after a bounded wait."""
    until_s = time.monotonic() + wait_s
    while time.monotonic() < until_s:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"waited {wait_s:g} s in vain for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class House:
    """One stack. `folder` holds its secrets and settings."""

    folder: Path
    image: str = IMAGE
    project: str = field(default_factory=lambda: f"swtest{uuid.uuid4().hex[:8]}")
    ingest_port: int = field(default_factory=free_port)
    notify_port: int = field(default_factory=free_port)
    prometheus_port: int = field(default_factory=free_port)
    alertmanager_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        settings = self.folder / "settings"
        settings.mkdir(exist_ok=True)
        (settings / "strainwatch.toml").write_text(SETTINGS)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "COMPOSE_PROJECT_NAME": self.project,
            "STRAINWATCH_READY_WAIT_S": "400",  # the machine may be busy
            "STRAINWATCH_IMAGE": self.image,
            "STRAINWATCH_SECRETS": str(self.folder / "secrets"),
            "STRAINWATCH_SETTINGS_DIR": str(self.folder / "settings"),
            "STRAINWATCH_SETTINGS": "/etc/strainwatch/strainwatch.toml",
            "STRAINWATCH_INGEST_PORT": str(self.ingest_port),
            "STRAINWATCH_NOTIFY_PORT": str(self.notify_port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            "ALERTMANAGER_PORT": str(self.alertmanager_port),
        }

    def stack(self, *arguments: str, check: bool = True) -> str:
        return run(STACK, *arguments, check=check, **self.variables)

    def cli(self, *arguments: str) -> str:
        return self.stack("cli", *arguments)

    def container(self, service: str) -> str:
        """Id of a service's running container, empty when it does not run."""
        labels = (f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}")
        return docker("ps", "-q", "--no-trunc", *(part for label in labels for part in ("--filter", f"label={label}")))

    def look(self, service: str, path: str, port: int) -> tuple[int, Any]:
        """What a service answers inside its container."""
        ask = (
            "import http.client,sys;c=http.client.HTTPConnection('127.0.0.1',int(sys.argv[1]),timeout=9);"
            "c.request('GET',sys.argv[2]);r=c.getresponse();print(r.status);print(r.read().decode())"
        )
        said = docker("exec", self.container(service), "python3", "-c", ask, str(port), path, check=False)
        status, _, body = said.partition("\n")
        return int(status or 0), json.loads(body) if body.startswith("{") else body

    def kill(self, service: str) -> None:
        """End its process at once, as the kernel does when memory is short; the engine starts it again."""
        before = docker("inspect", "-f", "{{.State.Pid}}", self.container(service))
        os.kill(int(before), signal.SIGKILL)

        def restarted() -> bool:
            there = self.container(service)
            now = docker("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", there, check=False) if there else ""
            return now.endswith(" true") and now.split()[0] not in (before, "0")

        eventually(restarted, f"{service} to be started again")

    def ready(self, service: str) -> bool:
        there = self.container(service)
        command = ["docker", "exec", there, "python3", "-m", "tools.health", "--ready", "--wait"]
        return bool(there) and subprocess.run(command, capture_output=True, timeout=60).returncode == 0

    def wait_ready(self, *services: str) -> None:
        for service in services or SERVICES:
            eventually(lambda service=service: self.ready(service), f"{service} to be ready")

    def post(self, key: str, events: list[dict[str, Any]]) -> tuple[int, Any]:
        """Status and body; status 0 when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ingest_port, timeout=15)
        try:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/events", json.dumps(events), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def memory_mb(self, *services: str) -> dict[str, int]:
        """The most memory that the process of each service has had since its start."""
        found = {}
        for service in services or ("valkey", *SERVICES):
            status = docker("exec", self.container(service), "cat", "/proc/1/status")
            found[service] = int(status.split("VmHWM:")[1].split()[0]) // 1000
        return found

    def key(self) -> str:
        """A new key, once ingest has heard of it."""
        key = self.cli("keys", "create", "--tenant", TENANT).strip()
        # An empty batch puts nothing into the log, whatever the answer to it is.
        eventually(lambda: self.post(key, [])[0] not in (0, 401), "the key to be good")
        return key

    def token(self, tenant: str = TENANT) -> str:
        return self.cli("token", "--tenant", tenant, "--teams", "*", "--role", "lead", "--sub", "lead-1").strip()

    def positions(self) -> dict[int, EntryId]:
        """How far each partition is judged, as its owner says."""
        found: dict[int, EntryId] = {}
        for service in SERVICES:
            if service.startswith("scoring"):
                _, body = self.look(service, "/readyz", 8083)
                for at in body["partitions"] if isinstance(body, dict) else ():
                    if at["phase"] == "running" and at["position"]:
                        found[at["partition"]] = EntryId.parse(at["position"])
        return found

    def wait_judged(self, ends: dict[int, EntryId]) -> None:
        def judged() -> bool:
            at = self.positions()
            return all(at.get(partition, EntryId(0, 0)) >= end for partition, end in ends.items())

        eventually(judged, "every entry to be judged")


def get(port: int, path: str, **headers: str) -> Any:
    """The JSON that a published port answers, as anybody on this machine may ask."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@contextlib.contextmanager
def standing(house: House, *profiles: str) -> Iterator[House]:
    """Up, and down again with nothing left, not even its data."""
    try:
        said = house.stack("up", *profiles)
        print(said)
        seconds = re.findall(r"ready after (\d+) s", said)
        FIGURES.append(f"{' and '.join(profiles) or 'core'}: ready after {seconds[0]} s")
        yield house
    except BaseException:
        for service in ("valkey", *SERVICES):
            there = house.container(service)
            said = (
                subprocess.run(["docker", "logs", "--tail", "15", there], capture_output=True, text=True)
                if there
                else None
            )
            print(f"--- {service}\n{said.stdout + said.stderr if said else 'does not run'}")
        raise
    finally:
        every = [part for profile in ("core", "demo", "observability", "cli") for part in ("--profile", profile)]
        house.stack("compose", "--file", str(OBSERVABILITY), *every, "down", "-v", check=False)


@dataclass
class Day:
    """A log as it was exported."""

    events: list[bytes]
    alerts: list[bytes]

    @classmethod
    def of(cls, house: House) -> Day:
        """Exported once everything in it is judged."""
        events = house.cli("log", "export").encode().splitlines()
        house.wait_judged(ends_of(events))
        return cls(events, house.cli("log", "export", "--stream", "alerts").encode().splitlines())

    def ids(self) -> list[str]:
        """Ids of all events, in the order of the log."""
        found = []
        for line in map(read_line, self.events):
            if isinstance(line, EventsLine):
                body = parse_entry(line.entry.fields)
                if isinstance(body, Events):
                    found += ids_of(body.block)
        return found

    def changes(self) -> list[bytes]:
        """The alert changes that these events caused; ticks that came after are another matter."""
        ends = ends_of(self.events)
        lines = [line for line in map(read_line, self.alerts) if isinstance(line, AlertLine)]
        return [line.data for line in lines if cause_of(line.id) <= ends[line.partition]]


def ids_of(block: Block) -> list[str]:
    return [str(describe(block, row)["id"]) for row in range(block.n)]


def ends_of(lines: Iterable[bytes]) -> dict[int, EntryId]:
    """The last entry of each partition."""
    read = [line for line in map(read_line, lines) if isinstance(line, EventsLine)]
    return {line.partition: line.entry.id for line in read}


def replayed(image: str, folder: Path, day: Day) -> list[bytes]:
    """What `replay` concludes of a log, by the engine of an image."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "day.ndjson").write_bytes(b"\n".join(day.events) + b"\n")
    inside = docker(
        "run", "--rm", "--read-only", "--network", "none", "--volume", f"{folder}:/in:ro", image,
        "replay", "/in/day.ndjson", "--json",
    )  # fmt: skip
    return inside.encode().splitlines()


def observed(queue: str, waiting: int) -> dict[str, Any]:
    return {
        "type": "queue.observed",
        "id": str(uuid.uuid4()),
        "ts": time.time_ns() // 1_000_000,
        "queue": queue,
        "waiting": waiting,
        "longest_wait_s": 30.0 * waiting,
        "agents_staffed": 4,
    }


class Load:
    """An ACD that posts all the time and sends again what had no good answer."""

    def __init__(self, house: House, key: str) -> None:
        self._house, self._key = house, key
        self.accepted: list[str] = []
        self.refused: list[tuple[int, bytes]] = []
        self.again = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._end.is_set():
            number += 1
            # Queues fill and empty again, so that alerts open and resolve all the time.
            batch = [observed(f"queue-{queue}", 40 * ((number // 20 + queue) % 2)) for queue in range(5)]
            while not self._end.is_set():
                status, body = self._house.post(self._key, batch)
                if status == 202:
                    assert json.loads(body)["accepted"] == len(batch)
                    self.accepted += [event["id"] for event in batch]
                    break
                if status not in (0, 503):
                    self.refused.append((status, body))
                    return
                self.again += 1
                time.sleep(0.2)
            time.sleep(0.05)


class Watching:
    """A lead's client outside: `strainwatch watch --json`, which comes back by itself."""

    def __init__(self, url: str, token: str, file: Path, **variables: str) -> None:
        self._file = file
        self._out = file.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tools.cli import main; main()", "watch", "--url", url, "--json"],
            env={**os.environ, "STRAINWATCH_TOKEN": token, **variables},
            cwd=ROOT,
            stdout=self._out,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Watching:
        eventually(lambda: self.frames("board"), "the lead's client to see a board")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(WAIT_S)
        self._out.close()

    def frames(self, kind: str) -> list[dict[str, Any]]:
        text = self._file.read_bytes()
        whole = text[: text.rfind(b"\n") + 1].splitlines()
        frames = [msgspec.json.decode(line) for line in whole if line.startswith(b"{")]
        return [frame for frame in frames if frame.get("kind") == kind]

    def alerts(self) -> list[dict[str, Any]]:
        """Every change that came, in the order in which it came."""
        return [frame["alert"] for frame in self.frames("alert")]
