"""A real Valkey for the tests: one for all that share it, emptied before each, and one each for those that break it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.embedded import EmbeddedServer, ensure_server


@dataclass
class Store:
    """The server under test, and what a test does to it behind the adapter's back."""

    server: EmbeddedServer

    @property
    def url(self) -> str:
        return self.server.url

    def run(self, *command: Any) -> Any:
        """One command by another client."""
        client = redis.Redis.from_url(self.url, socket_timeout=60, retry=Retry(NoBackoff(), 0))
        with client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def process(self) -> psutil.Process:
        return psutil.Process(self.run("INFO", "server")["process_id"])

    def kill(self) -> None:
        """End it at once, as a power switch would, and wait until it is gone."""
        process = self.process()
        process.kill()
        psutil.wait_procs([process], timeout=60)
        # The guardian, too, holds the server's lock, and lets go of it a moment after the server is gone.
        deadline_s = time.monotonic() + 60
        while self.server.alive() and time.monotonic() < deadline_s:
            time.sleep(0.01)

    def start_again(self) -> None:
        assert self.server.restart_if_dead()


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """AOF always, noeviction, on a unix socket."""
    server = ensure_server(tmp_path_factory.mktemp("store"))
    yield Store(server)
    server.stop()


@pytest.fixture
def store(shared_store: Store) -> Store:
    """The shared server, empty."""
    shared_store.run("FLUSHALL")
    return shared_store


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Store]:
    """A server of this test alone, to be stopped, filled and killed."""
    server = ensure_server(tmp_path)
    yield Store(server)
    server.stop()
