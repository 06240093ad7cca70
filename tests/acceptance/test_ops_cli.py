"""`strainwatch health` and `doctor`: what they say of a house in order, and of each thing that is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from running import ROOT, eventually, free_port, ready, started

from shared.embedded import EmbeddedServer, ensure_server

CLI = [sys.executable, "-c", "from tools.cli import main; main()"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A store of this test alone, as somebody set it up who read the docs."""
    server = ensure_server(tmp_path / "store")
    ask(server, "CONFIG", "SET", "maxmemory", "1gb")
    yield server
    server.stop()


def ask(server: EmbeddedServer, *command: str) -> Any:
    with redis.Redis.from_url(server.url) as client:
        return client.execute_command(*command)  # type: ignore[no-untyped-call]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRAINWATCH_")}
    return subprocess.run(
        [*CLI, *arguments], env={**kept, **variables}, cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def doctor(url: str, **variables: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """Exit code, and what is wrong by check."""
    done = run("doctor", "--json", **{**variables, "STRAINWATCH_REDIS_URL": url})
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        if finding["verdict"] != "ok":
            assert finding["advice"]
            found.setdefault(finding["check"], []).append(finding)
    return done.returncode, found


def test_health_follows_the_life_of_a_service(tmp_path: Path) -> None:
    port = free_port()
    dead = run("health", "--port", str(port))
    assert dead.returncode == 1
    assert "no service answers" in dead.stderr

    with started([*CLI, "serve", "all", "--port", str(port)], tmp_path):
        eventually(ready(port), "the services to be ready")
        alive = run("health", "--ready", "--port", str(port))
        by_variable = subprocess.run(
            [sys.executable, "-m", "tools.health"], cwd=ROOT, env={**os.environ, "STRAINWATCH_PORT": str(port)}
        )
    assert (alive.returncode, alive.stdout) == (0, f"ready: port {port}\n")
    assert by_variable.returncode == 0


@contextmanager
def answering(what: bytes) -> Iterator[int]:
    """Somebody who listens, and says the same to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            with taken:
                taken.recv(4096)
                taken.sendall(what)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nno!", "answers 503 at /healthz: no!"),
        (b"not HTTP at all\r\n\r\n", "does not answer"),
    ],
)
def test_health_is_not_taken_in_by_somebody_else(answer: bytes, told: str) -> None:
    with answering(answer) as port:
        asked = run("health", "--port", str(port))
    assert asked.returncode == 1
    assert told in asked.stderr


def test_the_doctor_finds_nothing_wrong_with_a_house_in_order(tmp_path: Path, server: EmbeddedServer) -> None:
    secrets = {}
    for name in ("JWT_SECRET", "CALLER_SECRET"):
        file = tmp_path / name.lower()
        file.write_text("x" * 64)
        file.chmod(0o600)
        secrets[f"STRAINWATCH_{name}_FILE"] = str(file)
    settings = tmp_path / "strainwatch.toml"
    settings.write_text("revision = 3\n")
    variables = {"STRAINWATCH_REDIS_URL": server.url, "STRAINWATCH_SETTINGS": str(settings), **secrets}
    variables["STRAINWATCH_PARTITIONS"] = "1"
    port = free_port()
    with started([*CLI, "serve", "all", "--port", str(port)], tmp_path, **variables) as serving:
        eventually(ready(port), "the services to be ready")
        assert run("keys", "create", "--tenant", "acme", **variables).returncode == 0

        def in_order() -> bool:  # the first checkpoint is due after half a minute
            return doctor(server.url, **variables)[1].keys() <= {"open files", "compiled loops"}

        eventually(in_order, "the doctor to find nothing")
        text = run("doctor", **variables)
        serving.terminate()
        serving.wait(60)
    assert text.returncode == 0
    assert "store: unix://" in text.stdout
    assert "partition 0: owned" in text.stdout

    code, found = doctor(server.url, **variables)
    assert code == 1
    assert "nobody judges it" in found["partition 0"][0]["found"]

    settings.write_text("revision = 3\nlateness_s = 600\n")
    _, found = doctor(server.url, **variables)
    assert any("other settings of the same revision 3" in finding["found"] for finding in found["partition 0"])


@pytest.mark.parametrize(
    ("setting", "value", "check", "told"),
    [
        ("appendonly", "no", "persistence", "append-only file is off"),
        ("appendfsync", "everysec", "persistence", "may lose a second"),
        ("maxmemory-policy", "allkeys-lru", "eviction", "drops parts of the log"),
        ("maxmemory", "0", "memory", "no maxmemory"),
    ],
)
def test_the_doctor_sees_how_the_store_is_set_up(
    server: EmbeddedServer, setting: str, value: str, check: str, told: str
) -> None:
    ask(server, "CONFIG", "SET", setting, value)
    code, found = doctor(server.url)
    assert told in found[check][0]["found"]
    assert code == (1 if found[check][0]["verdict"] == "fault" else 0)


def test_the_doctor_says_what_this_user_may_not_see(server: EmbeddedServer) -> None:
    ask(server, "ACL", "SETUSER", "little", "on", ">p", "~*", "+@all", "-@dangerous")
    code, found = doctor(server.url.replace("unix://", "unix://little:p@"))
    assert code == 0
    assert "may not ask for INFO" in found["store"][0]["found"]


def test_the_doctor_names_every_fault_of_the_setup_at_once(tmp_path: Path) -> None:
    settings = tmp_path / "strainwatch.toml"
    settings.write_text("lateness_s = 5\nno_such_key = 1\n")
    code, found = doctor("redis://127.0.0.1:1", STRAINWATCH_PARTITIONS="none", STRAINWATCH_PORT="x")
    assert code == 1
    assert len(found["environment"]) == 2

    code, found = doctor(f"redis://127.0.0.1:{free_port()}", STRAINWATCH_SETTINGS=str(settings))
    assert code == 1
    assert len(found["settings file"]) == 2
    assert "cannot be reached" in found["store"][0]["found"]


def test_the_doctor_sees_who_may_read_secrets(tmp_path: Path, server: EmbeddedServer) -> None:
    secret = tmp_path / "jwt-secret"
    secret.write_text("x" * 64)
    secret.chmod(0o644)
    _, found = doctor(server.url, STRAINWATCH_JWT_SECRET_FILE=str(secret), STRAINWATCH_CALLER_SECRET="y" * 64)
    told = " ".join(finding["found"] for finding in found["secrets"])
    assert f"{secret} can be read by others" in told
    assert "STRAINWATCH_CALLER_SECRET stands in the environment" in told


def test_the_doctor_sees_a_clock_that_is_off(tmp_path: Path) -> None:
    """A store that tells another time; nothing else of it is asked before that."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                with taken:
                    while said := taken.recv(4096):
                        off = str(int(time.time()) - 60).encode()
                        told = b"*2\r\n$%d\r\n%s\r\n$1\r\n0\r\n" % (len(off), off)
                        taken.sendall(
                            b"+PONG\r\n" if b"PING" in said else told if b"TIME" in said else b"-NOPERM no\r\n"
                        )

        threading.Thread(target=serve, daemon=True).start()
        done = run("doctor", "--json", STRAINWATCH_REDIS_URL=f"redis://127.0.0.1:{listening.getsockname()[1]}")
    clock = [finding for finding in json.loads(done.stdout)["findings"] if finding["check"] == "clock"]
    assert clock[0]["verdict"] == "fault"
    assert "behind" in clock[0]["found"]
    assert done.returncode == 1
