"""Real processes: services by `strainwatch serve`, and the log server with our own configuration."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.embedded.binary import find_binary
from shared.embedded.home import CONFIGURATION
from tests.chaos.load import Client
from tests.chaos.nursery import Forked, Nursery, end_with

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 180.0
"""A bound for a loaded machine; starting takes a second or two."""
LOOK_S = 0.03


def _ports() -> Iterator[int]:
    """Ports that no connection gets by chance: a service that is down for a moment must find its own free again."""
    try:
        first_of_connections = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        first_of_connections = 32_768
    candidates = list(range(min(10_000, first_of_connections // 2), first_of_connections))
    random.SystemRandom().shuffle(candidates)  # another run may go on beside this one
    for port in candidates:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            yield port


_free_ports = _ports()


def free_port() -> int:
    """A port that nobody has at this moment."""
    return next(_free_ports)


def clean_environment(**variables: str) -> dict[str, str]:
    """That of this process without our own variables, and with the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STRAINWATCH_", "CHAOS_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, **variables}


def strainwatch(*arguments: str, root: Path = ROOT, before: tuple[str, ...] = ()) -> list[str]:
    """The command line of a `strainwatch` command of a tree."""
    return [*before, sys.executable, "-c", "from tools.cli import main; main()", *arguments]


def start_command(
    arguments: Sequence[str], variables: Mapping[str, str], out: Path, log: Path, nursery: Nursery | None
) -> Forked | subprocess.Popen[bytes]:
    """A `strainwatch` command that writes its output to a file."""
    if nursery is not None:
        return nursery.start(list(arguments), variables, log, out)
    with out.open("wb") as output, log.open("wb") as told:
        return subprocess.Popen(strainwatch(*arguments), cwd=ROOT, env=variables, stdout=output, stderr=told)


@dataclass
class Service:
    """One service process that can be killed, frozen and started again, always at the same port."""

    which: str
    variables: Mapping[str, str]
    folder: Path
    root: Path = ROOT
    before: tuple[str, ...] = ()
    """A command in front of it, such as `faketime`."""
    name: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | Forked | None = None
    nursery: Nursery | None = None
    killed: int = 0

    @property
    def alive(self) -> bool:
        """Whether its process runs (or is frozen)."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process; does not wait."""
        environment = clean_environment(**self.variables)
        if self.nursery is not None and not self.before:
            arguments = ["serve", self.which, "--port", str(self.port)]
            self.process = self.nursery.start(arguments, environment, self.folder / f"{self.name or self.which}.log")
            return
        with (self.folder / f"{self.name or self.which}.log").open("ab") as log:
            self.process = subprocess.Popen(
                strainwatch("serve", self.which, "--port", str(self.port), before=self.before),
                env=environment,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(end_with, os.getpid()),
            )

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.killed += 1

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group (a command in front of the service is in it, too)."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    async def gone(self, wait_s: float = WAIT_S) -> int:
        """Wait for the end; the exit code."""
        process = self.process
        assert process is not None
        until_s = time.monotonic() + wait_s
        while process.poll() is None:
            if time.monotonic() > until_s:
                raise TimeoutError(f"{self.name or self.which} did not end within {wait_s:g} s")
            await asyncio.sleep(LOOK_S)
        return process.wait()

    async def terminate(self, wait_s: float = WAIT_S) -> float:
        """SIGTERM, and how long it took to end (s)."""
        began_s = time.monotonic()
        self.signal(signal.SIGTERM)
        code = await self.gone(wait_s)
        if code != 0:
            raise AssertionError(f"{self.name or self.which} ended with {code} after SIGTERM; see its log")
        return time.monotonic() - began_s

    async def answers(self, path: str = "/healthz", wait_s: float = WAIT_S) -> None:
        """Wait until it answers 200 there."""
        until_s = time.monotonic() + wait_s
        client = Client(self.port, "")
        try:
            while (await client.ask("GET", path, wait_s=5)).status != 200:
                if self.process is None or self.process.poll() is not None:
                    raise AssertionError(f"{self.name or self.which} ended by itself; see its log in {self.folder}")
                if time.monotonic() > until_s:
                    raise TimeoutError(f"{self.name or self.which}: {path} gave no 200 within {wait_s:g} s")
                await asyncio.sleep(LOOK_S)
        finally:
            client.close()


def server_binaries() -> dict[str, Path]:
    """The log servers that are here: the one that we ship, and what the machine has installed."""
    found = {"valkey": find_binary()}
    if (path := shutil.which("redis-server")) is not None:
        found["redis"] = Path(path)
    return found


class Store:
    """A log server with the configuration of the embedded one, on a unix socket."""

    def __init__(self, folder: Path, binary: Path, appendfsync: str = "always", extra: str = "") -> None:
        self.folder = folder
        self.binary = binary
        self.socket = str(folder / "store.sock")
        listen = "port 0\nunixsocket store.sock\nunixsocketperm 700"
        folder.mkdir(parents=True, exist_ok=True)
        text = CONFIGURATION.format(listen=listen, appendfsync=appendfsync)
        (folder / "store.conf").write_text(f"{text}{extra}\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.variables: dict[str, str] = {}
        """Of its environment, besides ours."""

    @property
    def url(self) -> str:
        """Without any proxy."""
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        """Start it; does not wait."""
        with (self.folder / "store.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.binary), "store.conf"],
                cwd=self.folder,
                env=clean_environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(end_with, os.getpid()),
            )

    async def answers(self, wait_s: float = WAIT_S) -> None:
        """Wait until it takes commands."""
        until_s = time.monotonic() + wait_s
        while True:
            try:
                await asyncio.to_thread(self.run, "PING")
                return
            except redis.exceptions.RedisError:
                if self.process is None or self.process.poll() is not None:
                    raise AssertionError(f"the log server ended by itself; see {self.folder}/store.log") from None
                if time.monotonic() > until_s:
                    raise
            await asyncio.sleep(LOOK_S)

    def run(self, *command: object) -> object:
        """One command, by a client of its own."""
        client = redis.Redis.from_url(self.url, socket_timeout=60, retry=Retry(NoBackoff(), 0))
        with client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def keep_running(self) -> None:
        """Start it again whenever it has ended, as whoever looks after it does; until cancelled."""
        while True:
            if self.process is not None and self.process.poll() is not None:
                self.restarts += 1
                self.start()
            await asyncio.sleep(0.5)

    def stop(self) -> None:
        """End it, if it runs, and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
