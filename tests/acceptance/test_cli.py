"""The command line: what it prints where, and what it says when something is wrong."""

from __future__ import annotations

import json
import signal
import socket
import stat
import urllib.request
from importlib import metadata
from pathlib import Path

import jwt
import pytest
from running import (
    STRAINWATCH,
    WAIT_S,
    eventually,
    free_port,
    get,
    json_of,
    ready,
    started,
    strainwatch,
)

COMMANDS = (
    ["serve"],
    ["demo"],
    ["simulate"],
    ["replay"],
    ["baseline"],
    ["token"],
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke"],
    ["keys", "rotate"],
    ["token", "revoke"],
    ["convert", "bank-calls"],
    ["log", "tail"],
    ["log", "export"],
    ["rejects", "list"],
    ["watch"],
)


def test_the_version_says_which_engine_judges(tmp_path: Path) -> None:
    said = strainwatch(tmp_path, "--version")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.split()[:2] == ["strainwatch", metadata.version("strainwatch")]
    assert " numpy " in said.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(tmp_path: Path, command: list[str]) -> None:
    shown = strainwatch(tmp_path, *command, "--help")

    assert shown.returncode == 0
    assert "Usage: strainwatch" in shown.stdout
    assert "Example" in shown.stdout or command in (["keys", "list"], ["keys", "revoke"])


def test_an_agent_needs_no_team_in_a_token_but_the_own_name(tmp_path: Path) -> None:
    agent = ("token", "--tenant", "acme", "--role", "agent", "--sub", "agent-01")

    named = strainwatch(tmp_path, *agent, "--agent", "agent-01")
    nameless = strainwatch(tmp_path, *agent)

    assert (named.returncode, named.stdout.count(".")) == (0, 2)
    assert nameless.returncode == 2
    assert "give --agent" in nameless.stderr


def test_a_wrong_setup_is_told_whole_in_one_message_and_ends_with_2(tmp_path: Path) -> None:
    settings = tmp_path / "strainwatch.toml"
    settings.write_text('lateness_s = "long"\n[alerts."queue.strain"]\nopen_lime = 60\n')

    done = strainwatch(
        tmp_path,
        "serve",
        "--settings",
        str(settings),
        STRAINWATCH_PORT="http",
        STRAINWATCH_SCORING_SHARD="2/2",
        STRAINWATCH_JWT_SECRET_FILE=str(tmp_path / "nowhere"),
    )

    assert done.returncode == 2
    assert done.stdout == ""
    for fault in ("STRAINWATCH_PORT", "STRAINWATCH_SCORING_SHARD", "JWT_SECRET_FILE", "lateness_s", "open_lime"):
        assert fault in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "valkey").exists()


def test_a_store_of_ones_own_needs_secrets_of_ones_own(tmp_path: Path) -> None:
    done = strainwatch(tmp_path, "serve", STRAINWATCH_REDIS_URL="redis://127.0.0.1:1")

    assert done.returncode == 2
    assert "STRAINWATCH_JWT_SECRET" in done.stderr
    assert "STRAINWATCH_CALLER_SECRET" in done.stderr


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = strainwatch(tmp_path, "serve", "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"strainwatch: 127.0.0.1:{port} is in use: stop what runs there, or choose another with --port or "
        "STRAINWATCH_PORT"
    )


def test_a_token_is_printed_bare_and_its_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    command = ["token", "--tenant", "acme", "--teams", "team-a, team-b", "--role", "lead", "--sub", "lead-1"]
    done = strainwatch(tmp_path, *command, "--ttl-s", "60")

    assert done.returncode == 0
    secret = tmp_path / "jwt-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    claims = jwt.decode(done.stdout.rstrip("\n"), secret.read_bytes(), algorithms=["HS256"])
    assert claims["teams"] == ["team-a", "team-b"]
    assert (claims["tenant"], claims["role"], claims["sub"]) == ("acme", "lead", "lead-1")
    assert strainwatch(tmp_path, "token", "--tenant", "acme").returncode == 2
    assert strainwatch(tmp_path, "token", "--demo", "--tenant", "acme").returncode == 2


def test_a_key_is_printed_bare_works_until_it_is_revoked_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    port = free_port()
    with started([STRAINWATCH, "serve", "--port", str(port)], tmp_path) as serve:
        eventually(ready(port), "the services to be ready")
        key = strainwatch(tmp_path, "keys", "create", "--tenant", "acme").stdout.removesuffix("\n")
        assert key.startswith("sk_")
        assert key.split() == [key]
        eventually(lambda: _post(port, key) == 202, "the key to be good")

        key_id = key.split("_")[1]
        listed = strainwatch(tmp_path, "keys", "list").stdout
        assert key_id in listed
        assert key not in listed

        assert strainwatch(tmp_path, "keys", "revoke", key_id).returncode == 0
        eventually(lambda: _post(port, key) == 401, "the key to be refused")
        assert "revoked" in strainwatch(tmp_path, "keys", "list").stdout
        assert strainwatch(tmp_path, "keys", "revoke", "nobody").returncode == 2

        serve.send_signal(signal.SIGTERM)
        assert serve.wait(WAIT_S) == 0


def test_a_key_is_rotated_and_a_person_is_sent_away(tmp_path: Path) -> None:
    port = free_port()
    with started([STRAINWATCH, "serve", "--port", str(port)], tmp_path):
        eventually(ready(port), "the services to be ready")
        old = strainwatch(tmp_path, "keys", "create", "--tenant", "acme", "--source", "acd-1").stdout.strip()
        new = strainwatch(tmp_path, "keys", "rotate", old.split("_")[1], "--overlap-s", "0").stdout.strip()
        eventually(lambda: _post(port, new) == 202, "the new key to be good")
        eventually(lambda: _post(port, old) == 401, "the old key to be refused")
        third = strainwatch(tmp_path, "keys", "rotate", new.split("_")[1]).stdout.strip()
        eventually(lambda: _post(port, third) == 202 and _post(port, new) == 202, "both keys to be good")
        full = strainwatch(tmp_path, "keys", "rotate", third.split("_")[1])
        assert full.returncode == 2
        assert "two keys in force" in full.stderr
        listed = [line.split("\t") for line in strainwatch(tmp_path, "keys", "list").stdout.splitlines()]
        assert {line[5] for line in listed} == {"acd-1"}
        assert sorted(line[4].split(" until")[0] for line in listed) == ["ended", "in force", "in force"]

        command = ["token", "--tenant", "acme", "--teams", "*", "--role", "supervisor", "--sub"]
        mo, lee = (strainwatch(tmp_path, *command, sub).stdout.strip() for sub in ("mo", "lee"))
        assert get(port, "/v1/board", mo)[0] == 200  # type: ignore[index]
        assert strainwatch(tmp_path, "token", "revoke", "--tenant", "acme", "--sub", "mo").returncode == 0
        eventually(lambda: get(port, "/v1/board", mo)[0] == 401, "the token to be refused")  # type: ignore[index]
        assert get(port, "/v1/board", lee)[0] == 200  # type: ignore[index]
        records = json_of(get(port, "/v1/audit", lee))["records"]
        assert [record["action"] for record in records] == ["revoke_token", "rotate_key", "rotate_key", "create_key"]
        assert not [text for text in (old, new, third, mo) if text in json.dumps(records)]


def test_each_service_runs_alone_on_one_store_and_together_they_carry_an_event_to_the_board(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("ingest", "scoring", "notify")}
    commands = {name: [STRAINWATCH, "serve", name, "--port", str(port)] for name, port in ports.items()}
    with (
        started(commands["ingest"], tmp_path),
        started(commands["scoring"], tmp_path),
        started(commands["notify"], tmp_path),
    ):
        for name, port in ports.items():
            eventually(ready(port), f"{name} to be ready")
            assert get(port, "/metrics") is not None
        key = strainwatch(tmp_path, "keys", "create", "--tenant", "acme").stdout.strip()
        command = ["token", "--tenant", "acme", "--teams", "*", "--role", "lead", "--sub", "lead-1"]
        token = strainwatch(tmp_path, *command).stdout.strip()
        eventually(lambda: _post(ports["ingest"], key) == 202, "the event to be accepted")

        def seen() -> bool:
            board = json_of(get(ports["notify"], "/v1/board", token))
            return [queue["id"] for queue in board["queues"]] == ["support"]

        eventually(seen, "the queue on the board")


def test_what_was_refused_and_what_was_logged_can_be_read(tmp_path: Path) -> None:
    port = free_port()
    with started([STRAINWATCH, "serve", "--port", str(port)], tmp_path):
        eventually(ready(port), "the services to be ready")
        key = strainwatch(tmp_path, "keys", "create", "--tenant", "acme").stdout.strip()
        eventually(lambda: _post(port, key) == 202, "the event to be accepted")
        assert _post(port, key, waiting=-1) == 422

        refused = eventually(lambda: strainwatch(tmp_path, "rejects", "list", "--tenant", "acme").stdout, "a record")
        assert json.loads(refused.splitlines()[0])["pointer"] == "/waiting"
        lines = strainwatch(tmp_path, "log", "export").stdout.splitlines()
        day = tmp_path / "day.ndjson"
        day.write_text("\n".join(lines) + "\n")

    assert len(lines) > 1
    replayed = strainwatch(tmp_path, "replay", str(day))
    assert replayed.returncode == 0, replayed.stderr
    assert strainwatch(tmp_path, "log", "export", "--partition", "99").returncode == 2


def _post(port: int, key: str, waiting: int = 3) -> int:
    event = {"type": "queue.observed", "id": f"q-{waiting}", "ts": 0, "queue": "support", "waiting": waiting}
    event["ts"] = _now_ms()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/events",
        data=json.dumps(event).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000
