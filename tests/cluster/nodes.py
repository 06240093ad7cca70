"""Real servers as processes of a test: the nodes of a cluster, or a primary with replicas and sentinels."""

from __future__ import annotations

import contextlib
import ctypes
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.embedded.binary import find_binary
from shared.redis_cluster import SLOTS, slot_of

WAIT_S = 60.0
"""Bounds a wait for a condition; on a quiet machine a cluster forms within two seconds."""
PR_SET_PDEATHSIG = 1  # linux/prctl.h
SERVER = """\
bind 127.0.0.1
appendonly yes
appendfsync always
save ""
repl-diskless-sync-delay 0
repl-timeout 10
maxmemory-policy noeviction
"""
_ports = random.Random()


@cache
def _binary() -> Path:
    return find_binary()


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds, bounded. A server that does not answer yet counts as not."""
    deadline_s = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(redis.RedisError):
            if holds():
                return
        assert time.monotonic() < deadline_s, f"not within {WAIT_S:g} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """Below those that the system gives to clients, so that nobody gets it between this look and its use."""
    while True:
        port = _ports.randrange(12_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


class Node:
    """One server, in a folder of its own. `lines` follow the common configuration."""

    def __init__(self, folder: Path, lines: str = "", *, sentinel: bool = False) -> None:
        self.port = free_port()
        self.folder = folder
        self._sentinel = sentinel
        folder.mkdir()
        (folder / "server.conf").write_text(f"port {self.port}\ndir {folder}\n{'' if sentinel else SERVER}{lines}")
        self._process: psutil.Popen | None = None
        self._client = redis.Redis("127.0.0.1", self.port, socket_timeout=60, retry=Retry(NoBackoff(), 0))
        self.start()

    def start(self) -> None:
        """Start it, with what it has on its disk, and wait until it answers."""
        command = [str(_binary()), str(self.folder / "server.conf"), *(["--sentinel"] if self._sentinel else [])]
        with (self.folder / "out.log").open("ab") as out:
            self._process = psutil.Popen(command, stdout=out, stderr=out, preexec_fn=_die_with_parent)
        until(lambda: self.run("PING"), f"the server in {self.folder} answers")

    def run(self, *command: Any) -> Any:
        """One command."""
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def info(self, section: str) -> dict[str, Any]:
        """A section of INFO."""
        found: dict[str, Any] = self.run("INFO", section)
        return found

    def kill(self) -> None:
        """End it at once, as a power switch would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None
        self._client.close()

    def suspend(self) -> None:
        """Stop it without ending it."""
        assert self._process is not None
        self._process.suspend()

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.resume()

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def cut_off_replicas(self) -> None:
        """Nothing that is written from now on gets to them; they must be suspended, or they come back."""
        self.run("CLIENT", "KILL", "TYPE", "replica")


class ClusterNode(Node):
    """A node of a cluster."""

    def __init__(self, folder: Path, timeout_ms: int) -> None:
        self.bus_port = free_port()
        super().__init__(
            folder,
            f"cluster-enabled yes\ncluster-port {self.bus_port}\ncluster-node-timeout {timeout_ms}\n"
            "cluster-require-full-coverage no\n"  # as docs/scaling.md asks for
            # In a test a replica may be cut off for longer than it would be trusted.
            "cluster-replica-validity-factor 0\n",
        )
        self.id: str = self.run("CLUSTER", "MYID").decode()

    def known(self) -> int:
        """Nodes that it knows and talks to."""
        lines: list[bytes] = self.run("CLUSTER", "NODES").splitlines()
        return sum(b" connected" in line and b"handshake" not in line for line in lines)

    def primary_is(self) -> bool:
        """Whether it is a master."""
        return bool(self.run("ROLE")[0] == b"master")


class ClusterStore:
    """A cluster of three masters, with a replica each if wanted; and what a test does to it."""

    def __init__(self, folder: Path, *, replicas: bool, timeout_ms: int) -> None:
        number = 6 if replicas else 3
        self.nodes: list[ClusterNode] = []
        try:
            for n in range(number):
                self.nodes.append(ClusterNode(folder / f"node-{n}", timeout_ms))
            self._form()
        except BaseException:
            self.stop()
            raise

    def _form(self) -> None:
        first, nodes = self.nodes[0], self.nodes
        bounds = [0, SLOTS // 3, 2 * SLOTS // 3, SLOTS]
        for n, node in enumerate(nodes[:3]):
            node.run("CLUSTER", "ADDSLOTSRANGE", bounds[n], bounds[n + 1] - 1)
            node.run("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for node in nodes[1:]:
            first.run("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        until(lambda: all(node.known() == len(nodes) for node in nodes), "all nodes know all")
        for n, node in enumerate(nodes[3:]):
            node.run("CLUSTER", "REPLICATE", nodes[n].id)
        self.settled()

    def settled(self) -> None:
        """Wait until every node runs, thinks well of the cluster, and every replica follows its master."""
        for node in self.nodes:
            until(lambda node=node: b"cluster_state:ok" in node.run("CLUSTER", "INFO"), "the cluster is well")
        for node in self.nodes:
            until(
                lambda node=node: node.primary_is() or node.info("replication")["master_link_status"] == "up",
                "the replicas follow",
            )
        replicas = sum(not node.primary_is() for node in self.nodes)
        until(
            lambda: sum(node.info("replication")["connected_slaves"] for node in self.masters()) == replicas,
            "the masters have their replicas",
        )

    @property
    def url(self) -> str:
        """Names two nodes; the others are learnt."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    def masters(self) -> list[ClusterNode]:
        """Those that are masters by their own word."""
        return [node for node in self.nodes if node.running and node.primary_is()]

    def master_of(self, key: str) -> ClusterNode:
        """The node that has a key."""
        return self.master_of_slot(slot_of(key))

    def replica_of(self, master: ClusterNode) -> ClusterNode:
        """Its replica."""
        return next(
            node
            for node in self.nodes
            if node.running and not node.primary_is() and node.info("replication")["master_port"] == master.port
        )

    def revive(self) -> None:
        """Start those that were killed, and wait until each follows the node that took its place."""
        for node in self.nodes:
            if not node.running:
                node.start()
        self.settled()

    def run(self, *command: Any) -> Any:
        """One command, where its key is; FLUSHALL everywhere."""
        if command == ("FLUSHALL",):
            return [node.run("FLUSHALL") for node in self.masters()]
        return self.master_of(command[1]).run(*command)

    def move_slot(self, slot: int, target: ClusterNode, between: Callable[[], None] = lambda: None) -> None:
        """Give a slot with all its keys to another master, key by key; `between` is called after each."""
        source = self.master_of_slot(slot)
        target.run("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.run("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        between()
        while keys := source.run("CLUSTER", "GETKEYSINSLOT", slot, 1):
            source.run("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            between()
        for node in (target, source, *(n for n in self.masters() if n not in (target, source))):
            node.run("CLUSTER", "SETSLOT", slot, "NODE", target.id)

    def move_slot_whole(self, slot: int, target: ClusterNode) -> bool:
        """The same in one step, as Valkey can from 9 on; False where the servers cannot."""
        try:
            self.master_of_slot(slot).run("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
        except redis.ResponseError as fault:
            if "unknown subcommand" not in str(fault).lower():
                raise
            return False
        until(lambda: target.run("CLUSTER", "COUNTKEYSINSLOT", slot) and self._has(target, slot), "the slot has moved")
        return True

    @staticmethod
    def _has(node: ClusterNode, slot: int) -> bool:
        found = node.run("CLUSTER", "SLOTS")
        return any(first <= slot <= last and master[2].decode() == node.id for first, last, master, *_ in found)

    def master_of_slot(self, slot: int) -> ClusterNode:
        """The node that has a slot."""
        asked = next(node for node in self.nodes if node.running)
        for first, last, master, *_ in asked.run("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == master[1])
        raise LookupError(slot)

    def stop(self) -> None:
        """End all nodes."""
        for node in self.nodes:
            node.kill()


class SentinelStore:
    """A primary, its replicas, and sentinels that watch them under the name `main`."""

    def __init__(self, folder: Path, *, replicas: int, sentinels: int, down_ms: int = 30_000) -> None:
        self.servers: list[Node] = []
        self.sentinels: list[Node] = []
        try:
            for n in range(1 + replicas):
                follow = f"replicaof 127.0.0.1 {self.servers[0].port}\n" if n else ""
                self.servers.append(Node(folder / f"server-{n}", follow))
            for n in range(sentinels):
                watch = (
                    "bind 127.0.0.1\n"
                    f"sentinel monitor main 127.0.0.1 {self.servers[0].port} {sentinels // 2 + 1}\n"
                    f"sentinel down-after-milliseconds main {down_ms}\n"
                    "sentinel failover-timeout main 3000\n"
                )
                self.sentinels.append(Node(folder / f"sentinel-{n}", watch, sentinel=True))
            self.settled()
        except BaseException:
            self.stop()
            raise

    def settled(self) -> None:
        """Wait until the replicas follow, and the sentinels know them and each other."""
        running = sum(server.running for server in self.servers)
        until(lambda: self.primary().info("replication")["connected_slaves"] == running - 1, "the replicas follow")
        for sentinel in self.sentinels:

            def knows(sentinel: Node = sentinel) -> bool:
                told = sentinel.run("INFO", "sentinel")["master0"]
                return (int(told["slaves"]), int(told["sentinels"])) == (len(self.servers) - 1, len(self.sentinels))

            until(knows, "the sentinels know all")

    def revive(self) -> None:
        """Start those that were killed, and wait until they follow the server that took their place."""
        for server in self.servers:
            if not server.running:
                server.start()
        self.settled()

    @property
    def url(self) -> str:
        """All sentinels."""
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{s.port}" for s in self.sentinels) + "/main"

    def found(self) -> Node | None:
        """The server that is the primary by its own word, if there is one."""
        running = (server for server in self.servers if server.running)
        return next((server for server in running if server.run("ROLE")[0] == b"master"), None)

    def primary(self) -> Node:
        """The same, when there is one."""
        found = self.found()
        assert found is not None, "there is no primary"
        return found

    def run(self, *command: Any) -> Any:
        """One command to the primary."""
        return self.primary().run(*command)

    def stop(self) -> None:
        """End all processes."""
        for node in (*self.sentinels, *self.servers):
            node.kill()


@contextmanager
def running_cluster(folder: Path, *, replicas: bool, timeout_ms: int = 60_000) -> Iterator[ClusterStore]:
    """A cluster for as long as the block runs."""
    store = ClusterStore(folder, replicas=replicas, timeout_ms=timeout_ms)
    try:
        yield store
    finally:
        store.stop()


@contextmanager
def running_sentinel(folder: Path, **given: Any) -> Iterator[SentinelStore]:
    """Servers under sentinels for as long as the block runs."""
    store = SentinelStore(folder, **given)
    try:
        yield store
    finally:
        store.stop()
